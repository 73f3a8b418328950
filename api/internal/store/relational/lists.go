package relational

import (
	"math"
	"strings"

	"toolbridge/api/internal/item"
)

// Listing is the conditions of a page of a list, and their arguments. Question marks
// in the conditions stand for the arguments.
type Listing struct {
	Place     string // the table along which the list walks: g with a tag, i without
	Arguments []any
	where     []string
}

// List is the listing of a query over the tables "item i" and, with a tag,
// "item_term g". Its text consists of constants only.
func List(query item.Query) Listing {
	l, f := Listing{Place: "i"}, query.Filter
	if f.Tag != "" {
		l.Place = "g"
	}
	l.restrict(l.Place+".tenant = ? AND "+l.Place+".owner = ? AND "+l.Place+".kind = ?", query.Tenant, query.User, string(query.Kind))
	if f.Tag != "" {
		l.restrict("g.term = ?", item.TagTerm(f.Tag))
	}
	if f.Parent.UID != "" {
		l.restrict("i.parent_uid = ? AND i.parent_uid <> ''", f.Parent.UID)
	}
	if f.Parent.Kind != "" {
		l.restrict("i.parent_kind = ?", string(f.Parent.Kind))
	}
	if f.Status != "" {
		l.restrict("i.status = ? AND i.status <> ''", f.Status)
	}
	if f.Archived != nil {
		l.restrict("i.archived = ?", *f.Archived)
	}
	if !query.IncludeDeleted {
		l.restrict("i.deleted_ms IS NULL")
	}
	l.walk(query)
	return l
}

// Where is all conditions together.
func (l *Listing) Where() string { return strings.Join(l.where, " AND ") }

func (l *Listing) restrict(condition string, arguments ...any) {
	l.where = append(l.where, condition)
	l.Arguments = append(l.Arguments, arguments...)
}

// walk restricts the listing to items after the cursor. In ascending order, the
// Since of the filter is part of the cursor.
func (l *Listing) walk(query item.Query) {
	columns := "(" + l.Place + ".stored_ms, " + l.Place + ".uid)"
	since := item.Millis(math.MinInt64)
	if query.Filter.Since != nil {
		since = *query.Filter.Since
	}
	if query.Descending {
		from := item.Cursor{StoredAt: math.MaxInt64}
		if query.After != nil {
			from = *query.After
		}
		l.restrict(columns+" < (?, ?)", int64(from.StoredAt), from.UID)
		if query.Filter.Since != nil {
			l.restrict(l.Place+".stored_ms >= ?", int64(since))
		}
		return
	}
	from := item.Cursor{StoredAt: since}
	if query.After != nil && query.After.StoredAt >= since {
		from = *query.After
	}
	l.restrict(columns+" > (?, ?)", int64(from.StoredAt), from.UID)
}

// Order is the order of a list by the columns of a table, or by those of the SELECT
// itself for "".
func Order(table string, descending bool) string {
	if table != "" {
		table += "."
	}
	if descending {
		return table + "stored_ms DESC, " + table + "uid DESC"
	}
	return table + "stored_ms, " + table + "uid"
}
