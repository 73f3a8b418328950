package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// Get implements item.Store.
func (s *Store) Get(ctx context.Context, ref item.Ref) (found *item.Item, err error) {
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return runItem.Run(ctx, func() error {
			read, err := relational.ScanItem(conn.QueryRow(ctx, sqlItem, relational.Key(ref)...))
			switch {
			case errors.Is(err, pgx.ErrNoRows):
				return nil
			case err != nil:
				return classify(err)
			}
			found = &read
			return nil
		})
	})
	return found, err
}

// GetWithState implements item.Store.
func (s *Store) GetWithState(ctx context.Context, ref item.Ref, sessionID string) (state account.State, found *item.Item, err error) {
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return runItemWithState.Run(ctx, func() error {
			row := conn.QueryRow(ctx, sqlItemWithState, append(relational.Key(ref), sessionID, item.MaxWithState)...)
			state, found, err = relational.ScanItemWithState(row)
			return classify(err)
		})
	})
	return state, found, err
}

// Write implements item.Store. On a full disk, a batch that makes room is tried once
// more, since it then takes less room itself.
func (s *Store) Write(ctx context.Context, batch item.Batch) error {
	err := s.write(ctx, batch, false)
	if !isDiskFull(err) {
		return err
	}
	s.fullAt.Store(time.Now().UnixNano())
	if batch.Frees() {
		return s.write(ctx, batch, true)
	}
	return err
}

func (s *Store) write(ctx context.Context, batch item.Batch, scarce bool) error {
	var run *batchRun
	err := s.transact(ctx, batch.Owner, func(ctx context.Context, conn *pgx.Conn) error {
		run = newBatchRun(conn, batch)
		run.scarce = scarce
		return run.run(ctx)
	})
	if err == nil {
		if lines, look := s.statistics.note(run.lines()); look {
			go s.look(lines)
		}
	}
	return err
}
