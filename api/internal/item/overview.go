package item

import (
	"cmp"
	"context"
	"slices"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
)

// MaxOverview is how many items a section of an overview shows.
const MaxOverview = 10

// inProgress is the state of what somebody works on.
const inProgress = "in_progress"

// readFlag is the filter by whether somebody has read an item.
const readFlag = "read"

// Overview is what an owner has, in short. Changed is by kind, for those without a
// parent.
type Overview struct {
	Now        Millis
	Today      string // the date in the zone
	Tallies    []Tally
	Overdue    Section
	DueSoon    Section
	InProgress Section
	Unread     Section
	Changed    map[entity.Kind]Section
}

// Section is the first items of a list, and how many it has, as far as they were counted.
type Section struct {
	Items []Shown
	Total int
}

// Shown is a summary of an item of a kind.
type Shown struct {
	Kind entity.Kind
	Item
}

// Horizon says what is overdue at a moment, and what is due soon. A due date without a
// time is the whole day in the zone.
type Horizon struct {
	Now    time.Time
	Zone   *time.Location
	Within int // days, today not counted
}

// passed is the deadline of what is overdue.
func (h Horizon) passed() *Deadline {
	year, month, day := h.Now.In(h.Zone).Date()
	return &Deadline{Day: MillisOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC)), Moment: MillisOf(h.Now)}
}

// soon is the deadline of what is due soon: the end of the last day.
func (h Horizon) soon() *Deadline {
	year, month, day := h.Now.In(h.Zone).Date()
	midnight := func(zone *time.Location) Millis {
		return MillisOf(time.Date(year, month, day+h.Within+1, 0, 0, 0, 0, zone))
	}
	return &Deadline{Day: midnight(time.UTC), Moment: midnight(h.Zone)}
}

// Overview reads it in one statement for the numbers, and one for each section and kind
// of item in it. Each counts up to MaxTotal.
func (s *Service) Overview(ctx context.Context, owner account.Owner, h Horizon) (found Overview, err error) {
	found = Overview{Now: MillisOf(h.Now), Today: h.Now.In(h.Zone).Format(time.DateOnly), Changed: map[entity.Kind]Section{}}
	if found.Tallies, err = s.Store.Tally(ctx, owner, kindsOf(entity.Table), MaxTotal+1); err != nil {
		return Overview{}, err
	}
	r := sectionReader{ctx: ctx, service: s, owner: owner}
	open := false
	dated, working, read := tableWith(hasDue), tableWith(canBeInProgress), tableWith(canBeRead)
	found.Overdue = r.section(dated, Query{Sort: ByDue, Filter: Filter{Closed: &open, DueBefore: h.passed()}})
	found.DueSoon = r.section(dated, Query{Sort: ByDue, Filter: Filter{Closed: &open, DueAfter: h.passed(), DueBefore: h.soon()}})
	found.InProgress = r.section(working, Query{Descending: true, Filter: Filter{Status: []string{inProgress}}})
	found.Unread = r.section(read, Query{Descending: true, Filter: Filter{Closed: &open, Terms: [][]string{{readFlag + ":false"}}}})
	for _, e := range tableWith(isRoot) {
		found.Changed[e.Kind] = r.section([]*entity.Entity{e}, Query{Descending: true})
	}
	return found, r.err
}

// sectionReader reads sections until one fails.
type sectionReader struct {
	ctx     context.Context
	service *Service
	owner   account.Owner
	err     error
}

// section is the first items of a list of several kinds. What is sorted by time of change
// is counted only with a filter.
func (r *sectionReader) section(entities []*entity.Entity, query Query) (all Section) {
	query.Owner, query.Limit, query.MaxBytes, query.Summaries = r.owner, MaxOverview, MaxPageBytes, true
	query.Count = query.Filter.Status != nil || query.Filter.Closed != nil
	for _, e := range entities {
		query.Kind = e.Kind
		if r.err != nil {
			return Section{}
		}
		var page Page
		page, r.err = r.service.List(r.ctx, query)
		for _, each := range page.Items {
			all.Items = append(all.Items, Shown{e.Kind, each})
		}
		all.Total = min(all.Total+page.Total, MaxTotal+1)
	}
	slices.SortStableFunc(all.Items, func(a, b Shown) int {
		if query.Sort == ByDue {
			return cmp.Compare(*a.Facets.Due, *b.Facets.Due)
		}
		return cmp.Compare(b.StoredAt, a.StoredAt)
	})
	all.Items = all.Items[:min(len(all.Items), MaxOverview)]
	return all
}

// tableWith is the entities for which something holds.
func tableWith(holds func(*entity.Entity) bool) (all []*entity.Entity) {
	for _, e := range entity.Table {
		if holds(e) {
			all = append(all, e)
		}
	}
	return all
}

func kindsOf(entities []*entity.Entity) []entity.Kind {
	kinds := make([]entity.Kind, len(entities))
	for i, e := range entities {
		kinds[i] = e.Kind
	}
	return kinds
}

func hasDue(e *entity.Entity) bool          { return e.Due != "" }
func isRoot(e *entity.Entity) bool          { return e.Parent == nil }
func canBeInProgress(e *entity.Entity) bool { return slices.Contains(e.States(), inProgress) }

func canBeRead(e *entity.Entity) bool {
	return slices.ContainsFunc(e.Filters, func(f entity.Filter) bool { return f.Flag && f.Name == readFlag })
}
