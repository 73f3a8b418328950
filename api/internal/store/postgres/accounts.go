package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/store/relational"
)

// State implements account.Store.
func (s *Store) State(ctx context.Context, owner account.Owner, sessionID string) (state account.State, err error) {
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		var ended bool
		row := conn.QueryRow(ctx, sqlState, owner.Tenant, owner.User, sessionID)
		state, err = relational.ScanState(row, &ended)
		state.SessionEnded = ended
		return classify(err)
	})
	return state, err
}

// EndSession implements account.Store.
func (s *Store) EndSession(ctx context.Context, owner account.Owner, sessionID string, expires, now time.Time) error {
	return s.transact(ctx, owner, func(ctx context.Context, conn *pgx.Conn) error {
		all := &pgx.Batch{}
		all.Queue(sqlBegin)
		all.Queue(sqlPurgeEnded, now.UnixMilli())
		all.Queue(sqlEndSession, owner.Tenant, sessionID, expires.UnixMilli())
		return commit(ctx, conn, all)
	})
}

// Wipe implements account.Store.
func (s *Store) Wipe(ctx context.Context, owner account.Owner, epoch int64, now func() time.Time) (
	state account.State, deleted map[string]int64, err error,
) {
	err = s.transact(ctx, owner, func(ctx context.Context, conn *pgx.Conn) error {
		current, err := beginInTurn(ctx, conn, owner)
		switch {
		case err != nil:
			return err
		case current != epoch:
			return account.ErrNoSession
		}
		last := &pgx.Batch{}
		last.Queue(sqlDeleteOwners, owner.Tenant, owner.User).Query(func(rows pgx.Rows) error {
			deleted, err = counts(rows)
			return err
		})
		last.Queue(sqlDeleteTags, owner.Tenant, owner.User)
		last.Queue(sqlDeleteAnswers, owner.Tenant, owner.User)
		last.Queue(sqlRaiseEpoch, owner.Tenant, owner.User, now().UnixMilli()).QueryRow(func(row pgx.Row) error {
			state, err = relational.ScanState(row)
			return err
		})
		return commit(ctx, conn, last)
	})
	if err != nil {
		return account.State{}, nil, err
	}
	return state, deleted, nil
}

func counts(rows pgx.Rows) (map[string]int64, error) {
	counted := make(map[string]int64)
	var kind string
	var count int64
	_, err := pgx.ForEachRow(rows, []any{&kind, &count}, func() error {
		counted[kind] = count
		return nil
	})
	return counted, err
}
