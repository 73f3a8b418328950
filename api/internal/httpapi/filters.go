package httpapi

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

// filter restricts a list by query parameters: what the document says of them,
// and how they are read.
type filter struct {
	parameters []parameter
	read       func(sent url.Values, into *item.Filter) error
}

// commonFilters are the filters of every list.
var commonFilters = []filter{
	textFilter("tag", "Only those with this among their tags.", func(f *item.Filter) *string { return &f.Tag }),
	{
		parameters: []parameter{filterParameter("archived", "Only those archived, or only others.", oneOfSchema("true", "false"))},
		read:       readArchived,
	},
	{
		parameters: []parameter{filterParameter("updatedSince", "Only those changed at this time or later: "+item.TimeForm+", or Unix milliseconds. Without a zone it is UTC.",
			object{"anyOf": []object{{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}, {"type": "integer"}}})},
		read: readUpdatedSince,
	},
}

// entityFilters are the filters that not every entity has.
func entityFilters(e *entity.Entity) (filters []filter) {
	if e.Parent != nil {
		filters = append(filters, parentFilter(e.Parent))
	}
	if len(e.States()) > 0 {
		filters = append(filters, textFilter("status", "Only those in this state.", func(f *item.Filter) *string { return &f.Status }))
	}
	return filters
}

// filterParameters are the parameters of all filters of an entity, the common
// ones first and by name.
func filterParameters(e *entity.Entity) []parameter {
	var common, own []parameter
	for _, filter := range commonFilters {
		common = append(common, filter.parameters...)
	}
	slices.SortFunc(common, func(a, b parameter) int { return cmp.Compare(a.name, b.name) })
	for _, filter := range entityFilters(e) {
		for _, p := range filter.parameters {
			p.inline = true
			own = append(own, p)
		}
	}
	return append(common, own...)
}

// foreignFilters are the parameters that filter the lists of other entities only.
func foreignFilters(e *entity.Entity) (names []string) {
	own := filterParameters(e)
	for _, other := range entity.Table {
		for _, p := range filterParameters(other) {
			if !slices.ContainsFunc(own, func(o parameter) bool { return o.name == p.name }) {
				names = append(names, p.name)
			}
		}
	}
	return names
}

// readFilter reads the filters of a list, and its order, into a query. A filter
// that only other entities have is refused: to ignore it would return too much.
func (col collection) readFilter(sent url.Values, query *item.Query) error {
	for _, name := range col.foreign {
		if sent.Has(name) {
			return invalidFilter(name, "a list of "+col.entity.Segment+" has no such filter")
		}
	}
	for _, filter := range col.filters {
		if err := filter.read(sent, &query.Filter); err != nil {
			return err
		}
	}
	order, err := wordOf(sent, "order", "asc", "desc")
	query.Descending = order == "desc"
	return err
}

func invalidFilter(name, rule string) error {
	return fault.New(fault.InvalidFilter, "invalid %s: %s", name, rule).With(fault.Facts{"field": name})
}

func filterParameter(name, description string, schema object) parameter {
	return queryParameter(name, description, schema, fault.InvalidFilter)
}

// textFilter is a filter by any short text.
func textFilter(name, description string, field func(*item.Filter) *string) filter {
	schema := object{"type": "string", "minLength": 1, "maxLength": item.MaxFacetBytes}
	return filter{
		parameters: []parameter{filterParameter(name, description, schema)},
		read: func(sent url.Values, into *item.Filter) (err error) {
			*field(into), err = shortTextOf(sent, name)
			return err
		},
	}
}

// parentFilter is a filter by the parent. Where parents may be of several kinds,
// the kind may be named too.
func parentFilter(p *entity.Parent) filter {
	parameters := []parameter{filterParameter(p.UIDKey, "Only those of this parent.", object{"type": "string", "format": "uuid"})}
	if p.TypeKey != "" {
		description := "Only those with a parent of this kind; send " + p.UIDKey + " too."
		parameters = append(parameters, filterParameter(p.TypeKey, description, oneOfSchema(p.KindNames()...)))
	}
	return filter{parameters, func(sent url.Values, into *item.Filter) (err error) {
		into.Parent, err = readParent(p, sent)
		return err
	}}
}

func oneOfSchema(words ...string) object { return object{"type": "string", "enum": words} }

func readParent(p *entity.Parent, sent url.Values) (item.Parent, error) {
	if !sent.Has(p.UIDKey) && !sent.Has(p.TypeKey) {
		return item.Parent{}, nil
	}
	kind, err := readParentKind(p, sent)
	if err != nil {
		return item.Parent{}, err
	}
	text, err := shortTextOf(sent, p.UIDKey)
	if err != nil {
		return item.Parent{}, err
	}
	uid, ok := item.ParseUID(text)
	if !ok {
		return item.Parent{}, invalidFilter(p.UIDKey, "send one UUID")
	}
	return item.Parent{Kind: kind, UID: uid}, nil
}

// readParentKind reads the kind that the parent must be of; empty for any.
func readParentKind(p *entity.Parent, sent url.Values) (entity.Kind, error) {
	if p.TypeKey == "" {
		return p.Kinds[0], nil
	}
	word, err := wordOf(sent, p.TypeKey, p.KindNames()...)
	return entity.Kind(word), err
}

func readArchived(sent url.Values, into *item.Filter) error {
	word, err := wordOf(sent, "archived", "true", "false")
	if err != nil || word == "" {
		return err
	}
	archived := word == "true"
	into.Archived = &archived
	return nil
}

func readUpdatedSince(sent url.Values, into *item.Filter) error {
	const name = "updatedSince"
	text, err := shortTextOf(sent, name)
	if err != nil || text == "" {
		return err
	}
	since, ok := item.ParseTime(text)
	if !ok {
		since, ok = item.ParseMillis(text)
	}
	if !ok {
		return invalidFilter(name, "send "+item.TimeForm+", or Unix milliseconds")
	}
	into.Since = &since
	return nil
}

// shortTextOf reads a parameter that is any short text; empty when it is missing.
func shortTextOf(sent url.Values, name string) (string, error) {
	values, given := sent[name]
	if !given {
		return "", nil
	}
	text := values[0]
	if len(values) > 1 || text == "" || len(text) > item.MaxFacetBytes || !utf8.ValidString(text) || strings.Contains(text, "\x00") {
		return "", invalidFilter(name, "send one text of 1 to "+strconv.Itoa(item.MaxFacetBytes)+" bytes")
	}
	return text, nil
}

// wordOf reads a parameter that is one of some words; empty when it is missing.
func wordOf(sent url.Values, name string, words ...string) (string, error) {
	values, given := sent[name]
	if !given {
		return "", nil
	}
	if len(values) > 1 || !slices.Contains(words, values[0]) {
		return "", invalidFilter(name, "send "+strings.Join(words, " or "))
	}
	return values[0], nil
}
