// Package sqlite keeps items and accounts in one SQLite file. Several processes
// may have the file open at once.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"
	_ "modernc.org/sqlite" // registers the driver

	"toolbridge/api/internal/store/migration"
	"toolbridge/api/internal/store/relational"
	"toolbridge/api/internal/telemetry"
)

// lockWait is how long a write waits for its turn in this process, and then for
// another process's lock. Both waits and the write end well before the server would
// cut the connection.
const lockWait = 5 * time.Second

// busyWait is how long SQLite itself waits for a lock of the writer's connection. It
// is short, since no cancellation reaches SQLite while it waits.
const busyWait = 100 * time.Millisecond

// Store is an open database. It is safe for concurrent use.
type Store struct {
	turn   *semaphore.Weighted // of one writer; first come, first served
	writer *sql.DB             // one connection: SQLite has one writer at a time anyway
	free   *semaphore.Weighted // connections of the reader
	reader *sql.DB
	space  *space
	write  writeStatements
	read   readStatements
}

// Open opens the database file and brings its schema up to date. It creates the file
// and its directory if they are missing.
func Open(ctx context.Context, path string) (*Store, error) {
	return OpenWatched(ctx, path, nil)
}

// OpenWatched is Open, which notes how far a migration is.
func OpenWatched(ctx context.Context, path string, progress *migration.Progress) (*Store, error) {
	return openPatiently(ctx, "sqlite", path, progress)
}

// OpenWith is Open through another registered driver, which wraps SQLite's.
func OpenWith(ctx context.Context, driver, path string) (*Store, error) {
	return openPatiently(ctx, driver, path, nil)
}

// openPatiently waits for another process that is creating or closing the database.
func openPatiently(ctx context.Context, driver, path string, progress *migration.Progress) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("database path %q: %w", path, err)
	}
	if err := createFile(path); err != nil {
		return nil, fmt.Errorf("database file %s cannot be opened: %w", path, err)
	}
	deadline := time.Now().Add(lockWait)
	for {
		s, err := open(ctx, driver, path, progress)
		if err == nil {
			return s, nil
		}
		if filled(err) && fileSize(path+"-reserve") > 0 {
			newSpace(path).release() // SQLite needs some room even to read
			continue
		}
		if full(err) || filled(err) && newSpace(path).noneLeft() {
			err = fmt.Errorf("the disk is full; make some megabytes of room, then start again: %w", err)
		}
		if !passing(err) || time.Now().After(deadline) {
			return nil, fmt.Errorf("database file %s: %w", path, err)
		}
		// While SQLite changes the journal mode, it fails at once instead of waiting for
		// the lock.
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// createFile creates the file for this user only. Its error says more than SQLite's,
// which is only that the file could not be opened.
func createFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

func open(ctx context.Context, driver, path string, progress *migration.Progress) (*Store, error) {
	s := &Store{turn: semaphore.NewWeighted(1), space: newSpace(path)}
	if err := s.open(ctx, driver, path, progress); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, driver, path string, progress *migration.Progress) (err error) {
	// FULL: acknowledged writes survive a power failure, not only a crash.
	s.writer, err = connect(driver, path, 1, busyWait, "_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)",
		"_pragma=temp_store(MEMORY)", fmt.Sprintf("_pragma=wal_autocheckpoint(%d)", s.space.pages()), fmt.Sprintf("_pragma=journal_size_limit(%d)", s.space.size))
	if err != nil {
		return err
	}
	if err := migrate(ctx, driver, path, s.writer, progress); err != nil {
		return err
	}
	readers := max(4, runtime.NumCPU())
	s.free = semaphore.NewWeighted(int64(readers))
	s.reader, err = connect(driver, path, readers, lockWait, "_pragma=query_only(1)")
	if err != nil {
		return err
	}
	if err := s.write.prepare(ctx, s.writer); err != nil {
		return err
	}
	return s.read.prepare(ctx, s.reader)
}

// useMemory says whether the writer notes what a statement changes in memory, as it does
// at first, or in a file: memory may not be enough for a statement that changes everything.
func (s *Store) useMemory(ctx context.Context, enough bool) error {
	place := map[bool]string{true: "MEMORY", false: "FILE"}[enough]
	_, err := s.writer.ExecContext(ctx, "PRAGMA temp_store = "+place)
	return err
}

// connect opens a pool whose connections stay open, since each has statements to
// prepare. It takes the path literally, whatever characters it has.
func connect(driver, path string, connections int, wait time.Duration, options ...string) (*sql.DB, error) {
	options = append([]string{fmt.Sprintf("_busy_timeout=%d", wait.Milliseconds())}, options...)
	file := (&url.URL{Path: path}).EscapedPath()
	db, err := sql.Open(driver, "file:"+file+"?"+strings.Join(options, "&"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// Ready reports whether the database answers a read. It is a disk_full fault when
// that works, but most writes do not.
func (s *Store) Ready(ctx context.Context) error {
	return s.reading(ctx, func() error {
		var version int
		err := runVersion.Run(ctx, func() error { return classify(s.read.version.QueryRowContext(ctx).Scan(&version)) })
		if err != nil {
			return err
		}
		if s.space.short(ctx, s.reader) {
			return diskFull()
		}
		return nil
	})
}

// reading runs do once a connection of the reader is free, for which it waits as long as
// the caller does. Do uses one connection at a time, and classifies its error.
func (s *Store) reading(ctx context.Context, do func() error) error {
	if ctx.Err() != nil || !s.free.TryAcquire(1) {
		if err := waitReader.Run(ctx, func() error { return classify(s.free.Acquire(ctx, 1)) }); err != nil {
			return err
		}
	}
	defer s.free.Release(1)
	return do()
}

// readRow reads the only row of a statement that looks up few rows by their keys. It is not
// interrupted when the caller leaves: waiting for that would take longer than to read.
func (s *Store) readRow(ctx context.Context, run *telemetry.Statement, statement *sql.Stmt, arguments []any, scan func(row relational.Row) error) error {
	return s.reading(ctx, func() error {
		return run.Run(ctx, func() error {
			return classify(scan(statement.QueryRowContext(context.WithoutCancel(ctx), arguments...)))
		})
	})
}

// Close closes the file, which has all acknowledged writes.
func (s *Store) Close() error {
	var problems []error
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			problems = append(problems, db.Close())
		}
	}
	return errors.Join(problems...)
}

// transact runs do in a write transaction, when it is this caller's turn. When the
// caller leaves, or its time is up, the waiting ends; the caller is checked once more
// before the commit. No statement is interrupted, since that would cost the
// connection.
func (s *Store) transact(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	if err := s.waitForTurn(ctx); err != nil {
		return err
	}
	defer s.turn.Release(1)
	return s.space.explain(s.inTurn(ctx, do))
}

// makeRoom is transact for what makes room. On a full disk it uses the reserve, runs
// before, if there is one, and then do once more. With before, do may change everything.
func (s *Store) makeRoom(ctx context.Context, before func(ctx context.Context) error, do func(ctx context.Context, tx *sql.Tx) error) error {
	if err := s.waitForTurn(ctx); err != nil {
		return err
	}
	defer s.turn.Release(1)
	if before != nil {
		if err := s.useMemory(ctx, false); err != nil {
			return classify(err)
		}
		defer func() { _ = s.useMemory(context.WithoutCancel(ctx), true) }()
	}
	err := s.inTurn(ctx, do)
	if !filled(err) {
		return err
	}
	s.useReserve(ctx)
	if before != nil {
		if err := before(ctx); err != nil {
			return s.space.explain(err)
		}
	}
	return s.space.explain(s.inTurn(ctx, do))
}

// useReserve lets SQLite write its log into the database, so that the log can begin
// anew.
func (s *Store) useReserve(ctx context.Context) {
	s.space.release()
	_, _ = s.writer.ExecContext(context.WithoutCancel(ctx), `PRAGMA wal_checkpoint(PASSIVE)`)
}

// inTurn runs do in a transaction of the caller whose turn it is.
func (s *Store) inTurn(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after a commit
	if err := do(context.WithoutCancel(ctx), tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return classify(err)
	}
	return runCommit.Run(ctx, func() error { return classify(tx.Commit()) })
}

// begin begins a transaction. It waits while another process is in one.
func (s *Store) begin(ctx context.Context) (tx *sql.Tx, err error) {
	err = runBegin.Run(ctx, func() error {
		tx, err = s.beginPatiently(ctx)
		return classify(err)
	})
	return tx, err
}

func (s *Store) beginPatiently(ctx context.Context) (*sql.Tx, error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for {
		tx, err := s.writer.BeginTx(context.WithoutCancel(ctx), nil)
		if err == nil || !passing(err) {
			return tx, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// waitForTurn takes the turn to write. The pool would let waiters in at random, and
// let them wait without end.
func (s *Store) waitForTurn(ctx context.Context) error {
	if ctx.Err() == nil && s.turn.TryAcquire(1) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	return waitTurn.Run(ctx, func() error { return classify(s.turn.Acquire(ctx, 1)) })
}

// Sizes is what the store has and uses, as the system knows it.
func (s *Store) Sizes(context.Context) telemetry.Sizes {
	free, total := s.space.disk()
	pool := s.reader.Stats()
	return telemetry.Sizes{
		Database: fileSize(s.space.file) + fileSize(s.space.log), DiskFree: free, DiskSize: total,
		Used: pool.InUse, Idle: pool.Idle, Most: pool.MaxOpenConnections,
	}
}
