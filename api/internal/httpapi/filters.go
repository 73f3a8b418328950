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
	textsFilter("tag", "Only those with one of these among their tags.", func(f *item.Filter) *[]string { return &f.Tags }),
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
		filters = append(filters,
			textsFilter("status", "Only those in one of these states.", func(f *item.Filter) *[]string { return &f.Status }),
			textsFilter("statusNot", "Only those in none of these states.", func(f *item.Filter) *[]string { return &f.NotStatus }))
	}
	for _, declared := range e.Filters {
		filters = append(filters, declaredFilter(declared))
	}
	if e.Due != "" {
		filters = append(filters,
			dueFilter("dueBefore", "Only those due before this time", func(f *item.Filter) **item.Deadline { return &f.DueBefore }),
			dueFilter("dueAfter", "Only those due at this time or later", func(f *item.Filter) **item.Deadline { return &f.DueAfter }))
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

// readFilter reads the filters of a list, its order and its form into a query.
func (col collection) readFilter(sent url.Values, query *item.Query) (err error) {
	if err := col.readFilters(sent, &query.Filter); err != nil {
		return err
	}
	if query.Sort, query.Descending, err = readSort(col.entity, sent); err != nil {
		return err
	}
	if query.Sort != item.ByChange && query.IncludeDeleted {
		return invalidFilter("includeDeleted", "tombstones are listed by time of change only; leave sort out, or send sort=updated")
	}
	if query.Count, err = booleanOf(sent, totalParameter.name); err != nil {
		return err
	}
	view, err := wordOf(sent, "view", "full", "summary")
	query.Summaries = view == "summary"
	return err
}

// readFilters reads the filters of the entity. One that only other entities have is
// refused: to ignore it would return too much.
func (col collection) readFilters(sent url.Values, into *item.Filter) error {
	for _, name := range col.foreign {
		if sent.Has(name) {
			return invalidFilter(name, "a list of "+col.entity.Segment+" has no such filter")
		}
	}
	for _, filter := range col.filters {
		if err := filter.read(sent, into); err != nil {
			return err
		}
	}
	into.Closed = col.entity.ClosedBy(into.Status, into.NotStatus)
	return nil
}

// readSort reads what a list is sorted by, and in which direction.
func readSort(e *entity.Entity, sent url.Values) (by item.Sort, descending bool, err error) {
	order, err := wordOf(sent, "order", "asc", "desc")
	if err != nil {
		return "", false, err
	}
	word, err := wordOf(sent, "sort", sortWords(e)...)
	if word == "updated" {
		word = ""
	}
	return item.Sort(word), order == "desc", err
}

// sortWords are what lists of an entity can be sorted by.
func sortWords(e *entity.Entity) []string {
	words := []string{"updated", string(item.ByCreation), string(item.ByTitle)}
	if e.Due != "" {
		words = append(words, string(item.ByDue))
	}
	return words
}

func invalidFilter(name, rule string) error {
	return fault.New(fault.InvalidFilter, "invalid %s: %s", name, rule).With(fault.Facts{"field": name})
}

func filterParameter(name, description string, schema object) parameter {
	return queryParameter(name, description, schema, fault.InvalidFilter)
}

// maxValues is how many values a filter may have.
const maxValues = 20

// textsFilter is a filter by one of several short texts.
func textsFilter(name, description string, field func(*item.Filter) *[]string) filter {
	return filter{
		parameters: []parameter{textsParameter(name, description)},
		read: func(sent url.Values, into *item.Filter) (err error) {
			*field(into), err = textsOf(sent, name)
			return err
		},
	}
}

func textsParameter(name, description string) parameter {
	one := object{"type": "string", "minLength": 1, "maxLength": item.MaxFacetBytes, "pattern": "^[^,]+$"}
	schema := merged(listOf(one), object{"minItems": 1, "maxItems": maxValues})
	return filterParameter(name, description+" Commas separate several, or the parameter is repeated; `\\,` is a comma.", schema)
}

// declaredFilter is a filter that the entity's row declares.
func declaredFilter(declared entity.Filter) filter {
	if declared.Flag {
		return flagFilter(declared)
	}
	return valuesFilter(declared)
}

// valuesFilter is a filter by one of several values of a payload key.
func valuesFilter(declared entity.Filter) filter {
	return filter{
		parameters: []parameter{textsParameter(declared.Name, "Only those with one of these as "+declared.Key+".")},
		read: func(sent url.Values, into *item.Filter) error {
			texts, err := textsOf(sent, declared.Name)
			addTerms(declared, into, texts)
			return err
		},
	}
}

// flagFilter is a filter by whether a payload key is true.
func flagFilter(declared entity.Filter) filter {
	description := "Only those whose " + declared.Key + " is true, or only others."
	return filter{
		parameters: []parameter{filterParameter(declared.Name, description, oneOfSchema("true", "false"))},
		read: func(sent url.Values, into *item.Filter) error {
			word, err := wordOf(sent, declared.Name, "true", "false")
			if word != "" {
				addTerms(declared, into, []string{word})
			}
			return err
		},
	}
}

func addTerms(declared entity.Filter, into *item.Filter, values []string) {
	if len(values) == 0 {
		return
	}
	terms := make([]string, len(values))
	for i, value := range values {
		terms[i] = item.FilterTerm(declared, value)
	}
	into.Terms = append(into.Terms, terms)
}

// dueFilter is a filter by the due date.
func dueFilter(name, description string, field func(*item.Filter) **item.Deadline) filter {
	schema := object{"anyOf": []object{{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}}}
	return filter{
		parameters: []parameter{filterParameter(name, description+": "+item.TimeForm+". A date is its beginning, and what has no zone is in UTC.", schema)},
		read: func(sent url.Values, into *item.Filter) error {
			text, err := shortTextOf(sent, name)
			if err != nil || text == "" {
				return err
			}
			moment, ok := item.ParseTime(text)
			if !ok {
				return invalidFilter(name, "send "+item.TimeForm)
			}
			*field(into) = item.At(moment)
			return nil
		},
	}
}

// parentFilter is a filter by the parent. Where parents may be of several kinds,
// the kind may be named too.
func parentFilter(p *entity.Parent) filter {
	uid := filterParameter(p.UIDKey, "Only those of this parent: its uid, or the first 8 or more digits.", uidSchema)
	uid.codes = append(uid.codes, fault.AmbiguousUID, fault.NotFound)
	parameters := []parameter{uid}
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
		uid, ok = item.ParsePrefix(text)
	}
	if !ok {
		return item.Parent{}, invalidFilter(p.UIDKey, "send "+item.UIDForm)
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
	since, ok := item.ParseMoment(text)
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

// textsOf reads a parameter that is one or several short texts, each once.
func textsOf(sent url.Values, name string) (texts []string, err error) {
	for _, value := range sent[name] {
		texts = append(texts, splitAtCommas(value)...)
	}
	if len(texts) > maxValues {
		return nil, invalidFilter(name, "send at most "+strconv.Itoa(maxValues)+" values")
	}
	for _, text := range texts {
		if text == "" || len(text) > item.MaxFacetBytes || !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			return nil, invalidFilter(name, "send texts of 1 to "+strconv.Itoa(item.MaxFacetBytes)+" bytes, separated by commas")
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts), nil
}

// splitAtCommas splits a text at those commas that no backslash precedes.
func splitAtCommas(text string) []string {
	const comma = "\x00" // stands for one that does not separate; a zero byte is refused anyway
	pieces := strings.Split(strings.ReplaceAll(text, `\,`, comma), ",")
	if strings.Contains(text, comma) {
		return []string{comma}
	}
	for i := range pieces {
		pieces[i] = strings.ReplaceAll(pieces[i], comma, ",")
	}
	return pieces
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
