package sqlite

import (
	"context"
	"encoding/json"
	"slices"

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

// maxWaiting bounds the bytes of the texts that wait for their place in the index.
const maxWaiting = 1 << 20

// waiting are texts of a transaction that get into the index together: FTS5 writes a part
// of its own for each statement, and then has to merge the parts.
type waiting struct {
	rows  [][5]string // kind, uid, scope, title and body
	bytes int
}

func (w *waiting) add(ref item.Ref, text item.Text) {
	row := search.NewRow(ref.Owner, ref.Kind, search.Text(text))
	w.rows = append(w.rows, [5]string{string(ref.Kind), ref.UID, row.Scope, row.Title, row.Body})
	w.bytes += len(row.Title) + len(row.Body)
}

// indexesLast reports whether the texts of a batch wait for its end. For a few writes
// that would be one more statement for little.
func indexesLast(batch item.Batch) bool {
	const few = 4
	selects := func(w item.Write) bool { return w.Where != nil }
	return len(batch.Writes) > few || slices.ContainsFunc(batch.Writes, selects)
}

// documentOf is document for a write of the batch, unless its text waits. A tombstone is
// not found, so no text may wait for longer than that.
func (m *maker) documentOf(ctx context.Context, ref item.Ref, next *item.Item) ([]any, error) {
	switch {
	case !m.indexesLast:
		return document(ref, next), nil
	case next.Deleted():
		return document(ref, next), m.index(ctx)
	case next.Text != nil:
		m.waiting.add(ref, *next.Text)
	}
	none := document(ref, &item.Item{})
	if m.waiting.bytes < maxWaiting {
		return none, nil
	}
	return none, m.index(ctx)
}

// index puts the texts that wait into the index.
func (m *maker) index(ctx context.Context) error {
	if len(m.waiting.rows) == 0 {
		return nil
	}
	rows, _ := json.Marshal(m.waiting.rows) // strings can always be encoded
	m.waiting = waiting{}
	return execute(ctx, runIndex, m.tx.StmtContext(ctx, m.write.index), m.batch.Tenant, m.batch.User, string(rows))
}
