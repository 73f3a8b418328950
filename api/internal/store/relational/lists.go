package relational

import (
	"math"
	"strings"

	"toolbridge/api/internal/item"
)

// Dialect is how a database says what databases say differently.
type Dialect struct {
	// From is "item i", or "item_term g" joined with it, read along the place of a walk.
	From func(Walk) string

	// OneOf is a condition: a column has one of some texts.
	OneOf func(column string, texts []string) (condition string, argument any)

	// HasOneOf is a condition: "item i" has one of some terms.
	HasOneOf func(terms []string) (condition string, argument any)

	Named    string // joins "item i" to rows m of uids; its arguments are tenant, owner and kind
	DueOnDay string // condition: the due date of "item i" is one without a time
	Kind     string // a question mark that is compared with kinds
	Title    string // of "item p", from its summary
}

// Walk is a way along one index, of which a list or a count takes the first rows. Question
// marks in the conditions stand for the arguments.
type Walk struct {
	Place     string // the table along which it goes: g, which is item_term, or i
	Index     string // of item, if it goes along i
	Column    string // by which the rows come in order, and then by uid; empty: by uid alone
	NoDue     bool   // of the items without a due date
	Arguments []any
	where     []string
}

// Where is all conditions together.
func (w *Walk) Where() string { return strings.Join(w.where, " AND ") }

// Order is the order in which the rows of the walk come.
func (w *Walk) Order(descending bool) string {
	direction := ""
	if descending {
		direction = " DESC"
	}
	order := w.Place + ".uid" + direction
	if w.Column != "" {
		order = w.Place + "." + w.Column + direction + ", " + order
	}
	return order
}

func (w *Walk) restrict(condition string, arguments ...any) {
	w.where = append(w.where, condition)
	w.Arguments = append(w.Arguments, arguments...)
}

// lists makes the walks of a query. Their texts consist of constants only.
type lists struct {
	Dialect
	query item.Query
	apart bool // no item is on two walks
}

// Walks are those of a page: its rows are the first ones of all walks together. Items
// of several tags are on several walks.
func (d Dialect) Walks(query item.Query) []Walk {
	l := lists{Dialect: d, query: query}
	switch query.Sort {
	case item.ByTitle:
		return []Walk{l.alongTitle()}
	case item.ByCreation:
		w := l.walk("item_by_created", "created_ms")
		w.along(span{}, query)
		l.restrict(&w, nothing)
		return []Walk{w}
	case item.ByDue:
		return l.alongDue()
	}
	return l.alongChange()
}

// Counting are the walks along which the matches of a query are counted. Each match is on
// one of them.
func (d Dialect) Counting(query item.Query) []Walk {
	query.After, query.Sort, query.Descending = nil, item.ByChange, false
	l, f := lists{Dialect: d, query: query, apart: true}, query.Filter
	dated := f.DueBefore != nil || f.DueAfter != nil
	if dated && len(f.Tags) == 0 && f.Parent.UID == "" && !query.IncludeDeleted {
		return l.alongDue()
	}
	return l.alongChange()
}

// The filters that the place of a walk implies.
const (
	nothing = iota
	tags
	firstTerms
	parent
	status
	archived
)

// alongChange is one walk for each value of the filter that is likely to let the fewest
// items through.
func (l lists) alongChange() (walks []Walk) {
	add := func(index string, implied int, condition string, values ...string) {
		for n, value := range values {
			w := l.walk(index, "stored_ms")
			w.restrict(condition, value)
			if l.apart && w.Place == "g" && n > 0 {
				earlier, argument := l.HasOneOf(values[:n])
				w.restrict("NOT ("+earlier+")", argument)
			}
			walks = append(walks, l.changed(w, implied))
		}
	}
	switch f := l.query.Filter; {
	case len(f.Tags) > 0:
		add("", tags, "g.term = ?", tagTerms(f.Tags)...)
	case f.Parent.UID != "":
		add("item_by_parent", parent, "i.parent_uid = ? AND i.parent_uid <> ''", f.Parent.UID)
	case len(f.Terms) > 0:
		add("", firstTerms, "g.term = ?", f.Terms[0]...)
	case len(f.Status) > 0:
		add("item_by_status", status, "i.status = ? AND i.status <> ''", f.Status...)
	case f.Archived != nil:
		w := l.walk("item_by_archived", "stored_ms")
		w.restrict("i.archived = ?", *f.Archived)
		return []Walk{l.changed(w, archived)}
	case l.query.IncludeDeleted:
		return []Walk{l.changed(l.walk("item_all_by_time", "stored_ms"), nothing)}
	default:
		return []Walk{l.changed(l.walk("item_live_by_time", "stored_ms"), nothing)}
	}
	return walks
}

// changed completes a walk by change.
func (l lists) changed(w Walk, implied int) Walk {
	w.along(span{from: l.query.Filter.Since}, l.query)
	l.restrict(&w, implied)
	return w
}

// alongDue is a walk for what is closed and one for the rest, unless the filter has only
// one of them; and as many for what has no due date, unless the filter demands one.
func (l lists) alongDue() (walks []Walk) {
	f, after := l.query.Filter, l.query.After
	for _, closed := range []bool{false, true} {
		if f.Closed != nil && *f.Closed != closed {
			continue
		}
		dated := f.DueBefore != nil || f.DueAfter != nil
		if after == nil || !after.NoDue || dated {
			w := l.walk("item_by_due", "due_ms")
			w.restrict("i.closed = ? AND i.due_ms IS NOT NULL", closed)
			w.along(dueSpan(f), l.query)
			l.restrict(&w, nothing)
			walks = append(walks, w)
		}
		if !dated {
			walks = append(walks, l.withoutDue(closed))
		}
	}
	return walks
}

// withoutDue is the walk of what has no due date.
func (l lists) withoutDue(closed bool) Walk {
	w := l.walk("item_by_due", "due_ms")
	w.NoDue = true
	w.restrict("i.closed = ? AND i.due_ms IS NULL", closed)
	if after := l.query.After; after != nil && after.NoDue {
		w.restrict("i.uid "+comparison(l.query)+" ?", after.UID)
	}
	l.restrict(&w, nothing)
	return w
}

func (l lists) alongTitle() Walk {
	w := l.walk("item_by_title", "title")
	if after := l.query.After; after != nil {
		w.restrict("(i.title, i.uid) "+comparison(l.query)+" (?, ?)", after.Title, after.UID)
	}
	l.restrict(&w, nothing)
	return w
}

// walk begins a walk along an index of item, or along item_term without one.
func (l lists) walk(index, column string) Walk {
	w := Walk{Place: "i", Index: index, Column: column}
	if index == "" {
		w.Place = "g"
	}
	q, p := l.query, w.Place
	w.restrict(p+".tenant = ? AND "+p+".owner = ? AND "+p+".kind = ?", q.Tenant, q.User, string(q.Kind))
	return w
}

// span is the times from a first one on up to before a last one; nil is without end.
type span struct{ from, to *item.Millis }

// along restricts a walk by time to a span, from the cursor on.
func (w *Walk) along(s span, query item.Query) {
	column, after := w.Place+"."+w.Column, query.After
	from, to := item.Cursor{At: math.MinInt64}, item.Cursor{At: math.MaxInt64}
	if s.from != nil {
		from.At = *s.from
	}
	if s.to != nil {
		to.At = *s.to
	}
	both := "(" + column + ", " + w.Place + ".uid) " + comparison(query) + " (?, ?)"
	if query.Descending {
		if after != nil && after.At < to.At {
			to = *after
		}
		w.restrict(both, int64(to.At), to.UID)
		if s.from != nil {
			w.restrict(column+" >= ?", int64(from.At))
		}
		return
	}
	if after != nil && after.At >= from.At {
		from = *after
	}
	w.restrict(both, int64(from.At), from.UID)
	if s.to != nil {
		w.restrict(column+" < ?", int64(to.At))
	}
}

func comparison(query item.Query) string {
	if query.Descending {
		return "<"
	}
	return ">"
}

// restrict adds the filters that the place of a walk does not imply.
func (l lists) restrict(w *Walk, implied int) {
	f := l.query.Filter
	if f.Parent.UID != "" && implied != parent {
		w.restrict("i.parent_uid = ? AND i.parent_uid <> ''", f.Parent.UID)
	}
	if f.Parent.Kind != "" {
		w.restrict("i.parent_kind = ?", string(f.Parent.Kind))
	}
	if len(f.Status) > 0 && implied != status {
		l.oneOf(w, "", f.Status)
	}
	if len(f.NotStatus) > 0 {
		l.oneOf(w, "NOT ", f.NotStatus)
	}
	if f.Archived != nil && implied != archived {
		w.restrict("i.archived = ?", *f.Archived)
	}
	if f.Closed != nil && w.Column != "due_ms" {
		w.restrict("i.closed = ?", *f.Closed)
	}
	l.terms(w, implied)
	if f.Since != nil && w.Column != "stored_ms" {
		w.restrict("i.stored_ms >= ?", int64(*f.Since))
	}
	l.deadlines(w)
	if !l.query.IncludeDeleted {
		w.restrict("i.deleted_ms IS NULL")
	}
}

func (l lists) oneOf(w *Walk, prefix string, statuses []string) {
	if len(statuses) == 1 {
		w.restrict(prefix+"i.status = ?", statuses[0])
		return
	}
	condition, argument := l.OneOf("i.status", statuses)
	w.restrict(prefix+condition, argument)
}

// terms restricts a walk to items that have one of each group of terms.
func (l lists) terms(w *Walk, implied int) {
	groups := l.query.Filter.Terms
	if implied == firstTerms {
		groups = groups[1:]
	}
	if all := l.query.Filter.Tags; len(all) > 0 && implied != tags {
		groups = append([][]string{tagTerms(all)}, groups...)
	}
	for _, group := range groups {
		condition, argument := l.HasOneOf(group)
		w.restrict(condition, argument)
	}
}

// dueSpan is the span that has all due dates of a filter, whether they have a time or not.
func dueSpan(f item.Filter) (s span) {
	if d := f.DueAfter; d != nil {
		from := min(d.Day, d.Moment)
		s.from = &from
	}
	if d := f.DueBefore; d != nil {
		to := max(d.Day, d.Moment)
		s.to = &to
	}
	return s
}

// deadlines restricts a walk to the due dates of the filter. Between the day and the
// moment of a deadline, it depends on whether a due date has a time.
func (l lists) deadlines(w *Walk) {
	f := l.query.Filter
	s := dueSpan(f)
	if s.from != nil && w.Column != "due_ms" {
		w.restrict("i.due_ms >= ?", int64(*s.from))
	}
	if s.to != nil && w.Column != "due_ms" {
		w.restrict("i.due_ms < ?", int64(*s.to))
	}
	if d := f.DueAfter; d != nil && d.Day != d.Moment {
		w.restrict("NOT (i.due_ms < ? AND "+l.counted(d)+")", int64(max(d.Day, d.Moment)))
	}
	if d := f.DueBefore; d != nil && d.Day != d.Moment {
		w.restrict("(i.due_ms < ? OR "+l.counted(d)+")", int64(min(d.Day, d.Moment)))
	}
}

// counted says which due dates between the day and the moment of a deadline are before it.
func (l lists) counted(d *item.Deadline) string {
	if d.Moment < d.Day {
		return l.DueOnDay
	}
	return "NOT " + l.DueOnDay
}

// tagTerms are the terms of tags.
func tagTerms(tags []string) []string {
	all := make([]string, len(tags))
	for i, tag := range tags {
		all[i] = item.TagTerm(tag)
	}
	return all
}
