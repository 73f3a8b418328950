package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"toolbridge/api/internal/store/migration"
)

//go:embed migrations/*.sql
var migrations embed.FS

// step is what is left of a migration when its file was run. Its chunks are
// transactions of their own.
type step interface {
	// count is how much there is to do, and of what.
	count(ctx context.Context, tx pgx.Tx) (what string, total int64, err error)
	// chunk does the next part and moves the place on. More is false at the end.
	chunk(ctx context.Context, tx pgx.Tx, at *position) (more bool, err error)
}

// stepsOf are the steps of the migrations that have one, by number.
func stepsOf(files []migration.File, progress *migration.Progress) map[int]step {
	return map[int]step{
		6: describing{progress},
		7: statements{"indexes", files[6].Statements()},
		8: beginning{},
		9: statements{"indexes", files[8].Statements()},
	}
}

// position is how far a step is. It is kept in the database, and moves on in the same
// transaction as the content. So a process that is killed loses nothing but its last
// chunk, and any other goes on from there.
type position struct {
	version     int // that the step completes
	what, after string
	done, total int64
}

// migrator applies the numbered migrations that a database lacks. Several processes
// may do that at once: each chunk locks the row with the version and looks where to go
// on.
type migrator struct {
	pool     *pgxpool.Pool
	files    []migration.File
	steps    map[int]step
	progress *migration.Progress
	chunked  func() error // before a chunk's commit; set by tests
}

// migrate brings the schema of a database up to date.
func migrate(ctx context.Context, pool *pgxpool.Pool, progress *migration.Progress) error {
	files, err := migration.Files(migrations)
	if err != nil {
		return err
	}
	m := &migrator{pool: pool, files: files, steps: stepsOf(files, progress), progress: progress}
	return m.run(ctx)
}

// run makes one transaction after another until nothing is left to do.
func (m *migrator) run(ctx context.Context) error {
	until := time.Now().Add(migration.Patience)
	for {
		done, err := m.attempt(ctx)
		switch {
		case err == nil && done:
			return nil
		case err == nil:
			until = time.Now().Add(migration.Patience)
			continue
		case isFull(err):
			return fmt.Errorf("the disk of the database is full; make room, then start again: "+
				"what is migrated so far is kept, and the next start goes on from there: %w", err)
		case !overtaken(err) || time.Now().After(until):
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// attempt makes one transaction, if there is something to do.
func (m *migrator) attempt(ctx context.Context) (done bool, err error) {
	version, at, err := m.look(ctx)
	if err != nil || version == len(m.files) && at == nil {
		return err == nil, err
	}
	if version > 0 {
		m.report(at)
	}
	err = pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error {
		at, err = m.advance(ctx, tx)
		return err
	})
	if err == nil && at != nil {
		m.report(at)
	}
	return false, err
}

func (m *migrator) report(at *position) {
	if at == nil {
		at = &position{}
	}
	m.progress.Set(at.what, at.done, at.total)
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

func isFull(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && oneOf(said.Code, full)
}

// chunkWait is how long the server waits for a process that describes a chunk, which may
// be slow on a busy machine.
const chunkWait = time.Minute

// unlimited is how long one statement may take: that which builds an index takes longer
// the more items there are. A process that stops ends its statement.
const unlimited = 0

// sqlPlace reads the place of the step under way. No row: there is none.
const sqlPlace = `SELECT version, what, after, done, total FROM migration_place`

// look reads how far the database is, without a lock. It makes the tables for that if
// they are missing.
func (m *migrator) look(ctx context.Context) (version int, at *position, err error) {
	if version, at, err = whereAt(ctx, m.pool, sqlVersion); err != nil {
		if err = prepare(ctx, m.pool); err == nil {
			version, at, err = whereAt(ctx, m.pool, sqlVersion)
		}
	}
	if err == nil {
		err = migration.CheckKnown(version, len(m.files))
	}
	return version, at, err
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, text string, arguments ...any) pgx.Row
}

// whereAt is the number of migrations applied, and the place of the last one's step,
// nil when that is complete.
func whereAt(ctx context.Context, from querier, versionText string) (version int, at *position, err error) {
	if err := from.QueryRow(ctx, versionText).Scan(&version); err != nil {
		return 0, nil, err
	}
	at = &position{}
	err = from.QueryRow(ctx, sqlPlace).Scan(&at.version, &at.what, &at.after, &at.done, &at.total)
	if errors.Is(err, pgx.ErrNoRows) {
		return version, nil, nil
	}
	return version, at, err
}

// prepare creates the row with the version, 0 in a new database, and the table of the
// place.
func prepare(ctx context.Context, pool *pgxpool.Pool) error {
	for _, text := range []string{
		`CREATE TABLE IF NOT EXISTS schema_version (id BIGINT PRIMARY KEY, version BIGINT NOT NULL)`,
		`INSERT INTO schema_version (id, version) VALUES (1, 0) ON CONFLICT (id) DO NOTHING`,
		`CREATE TABLE IF NOT EXISTS migration_place (version BIGINT PRIMARY KEY, what TEXT NOT NULL, after TEXT NOT NULL,
			done BIGINT NOT NULL, total BIGINT NOT NULL)`,
	} {
		if _, err := pool.Exec(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// advance makes the next part of the migration. It returns the place that it reached
// in a step.
func (m *migrator) advance(ctx context.Context, tx pgx.Tx) (*position, error) {
	for name, limit := range map[string]time.Duration{
		"lock_timeout": migration.Patience, "statement_timeout": unlimited, "idle_in_transaction_session_timeout": chunkWait,
	} {
		if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL %s = %d", name, limit.Milliseconds())); err != nil {
			return nil, err
		}
	}
	version, at, err := whereAt(ctx, tx, sqlVersion+` FOR UPDATE`)
	if err != nil {
		return nil, err
	}
	if err := migration.CheckKnown(version, len(m.files)); err != nil {
		return nil, err
	}
	if at == nil {
		at, err = m.upgrade(ctx, tx, version)
	} else {
		err = m.chunk(ctx, tx, at)
	}
	if err == nil && at != nil && m.chunked != nil {
		err = m.chunked()
	}
	return at, err
}

// upgrade runs files until one has a step with work to do, and returns that one's
// place. A database without items gets all of them in one transaction.
func (m *migrator) upgrade(ctx context.Context, tx pgx.Tx, version int) (at *position, err error) {
	for version < len(m.files) && at == nil {
		file := m.files[version]
		version++
		if at, err = m.apply(ctx, tx, version, file); err != nil {
			return nil, fmt.Errorf("migration %s: %w", file.Name, err)
		}
	}
	_, err = tx.Exec(ctx, `UPDATE schema_version SET version = $1 WHERE id = 1`, version)
	return at, err
}

func (m *migrator) apply(ctx context.Context, tx pgx.Tx, version int, file migration.File) (*position, error) {
	its := m.steps[version]
	if _, apart := its.(statements); !apart {
		if err := execText(ctx, tx, file.Text); err != nil {
			return nil, err
		}
	}
	if its == nil {
		return nil, nil
	}
	at := &position{version: version}
	var err error
	if at.what, at.total, err = its.count(ctx, tx); err != nil {
		return nil, err
	}
	var items bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM usage)`).Scan(&items); err != nil {
		return nil, err
	}
	if items {
		_, err := tx.Exec(ctx, `INSERT INTO migration_place (version, what, after, done, total) VALUES ($1, $2, $3, $4, $5)`,
			at.version, at.what, at.after, at.done, at.total)
		return at, err
	}
	for more := true; more && err == nil; {
		more, err = its.chunk(ctx, tx, at)
	}
	return nil, err
}

// execText runs the statements of a text.
func execText(ctx context.Context, tx pgx.Tx, text string) error {
	_, err := tx.Conn().PgConn().Exec(ctx, text).ReadAll()
	return err
}

// chunk makes the next part of a step.
func (m *migrator) chunk(ctx context.Context, tx pgx.Tx, at *position) error {
	its := m.steps[at.version]
	if its == nil {
		return fmt.Errorf("migration %d was begun by another program", at.version)
	}
	more, err := its.chunk(ctx, tx, at)
	if err != nil {
		return fmt.Errorf("migration %s: %w", m.files[at.version-1].Name, err)
	}
	if !more {
		_, err = tx.Exec(ctx, `DELETE FROM migration_place`)
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE migration_place SET after = $1, done = $2`, at.after, at.done)
	return err
}

// statements is the step of a file whose statements are transactions of their own, so
// that none of them is made in vain when the next one is interrupted.
type statements struct {
	what string // that each of them makes
	all  []string
}

func (s statements) count(context.Context, pgx.Tx) (string, int64, error) {
	return s.what, int64(len(s.all)), nil
}

func (s statements) chunk(ctx context.Context, tx pgx.Tx, at *position) (more bool, err error) {
	if at.done < int64(len(s.all)) {
		err = execText(ctx, tx, s.all[at.done])
		at.done++
	}
	return at.done < int64(len(s.all)), err
}
