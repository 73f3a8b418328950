package httpapi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

func invalidFilter(name, rule string) error {
	return fault.New(fault.InvalidFilter, "invalid %s: %s", name, rule).With(fault.Facts{"field": name})
}

// filter reads what a list is to be restricted to, and its order, into a query.
func (col collection) filter(sent url.Values, query *item.Query) (err error) {
	if err := col.foreignFilter(sent); err != nil {
		return err
	}
	if query.Filter.Parent, err = parentFilter(col.entity, sent); err != nil {
		return err
	}
	if query.Filter.Status, err = textFilter(sent, "status"); err != nil {
		return err
	}
	if query.Filter.Tag, err = textFilter(sent, "tag"); err != nil {
		return err
	}
	if query.Filter.Archived, err = archivedFilter(sent); err != nil {
		return err
	}
	if query.Filter.Since, err = sinceFilter(sent); err != nil {
		return err
	}
	order, err := wordFilter(sent, "order", "asc", "desc")
	query.Descending = order == "desc"
	return err
}

// foreignFilter refuses a filter that only other entities have: to ignore it
// would answer with too much.
func (col collection) foreignFilter(sent url.Values) error {
	own := filterKeys(col.entity)
	for _, e := range entity.Table {
		for _, key := range filterKeys(e) {
			if sent.Has(key) && !slices.Contains(own, key) {
				return invalidFilter(key, "a list of "+col.entity.Segment+" has no such filter")
			}
		}
	}
	return nil
}

// filterKeys are the parameters that not every entity has.
func filterKeys(e *entity.Entity) (keys []string) {
	if e.Parent != nil {
		keys = append(keys, e.Parent.UIDKey)
	}
	if e.Parent != nil && e.Parent.TypeKey != "" {
		keys = append(keys, e.Parent.TypeKey)
	}
	if len(e.States()) > 0 {
		keys = append(keys, "status")
	}
	return keys
}

func parentFilter(e *entity.Entity, sent url.Values) (item.Parent, error) {
	if e.Parent == nil || !sent.Has(e.Parent.UIDKey) && !sent.Has(e.Parent.TypeKey) {
		return item.Parent{}, nil
	}
	kind, err := parentKindFilter(e.Parent, sent)
	if err != nil {
		return item.Parent{}, err
	}
	text, err := textFilter(sent, e.Parent.UIDKey)
	if err != nil {
		return item.Parent{}, err
	}
	uid, ok := item.ParseUID(text)
	if !ok {
		return item.Parent{}, invalidFilter(e.Parent.UIDKey, "send one UUID")
	}
	return item.Parent{Kind: kind, UID: uid}, nil
}

// parentKindFilter gives the kind that the parent must be of; empty for any.
func parentKindFilter(p *entity.Parent, sent url.Values) (entity.Kind, error) {
	if p.TypeKey == "" {
		return p.Kinds[0], nil
	}
	names := make([]string, len(p.Kinds))
	for i, kind := range p.Kinds {
		names[i] = string(kind)
	}
	word, err := wordFilter(sent, p.TypeKey, names...)
	return entity.Kind(word), err
}

// textFilter reads a parameter that is any short text; empty when it is missing.
func textFilter(sent url.Values, name string) (string, error) {
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

// wordFilter reads a parameter that is one of some words; empty when it is missing.
func wordFilter(sent url.Values, name string, words ...string) (string, error) {
	values, given := sent[name]
	if !given {
		return "", nil
	}
	if len(values) > 1 || !slices.Contains(words, values[0]) {
		return "", invalidFilter(name, "send "+strings.Join(words, " or "))
	}
	return values[0], nil
}

func archivedFilter(sent url.Values) (*bool, error) {
	word, err := wordFilter(sent, "archived", "true", "false")
	if err != nil || word == "" {
		return nil, err
	}
	archived := word == "true"
	return &archived, nil
}

func sinceFilter(sent url.Values) (*item.Millis, error) {
	const name = "updatedSince"
	text, err := textFilter(sent, name)
	if err != nil || text == "" {
		return nil, err
	}
	since, ok := item.ParseMillis(text)
	if !ok {
		return nil, invalidFilter(name, "send a time such as 2026-01-31T12:00:00Z, or milliseconds")
	}
	return &since, nil
}
