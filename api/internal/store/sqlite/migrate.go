package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies the numbered migrations that the database lacks, all in one
// transaction. It takes the write lock first: when two processes start at once, the
// second one finds the work done.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := migrationFiles()
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after a commit
	current, err := schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	if err := checkKnown(current); err != nil {
		return err
	}
	if current == len(files) {
		return nil // a full disk would take no write
	}
	for _, file := range files[current:] {
		if err := execFile(ctx, tx, file); err != nil {
			return fmt.Errorf("migration %s: %w", file, err)
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE schema_version SET version = ?`, len(files)); err != nil {
		return err
	}
	return tx.Commit()
}

// migrationFiles are sorted by name, hence by number.
func migrationFiles() ([]string, error) { return fs.Glob(migrations, "migrations/*.sql") }

// checkKnown refuses a database that a newer program has migrated.
func checkKnown(version int) error {
	files, err := migrationFiles()
	if err == nil && version > len(files) {
		err = fmt.Errorf("has schema version %d, but this program knows only %d: run a newer one", version, len(files))
	}
	return err
}

// schemaVersion is the number of migrations applied, 0 in a new database.
func schemaVersion(ctx context.Context, tx *sql.Tx) (version int, err error) {
	const create = `CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT;
		INSERT INTO schema_version SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM schema_version)`
	if _, err := tx.ExecContext(ctx, create); err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT version FROM schema_version`).Scan(&version)
	return version, err
}

func execFile(ctx context.Context, tx *sql.Tx, file string) error {
	text, err := migrations.ReadFile(file)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, string(text))
	return err
}
