package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// Get implements item.Store.
func (s *Store) Get(ctx context.Context, ref item.Ref) (*item.Item, error) {
	found, err := relational.ScanItem(s.read.item.QueryRowContext(ctx, relational.Key(ref)...))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, classify(err)
	}
	return &found, nil
}

// List implements item.Store.
func (s *Store) List(ctx context.Context, query item.Query) (items []item.Item, more bool, err error) {
	text, arguments := listStatement(query)
	statement, err := s.read.list(ctx, s.reader, text)
	if err != nil {
		return nil, false, classify(err)
	}
	rows, err := statement.QueryContext(ctx, arguments...)
	if err != nil {
		return nil, false, classify(err)
	}
	defer rows.Close()
	for size := 0; rows.Next(); {
		found, err := relational.ScanListed(rows)
		if err != nil {
			return nil, false, classify(err)
		}
		size += len(found.Payload)
		if found.Size > 0 {
			size += item.ReducedBytes
		}
		if len(items) == query.Limit || len(items) > 0 && size > query.MaxBytes {
			return items, true, nil
		}
		items = append(items, found)
	}
	return items, false, classify(rows.Err())
}
