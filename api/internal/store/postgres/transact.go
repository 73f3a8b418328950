package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"toolbridge/api/internal/account"
)

// attempts is how often a transaction that collides with others is run.
const attempts = 5

// transact runs do when it is the owner's turn to write in this process, and again
// when the transaction collides with another process's. Do begins and commits the
// transaction; what it does not commit is rolled back.
func (s *Store) transact(ctx context.Context, owner account.Owner, do func(ctx context.Context, conn *pgx.Conn) error) error {
	done, err := s.takeTurn(ctx, owner)
	if err != nil {
		return err
	}
	defer done()
	return s.again(ctx, do)
}

// again runs do, and again when its transaction collides with another one.
func (s *Store) again(ctx context.Context, do func(ctx context.Context, conn *pgx.Conn) error) error {
	until := time.Now().Add(s.wait)
	for attempt := 1; ; attempt++ {
		err := s.use(ctx, do)
		if !collided(err) || attempt == attempts || ctx.Err() != nil || time.Now().After(until) {
			return err
		}
		time.Sleep(time.Duration(attempt*attempt) * 5 * time.Millisecond) // 5 ms to 80 ms
	}
}

func (s *Store) takeTurn(ctx context.Context, owner account.Owner) (done func(), err error) {
	if ctx.Err() == nil {
		if done := s.turns.takeFree(owner); done != nil {
			return done, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	err = waitTurn.Run(ctx, func() error {
		done, err = s.turns.take(ctx, owner)
		return classify(err)
	})
	return done, err
}

// use runs do with a connection. When the caller leaves, or its time is up, the wait
// for a connection ends, and so does the running statement.
func (s *Store) use(ctx context.Context, do func(ctx context.Context, conn *pgx.Conn) error) error {
	conn, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	defer undo(ctx, conn.Conn())
	ctx, cancel := context.WithTimeout(ctx, operationWait)
	defer cancel()
	return do(ctx, conn.Conn())
}

func (s *Store) acquire(ctx context.Context) (conn *pgxpool.Conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	err = waitConn.Run(ctx, func() error {
		conn, err = s.pool.Acquire(ctx)
		return classify(err)
	})
	return conn, err
}

// undo rolls back a transaction that was not committed, even when the caller has
// left. If that fails, the pool sees it and does not use the connection again.
func undo(ctx context.Context, conn *pgx.Conn) {
	const none = 'I'
	if conn.IsClosed() || conn.PgConn().TxStatus() == none {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWait)
	defer cancel()
	_ = runUndo.Run(ctx, func() error {
		_, err := conn.Exec(ctx, sqlRollback)
		return classify(err)
	})
}

// beginInTurn begins a transaction and takes the owner's turn among all processes, in one
// round trip. It returns the owner's epoch, which cannot change until the end.
func beginInTurn(ctx context.Context, conn *pgx.Conn, owner account.Owner) (epoch int64, err error) {
	first := &pgx.Batch{}
	first.Queue(sqlBegin)
	first.Queue(sqlTurn, owner.Tenant, owner.User).QueryRow(func(row pgx.Row) error { return row.Scan(&epoch, nil) })
	err = runBeginInTurn.Run(ctx, func() error { return classify(conn.SendBatch(ctx, first).Close()) })
	return epoch, err
}

// commit sends the last statements of a transaction together with its COMMIT. If one
// fails, the server skips the rest.
func commit(ctx context.Context, conn *pgx.Conn, last *pgx.Batch) error {
	last.Queue(sqlCommit)
	return runCommit.Run(ctx, func() error { return classifyCommit(conn.SendBatch(ctx, last).Close()) })
}

// rollback sends the last statements of a transaction as commit does, and undoes it.
func rollback(ctx context.Context, conn *pgx.Conn, last *pgx.Batch) error {
	last.Queue(sqlRollback)
	return runRollback.Run(ctx, func() error { return classify(conn.SendBatch(ctx, last).Close()) })
}
