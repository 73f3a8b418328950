// Package postgres keeps items and accounts on a PostgreSQL server, or on a server
// that speaks its protocol. Any number of processes may share a database.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/store/migration"
)

// Every wait has a limit. The waits of a request together end before the server would
// cut the connection.
const (
	connectWait   = 5 * time.Second  // for a new connection
	turnWait      = 5 * time.Second  // for a turn to write, for a connection, and for a lock
	statementWait = 8 * time.Second  // for one statement, its locks included
	operationWait = 10 * time.Second // for all uses of one connection by an operation
	undoWait      = time.Second      // for a rollback
	cancelWait    = time.Second      // for the server to end a cancelled statement
	fullFor       = time.Minute      // since a write met a full disk; nothing else shows it
)

// Store is a pool of connections. It is safe for concurrent use.
type Store struct {
	pool  *pgxpool.Pool
	turns turns
	wait  time.Duration // turnWait, except in tests

	statistics statistics
	size       size

	fullAt atomic.Int64 // when a write last failed because of a full disk, in Unix nanoseconds
}

// Open connects to the server of a postgres:// URL, with at most maxConnections at
// once, and brings the schema up to date. No error contains the password.
func Open(ctx context.Context, url string, maxConnections int32) (*Store, error) {
	return OpenTraced(ctx, url, maxConnections, nil)
}

// OpenWatched is Open, which notes how far a migration is.
func OpenWatched(ctx context.Context, url string, maxConnections int32, progress *migration.Progress) (*Store, error) {
	config, err := configure(url, maxConnections, turnWait)
	if err != nil {
		return nil, err
	}
	return open(ctx, config, turnWait, progress)
}

// OpenTraced is Open with a tracer that sees every statement.
func OpenTraced(ctx context.Context, url string, maxConnections int32, tracer pgx.QueryTracer) (*Store, error) {
	config, err := configure(url, maxConnections, turnWait)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.Tracer = tracer
	return open(ctx, config, turnWait, nil)
}

// configure reads the URL. The parser's own error may quote the password.
func configure(url string, maxConnections int32, wait time.Duration) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL cannot be read as postgres://user:password@host:port/name; " +
			"check the port and the options, and write special characters of the password as %XX")
	}
	config.MaxConns = maxConnections
	config.ConnConfig.BuildContextWatcherHandler = cancelling
	config.ConnConfig.ConnectTimeout = connectWait
	for name, limit := range map[string]time.Duration{
		"lock_timeout":                        wait,
		"statement_timeout":                   statementWait,
		"idle_in_transaction_session_timeout": operationWait, // of a process that hangs with a lock
	} {
		config.ConnConfig.RuntimeParams[name] = strconv.FormatInt(limit.Milliseconds(), 10)
	}
	if _, named := config.ConnConfig.RuntimeParams["application_name"]; !named {
		config.ConnConfig.RuntimeParams["application_name"] = "toolbridge-api"
	}
	return config, nil
}

// cancelling makes the server end a statement when its context ends. That keeps the
// connection, and the outcome of a commit becomes known.
func cancelling(conn *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: cancelWait}
}

func open(ctx context.Context, config *pgxpool.Config, wait time.Duration, progress *migration.Progress) (*Store, error) {
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err == nil {
		if err = migrate(ctx, pool, progress); err != nil {
			pool.Close()
		}
	}
	if err != nil {
		// One line, even when a connection was tried at several addresses.
		return nil, fmt.Errorf("DATABASE_URL: PostgreSQL at %s: %s", place(config), strings.Join(strings.Fields(err.Error()), " "))
	}
	return &Store{pool: pool, turns: turns{of: make(map[account.Owner]*turn)}, wait: wait}, nil
}

// place names a database without its user and password.
func place(config *pgxpool.Config) string {
	to := config.ConnConfig
	return net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))) + "/" + to.Database
}

// Ready reports whether the database answers a read. It is a disk_full fault when that
// works, but a write has failed in the last minute because the disk is full.
func (s *Store) Ready(ctx context.Context) error {
	var version int
	err := runVersion.Run(ctx, func() error { return classify(s.pool.QueryRow(ctx, sqlVersion).Scan(&version)) })
	if err != nil {
		return err
	}
	if time.Since(time.Unix(0, s.fullAt.Load())) < fullFor {
		return diskFull()
	}
	return nil
}

// Close ends all connections.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}
