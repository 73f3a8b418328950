package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"toolbridge/api/internal/store/migration"
)

//go:embed migrations/*.sql
var migrations embed.FS

// step is what is left of a migration when its file was run. Its chunks are
// transactions of their own.
type step interface {
	// count is how much there is to do, and of what.
	count(ctx context.Context, tx *sql.Tx) (what string, total int64, err error)
	// chunk does the next part and moves the place on. More is false at the end.
	chunk(ctx context.Context, tx *sql.Tx, at *position) (more bool, err error)
}

// stepsOf are the steps of the migrations that have one, by number.
func stepsOf(files []migration.File, progress *migration.Progress) map[int]step {
	return map[int]step{
		9:  moving{progress},
		10: statements{"indexes", files[9].Statements()},
		11: beginning{},
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
// may do that at once: each chunk takes the write lock and looks where to go on.
type migrator struct {
	db       *sql.DB
	files    []migration.File
	steps    map[int]step
	progress *migration.Progress
	chunked  func() error // before a chunk's commit; set by tests
}

// migrate brings the schema of a database up to date.
func migrate(ctx context.Context, driver, path string, writer *sql.DB, progress *migration.Progress) error {
	files, err := migration.Files(migrations)
	if err != nil {
		return err
	}
	m := &migrator{db: writer, files: files, steps: stepsOf(files, progress), progress: progress}
	if complete, err := m.complete(ctx); complete || err != nil {
		return err // a full disk would take no write
	}
	m.db, err = connectMigrating(driver, path)
	if err != nil {
		return err
	}
	err = errors.Join(m.run(ctx), m.db.Close())
	forget(writer)
	return err
}

// forget closes the connections of a pool, which opens new ones. One that read the schema
// before another connection migrated the database does not find its views.
func forget(db *sql.DB) {
	db.SetMaxIdleConns(0)
	db.SetMaxIdleConns(1)
}

// connectMigrating opens a connection for much work in large transactions. A process
// that is killed loses none of them. A power failure may take the last ones, which
// are then made again.
func connectMigrating(driver, path string) (*sql.DB, error) {
	const cache = 48 << 10 // KiB
	return connect(driver, path, 1, busyWait, "_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=synchronous(NORMAL)",
		fmt.Sprintf("_pragma=cache_size(-%d)", cache), fmt.Sprintf("_pragma=wal_autocheckpoint(%d)", 16*newSpace(path).pages()))
}

// run makes one transaction after another until nothing is left to do.
func (m *migrator) run(ctx context.Context) error {
	for {
		done, err := m.advance(ctx)
		if filled(err) {
			err = fmt.Errorf("%w; what is migrated so far is kept, and the next start goes on from there", err)
		}
		if done || err != nil {
			return err
		}
	}
}

// complete reports whether there is nothing to do. It takes no lock. Otherwise it
// notes how far the migration of an existing database is.
func (m *migrator) complete(ctx context.Context) (bool, error) {
	var tables int
	const count = `SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('schema_version', 'migration_place')`
	if err := m.db.QueryRowContext(ctx, count).Scan(&tables); err != nil || tables == 0 {
		return false, err
	}
	const text = `SELECT version, 0, '', 0, 0 FROM schema_version`
	const withPlace = `SELECT v.version, p.version IS NOT NULL, COALESCE(what, ''), COALESCE(done, 0), COALESCE(total, 0)
		FROM schema_version v LEFT JOIN migration_place p`
	var version int
	var begun bool
	var at position
	err := m.db.QueryRowContext(ctx, []string{text, withPlace}[tables-1]).Scan(&version, &begun, &at.what, &at.done, &at.total)
	if err != nil || version == len(m.files) && !begun {
		return true, err
	}
	m.progress.Set(at.what, at.done, at.total)
	return false, migration.CheckKnown(version, len(m.files))
}

// advance makes one transaction.
func (m *migrator) advance(ctx context.Context) (done bool, err error) {
	tx, err := m.begin(ctx)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() // does nothing after a commit
	version, at, err := whereAt(ctx, tx)
	if err != nil {
		return false, err
	}
	if err := migration.CheckKnown(version, len(m.files)); err != nil {
		return false, err
	}
	switch {
	case at != nil:
		err = m.chunk(ctx, tx, at)
	case version < len(m.files):
		at, err = m.upgrade(ctx, tx, version)
	default:
		done = true
	}
	if err == nil && at != nil && m.chunked != nil {
		err = m.chunked()
	}
	if err != nil {
		return false, err
	}
	if err := tx.Commit(); err != nil {
		return false, err
	}
	if at != nil {
		m.progress.Set(at.what, at.done, at.total)
	}
	return done, nil
}

// begin begins a transaction with the write lock. It waits for another process, which
// may be migrating the same database.
func (m *migrator) begin(ctx context.Context) (*sql.Tx, error) {
	until := time.Now().Add(migration.Patience)
	for {
		tx, err := m.db.BeginTx(ctx, nil)
		if err == nil || !passing(err) || ctx.Err() != nil || time.Now().After(until) {
			return tx, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// whereAt is the number of migrations applied, 0 in a new database, and the place of
// the last one's step, nil when that is complete.
func whereAt(ctx context.Context, tx *sql.Tx) (version int, at *position, err error) {
	const create = `CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT;
		INSERT INTO schema_version SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM schema_version);
		CREATE TABLE IF NOT EXISTS migration_place (version INTEGER PRIMARY KEY, what TEXT NOT NULL, after TEXT NOT NULL,
			done INTEGER NOT NULL, total INTEGER NOT NULL) STRICT`
	if _, err := tx.ExecContext(ctx, create); err != nil {
		return 0, nil, err
	}
	if err := tx.QueryRowContext(ctx, `SELECT version FROM schema_version`).Scan(&version); err != nil {
		return 0, nil, err
	}
	at = &position{}
	err = tx.QueryRowContext(ctx, `SELECT version, what, after, done, total FROM migration_place`).
		Scan(&at.version, &at.what, &at.after, &at.done, &at.total)
	if errors.Is(err, sql.ErrNoRows) {
		return version, nil, nil
	}
	return version, at, err
}

// upgrade runs files until one has a step with work to do, and returns that one's
// place. A database without items gets all of them in one transaction.
func (m *migrator) upgrade(ctx context.Context, tx *sql.Tx, version int) (at *position, err error) {
	for version < len(m.files) && at == nil {
		file := m.files[version]
		version++
		if at, err = m.apply(ctx, tx, version, file); err != nil {
			return nil, fmt.Errorf("migration %s: %w", file.Name, err)
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE schema_version SET version = ?`, version)
	return at, err
}

func (m *migrator) apply(ctx context.Context, tx *sql.Tx, version int, file migration.File) (*position, error) {
	its := m.steps[version]
	if _, apart := its.(statements); !apart {
		if _, err := tx.ExecContext(ctx, file.Text); err != nil {
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
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM usage)`).Scan(&items); err != nil {
		return nil, err
	}
	if items {
		_, err := tx.ExecContext(ctx, `INSERT INTO migration_place (version, what, after, done, total) VALUES (?, ?, ?, ?, ?)`,
			at.version, at.what, at.after, at.done, at.total)
		return at, err
	}
	for more := true; more && err == nil; {
		more, err = its.chunk(ctx, tx, at)
	}
	return nil, err
}

// chunk makes the next part of a step.
func (m *migrator) chunk(ctx context.Context, tx *sql.Tx, at *position) error {
	its := m.steps[at.version]
	if its == nil {
		return fmt.Errorf("migration %d was begun by another program", at.version)
	}
	more, err := its.chunk(ctx, tx, at)
	if err != nil {
		return fmt.Errorf("migration %s: %w", m.files[at.version-1].Name, err)
	}
	if !more {
		_, err = tx.ExecContext(ctx, `DELETE FROM migration_place`)
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE migration_place SET what = ?, after = ?, done = ?, total = ?`, at.what, at.after, at.done, at.total)
	return err
}

// statements is the step of a file whose statements are transactions of their own, so
// that none of them is made in vain when the next one is interrupted.
type statements struct {
	what string // that each of them makes
	all  []string
}

func (s statements) count(context.Context, *sql.Tx) (string, int64, error) {
	return s.what, int64(len(s.all)), nil
}

func (s statements) chunk(ctx context.Context, tx *sql.Tx, at *position) (more bool, err error) {
	if at.done < int64(len(s.all)) {
		_, err = tx.ExecContext(ctx, s.all[at.done])
		at.done++
	}
	return at.done < int64(len(s.all)), err
}

// checkKnown refuses a database that a newer program has migrated.
func checkKnown(version int) error {
	files, err := migration.Files(migrations)
	if err == nil {
		err = migration.CheckKnown(version, len(files))
	}
	return err
}
