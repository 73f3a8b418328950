package httpapi

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

const defaultLimit = 500

var (
	pageParameters = []parameter{limitParameter, cursorParameter, maxBytesParameter}

	limitParameter = queryParameter("limit", "Most items of a page; 500 unless given, and never more than 1000.",
		object{"type": "integer", "minimum": 1}, fault.InvalidLimit)
	maxBytesParameter = queryParameter("maxBytes", "Bytes of payload after which a page ends early; 4 MiB unless given, and never more. A list shows a larger item without its payload.",
		object{"type": "integer", "minimum": 1}, fault.InvalidLimit)
	cursorParameter = queryParameter("cursor", "The nextCursor of the page before.",
		object{"type": "string", "format": "cursor"}, fault.InvalidCursor)
	orderParameter = queryParameter("order", "asc, which is usual, or desc.",
		object{"type": "string", "enum": []string{"asc", "desc"}}, fault.InvalidFilter)
	includeDeletedParameter = queryParameter("includeDeleted", "The word `true` includes tombstones; anything else does not.",
		object{"type": "string"})
)

// listParameters are those of a list that are neither filters nor about its pages.
func listParameters(e *entity.Entity) []parameter {
	sort := queryParameter("sort", "What the list is sorted by, and then by uid: `updated`, the time of change, which is usual; `created`, `title`, or `due`, where items without a due date come last.",
		oneOfSchema(sortWords(e)...), fault.InvalidFilter)
	sort.inline = true
	return []parameter{includeDeletedParameter, sort, orderParameter, viewParameter, totalParameter, mirrorsParameter}
}

var (
	viewParameter = queryParameter("view", "`summary` lists items without payload, but with what it says in short; `full`, which is usual, with it.",
		oneOfSchema("full", "summary"), fault.InvalidFilter)
	totalParameter = queryParameter("total", "With `true`, the answer has the number of matches.", object{"type": "boolean"})
)

func queryParameter(name, description string, schema object, codes ...fault.Code) parameter {
	return parameter{in: "query", name: name, description: description, schema: schema, codes: append(codes, fault.InvalidQuery)}
}

func pageJSON(page item.Page, query item.Query, bare bool) rawJSON {
	size := headSize
	for i := range page.Items {
		size += len(page.Items[i].Payload) + len(page.Items[i].Summary) + headSize
	}
	b := append(make([]byte, 0, size), `{"items":[`...)
	b = appendItems(b, page.Items, query, bare)
	b = append(b, ']')
	if query.Count {
		b = appendTotal(b, page.Total, item.MaxTotal)
	}
	return append(appendNext(b, page.Next), '}')
}

// appendItems appends the elements of an array, as summaries or whole.
func appendItems(b []byte, items []item.Item, query item.Query, bare bool) []byte {
	for i := range items {
		if query.Summaries {
			b = items[i].AppendSummary(comma(b), query.Kind)
		} else {
			b = items[i].AppendJSON(comma(b), bare)
		}
	}
	return b
}

// appendTotal appends how many items there are, if they were counted up to one more than
// most.
func appendTotal(b []byte, total, most int) []byte {
	b = strconv.AppendInt(append(b, `,"total":`...), int64(min(total, most)), 10)
	if total > most {
		b = append(b, `,"more":true`...)
	}
	return b
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

// noFilter reads the filters of a pull, which has none.
func noFilter(url.Values, *item.Query) error { return nil }

// readQuery reads the page that a request asks for.
func (col collection) readQuery(c *call, readFilter func(url.Values, *item.Query) error) (item.Query, error) {
	sent, err := parseQuery(c)
	if err != nil {
		return item.Query{}, err
	}
	query := item.Query{
		Owner:          c.owner,
		Kind:           col.entity.Kind,
		IncludeDeleted: includeDeleted(sent),
	}
	if query.Limit, err = readBound(sent, "limit", defaultLimit, entity.MaxLimit); err != nil {
		return item.Query{}, err
	}
	if query.MaxBytes, err = readBound(sent, "maxBytes", item.MaxPageBytes, item.MaxPageBytes); err != nil {
		return item.Query{}, err
	}
	if err := readFilter(sent, &query); err != nil {
		return item.Query{}, err
	}
	query.After, err = readCursor(sent["cursor"], query.Binding())
	return query, err
}

// parseQuery reads the whole query string or none of it: half of a query string
// would be another query.
func parseQuery(c *call) (url.Values, error) {
	if c.query != nil {
		return c.query, nil
	}
	values, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return nil, fault.New(fault.InvalidQuery, "invalid query string: %v; separate parameters by & and percent-encode their values", err)
	}
	c.query = values
	return values, nil
}

func includeDeleted(query url.Values) bool { return query.Get("includeDeleted") == "true" }

// readBound reads a parameter that bounds a page. A value above most counts as most.
func readBound(query url.Values, name string, usual, most int) (int, error) {
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

// digits reports whether a text is a positive number of any length.
func digits(text string) bool {
	return strings.TrimLeft(strings.TrimPrefix(text, "+"), "0123456789") == ""
}

func severalCursors() error {
	return fault.New(fault.InvalidCursor, "invalid cursor: send one")
}

func readCursor(values []string, list string) (*item.Cursor, error) {
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
	return nil, severalCursors()
}
