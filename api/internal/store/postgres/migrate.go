package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationWait is how long a process waits for another one's migrations.
const migrationWait = time.Minute

// migrate applies the numbered migrations that the database lacks, all in one
// transaction. It locks the row with the version first: when two processes start at
// once, the second one finds the work done.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	files, err := fs.Glob(migrations, "migrations/*.sql") // sorted by name, hence by number
	if err != nil {
		return err
	}
	until := time.Now().Add(migrationWait)
	for {
		err := attempt(ctx, pool, files)
		if err == nil || !overtaken(err) || time.Now().After(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func attempt(ctx context.Context, pool *pgxpool.Pool, files []string) error {
	if err := prepareVersion(ctx, pool); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return upgrade(ctx, tx, files) })
}

// overtaken reports whether another process was doing the same: it created the table
// a moment earlier, or the database let only one of the two proceed.
func overtaken(err error) bool {
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		return false
	}
	const uniqueViolation, duplicateTable, duplicateObject = "23505", "42P07", "42710"
	return slices.Contains([]string{uniqueViolation, duplicateTable, duplicateObject}, said.Code) || oneOf(said.Code, collisions)
}

// prepareVersion creates the row with the version, 0 in a new database, if it is
// missing.
func prepareVersion(ctx context.Context, pool *pgxpool.Pool) error {
	var version int
	if pool.QueryRow(ctx, sqlVersion).Scan(&version) == nil {
		return nil
	}
	for _, text := range []string{
		`CREATE TABLE IF NOT EXISTS schema_version (id BIGINT PRIMARY KEY, version BIGINT NOT NULL)`,
		`INSERT INTO schema_version (id, version) VALUES (1, 0) ON CONFLICT (id) DO NOTHING`,
	} {
		if _, err := pool.Exec(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

func upgrade(ctx context.Context, tx pgx.Tx, files []string) error {
	for _, limit := range []string{"lock_timeout", "statement_timeout"} {
		if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL %s = %d", limit, migrationWait.Milliseconds())); err != nil {
			return err
		}
	}
	var current int
	if err := tx.QueryRow(ctx, sqlVersion+` FOR UPDATE`).Scan(&current); err != nil {
		return err
	}
	if current > len(files) {
		return fmt.Errorf("has schema version %d, but this program knows only %d: run a newer one", current, len(files))
	}
	if current == len(files) {
		return nil
	}
	for _, file := range files[current:] {
		if err := execFile(ctx, tx, file); err != nil {
			return fmt.Errorf("migration %s: %w", file, err)
		}
	}
	_, err := tx.Exec(ctx, `UPDATE schema_version SET version = $1 WHERE id = 1`, len(files))
	return err
}

func execFile(ctx context.Context, tx pgx.Tx, file string) error {
	text, err := migrations.ReadFile(file)
	if err != nil {
		return err
	}
	_, err = tx.Conn().PgConn().Exec(ctx, string(text)).ReadAll() // several statements in one text
	return err
}
