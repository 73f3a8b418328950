package item

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"

	"toolbridge/api/internal/entity"
)

// Bounds of the indexes. A status or tag longer than MaxFacetBytes is not indexed,
// nor are tags beyond the first maxTags of an item.
const (
	MaxFacetBytes = 200
	maxTags       = 100
)

// Facets are the values of a payload by which lists can be filtered and sorted, besides
// the parent. Terms are sorted and unique. A store keeps facets, and need not return
// them.
type Facets struct {
	Status   string // empty: none
	Archived bool
	Closed   bool // nothing is left to do
	Due      *Millis
	Title    string   // in small letters, at most 100 bytes
	Terms    []string // TagTerm and FilterTerm
}

// TagTerm is the term of items with a tag.
func TagTerm(tag string) string { return "tag:" + tag }

// FilterTerm is the term of items that have the value of a filter.
func FilterTerm(f entity.Filter, value string) string { return f.Name + ":" + value }

// facetsOf reads the facets of a payload with a title. An item is archived when its
// payload has the values that archiving writes.
func facetsOf(e *entity.Entity, payload *Payload, title string) Facets {
	status, _ := payload.Text(keyStatus)
	if len(status) > MaxFacetBytes {
		status = ""
	}
	archived := hasValues(payload, e.Archive)
	return Facets{
		Status: status, Archived: archived, Closed: archived || slices.Contains(e.Closed, status),
		Due: dueOf(e, payload), Title: sortKey(title), Terms: termsOf(e, payload),
	}
}

func dueOf(e *entity.Entity, payload *Payload) *Millis {
	text, _ := payload.Text(e.Due)
	if due, ok := ParseTime(text); ok && e.Due != "" {
		return &due
	}
	return nil
}

// termsOf are the terms of the payload's tags and of the entity's filters.
func termsOf(e *entity.Entity, payload *Payload) (terms []string) {
	for _, tag := range tagsOf(payload) {
		terms = append(terms, TagTerm(tag))
	}
	for _, f := range e.Filters {
		raw, _ := payload.raw(f.Key)
		text, isText := payload.Text(f.Key)
		switch {
		case f.Flag:
			terms = append(terms, FilterTerm(f, strconv.FormatBool(string(raw) == "true")))
		case isText && text != "" && len(text) <= MaxFacetBytes:
			terms = append(terms, FilterTerm(f, text))
		}
	}
	slices.Sort(terms)
	return terms
}

func hasValues(payload *Payload, values map[string]any) bool {
	for key, want := range values {
		var got any
		raw, ok := payload.raw(key)
		if !ok || json.Unmarshal(raw, &got) != nil || !reflect.DeepEqual(got, want) {
			return false
		}
	}
	return true
}

func tagsOf(payload *Payload) (tags []string) {
	var values []any
	raw, ok := payload.raw(keyTags)
	if !ok || json.Unmarshal(raw, &values) != nil {
		return nil
	}
	for _, value := range values {
		if tag, ok := value.(string); ok && tag != "" && len(tag) <= MaxFacetBytes {
			tags = append(tags, tag)
		}
	}
	tags = tags[:min(len(tags), maxTags)]
	slices.Sort(tags)
	return slices.Compact(tags)
}
