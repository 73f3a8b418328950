package sqlite

import (
	"context"
	"database/sql"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// listStatement is the statement of a page: a walk along the index of the most
// selective filter, from the cursor on. It names the index, because the planner might
// take another index and sort.
func listStatement(query item.Query) (text string, arguments []any) {
	from := "item i INDEXED BY " + listIndex(query)
	if query.Filter.Tag != "" {
		from = "item_term g CROSS JOIN item i ON i.tenant = g.tenant AND i.owner = g.owner AND i.kind = g.kind AND i.uid = g.uid"
	}
	l := relational.List(query)
	arguments = append([]any{query.WholeBytes()}, l.Arguments...)
	return "SELECT i.uid, i.version, i.created_ms, i.updated_ms, i.stored_ms, i.deleted_ms, i.parent_kind, i.parent_uid, " +
			"iif(octet_length(i.payload) <= ?, i.payload, NULL), octet_length(i.payload) FROM " + from +
			" WHERE " + l.Where() + " ORDER BY " + relational.Order(l.Place, query.Descending) + " LIMIT ?",
		append(arguments, query.Limit+1) // one more, to know whether there are more
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

// list returns the prepared statement of a text. There are few texts: each filter is
// there or not.
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
		_ = statement.Close() // another call has prepared it, too
	}
	return first.(*sql.Stmt), nil
}
