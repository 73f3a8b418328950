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
func (s *Store) Get(ctx context.Context, ref item.Ref) (found *item.Item, err error) {
	err = s.readRow(ctx, runItem, s.read.item, relational.Key(ref), func(row relational.Row) error {
		read, err := relational.ScanItem(row)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err != nil:
			return err
		}
		found = &read
		return nil
	})
	return found, err
}

// GetWithState implements item.Store.
func (s *Store) GetWithState(ctx context.Context, ref item.Ref, sessionID string) (state account.State, found *item.Item, err error) {
	arguments := append(relational.Key(ref), sessionID, item.MaxWithState)
	err = s.readRow(ctx, runItemWithState, s.read.itemWithState, arguments, func(row relational.Row) error {
		state, found, err = relational.ScanItemWithState(row)
		return err
	})
	return state, found, err
}
