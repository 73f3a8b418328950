package postgres

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/store/relational"
)

// saveStatement builds the one statement that stores an item, its line of the journal,
// its terms, its words and the kept answer. Its parts are CTEs in front of the item's
// own upsert. $1 to $4 are the item's key in all of them. A PATCH with an idempotency
// key that replaces the tag "a" by "b" gives:
//
//	WITH part0 AS (INSERT INTO journal (tenant, owner, seq, at_ms, epoch, …, content)
//		VALUES ($1, $2, $5, $6, $7, …, (SELECT payload FROM item WHERE tenant = $1 AND …)))
//	, part1 AS (INSERT INTO search_doc (tenant, owner, kind, uid, seq, terms) VALUES ($1, $2, $3, $4, $23, …)
//		ON CONFLICT (tenant, owner, kind, uid) DO UPDATE SET …)
//	, part2 AS (INSERT INTO item_term (tenant, owner, kind, uid, stored_ms, term)
//		SELECT $1, $2, $3, $4, CAST($25 AS BIGINT), term FROM unnest(CAST($26 AS TEXT[])) AS terms (term))
//	, part3 AS (DELETE FROM item_term
//		WHERE tenant = $1 AND owner = $2 AND kind = $3 AND uid = $4 AND stored_ms = $27 AND term = ANY ($28))
//	, part4 AS (INSERT INTO idempotency (tenant, owner, key, request, status, uid, version, body, expires_ms)
//		VALUES ($1, $2, $29, $30, …) ON CONFLICT (tenant, owner, key) DO UPDATE SET request = excluded.request, …)
//	INSERT INTO item (tenant, owner, kind, uid, version, created_ms, …)
//		VALUES ($1, $2, $3, $4, $36, $37, …)
//		ON CONFLICT (tenant, owner, kind, uid) DO UPDATE SET version = excluded.version, …
//
// No part sees what another one does, so no two may touch the same row, and the line
// has the payload that is replaced.
type saveStatement struct {
	ref       item.Ref
	parts     []string
	arguments []any

	// CockroachDB refuses a statement that changes one table twice. There, the
	// second change of a table is a statement of its own, before this one.
	apart  bool
	before *pgx.Batch
}

// How many arguments are the key of an item, and those of an owner.
const (
	keyArguments   = 4
	ownerArguments = 2
)

// isCockroach reports whether the server is a CockroachDB, which sends its
// version when a connection begins.
func isCockroach(conn *pgx.Conn) bool { return conn.PgConn().ParameterStatus("crdb_version") != "" }

func newSaveStatement(ref item.Ref, before *pgx.Batch, apart bool) *saveStatement {
	return &saveStatement{ref: ref, arguments: relational.Key(ref), before: before, apart: apart}
}

func (s *saveStatement) addPart(text string, arguments ...any) {
	s.parts = append(s.parts, s.addArguments(text, arguments))
}

// addSecondPart adds a part that changes the same table as another part. So many of
// the key's columns it needs.
func (s *saveStatement) addSecondPart(text string, needs int, arguments ...any) {
	if s.apart {
		s.before.Queue(numbered(text, needs), append(relational.Key(s.ref)[:needs], arguments...)...)
		return
	}
	s.addPart(text, arguments...)
}

// addArguments returns the text with its parameters numbered behind those that
// the statement has already.
func (s *saveStatement) addArguments(text string, arguments []any) string {
	before := len(s.arguments)
	s.arguments = append(s.arguments, arguments...)
	return numbered(text, before)
}

// numbered puts $1, $2 and so on in place of the question marks of a text. The
// numbers begin behind so many others.
func numbered(text string, before int) string {
	var b strings.Builder
	for i, piece := range strings.Split(text, "?") {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(before+i))
		}
		b.WriteString(piece)
	}
	return b.String()
}

// upsert completes the statement with the upsert of the item.
func (s *saveStatement) upsert(next *item.Item) (text string, arguments []any) {
	return s.complete(sqlSaveItem, relational.Values(next, termsOf(next), summaryOf(next), next.Payload)...)
}

// complete is the whole statement, with the text behind its parts.
func (s *saveStatement) complete(text string, arguments ...any) (whole string, all []any) {
	text = s.addArguments(text, arguments)
	if len(s.parts) == 0 {
		return text, s.arguments
	}
	parts := make([]string, len(s.parts))
	for i, part := range s.parts {
		parts[i] = "part" + strconv.Itoa(i) + " AS (" + part + ")\n"
	}
	return "WITH " + strings.Join(parts, ", ") + text, s.arguments
}

// summaryOf is the summary of an item, an empty one where it has none.
func summaryOf(next *item.Item) string {
	if len(next.Summary) == 0 {
		return "{}"
	}
	return string(next.Summary)
}

// addLine adds a line to the journal, with the payload that the statement replaces if
// there is one.
func (s *saveStatement) addLine(line journal.Line, replaces bool) {
	content := "NULL"
	if replaces {
		content = sqlReplaced
	}
	values := relational.LineValues(line, nil)
	s.addPart(sqlAddLine+content+")", values[:len(values)-1]...)
}

// updateWords brings the words that a search finds in line with an item. It returns
// how many bytes they take.
func (s *saveStatement) updateWords(was, is *item.Item) int {
	switch {
	case is.Deleted() && was != nil && !was.Deleted():
		s.addPart(sqlDropWords)
	case !is.Deleted() && is.Text != nil:
		words := wordsOf(s.ref, *is.Text)
		s.addPart(sqlPutWords, is.Seq, words)
		return len(words)
	}
	return 0
}

// updateTerms brings the index of terms in line with an item. Its rows have the
// item's StoredAt: terms that stay are moved to the new one, others removed or
// added.
func (s *saveStatement) updateTerms(was, is *item.Item, removed, added []string) {
	before, after := int64(0), int64(is.StoredAt)
	if was != nil {
		before = int64(was.StoredAt)
	}
	switch {
	case before == after: // the rows of terms that stay are the same, too
		removed, added = without(removed, added), without(added, removed)
	case len(removed) > 0 && slices.Equal(removed, added):
		s.addPart(sqlMoveTerms, after, before, removed)
		return
	}
	if len(added) > 0 {
		s.addPart(sqlAddTerms, after, added)
	}
	switch {
	case len(removed) == 0:
	case len(added) > 0:
		s.addSecondPart(sqlRemoveTerms, keyArguments, before, removed)
	default:
		s.addPart(sqlRemoveTerms, before, removed)
	}
}

// without returns the terms that are not among others.
func without(terms, others []string) []string {
	return slices.DeleteFunc(slices.Clone(terms), func(term string) bool { return slices.Contains(others, term) })
}

// keepAnswer keeps the answer to a write with a key. Of a hundred chances, one drops
// expired answers, and one those that the owner has too many of.
func (s *saveStatement) keepAnswer(once *item.Once, next *item.Item, now item.Millis, chance int) {
	s.addPart(sqlKeepAnswer, relational.Kept(s.ref.Owner, once, next, now)[ownerArguments:]...)
	switch chance {
	case 0:
		s.addSecondPart(sqlPurgeAnswers, ownerArguments, once.Key, int64(now))
	case 1:
		s.addSecondPart(sqlDropSurplus, ownerArguments, once.Key, item.MaxKept)
	}
}
