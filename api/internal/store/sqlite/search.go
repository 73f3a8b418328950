package sqlite

import (
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/search"
)

// document is the columns text_scope, text_title and text_body of saving: NULL when
// what a search finds has not changed.
func document(ref item.Ref, next *item.Item) []any {
	if next.Text == nil || next.Deleted() {
		return []any{nil, nil, nil}
	}
	row := search.NewRow(ref.Owner, ref.Kind, search.Text(*next.Text))
	return []any{row.Scope, row.Title, row.Body}
}
