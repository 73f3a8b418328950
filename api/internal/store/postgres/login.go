package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/login"
)

// Login implements login.Store.
func (s *Store) Login(ctx context.Context, do func(login.Tx) error) error {
	return s.again(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		if err := loginControl(ctx, conn, sqlBegin); err != nil {
			return err
		}
		if err := do(loginTx{ctx, conn}); err != nil {
			return err
		}
		return commit(ctx, conn, &pgx.Batch{})
	})
}

// EndLogin implements login.Store. How full the disk is, the server alone knows.
func (s *Store) EndLogin(ctx context.Context, do func(login.Tx) error) error { return s.Login(ctx, do) }

// ReadLogin implements login.Store.
func (s *Store) ReadLogin(ctx context.Context, do func(login.Tx) error) error {
	return s.again(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		if err := loginControl(ctx, conn, sqlBeginReading); err != nil {
			return err
		}
		if err := do(loginTx{ctx, conn}); err != nil {
			return err
		}
		return loginControl(ctx, conn, sqlCommit)
	})
}

func loginControl(ctx context.Context, conn *pgx.Conn, text string) error {
	return runLogin.Run(ctx, func() error {
		_, err := conn.Exec(ctx, text)
		return classify(err)
	})
}

// loginTx implements login.Tx.
type loginTx struct {
	ctx  context.Context
	conn *pgx.Conn
}

func (t loginTx) Exec(text string, arguments ...any) (changed int64, err error) {
	err = runLogin.Run(t.ctx, func() error {
		done, err := t.conn.Exec(t.ctx, numbered(text, 0), arguments...)
		changed = done.RowsAffected()
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
		return classify(r.tx.conn.QueryRow(r.tx.ctx, numbered(r.text, 0), r.arguments...).Scan(dest...))
	})
}

func (t loginTx) Query(each func(login.Row) error, text string, arguments ...any) error {
	return runLogin.Run(t.ctx, func() error {
		rows, err := t.conn.Query(t.ctx, numbered(text, 0), arguments...)
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

// AddLine implements login.Tx. It takes the owner's turn among all processes, as a write of
// items does.
func (t loginTx) AddLine(owner account.Owner, line journal.Line) error {
	var head journal.Head
	var newest int64
	err := runLogin.Run(t.ctx, func() error {
		err := t.conn.QueryRow(t.ctx, sqlTurn, owner.Tenant, owner.User).Scan(&line.Epoch, nil)
		if err != nil {
			return classify(err)
		}
		row := t.conn.QueryRow(t.ctx, sqlHead, owner.Tenant, owner.User, line.At+int64(item.MaxAhead), forgetAtOnce)
		err = row.Scan(&head.Seq, &head.At, (*[]byte)(&head.Hash), &newest, nil)
		if errors.Is(err, pgx.ErrNoRows) { // the owner has no journal yet
			return nil
		}
		return classify(err)
	})
	if err != nil {
		return err
	}
	line.At = int64(item.Snapshot{Now: item.Millis(line.At), Newest: item.Millis(newest)}.NextStoredAt())
	statement := &saveStatement{arguments: []any{owner.Tenant, owner.User}}
	statement.addLine(head.Append(line), false)
	text, arguments := statement.complete(sqlAddUsage, 0, 0, 0, 0, 1, 0)
	return runLogin.Run(t.ctx, func() error {
		_, err := t.conn.Exec(t.ctx, text, arguments...)
		return classify(err)
	})
}
