package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// Get implements item.Store.
func (s *Store) Get(ctx context.Context, ref item.Ref) (found *item.Item, err error) {
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
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

// page reads the rows of a page, and whether there are more.
func page(rows pgx.Rows, limit int) (items []item.Item, more bool, err error) {
	defer rows.Close()
	for rows.Next() {
		var beyond bool
		found, err := relational.ScanListed(rows, &beyond)
		if err != nil {
			return nil, false, err
		}
		if len(items) == limit || beyond {
			return items, true, nil
		}
		items = append(items, found)
	}
	return items, false, rows.Err()
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
	return s.transact(ctx, batch.Owner, func(ctx context.Context, conn *pgx.Conn) error {
		run := newBatchRun(conn, batch)
		run.scarce = scarce
		return run.run(ctx)
	})
}
