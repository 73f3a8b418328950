package httpapi

import (
	"net/http"
	"net/url"
	"slices"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/search"
)

const usualFound, mostFound = 10, 50

// searchRoute is the search over the items of all entities.
func (a *API) searchRoute() route {
	parameters := []parameter{
		required(queryParameter("q", "Words, the last one also as a beginning if nothing follows it; \"phrases\"; -word and -\"phrase\" for what must not be there. "+
			"Nothing else has a meaning: every text is a query. At most 1,000 bytes and 32 words.",
			object{"type": "string", "maxLength": search.MaxQueryBytes}, fault.InvalidSearch)),
		kindsParameter,
		queryParameter("limit", "Most items of a page; 10 unless given, and never more than 50.", object{"type": "integer", "minimum": 1}, fault.InvalidLimit),
		cursorParameter,
	}
	return route{
		method: "GET", pattern: "/v1/search", guards: a.synced(auth.Read), handle: a.search,
		id: "search", tag: "search", summary: "Find items by their text, the best match first",
		parameters: append(parameters, searchFilters()...),
		success:    success{schema: schemaRef("Results"), example: object{"items": []object{}}},
	}
}

func required(p parameter) parameter {
	p.required, p.example = true, "milk"
	return p
}

// searchFilters are the filters of all lists.
func searchFilters() (filters []parameter) {
	for _, e := range entity.Table {
		for _, p := range filterParameters(e) {
			if !slices.ContainsFunc(filters, func(known parameter) bool { return known.name == p.name }) {
				filters = append(filters, p)
			}
		}
	}
	return filters
}

func (a *API) search(c *call) (int, any, error) {
	wanted, err := a.readSearch(c)
	if err != nil {
		return 0, nil, err
	}
	results, err := a.Items.Search(c.Context(), wanted)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, resultsJSON(results), nil
}

func resultsJSON(results item.Results) rawJSON {
	b := []byte(`{"items":[`)
	for i := range results.Found {
		b = results.Found[i].AppendJSON(comma(b))
	}
	b = append(b, ']')
	if results.Next != "" {
		b = append(append(append(b, `,"nextCursor":"`...), results.Next...), '"')
	}
	return append(b, '}')
}

func (a *API) readSearch(c *call) (item.Search, error) {
	sent, err := parseQuery(c)
	if err != nil {
		return item.Search{}, err
	}
	wanted := item.Search{Owner: c.owner, Text: sent.Get("q")}
	if len(sent["q"]) != 1 {
		return wanted, fault.New(fault.InvalidSearch, "invalid q: send one text").With(fault.Facts{"field": "q"})
	}
	if wanted.Limit, err = readBound(sent, "limit", usualFound, mostFound); err != nil {
		return wanted, err
	}
	if err = a.readKindsAndFilter(c, sent, &wanted); err != nil {
		return wanted, err
	}
	switch cursors := sent["cursor"]; len(cursors) {
	case 0:
	case 1:
		err = wanted.ReadCursor(cursors[0])
	default:
		err = severalCursors()
	}
	return wanted, err
}

// readKindsAndFilter reads which kinds a search is over, and the filters. A filter that
// not every entity has restricts the search to those that have it.
func (a *API) readKindsAndFilter(c *call, sent url.Values, into *item.Search) error {
	searched, err := searchedEntities(sent)
	if err != nil {
		return err
	}
	for _, e := range searched {
		into.Kinds = append(into.Kinds, e.Kind)
	}
	filters := newCollection(a, searched[0])
	filters.foreign = nil
	if err := filters.readFilters(sent, &into.Filter); err != nil {
		return err
	}
	into.Filter.Closed = nil // differs between entities
	return a.Items.CompleteFilter(c.Context(), c.owner, searched[0], &into.Filter)
}

// searchedEntities are those of the kinds that have all filters of a search.
func searchedEntities(sent url.Values) ([]*entity.Entity, error) {
	kinds, err := readKinds(sent)
	if err != nil {
		return nil, err
	}
	searched := slices.DeleteFunc(slices.Clone(entity.Table), func(e *entity.Entity) bool {
		return len(kinds) > 0 && !slices.Contains(kinds, e.Kind)
	})
	for _, p := range searchFilters() {
		if !sent.Has(p.name) {
			continue
		}
		searched = slices.DeleteFunc(searched, func(e *entity.Entity) bool { return !hasFilter(e, p.name) })
		if len(searched) == 0 {
			return nil, invalidFilter(p.name, "no kind that is searched has this filter and the others")
		}
	}
	return searched, nil
}

func hasFilter(e *entity.Entity, name string) bool {
	return slices.ContainsFunc(filterParameters(e), func(p parameter) bool { return p.name == name })
}
