package sqlite

import (
	"context"
	"database/sql"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/login"
)

// Login implements login.Store.
func (s *Store) Login(ctx context.Context, do func(login.Tx) error) error {
	return s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if s.space.short(ctx, tx) {
			return diskFull()
		}
		return do(loginTx{ctx, tx})
	})
}

// EndLogin implements login.Store.
func (s *Store) EndLogin(ctx context.Context, do func(login.Tx) error) error {
	return s.makeRoom(ctx, nil, func(ctx context.Context, tx *sql.Tx) error { return do(loginTx{ctx, tx}) })
}

// ReadLogin implements login.Store.
func (s *Store) ReadLogin(ctx context.Context, do func(login.Tx) error) error {
	return s.reading(ctx, func() error {
		ctx := context.WithoutCancel(ctx)
		tx, err := s.reader.BeginTx(ctx, nil)
		if err != nil {
			return classify(err)
		}
		defer tx.Rollback() // nothing was changed
		return do(loginTx{ctx, tx})
	})
}

// loginTx implements login.Tx.
type loginTx struct {
	ctx context.Context
	*sql.Tx
}

func (t loginTx) Exec(text string, arguments ...any) (changed int64, err error) {
	err = runLogin.Run(t.ctx, func() error {
		done, err := t.ExecContext(t.ctx, text, arguments...)
		if err == nil {
			changed, err = done.RowsAffected()
		}
		return classify(err)
	})
	return changed, err
}

func (t loginTx) QueryRow(text string, arguments ...any) login.Row {
	return loginRow{t, text, arguments}
}

// loginRow runs its statement when it is scanned.
type loginRow struct {
	tx        loginTx
	text      string
	arguments []any
}

func (r loginRow) Scan(dest ...any) error {
	return runLogin.Run(r.tx.ctx, func() error {
		return classify(r.tx.QueryRowContext(r.tx.ctx, r.text, r.arguments...).Scan(dest...))
	})
}

func (t loginTx) Query(each func(login.Row) error, text string, arguments ...any) error {
	return runLogin.Run(t.ctx, func() error {
		rows, err := t.QueryContext(t.ctx, text, arguments...)
		if err != nil {
			return classify(err)
		}
		defer rows.Close()
		for rows.Next() {
			if err := each(rows); err != nil {
				return err
			}
		}
		return classify(rows.Err())
	})
}

// AddLine implements login.Tx.
func (t loginTx) AddLine(owner account.Owner, line journal.Line) error {
	return runLogin.Run(t.ctx, func() error {
		err := t.QueryRowContext(t.ctx, sqlEpoch, owner.Tenant, owner.User).Scan(&line.Epoch)
		if err == nil {
			err = addLine(t.ctx, t.Tx, owner, line, item.Millis(line.At))
		}
		if err == nil {
			_, err = t.ExecContext(t.ctx, sqlOneMoreLine, owner.Tenant, owner.User)
		}
		return classify(err)
	})
}
