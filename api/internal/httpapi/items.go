package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

const defaultLimit = 500

// collection is the handlers of one entity.
type collection struct {
	api    *API
	entity *entity.Entity
}

func (col collection) list(c *call) (int, any, error) {
	query, err := col.query(c, col.filter)
	if err != nil {
		return 0, nil, err
	}
	page, err := col.api.Items.List(c.Context(), query)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, pageJSON(page), nil
}

func (col collection) create(c *call) (int, any, error) {
	body, err := readBody(c, col.api.MaxBodyBytes)
	if err != nil {
		return 0, nil, err
	}
	target := col.all(c)
	if target.Once, err = once(c, target, nil, body, created); err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Create(c.Context(), target, body)
	return written(c, target, created, next, err)
}

func (col collection) get(c *call) (int, any, error) {
	target, err := col.target(c)
	if err != nil {
		return 0, nil, err
	}
	query, err := queryOf(c)
	if err != nil {
		return 0, nil, err
	}
	found, err := col.api.Items.Get(c.Context(), target, includeDeleted(query))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, rawJSON(whole(found)), nil
}

func (col collection) replace(c *call) (int, any, error) {
	target, condition, body, err := col.writeWithBody(c)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Replace(c.Context(), target, body, condition)
	return written(c, target, changed, next, err)
}

func (col collection) patch(c *call) (int, any, error) {
	target, condition, body, err := col.writeWithBody(c)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Patch(c.Context(), target, body, condition)
	return written(c, target, changed, next, err)
}

func (col collection) remove(c *call) (int, any, error) {
	target, condition, err := col.write(c, removed)
	if err != nil {
		return 0, nil, err
	}
	tombstone, err := col.api.Items.Delete(c.Context(), target, condition)
	return written(c, target, removed, tombstone, err)
}

func (col collection) archive(c *call) (int, any, error) {
	target, condition, err := col.write(c, changed)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Archive(c.Context(), target, condition)
	return written(c, target, changed, next, err)
}

func (col collection) process(c *call) (int, any, error) {
	target, condition, body, err := col.writeWithBody(c)
	if err != nil {
		return 0, nil, err
	}
	action, err := actionOf(body, col.api.Items.MaxString)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Process(c.Context(), target, action, condition)
	return written(c, target, changed, next, err)
}

// actionOf reads the body of process. Its metadata must be an object; the
// contract has no use for it.
func actionOf(body []byte, maxString int) (string, error) {
	sent, err := item.DecodeWithin(body, maxString)
	if err != nil {
		return "", err
	}
	if sent.Given("metadata") && !sent.Object("metadata") {
		return "", wrongType("metadata", "an object")
	}
	return textOf(sent, "action")
}

// target reads which item the path names.
func (col collection) target(c *call) (item.Target, error) {
	uid, ok := item.ParseUID(c.PathValue("uid"))
	if !ok {
		return item.Target{}, fault.New(fault.InvalidUID, "invalid UID: a uid is a UUID such as 123e4567-e89b-42d3-a456-426614174000")
	}
	target := col.all(c)
	target.UID = uid
	return target, nil
}

// all is the target that names no item yet.
func (col collection) all(c *call) item.Target {
	return item.Target{Owner: item.Owner(c.owner), Epoch: c.opened.State.Epoch, Entity: col.entity}
}

// write reads a write without a body.
func (col collection) write(c *call, render rendering) (item.Target, item.Condition, error) {
	target, condition, err := col.conditional(c)
	if err != nil {
		return item.Target{}, nil, err
	}
	target.Once, err = once(c, target, condition, nil, render)
	return target, condition, err
}

func (col collection) writeWithBody(c *call) (item.Target, item.Condition, []byte, error) {
	target, condition, err := col.conditional(c)
	if err != nil {
		return item.Target{}, nil, nil, err
	}
	body, err := readBody(c, col.api.MaxBodyBytes)
	if err != nil {
		return item.Target{}, nil, nil, err
	}
	target.Once, err = once(c, target, condition, body, changed)
	return target, condition, body, err
}

func (col collection) conditional(c *call) (item.Target, item.Condition, error) {
	target, err := col.target(c)
	if err != nil {
		return item.Target{}, nil, err
	}
	condition, err := ifMatch(c.Header)
	return target, condition, err
}

// headSize is about what an item takes besides its payload.
const headSize = 200

// whole gives an item with its payload.
func whole(found *item.Item) []byte {
	return found.AppendJSON(make([]byte, 0, len(found.Payload)+headSize))
}

func pageJSON(page item.Page) rawJSON {
	size := headSize
	for i := range page.Items {
		size += len(page.Items[i].Payload) + headSize
	}
	b := append(make([]byte, 0, size), `{"items":[`...)
	for i := range page.Items {
		b = page.Items[i].AppendJSON(comma(b))
	}
	return append(appendNext(append(b, ']'), page.Next), '}')
}

// appendNext appends the cursor of the next page, if there is one.
func appendNext(b []byte, next *item.Cursor) []byte {
	if next == nil {
		return b
	}
	b = append(b, `,"nextCursor":"`...)
	b = append(b, next.String()...)
	return append(b, '"')
}

// unfiltered is the filter of what has none.
func unfiltered(url.Values, *item.Query) error { return nil }

// query reads the page a list request asks for.
func (col collection) query(c *call, filter func(url.Values, *item.Query) error) (item.Query, error) {
	sent, err := queryOf(c)
	if err != nil {
		return item.Query{}, err
	}
	query := item.Query{
		Owner:          item.Owner(c.owner),
		Kind:           col.entity.Kind,
		IncludeDeleted: includeDeleted(sent),
	}
	if query.Limit, err = bound(sent, "limit", defaultLimit, entity.MaxLimit); err != nil {
		return item.Query{}, err
	}
	if query.MaxBytes, err = bound(sent, "maxBytes", item.MaxPageBytes, item.MaxPageBytes); err != nil {
		return item.Query{}, err
	}
	if err := filter(sent, &query); err != nil {
		return item.Query{}, err
	}
	query.After, err = cursorOf(sent["cursor"], query.Binding())
	return query, err
}

// queryOf reads the query string whole or not at all: half of one would be
// another question than the one that was asked.
func queryOf(c *call) (url.Values, error) {
	values, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return nil, fault.New(fault.InvalidQuery, "invalid query string: %v; separate parameters by & and percent-encode their values", err)
	}
	return values, nil
}

func includeDeleted(query url.Values) bool { return query.Get("includeDeleted") == "true" }

// bound reads a parameter that bounds a page; one above most counts as most.
func bound(query url.Values, name string, usual, most int) (int, error) {
	values := query[name]
	if len(values) == 0 {
		return usual, nil
	}
	limit, err := strconv.Atoi(values[0])
	if errors.Is(err, strconv.ErrRange) && digits(values[0]) {
		limit, err = most, nil
	}
	if err != nil || limit < 1 || len(values) > 1 {
		return 0, fault.New(fault.InvalidLimit, "invalid %s: send one whole number from 1 to %d", name, most).
			With(fault.Facts{"field": name})
	}
	return min(limit, most), nil
}

// digits says whether a text is a positive number of any length.
func digits(text string) bool {
	return strings.TrimLeft(strings.TrimPrefix(text, "+"), "0123456789") == ""
}

func cursorOf(values []string, list string) (*item.Cursor, error) {
	switch len(values) {
	case 0:
		return nil, nil
	case 1:
		cursor, err := item.ParseCursor(values[0])
		if err == nil && cursor.List != list {
			err = fault.New(fault.InvalidCursor, "invalid cursor: it belongs to another list; send it with the filters and the order it came with")
		}
		return &cursor, err
	}
	return nil, fault.New(fault.InvalidCursor, "invalid cursor: send one")
}
