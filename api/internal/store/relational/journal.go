package relational

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

// statement is a text under construction. Question marks stand for its arguments.
type statement struct {
	strings.Builder
	arguments []any
}

func (s *statement) add(text string, arguments ...any) {
	s.WriteString(text)
	s.arguments = append(s.arguments, arguments...)
}

// lineNames are the columns of a line, without content.
const lineNames = `seq, at_ms, epoch, kind, uid, change, fields, before_version, version, batch, author, client, tool, correlation,
	content_hash, previous, hash, was_deleted`

// LinesStatement is the statement of a page of lines. Its first columns are the same in
// every row, and there is a row without a line when there is no line.
func LinesStatement(q item.LineQuery) (text string, arguments []any) {
	s, owner := &statement{}, []any{q.Tenant, q.User}
	s.add("WITH ")
	addStart(s, q)
	s.add(", page AS (")
	addPage(s, q)
	s.add(`) SELECT (SELECT seq FROM start), COALESCE(h.seq, 0), COALESCE(f.seq, 0), COALESCE(f.at_ms, 0), COALESCE(e.seq, 0), COALESCE(e.at_ms, 0), `)
	addItemsOwn(s, q)
	s.add(`, l.seq, COALESCE(l.at_ms, 0), COALESCE(l.epoch, 0), COALESCE(l.kind, ''), COALESCE(l.uid, ''), COALESCE(l.change, ''), COALESCE(l.fields, '[]'),
		COALESCE(l.before_version, 0), COALESCE(l.version, 0), COALESCE(l.batch, 0), COALESCE(l.author, ''), COALESCE(l.client, ''),
		COALESCE(l.tool, ''), COALESCE(l.correlation, ''), l.content_hash, l.previous, l.hash, COALESCE(l.was_deleted, FALSE), COALESCE(l.kept, FALSE)`)
	if q.Items {
		s.add(`, i.summary, COALESCE(i.parent_kind, ''), COALESCE(i.parent_uid, ''), p.summary`)
	}
	s.add(` FROM (SELECT 1 AS one) AS o
		LEFT JOIN (SELECT seq FROM journal WHERE tenant = ? AND owner = ? ORDER BY seq DESC LIMIT 1) AS h ON 1 = 1
		LEFT JOIN (SELECT seq, at_ms FROM journal WHERE tenant = ? AND owner = ? ORDER BY seq LIMIT 1) AS f ON 1 = 1
		LEFT JOIN (`+lastWithoutItem+`) AS e ON 1 = 1
		LEFT JOIN page AS l ON 1 = 1`, append(append(append([]any{}, owner...), owner...), owner...)...)
	if q.Items {
		s.add(` LEFT JOIN item i ON i.tenant = ? AND i.owner = ? AND i.kind = l.kind AND i.uid = l.uid
			LEFT JOIN item p ON p.tenant = ? AND p.owner = ? AND p.kind = i.parent_kind AND p.uid = i.parent_uid AND p.deleted_ms IS NULL`,
			append(owner, owner...)...)
	}
	return s.String(), s.arguments
}

func direction(q item.LineQuery) string {
	if q.Descending {
		return " DESC"
	}
	return ""
}

// lastWithoutItem is the line at which the owner's present epoch begins.
const lastWithoutItem = `SELECT seq, at_ms FROM journal WHERE tenant = ? AND owner = ? AND kind = '' AND uid = '' ORDER BY seq DESC LIMIT 1`

// addStart adds the number behind which the page begins. It is one number, so that the
// walk along the lines begins there. Without the sum, PostgreSQL would sort to find it.
func addStart(s *statement, q item.LineQuery) {
	s.add(`start AS (SELECT MAX(seq + 0) AS seq FROM (SELECT CAST(? AS BIGINT) AS seq`, q.From)
	if !q.Whole {
		s.add(` UNION ALL SELECT seq FROM (`+lastWithoutItem+`) AS without_item`, q.Tenant, q.User)
	}
	if q.Since != nil {
		s.add(` UNION ALL SELECT COALESCE((SELECT seq FROM journal WHERE tenant = ? AND owner = ? AND at_ms >= ?
			ORDER BY at_ms, seq LIMIT 1), CAST(? AS BIGINT)) - 1`, q.Tenant, q.User, int64(*q.Since), int64(math.MaxInt64))
	}
	s.add(`) AS starts)`)
}

// addPage adds the lines of the page, and one more.
func addPage(s *statement, q item.LineQuery) {
	const columns = `SELECT ` + lineNames + `, content IS NOT NULL AS kept FROM `
	if q.Writer != nil || q.Picks() {
		s.add(columns)
		addPicked(s, q)
		s.add(` JOIN journal ON tenant = ? AND owner = ? AND seq = picked`, q.Tenant, q.User)
		return
	}
	s.add(columns)
	addWalk(s, q)
	if q.UID != "" {
		s.add(` AND kind = ? AND uid = ?`, string(q.Kinds[0]), q.UID)
	}
	if q.Below > 0 {
		s.add(` AND seq < ?`, q.Below)
	}
	if q.Batch > 0 {
		s.add(` AND batch = ? AND seq < COALESCE((SELECT seq FROM journal WHERE tenant = ? AND owner = ? AND seq >= ? AND batch <> ?
			ORDER BY seq LIMIT 1), CAST(? AS BIGINT))`, q.Batch, q.Tenant, q.User, q.Batch, q.Batch, int64(math.MaxInt64))
	}
	if !q.Whole {
		s.add(` AND kind <> ''`)
	}
	s.add(` ORDER BY seq`+direction(q)+` LIMIT ?`, q.Limit+1)
}

// addPicked adds the numbers of the lines of some kinds and of a client, or of a writer. It
// looks at few columns of the lines that it looks through.
func addPicked(s *statement, q item.LineQuery) {
	order, scanned := ` ORDER BY seq`+direction(q)+` LIMIT ?`, item.MaxScanned
	if q.Writer != nil {
		scanned = item.MaxLooked
	}
	s.add(`(SELECT seq AS picked FROM (SELECT seq, kind, author, client, tool FROM `)
	addWalk(s, q)
	s.add(order+`) AS scanned WHERE `, scanned)
	if !q.Whole {
		s.add(`kind <> '' AND `)
	}
	if q.Writer != nil {
		addWriter(s, q.Writer)
	} else {
		addKindsAndClient(s, q)
	}
	s.add(order+`) AS picks`, q.Limit+1)
}

func addKindsAndClient(s *statement, q item.LineQuery) {
	s.add(`1 = 1`)
	if len(q.Kinds) > 0 {
		s.add(` AND kind IN (?` + strings.Repeat(", ?", len(q.Kinds)-1) + `)`)
		for _, kind := range q.Kinds {
			s.add("", string(kind))
		}
	}
	if q.Client != "" {
		whole := strings.ToLower(q.Client)
		s.add(` AND (lower(client) = ? OR `, whole)
		addVersions(s, `lower(client)`, whole)
		s.add(`)`)
	}
}

// addVersions adds the condition that a client has this name, in whatever version.
func addVersions(s *statement, client, name string) {
	name += "/"
	s.add(`substr(`+client+`, 1, ?) = ? AND length(client) - length(replace(client, '/', '')) = ?`, len(name), name, strings.Count(name, "/"))
}

// addWriter adds the condition of the lines of a writer: see item.LineQuery.
func addWriter(s *statement, writer *journal.Origin) {
	s.add(`author = ? AND substr(tool, 1, ?) <> ? AND `, writer.By, len(item.UndoMark), item.UndoMark)
	name, versioned := item.ClientName(writer.Client)
	if !versioned {
		s.add(`client = ?`, name)
		return
	}
	addVersions(s, `client`, name)
}

// addWalk adds the walk along an owner's lines. Without the sum, PostgreSQL would look for
// those before a time, and sort them.
func addWalk(s *statement, q item.LineQuery) {
	s.add(`journal WHERE tenant = ? AND owner = ? AND seq > (SELECT seq FROM start)`, q.Tenant, q.User)
	if q.Since != nil {
		s.add(` AND at_ms >= ?`, int64(*q.Since))
	}
	if q.Until != nil {
		s.add(` AND at_ms + 0 < ?`, int64(*q.Until))
	}
}

// addItemsOwn adds what a query about one item wants to know beside its lines.
func addItemsOwn(s *statement, q item.LineQuery) {
	if q.UID == "" {
		s.add(`FALSE, 0, 0`)
		return
	}
	of := []any{q.Tenant, q.User, string(q.Kinds[0]), q.UID}
	const oldest = `COALESCE((SELECT %s FROM journal WHERE tenant = ? AND owner = ? AND kind = ? AND uid = ? AND seq > (SELECT seq FROM start) ORDER BY seq LIMIT 1), 0)`
	s.add(`EXISTS (SELECT 1 FROM item WHERE tenant = ? AND owner = ? AND kind = ? AND uid = ?), `, of...)
	s.add(strings.Replace(oldest, "%s", "seq", 1)+", ", of...)
	s.add(strings.Replace(oldest, "%s", "before_version", 1), of...)
}

// LinePage collects the rows of LinesStatement.
type LinePage struct {
	query item.LineQuery
	Found item.Lines
}

// NewLinePage is the empty page of a query.
func NewLinePage(q item.LineQuery) *LinePage { return &LinePage{query: q} }

// Add reads a row.
func (p *LinePage) Add(row Row) error {
	var seq *int64
	var line item.Line
	var first, floor int64
	found := &p.Found
	columns := []any{&found.Start, &found.Head, &found.First, &first, &found.Floor, &floor, &found.Exists, &found.Oldest, &found.Before, &seq}
	raw := rawLine{line: &line.Line}
	columns = append(append(columns, raw.columns()[1:]...), &line.Kept)
	var kind string
	if p.query.Items {
		columns = append(columns, &line.Summary, &kind, &line.Parent.UID, &line.ParentSummary)
	}
	err := errors.Join(row.Scan(columns...), raw.finish())
	found.FirstAt, found.FloorAt = item.Millis(first), item.Millis(floor)
	if err != nil || seq == nil {
		return err
	}
	line.Seq, line.Parent.Kind = *seq, entity.Kind(kind)
	found.Lines = append(found.Lines, line)
	return nil
}

// Done is the page, once all rows are read. A statement with joins returns them in any
// order.
func (p *LinePage) Done() item.Lines {
	lines := p.Found.Lines
	slices.SortFunc(lines, func(a, b item.Line) int { return cmp.Compare(a.Seq, b.Seq) })
	if p.query.Descending {
		slices.Reverse(lines)
	}
	if p.Found.More = len(lines) > p.query.Limit; p.Found.More {
		p.Found.Lines = lines[:p.query.Limit]
	}
	if p.query.Picks() {
		p.Found.More = p.Found.More || max(p.Found.Start, p.Found.First-1)+item.MaxScanned < p.Found.Head
	}
	return p.Found
}

// The lines about one item in one epoch, with the payloads if the first argument is true,
// from a Seq on, or the newest first.
const (
	Trail       = trail + `ORDER BY seq LIMIT ?`
	NewestTrail = trail + `ORDER BY seq DESC LIMIT ?`

	trail = `SELECT seq, change, before_version, version, was_deleted, content IS NOT NULL, CASE WHEN CAST(? AS BOOLEAN) THEN content END
		FROM journal WHERE tenant = ? AND owner = ? AND kind = ? AND uid = ? AND epoch = ? AND seq >= ? `
)

// TrailArguments are the arguments of Trail and NewestTrail.
func TrailArguments(ref item.Ref, epoch int64, q item.TrailQuery) []any {
	return append(append([]any{q.Payloads}, Key(ref)...), epoch, q.From, q.Limit)
}

// ScanReplaced reads a row of Trail.
func ScanReplaced(row Row) (found item.Replaced, err error) {
	var name string
	err = row.Scan(&found.Seq, &name, &found.Before, &found.Now, &found.WasDeleted, &found.Kept, &found.Payload)
	found.Name = journal.Name(name)
	return found, err
}

// Owners is some owners with a journal, behind a tenant and owner: one at a time, which
// is a look into the index each.
const Owners = `SELECT tenant, owner FROM journal WHERE (tenant, owner) > (?, ?) ORDER BY tenant, owner LIMIT 1`

// Contents is some lines of an owner with their contents, behind a Seq.
const Contents = `SELECT ` + lineNames + `, content FROM journal WHERE tenant = ? AND owner = ? AND seq > ? ORDER BY seq LIMIT ?`

// ScanContent reads a row of Contents. Altered says what of it no line has as it is.
func ScanContent(row Row) (line journal.Line, content []byte, altered string, err error) {
	raw, revived := rawLine{line: &line}, flag{}
	columns := raw.columns()
	columns[len(columns)-1] = &revived
	if err := row.Scan(append(columns, &content)...); err != nil {
		return line, nil, "", err
	}
	line.Revived = revived.set
	failed := raw.finish()
	switch text, _ := json.Marshal(line.Names()); {
	case failed != nil || string(text) != raw.fields:
		altered = "fields"
	case revived.odd:
		altered = "flags"
	}
	return line, content, altered, nil
}

// flag is a column that is true or false, in a database without such a type 1 or 0.
type flag struct{ set, odd bool }

// Scan implements sql.Scanner.
func (f *flag) Scan(value any) error {
	number, isNumber := value.(int64)
	f.set, _ = value.(bool)
	if isNumber {
		f.set, f.odd = number == 1, number != 0 && number != 1
	}
	return nil
}

// newestNames are the columns of ScanNewest.
const newestNames = `at_ms, author, kind, uid, change, fields, version, client, tool, correlation`

// The newest lines of a tenant, as many as the last argument says. Newest walks along an
// index. NewestStored is for a table whose rows are in the order of storing: it looks
// through the last 1,000, as another tenant may have written into the same file.
const (
	Newest       = `SELECT ` + newestNames + ` FROM journal WHERE tenant = ? ORDER BY at_ms DESC LIMIT ?`
	NewestStored = `SELECT ` + newestNames + ` FROM (SELECT tenant, ` + newestNames + ` FROM journal ORDER BY rowid DESC LIMIT 1000)
		WHERE tenant = ? LIMIT ?`
)

// ScanNewest reads a row of Newest or NewestStored.
func ScanNewest(row Row) (line journal.Line, err error) {
	raw := rawLine{line: &line}
	err = row.Scan(&line.At, &line.By, &line.Kind, &line.UID, &raw.name, &raw.fields, &line.Now, &line.Client, &line.Tool, &line.Correlation)
	return line, errors.Join(err, raw.finish())
}

// Sums is how many lines an owner has, their first and last Seq and the bytes of their
// contents; how many lines and bytes the usage has; when the newest line and the newest
// item were stored. Tenant and owner are its arguments, four times.
const Sums = `SELECT COUNT(*), COALESCE(MIN(seq), 0), COALESCE(MAX(seq), 0), COALESCE(SUM(octet_length(content)), 0),
		COALESCE((SELECT journal_lines FROM usage WHERE tenant = ? AND owner = ?), 0),
		COALESCE((SELECT history_bytes FROM usage WHERE tenant = ? AND owner = ?), 0),
		COALESCE(MAX(at_ms), 0), COALESCE((SELECT MAX(stored_ms) FROM item WHERE tenant = ? AND owner = ?), 0)
	FROM journal WHERE tenant = ? AND owner = ?`

// Due reports whether an owner has contents from before a time, and lines from before
// another one that are not the last.
const Due = `SELECT COALESCE((SELECT at_ms FROM journal WHERE tenant = ? AND owner = ? AND content IS NOT NULL ORDER BY seq LIMIT 1) < ?, FALSE),
		COALESCE((SELECT at_ms FROM journal WHERE tenant = ? AND owner = ? ORDER BY seq LIMIT 1) < ?
			AND (SELECT COUNT(*) FROM (SELECT 1 FROM journal WHERE tenant = ? AND owner = ? LIMIT 2) AS few) > 1, FALSE)`

// OldestContents is the condition of the oldest contents of an owner: tenant, owner,
// at most so many, from before a time and a Seq.
const OldestContents = `SELECT seq FROM (SELECT seq, at_ms FROM journal WHERE tenant = ? AND owner = ? AND content IS NOT NULL
		ORDER BY seq LIMIT ?) AS oldest WHERE at_ms < ? AND seq < ?`

// OldestLines is the Seq up to which the oldest lines of an owner may go: at most so
// many, from before a time, and all but the last. Its arguments are those of
// OldestLinesArguments.
const OldestLines = `SELECT MIN(bound) FROM (
		SELECT MAX(seq) - CAST(? AS BIGINT) AS bound FROM journal WHERE tenant = ? AND owner = ?
		UNION ALL SELECT MIN(seq) + CAST(? AS BIGINT) FROM journal WHERE tenant = ? AND owner = ?
		UNION ALL SELECT MIN(seq) FROM (SELECT seq, at_ms FROM journal WHERE tenant = ? AND owner = ? ORDER BY seq LIMIT ?) AS oldest
			WHERE at_ms >= ?) AS bounds`

// OldestLinesArguments are those of at most so many lines from before a time, except the
// last keep ones.
func OldestLinesArguments(owner account.Owner, most int, before item.Millis, keep int64) []any {
	t, u := owner.Tenant, owner.User
	return []any{keep - 1, t, u, most, t, u, t, u, most, int64(before)}
}

// rawLine reads the columns of lineNames into a line.
type rawLine struct {
	line                    *journal.Line
	name, fields            string
	content, previous, hash []byte
}

func (r *rawLine) columns() []any {
	l := r.line
	return []any{&l.Seq, &l.At, &l.Epoch, &l.Kind, &l.UID, &r.name, &r.fields, &l.Before, &l.Now, &l.Batch,
		&l.By, &l.Client, &l.Tool, &l.Correlation, &r.content, &r.previous, &r.hash, &l.Revived}
}

// finish completes the line once its columns are read. The text of the fields must be
// the one that LineValues made, as the hash is of the names alone.
func (r *rawLine) finish() error {
	r.line.Name, r.line.Content, r.line.Previous, r.line.Hash = journal.Name(r.name), r.content, r.previous, r.hash
	if r.fields == "" {
		return nil // nothing was read
	}
	return json.Unmarshal([]byte(r.fields), &r.line.Fields)
}
