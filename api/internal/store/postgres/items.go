package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
)

// Get implements item.Store.
func (s *Store) Get(ctx context.Context, ref item.Ref) (found *item.Item, err error) {
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		read, err := scan(conn.QueryRow(ctx, sqlItem, key(ref)...))
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return nil
		case err != nil:
			return classify(err)
		}
		found = &read
		return nil
	})
	return found, err
}

// List implements item.Store.
func (s *Store) List(ctx context.Context, query item.Query) (items []item.Item, more bool, err error) {
	text, arguments := listStatement(query)
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, text, arguments...)
		if err != nil {
			return classify(err)
		}
		items, more, err = page(rows, query.Limit)
		return classify(err)
	})
	if err != nil {
		return nil, false, err
	}
	return items, more, nil
}

// page takes the rows that belong to a page, and tells whether one was left.
func page(rows pgx.Rows, limit int) (items []item.Item, more bool, err error) {
	defer rows.Close()
	for rows.Next() {
		found, err := scan(rows)
		if err != nil {
			return nil, false, err
		}
		if len(items) == limit || found.Payload == nil {
			return items, true, nil
		}
		items = append(items, found)
	}
	return items, false, rows.Err()
}

// Apply implements item.Store.
func (s *Store) Apply(ctx context.Context, write item.Write, change item.Change) (next *item.Item, err error) {
	err = s.ApplyAll(ctx, write.Batch(func(seen item.Seen) (*item.Item, error) {
		var refusal error
		next, refusal = change(seen)
		return next, refusal
	}))
	if err != nil {
		return nil, err
	}
	return next, nil
}

// ApplyAll implements item.Store.
func (s *Store) ApplyAll(ctx context.Context, batch item.Batch) error {
	return s.transact(ctx, account.Owner(batch.Owner), func(ctx context.Context, conn *pgx.Conn) error {
		return newSteps(conn, batch).run(ctx)
	})
}

func key(ref item.Ref) []any {
	return []any{ref.Tenant, ref.User, string(ref.Kind), ref.UID}
}

func values(next *item.Item) []any {
	var deleted any
	if next.DeletedAt != nil {
		deleted = int64(*next.DeletedAt)
	}
	return []any{next.Version, int64(next.UpdatedAt), int64(next.StoredAt), deleted,
		string(next.Parent.Kind), next.Parent.UID, next.Payload,
		next.Facets.Status, next.Facets.Archived, tagsOf(next)}
}

// scan reads the columns of an item, and any that follow into more.
func scan(row pgx.Row, more ...any) (item.Item, error) {
	var (
		found   item.Item
		deleted *int64
		updated int64
		stored  int64
		kind    string
	)
	columns := []any{&found.UID, &found.Version, &updated, &stored, &deleted, &kind, &found.Parent.UID, &found.Payload}
	err := row.Scan(append(columns, more...)...)
	found.UpdatedAt, found.StoredAt, found.Parent.Kind = item.Millis(updated), item.Millis(stored), entity.Kind(kind)
	if deleted != nil {
		at := item.Millis(*deleted)
		found.DeletedAt = &at
	}
	return found, err
}
