package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

// Bounds of a page of lines.
const (
	usualLines = 50
	mostLines  = 500
)

var (
	linesParameter = inline(queryParameter("limit", "Most lines of a page; 50 unless given, and never more than 500.",
		object{"type": "integer", "minimum": 1}, fault.InvalidLimit))
	sinceParameter = inline(filterParameter("since", "Only what was stored at this time or later: "+item.TimeForm+
		", or Unix milliseconds. A nextCursor stands for the place behind its page. Without it, everything that is kept.",
		object{"anyOf": []object{{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}, {"type": "integer"}, {"type": "string", "format": "cursor"}}}))
	placeParameter = inline(queryParameter("cursor", "The nextCursor of an earlier page; in place of since.",
		object{"type": "string", "format": "cursor"}, fault.InvalidCursor))
	kindsParameter = inline(filterParameter("kinds", "Only items of these kinds, separated by commas.",
		object{"type": "string", "pattern": "^(" + kindWords + ")(,(" + kindWords + "))*$"}))
	clientParameter = inline(filterParameter("client", "Only what was written with this client, in whatever version if it names none. Case does not count.",
		object{"type": "string", "pattern": "^[!-~]{1,128}$", "examples": []string{"claude-code", "claude-code/2.1.0"}}))
	kindWords = strings.Join(kindNames(), "|")
)

// inline is a parameter that is not the same everywhere.
func inline(p parameter) parameter {
	p.inline = true
	return p
}

// parentBody names an item's parent, with its title if it lives and has one.
type parentBody struct {
	Kind  entity.Kind `json:"kind"`
	UID   string      `json:"uid"`
	Title string      `json:"title,omitempty"`
}

// changeBody is a change as the changes of all items show it.
type changeBody struct {
	At       string       `json:"at"`
	Kind     string       `json:"kind"`
	UID      string       `json:"uid"`
	Version  int64        `json:"version"`
	Title    string       `json:"title,omitempty"`
	Parent   *parentBody  `json:"parent,omitempty"`
	Change   journal.Name `json:"change"`
	Fields   []string     `json:"fields"`
	By       string       `json:"by"`
	Client   string       `json:"client,omitempty"`
	Tool     string       `json:"tool,omitempty"`
	ChangeID string       `json:"change_id"`
	BatchID  string       `json:"batch_id,omitempty"`
}

type changesBody struct {
	Changes    []changeBody `json:"changes"`
	NextCursor string       `json:"nextCursor"`
	More       bool         `json:"more"`
	Begins     string       `json:"begins,omitempty"`
}

// versionBody is a change as the history of its item shows it.
type versionBody struct {
	Version  int64        `json:"version"`
	At       string       `json:"at"`
	Change   journal.Name `json:"change"`
	Fields   []string     `json:"fields"`
	Before   int64        `json:"before"`
	Kept     bool         `json:"kept"`
	By       string       `json:"by"`
	Client   string       `json:"client,omitempty"`
	Tool     string       `json:"tool,omitempty"`
	ChangeID string       `json:"change_id"`
	BatchID  string       `json:"batch_id,omitempty"`
}

type historyBody struct {
	History       []versionBody `json:"history"`
	NextCursor    string        `json:"nextCursor,omitempty"`
	DroppedBefore string        `json:"droppedBefore,omitempty"`
}

// lineBody is a line with all that its hash covers.
type lineBody struct {
	Seq         int64        `json:"seq"`
	At          string       `json:"at"`
	Epoch       int64        `json:"epoch"`
	Kind        string       `json:"kind"`
	UID         string       `json:"uid"`
	Before      int64        `json:"before"`
	Version     int64        `json:"version"`
	Batch       int64        `json:"batch"`
	Revived     bool         `json:"revived"`
	Change      journal.Name `json:"change"`
	Fields      []string     `json:"fields"`
	By          string       `json:"by"`
	Client      string       `json:"client"`
	Tool        string       `json:"tool"`
	Correlation string       `json:"correlation_id"`
	Content     string       `json:"content"`
	Previous    string       `json:"previous"`
	Hash        string       `json:"hash"`
	Kept        bool         `json:"kept"`
}

type journalBody struct {
	Lines      []lineBody `json:"lines"`
	NextCursor string     `json:"nextCursor"`
	More       bool       `json:"more"`
	Begins     string     `json:"begins,omitempty"`
}

// undoneBody is an item that an undo changed. Change and At are those of the write that was
// taken back; Fields are those that got their values back.
type undoneBody struct {
	Kind     string       `json:"kind"`
	UID      string       `json:"uid"`
	Version  int64        `json:"version"`
	Title    string       `json:"title,omitempty"`
	ChangeID string       `json:"change_id,omitempty"`
	Undoes   string       `json:"undoes"`
	Change   journal.Name `json:"change"`
	At       string       `json:"at"`
	Fields   []string     `json:"fields"`
}

// unchangedBody is an item for which nothing was left to undo.
type unchangedBody struct {
	Kind    string       `json:"kind"`
	UID     string       `json:"uid"`
	Version int64        `json:"version"`
	Undoes  string       `json:"undoes"`
	Change  journal.Name `json:"change"`
	At      string       `json:"at"`
	Fields  []string     `json:"fields"`
}

type undoBody struct {
	Undone    []undoneBody    `json:"undone"`
	Unchanged []unchangedBody `json:"unchanged"`
	BatchID   string          `json:"batch_id,omitempty"`
}

func (a *API) changes(c *call) (int, any, error) {
	sent, query, from, err := readLines(c)
	if err != nil {
		return 0, nil, err
	}
	if query.Kinds, err = readKinds(sent); err != nil {
		return 0, nil, err
	}
	if query.Client, err = readClient(sent); err != nil {
		return 0, nil, err
	}
	page, err := a.Items.Changes(c.Context(), query, from)
	if err != nil {
		return 0, nil, err
	}
	body := changesBody{Changes: []changeBody{}, NextCursor: page.Next, More: page.More, Begins: momentOf(page.Begins)}
	for _, line := range page.Lines {
		body.Changes = append(body.Changes, changeOf(line))
	}
	return http.StatusOK, body, nil
}

func changeOf(line item.Line) changeBody {
	body := changeBody{
		At: item.Millis(line.At).String(), Kind: line.Kind, UID: line.UID, Version: line.Now, Title: item.Title(line.Summary),
		Change: line.Name, Fields: line.Names(), By: line.By, Client: line.Client, Tool: line.Tool,
		ChangeID: journal.ChangeID(line.Seq), BatchID: batchOf(line),
	}
	if line.Parent.UID != "" {
		body.Parent = &parentBody{line.Parent.Kind, line.Parent.UID, item.Title(line.ParentSummary)}
	}
	return body
}

// batchOf is the id of the line's batch; empty for none.
func batchOf(line item.Line) string {
	if line.Batch == 0 {
		return ""
	}
	return journal.BatchID(line.Batch)
}

// momentOf is a time as text; empty for none.
func momentOf(at *item.Millis) string {
	if at == nil {
		return ""
	}
	return at.String()
}

func (a *API) journal(c *call) (int, any, error) {
	_, query, from, err := readLines(c)
	if err != nil {
		return 0, nil, err
	}
	page, err := a.Items.Journal(c.Context(), query, from)
	if err != nil {
		return 0, nil, err
	}
	body := journalBody{Lines: []lineBody{}, NextCursor: page.Next, More: page.More, Begins: momentOf(page.Begins)}
	for _, line := range page.Lines {
		body.Lines = append(body.Lines, lineBody{
			line.Seq, item.Millis(line.At).String(), line.Epoch, line.Kind, line.UID, line.Before, line.Now, line.Batch, line.Revived,
			line.Name, line.Names(), line.By, line.Client, line.Tool, line.Correlation,
			line.Content.String(), line.Previous.String(), line.Hash.String(), line.Kept,
		})
	}
	return http.StatusOK, body, nil
}

// readLines reads the page of lines that a request asks for, and where it begins.
func readLines(c *call) (sent url.Values, query item.LineQuery, from item.Place, err error) {
	if sent, err = parseQuery(c); err != nil {
		return nil, query, from, err
	}
	query.Owner = c.owner
	if query.Limit, err = readBound(sent, "limit", usualLines, mostLines); err != nil {
		return nil, query, from, err
	}
	from, err = readPlace(c, sent)
	return sent, query, from, err
}

// readPlace reads where a page begins: a time or a cursor as since, or a cursor.
func readPlace(c *call, sent url.Values) (item.Place, error) {
	if sent.Has("cursor") && sent.Has("since") {
		return item.Place{}, invalidFilter("since", "send either since or cursor")
	}
	if sent.Has("cursor") {
		return cursorPlace(c, sent["cursor"])
	}
	text, err := shortTextOf(sent, "since")
	switch {
	case err != nil || text == "":
		return item.Place{}, err
	case text[0] == 'j':
		return cursorPlace(c, []string{text})
	}
	since, ok := item.ParseMoment(text)
	if !ok {
		return item.Place{}, invalidFilter("since", "send "+item.TimeForm+", Unix milliseconds, or a nextCursor")
	}
	return item.Place{Since: &since}, nil
}

func cursorPlace(c *call, values []string) (item.Place, error) {
	if len(values) > 1 {
		return item.Place{}, severalCursors()
	}
	seq, err := item.ParsePlace(c.owner, "", values[0])
	return item.Place{After: &seq}, err
}

// readKinds reads the kinds that are asked for; none for all.
func readKinds(sent url.Values) (kinds []entity.Kind, err error) {
	text, err := shortTextOf(sent, "kinds")
	if err != nil || text == "" {
		return nil, err
	}
	names := kindNames()
	for name := range strings.SplitSeq(text, ",") {
		if !slices.Contains(names, name) {
			return nil, invalidFilter("kinds", "send some of "+strings.Join(names, ", ")+", separated by commas")
		}
		if kind := entity.Kind(name); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds, nil
}

// readClient reads the client that is asked for; empty for all.
func readClient(sent url.Values) (string, error) {
	values := sent["client"]
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 || !usableCorrelation(values[0]) {
		return "", invalidFilter("client", "send one name of 1 to 128 visible ASCII characters, such as claude-code or claude-code/2.1.0")
	}
	return values[0], nil
}

func (col collection) history(c *call) (int, any, error) {
	target, err := col.readTarget(c)
	if err != nil {
		return 0, nil, err
	}
	sent, err := parseQuery(c)
	if err != nil {
		return 0, nil, err
	}
	limit, err := readBound(sent, "limit", usualLines, mostLines)
	if err != nil {
		return 0, nil, err
	}
	if len(sent["cursor"]) > 1 || sent.Has("cursor") && sent.Get("cursor") == "" {
		return 0, nil, severalCursors()
	}
	page, err := col.api.Items.History(c.Context(), target, limit, sent.Get("cursor"))
	if err != nil {
		return 0, nil, err
	}
	body := historyBody{History: []versionBody{}, NextCursor: page.Next, DroppedBefore: momentOf(page.DroppedBefore)}
	for _, line := range page.Lines {
		body.History = append(body.History, versionBody{
			line.Now, item.Millis(line.At).String(), line.Name, line.Names(), line.Before, line.Kept,
			line.By, line.Client, line.Tool, journal.ChangeID(line.Seq), batchOf(line),
		})
	}
	return http.StatusOK, body, nil
}

func (col collection) restore(c *call) (int, any, error) {
	w, err := col.readWriteWithBody(c, renderItem)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Restore(c.Context(), w.target, w.body, w.condition)
	return w.answer(c, next, err)
}

func (a *API) undo(c *call) (int, any, error) {
	if err := refuseCondition(c.Header, "an undo is refused by itself where a later write is in the way"); err != nil {
		return 0, nil, err
	}
	body, err := readBody(c, a.MaxBodyBytes)
	if err != nil {
		return 0, nil, err
	}
	request, err := item.ReadUndo(body)
	if err != nil {
		return 0, nil, err
	}
	target := item.Target{Owner: c.owner, Origin: c.origin(), Epoch: c.opened.State.Epoch, DryRun: c.dryRun}
	undone, err := a.Items.Undo(c.Context(), target, request)
	if err != nil {
		return 0, nil, err
	}
	answer := undoAnswer(undone, c.dryRun)
	a.owe(c, len(answer.Undone)-1)
	if answer.BatchID != "" {
		c.reply.Set(headerChange, answer.BatchID)
	}
	return http.StatusOK, answer, nil
}

// undoAnswer is what became of every change. A dry run gives no ids, since nothing has
// them.
func undoAnswer(undone []item.Undone, dryRun bool) undoBody {
	body := undoBody{Undone: []undoneBody{}, Unchanged: []unchangedBody{}}
	for _, one := range undone {
		line := one.Line
		if one.Item == nil {
			body.Unchanged = append(body.Unchanged, unchangedBody{
				line.Kind, line.UID, one.Version, journal.ChangeID(line.Seq), line.Name, item.Millis(line.At).String(), line.Names(),
			})
			continue
		}
		made := undoneBody{
			Kind: line.Kind, UID: line.UID, Version: one.Version, Title: item.Title(one.Item.Summary),
			Undoes: journal.ChangeID(line.Seq), Change: line.Name, At: item.Millis(line.At).String(), Fields: one.Fields(),
		}
		if !dryRun {
			made.ChangeID = journal.ChangeID(one.Item.Seq)
			if body.BatchID == "" {
				body.BatchID = journal.BatchID(one.Item.Seq)
			}
		}
		body.Undone = append(body.Undone, made)
	}
	return body
}
