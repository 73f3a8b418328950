package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/store/relational"
)

// State implements account.Store.
func (s *Store) State(ctx context.Context, owner account.Owner, sessionID string) (state account.State, err error) {
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return runState.Run(ctx, func() error {
			state, err = relational.ScanState(conn.QueryRow(ctx, sqlState, owner.Tenant, owner.User, sessionID))
			return classify(err)
		})
	})
	return state, err
}

// Usage implements account.Store.
func (s *Store) Usage(ctx context.Context, owner account.Owner) (used account.Usage, err error) {
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return runUsage.Run(ctx, func() error {
			used, err = relational.ScanUsage(conn.QueryRow(ctx, sqlUsage, owner.Tenant, owner.User))
			return classify(err)
		})
	})
	return used, err
}

// MostUsed implements account.Store.
func (s *Store) MostUsed(ctx context.Context, tenant string) (items, bytes int64, err error) {
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return runMostUsed.Run(ctx, func() error { return classify(conn.QueryRow(ctx, sqlMostUsed, tenant).Scan(&items, &bytes)) })
	})
	return items, bytes, err
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

// Count implements account.Store.
func (s *Store) Count(ctx context.Context, owner account.Owner) (counted map[string]int64, err error) {
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return runCount.Run(ctx, func() error {
			rows, err := conn.Query(ctx, sqlCountByKind, owner.Tenant, owner.User)
			if err == nil {
				counted, err = counts(rows)
			}
			return classify(err)
		})
	})
	return counted, err
}

// forgetAtOnce is how many contents of a journal a transaction drops at most.
const forgetAtOnce = 20_000

// errLongHistory says that a journal keeps more contents than a wipe should drop.
var errLongHistory = errors.New("the history is long")

// Wipe implements account.Store. Most of a long history is dropped before, by
// transactions of its own, since the wipe has to end in time. If the wipe fails after
// all, that much of the history is gone, and the next wipe has less to do.
func (s *Store) Wipe(ctx context.Context, owner account.Owner, epoch int64, by journal.Origin, now func() time.Time) (
	account.State, map[string]int64, error,
) {
	for {
		w := wiping{owner: owner, line: journal.Line{Epoch: epoch, Change: journal.Change{Name: journal.Wiped}, Origin: by}}
		err := s.atEpoch(ctx, owner, epoch, func(ctx context.Context, conn *pgx.Conn) error { return w.run(ctx, conn, now()) })
		if errors.Is(err, errLongHistory) {
			err = s.atEpoch(ctx, owner, epoch, func(ctx context.Context, conn *pgx.Conn) error { return forget(ctx, conn, owner) })
			if err == nil {
				continue
			}
		}
		return w.state, w.deleted, err
	}
}

// atEpoch runs do in a transaction of the owner's turn, unless the owner is at another
// epoch.
func (s *Store) atEpoch(ctx context.Context, owner account.Owner, epoch int64, do func(ctx context.Context, conn *pgx.Conn) error) error {
	return s.transact(ctx, owner, func(ctx context.Context, conn *pgx.Conn) error {
		current, err := beginInTurn(ctx, conn, owner)
		switch {
		case err != nil:
			return err
		case current != epoch:
			return account.ErrNoSession
		}
		return do(ctx, conn)
	})
}

// forget drops the oldest contents of the owner's journal.
func forget(ctx context.Context, conn *pgx.Conn, owner account.Owner) error {
	last := &pgx.Batch{}
	last.Queue(sqlForgetOldest, owner.Tenant, owner.User, forgetAtOnce)
	return commit(ctx, conn, last)
}

// wiping is a wipe, and what it returns.
type wiping struct {
	owner   account.Owner
	line    journal.Line // not chained yet
	state   account.State
	deleted map[string]int64
}

// run deletes what the owner has and commits.
func (w *wiping) run(ctx context.Context, conn *pgx.Conn, at time.Time) error {
	raise, err := w.raiseEpoch(ctx, conn, item.MillisOf(at))
	if err != nil {
		return err
	}
	tenant, user := w.owner.Tenant, w.owner.User
	last := &pgx.Batch{}
	last.Queue(sqlDeleteOwners, tenant, user).Query(func(rows pgx.Rows) (err error) {
		w.deleted, err = counts(rows)
		return err
	})
	last.Queue(sqlForgetContent, tenant, user)
	text, arguments := raise.complete(sqlRaiseEpoch, at.UnixMilli(), at.UnixMilli())
	last.Queue(text, arguments...).QueryRow(func(row pgx.Row) (err error) {
		w.state, err = relational.ScanState(row)
		return err
	})
	if err := commit(ctx, conn, last); err != nil {
		w.state, w.deleted = account.State{}, nil
		return err
	}
	return nil
}

// raiseEpoch is the statement that raises the epoch, with the line that it adds to the
// journal.
func (w *wiping) raiseEpoch(ctx context.Context, conn *pgx.Conn, now item.Millis) (*saveStatement, error) {
	var head journal.Head
	var newest int64
	var long bool
	err := runHead.Run(ctx, func() error {
		row := conn.QueryRow(ctx, sqlHead, w.owner.Tenant, w.owner.User, int64(now+item.MaxAhead), forgetAtOnce)
		return classify(row.Scan(&head.Seq, &head.At, (*[]byte)(&head.Hash), &newest, &long))
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows): // the owner has no journal
	case err != nil:
		return nil, err
	case long:
		return nil, errLongHistory
	}
	w.line.At = int64(item.Snapshot{Now: now, Newest: item.Millis(newest)}.NextStoredAt())
	statement := &saveStatement{arguments: []any{w.owner.Tenant, w.owner.User}}
	statement.addLine(head.Append(w.line), false)
	statement.addPart(sqlOnlyJournal)
	return statement, nil
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
