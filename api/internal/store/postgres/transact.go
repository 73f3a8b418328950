package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"toolbridge/api/internal/account"
)

// attempts is how often a transaction is run that collides with others.
const attempts = 5

// transact runs do when it is the owner's turn to write in this process, and
// anew when the transaction collides with one of another process. Do begins the
// transaction and commits it; what it does not commit is undone.
func (s *Store) transact(ctx context.Context, owner account.Owner, do func(ctx context.Context, conn *pgx.Conn) error) error {
	done, err := s.take(ctx, owner)
	if err != nil {
		return classify(err)
	}
	defer done()
	until := time.Now().Add(s.wait)
	for attempt := 1; ; attempt++ {
		err := s.use(ctx, do)
		if !collided(err) || attempt == attempts || ctx.Err() != nil || time.Now().After(until) {
			return err
		}
		time.Sleep(time.Duration(attempt*attempt) * 5 * time.Millisecond) // 5 ms to 80 ms
	}
}

func (s *Store) take(ctx context.Context, owner account.Owner) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	return s.turns.take(ctx, owner)
}

// use runs do with a connection. A caller who leaves, or whose time is up, ends
// the waiting for one, and then the statement under way.
func (s *Store) use(ctx context.Context, do func(ctx context.Context, conn *pgx.Conn) error) error {
	conn, err := s.acquire(ctx)
	if err != nil {
		return classify(err)
	}
	defer conn.Release()
	defer undo(ctx, conn.Conn())
	ctx, cancel := context.WithTimeout(ctx, operationWait)
	defer cancel()
	return do(ctx, conn.Conn())
}

func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	return s.pool.Acquire(ctx)
}

// undo ends a transaction that was not committed, also when the caller has left. A
// connection on which that fails is not used again: the pool looks.
func undo(ctx context.Context, conn *pgx.Conn) {
	const none = 'I'
	if conn.IsClosed() || conn.PgConn().TxStatus() == none {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWait)
	defer cancel()
	_, _ = conn.Exec(ctx, sqlRollback)
}

// begin begins a transaction and takes the owner's turn among all processes, in
// one round trip. It gives the owner's epoch, which stands until the end.
func begin(ctx context.Context, conn *pgx.Conn, owner account.Owner) (epoch int64, err error) {
	first := &pgx.Batch{}
	first.Queue(sqlBegin)
	first.Queue(sqlTurn, owner.Tenant, owner.User).QueryRow(func(row pgx.Row) error { return row.Scan(&epoch, nil) })
	err = conn.SendBatch(ctx, first).Close()
	return epoch, classify(err)
}

// commit sends the last statements of a transaction together with its end.
// Should one fail, the server skips the rest.
func commit(ctx context.Context, conn *pgx.Conn, last *pgx.Batch) error {
	last.Queue(sqlCommit)
	return classifyCommit(conn.SendBatch(ctx, last).Close())
}
