package sqlite

import (
	"context"
	"database/sql"
	"math"
	"strings"

	"toolbridge/api/internal/item"
)

// listing is the statement of one page and its arguments, as they are put
// together. Every text is made of the constants below.
type listing struct {
	where     []string
	arguments []any
}

func (l *listing) restrict(condition string, arguments ...any) {
	l.where = append(l.where, condition)
	l.arguments = append(l.arguments, arguments...)
}

// listStatement gives the statement of a page: a walk along the one index that
// the most telling filter has, from the cursor on. The index is named, because
// the planner would else be free to take another one and sort.
func listStatement(query item.Query) (text string, arguments []any) {
	from, place, l := "item i INDEXED BY "+listIndex(query), "i", listing{}
	f := query.Filter
	if f.Tag != "" {
		from, place = "item_tag g CROSS JOIN item i ON i.tenant = g.tenant AND i.owner = g.owner AND i.kind = g.kind AND i.uid = g.uid", "g"
	}
	l.restrict(place+".tenant = ? AND "+place+".owner = ? AND "+place+".kind = ?", query.Tenant, query.User, string(query.Kind))
	if f.Tag != "" {
		l.restrict("g.tag = ?", f.Tag)
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
	order := l.walk(query, place)
	l.arguments = append(l.arguments, query.Limit+1) // one more, to know of it
	return "SELECT i.uid, i.version, i.updated_ms, i.stored_ms, i.deleted_ms, i.parent_kind, i.parent_uid, i.payload FROM " + from +
		" WHERE " + strings.Join(l.where, " AND ") + " ORDER BY " + order + " LIMIT ?", l.arguments
}

// listIndex names the index of a list without a tag.
func listIndex(query item.Query) string {
	switch f := query.Filter; {
	case f.Parent.UID != "":
		return "item_by_parent"
	case f.Status != "":
		return "item_by_status"
	case f.Archived != nil:
		return "item_by_archived"
	case query.IncludeDeleted:
		return "item_all_by_time"
	}
	return "item_live_by_time"
}

// walk restricts the listing to what comes after the cursor, and gives the order.
// The first moment is part of the cursor of an ascending walk.
func (l *listing) walk(query item.Query, place string) (order string) {
	columns := "(" + place + ".stored_ms, " + place + ".uid)"
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
			l.restrict(place+".stored_ms >= ?", int64(since))
		}
		return place + ".stored_ms DESC, " + place + ".uid DESC"
	}
	from := item.Cursor{StoredAt: since}
	if query.After != nil && query.After.StoredAt >= since {
		from = *query.After
	}
	l.restrict(columns+" > (?, ?)", int64(from.StoredAt), from.UID)
	return place + ".stored_ms, " + place + ".uid"
}

// list gives the prepared statement of a text. There are not many texts: each
// filter is there or not.
func (r *readStatements) list(ctx context.Context, db *sql.DB, text string) (*sql.Stmt, error) {
	if statement, known := r.lists.Load(text); known {
		return statement.(*sql.Stmt), nil
	}
	statement, err := db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	first, known := r.lists.LoadOrStore(text, statement)
	if known {
		_ = statement.Close() // another call was faster
	}
	return first.(*sql.Stmt), nil
}
