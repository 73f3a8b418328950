package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"toolbridge/api/internal/account"
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

// GetWithState implements item.Store.
func (s *Store) GetWithState(ctx context.Context, ref item.Ref, sessionID string) (account.State, *item.Item, error) {
	row := s.read.itemWithState.QueryRowContext(ctx, append(relational.Key(ref), sessionID, item.MaxWithState)...)
	state, found, err := relational.ScanItemWithState(row)
	return state, found, classify(err)
}
