package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/store/relational"
)

// State implements account.Store.
func (s *Store) State(ctx context.Context, owner account.Owner, sessionID string) (state account.State, err error) {
	err = s.readRow(ctx, runState, s.read.state, []any{owner.Tenant, owner.User, sessionID}, func(row relational.Row) error {
		state, err = relational.ScanState(row)
		return err
	})
	return state, err
}

// Usage implements account.Store.
func (s *Store) Usage(ctx context.Context, owner account.Owner) (used account.Usage, err error) {
	err = s.reading(ctx, func() error {
		return runUsage.Run(ctx, func() error {
			used, err = relational.ScanUsage(s.reader.QueryRowContext(ctx, relational.Usage, owner.Tenant, owner.User))
			return classify(err)
		})
	})
	return used, err
}

// MostUsed implements account.Store.
func (s *Store) MostUsed(ctx context.Context, tenant string) (items, bytes int64, err error) {
	err = s.reading(ctx, func() error {
		return runMostUsed.Run(ctx, func() error {
			return classify(s.reader.QueryRowContext(ctx, relational.MostUsed, tenant).Scan(&items, &bytes))
		})
	})
	return items, bytes, err
}

// EndSession implements account.Store.
func (s *Store) EndSession(ctx context.Context, owner account.Owner, sessionID string, expires, now time.Time) error {
	return s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := execute(ctx, runPurge, tx.StmtContext(ctx, s.write.purgeEnded), now.UnixMilli()); err != nil {
			return err
		}
		return execute(ctx, runEnd, tx.StmtContext(ctx, s.write.endSession), owner.Tenant, sessionID, expires.UnixMilli())
	})
}

// Count implements account.Store.
func (s *Store) Count(ctx context.Context, owner account.Owner) (counted map[string]int64, err error) {
	err = s.reading(ctx, func() error {
		counted, err = countByKind(ctx, s.reader, owner)
		return err
	})
	return counted, err
}

// Wipe implements account.Store.
func (s *Store) Wipe(ctx context.Context, owner account.Owner, epoch int64, by journal.Origin, now func() time.Time) (
	state account.State, deleted map[string]int64, err error,
) {
	before := func(ctx context.Context) error { return s.wipeInSteps(ctx, owner, epoch) }
	err = s.makeRoom(ctx, before, func(ctx context.Context, tx *sql.Tx) error {
		if deleted == nil { // else this is the rest of it
			if deleted, err = countByKind(ctx, tx, owner); err != nil {
				return err
			}
		}
		at := item.MillisOf(now())
		line := journal.Line{Epoch: epoch, Change: journal.Change{Name: journal.Wiped}, Origin: by}
		if err := runDeleteAll.Run(ctx, func() error { return classify(deleteAll(ctx, tx, owner, line, at)) }); err != nil {
			return err
		}
		err = runRaise.Run(ctx, func() error {
			state, err = relational.ScanState(tx.QueryRowContext(ctx, sqlRaiseEpoch, owner.Tenant, owner.User, int64(at), epoch))
			return classify(err)
		})
		if errors.Is(err, sql.ErrNoRows) {
			return account.ErrNoSession
		}
		return err
	})
	return state, deleted, err
}

// deleteAll deletes what an owner has, but for the lines of the journal, to which it
// adds one.
func deleteAll(ctx context.Context, tx *sql.Tx, owner account.Owner, line journal.Line, now item.Millis) error {
	var lines int64
	// First, so that nothing that is deleted has sums to change.
	err := tx.QueryRowContext(ctx, sqlDeleteUsage, owner.Tenant, owner.User).Scan(&lines)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	for _, text := range []string{sqlUnindexOwners, sqlDeleteDocs, sqlDeleteOwners, sqlDropContents, sqlDeleteAnswers} {
		if _, err := tx.ExecContext(ctx, text, owner.Tenant, owner.User); err != nil {
			return err
		}
	}
	if err := addLine(ctx, tx, owner, line, now); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, sqlBeginUsage, owner.Tenant, owner.User, lines+1)
	return err
}

// addLine adds a line that is about no item to the owner's journal.
func addLine(ctx context.Context, tx *sql.Tx, owner account.Owner, line journal.Line, now item.Millis) error {
	seen := item.Snapshot{Now: now}
	row := tx.QueryRowContext(ctx, sqlHead, owner.Tenant, owner.User, nil, nil, int64(now+item.MaxAhead))
	if err := row.Scan(headOf(&seen)...); err != nil {
		return err
	}
	line.At = int64(seen.NextStoredAt())
	values := relational.LineValues(seen.Head.Append(line), nil)
	_, err := tx.ExecContext(ctx, sqlAddLine, append([]any{owner.Tenant, owner.User}, values...)...)
	return err
}

// wipeInSteps deletes what the owner has in many small transactions, as the log of a
// single one could take more room than a full disk has.
func (s *Store) wipeInSteps(ctx context.Context, owner account.Owner, epoch int64) error {
	state, err := s.State(ctx, owner, "")
	switch {
	case err != nil:
		return err
	case state.Epoch != epoch:
		return account.ErrNoSession
	}
	for left := int64(1); left > 0 && err == nil; {
		err = s.inTurn(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			return runRest.Run(ctx, func() error {
				left, err = deleteSome(ctx, tx, owner)
				return classify(err)
			})
		})
	}
	return err
}

// deleteSome deletes a part of what an owner has, and returns how many rows.
func deleteSome(ctx context.Context, tx *sql.Tx, owner account.Owner) (count int64, err error) {
	for _, text := range []string{sqlDeleteSome, sqlDropSomeContents, sqlUnindexSome, sqlDeleteSomeDocs} {
		gone, err := tx.ExecContext(ctx, text, owner.Tenant, owner.User)
		if err != nil {
			return 0, err
		}
		n, err := gone.RowsAffected()
		if err != nil {
			return 0, err
		}
		count += n
	}
	return count, nil
}

// asker is a database or a transaction.
type asker interface {
	QueryContext(ctx context.Context, text string, arguments ...any) (*sql.Rows, error)
}

func countByKind(ctx context.Context, db asker, owner account.Owner) (counted map[string]int64, err error) {
	err = runCount.Run(ctx, func() error {
		rows, err := db.QueryContext(ctx, sqlCountByKind, owner.Tenant, owner.User)
		if err == nil {
			counted, err = counts(rows)
		}
		return classify(err)
	})
	return counted, err
}

func counts(rows *sql.Rows) (map[string]int64, error) {
	defer rows.Close()
	counted := make(map[string]int64)
	for rows.Next() {
		var kind string
		var count int64
		if err := rows.Scan(&kind, &count); err != nil {
			return nil, err
		}
		counted[kind] = count
	}
	return counted, rows.Err()
}
