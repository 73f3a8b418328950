package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/store/relational"
)

// State implements account.Store.
func (s *Store) State(ctx context.Context, owner account.Owner, sessionID string) (account.State, error) {
	var ended bool
	state, err := relational.ScanState(s.read.state.QueryRowContext(ctx, owner.Tenant, owner.User, sessionID), &ended)
	state.SessionEnded = ended
	return state, classify(err)
}

// EndSession implements account.Store.
func (s *Store) EndSession(ctx context.Context, owner account.Owner, sessionID string, expires, now time.Time) error {
	return s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.StmtContext(ctx, s.write.purgeEnded).ExecContext(ctx, now.UnixMilli()); err != nil {
			return classify(err)
		}
		_, err := tx.StmtContext(ctx, s.write.endSession).ExecContext(ctx, owner.Tenant, sessionID, expires.UnixMilli())
		return classify(err)
	})
}

// Wipe implements account.Store.
func (s *Store) Wipe(ctx context.Context, owner account.Owner, epoch int64, now func() time.Time) (
	state account.State, deleted map[string]int64, err error,
) {
	before := func(ctx context.Context) error { return s.wipeInSteps(ctx, owner, epoch) }
	err = s.makeRoom(ctx, before, func(ctx context.Context, tx *sql.Tx) error {
		if deleted == nil { // else this is the rest of it
			rows, err := tx.StmtContext(ctx, s.write.countByKind).QueryContext(ctx, owner.Tenant, owner.User)
			if err != nil {
				return classify(err)
			}
			if deleted, err = counts(rows); err != nil {
				return classify(err)
			}
		}
		// First, so that no item that is deleted has sums to change.
		if _, err := tx.StmtContext(ctx, s.write.deleteUsage).ExecContext(ctx, owner.Tenant, owner.User); err != nil {
			return classify(err)
		}
		if _, err := tx.StmtContext(ctx, s.write.deleteOwners).ExecContext(ctx, owner.Tenant, owner.User); err != nil {
			return classify(err)
		}
		if _, err := tx.StmtContext(ctx, s.write.deleteAnswers).ExecContext(ctx, owner.Tenant, owner.User); err != nil {
			return classify(err)
		}
		raise := tx.StmtContext(ctx, s.write.raiseEpoch)
		state, err = relational.ScanState(raise.QueryRowContext(ctx, owner.Tenant, owner.User, now().UnixMilli(), epoch))
		if errors.Is(err, sql.ErrNoRows) {
			return account.ErrNoSession
		}
		return classify(err)
	})
	return state, deleted, err
}

// wipeInSteps deletes the owner's items in many small transactions, as the log of a
// single one could take more room than a full disk has.
func (s *Store) wipeInSteps(ctx context.Context, owner account.Owner, epoch int64) error {
	state, err := s.State(ctx, owner, "")
	switch {
	case err != nil:
		return err
	case state.Epoch != epoch:
		return account.ErrNoSession
	}
	for left := true; left && err == nil; {
		err = s.inTurn(ctx, func(ctx context.Context, tx *sql.Tx) error {
			gone, err := tx.ExecContext(ctx, sqlDeleteSome, owner.Tenant, owner.User)
			if err != nil {
				return classify(err)
			}
			n, err := gone.RowsAffected()
			left = n > 0
			return classify(err)
		})
	}
	return err
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
