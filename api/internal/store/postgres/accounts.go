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

// Count implements account.Store.
func (s *Store) Count(ctx context.Context, owner account.Owner) (counted map[string]int64, err error) {
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sqlCountByKind, owner.Tenant, owner.User)
		if err == nil {
			counted, err = counts(rows)
		}
		return classify(err)
	})
	return counted, err
}

// Wipe implements account.Store.
func (s *Store) Wipe(ctx context.Context, owner account.Owner, epoch int64, by journal.Origin, now func() time.Time) (
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
		at := now()
		raise, err := raiseEpoch(ctx, conn, owner, at, journal.Line{Epoch: epoch, Change: journal.Change{Name: journal.Wiped}, Origin: by})
		if err != nil {
			return err
		}
		last := &pgx.Batch{}
		last.Queue(sqlDeleteOwners, owner.Tenant, owner.User).Query(func(rows pgx.Rows) error {
			deleted, err = counts(rows)
			return err
		})
		last.Queue(sqlForgetContent, owner.Tenant, owner.User)
		text, arguments := raise.complete(sqlRaiseEpoch, at.UnixMilli(), at.UnixMilli())
		last.Queue(text, arguments...).QueryRow(func(row pgx.Row) error {
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

// raiseEpoch is the statement that raises the epoch, with a line that it adds to the
// journal.
func raiseEpoch(ctx context.Context, conn *pgx.Conn, owner account.Owner, at time.Time, line journal.Line) (*saveStatement, error) {
	now := item.MillisOf(at)
	head, newest, err := headOf(ctx, conn, owner, now)
	if err != nil {
		return nil, err
	}
	line.At = int64(item.Snapshot{Now: now, Newest: newest}.NextStoredAt())
	statement := &saveStatement{arguments: []any{owner.Tenant, owner.User}}
	statement.addLine(head.Append(line), false)
	statement.addPart(sqlOnlyJournal)
	return statement, nil
}

// headOf reads the last line of the owner's journal, and the newest time that is not
// far ahead.
func headOf(ctx context.Context, conn *pgx.Conn, owner account.Owner, now item.Millis) (head journal.Head, newest item.Millis, err error) {
	row := conn.QueryRow(ctx, sqlHead, owner.Tenant, owner.User, int64(now+item.MaxAhead))
	err = row.Scan(&head.Seq, &head.At, (*[]byte)(&head.Hash), (*int64)(&newest))
	if errors.Is(err, pgx.ErrNoRows) {
		return journal.Head{}, 0, nil
	}
	return head, newest, classify(err)
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
