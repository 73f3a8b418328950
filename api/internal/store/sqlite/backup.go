package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Copy describes the content of a backup file.
type Copy struct {
	Bytes  int64
	SHA256 string // of the file, in hexadecimal
	Schema int    // number of migrations applied
	Items  int64  // deleted ones included
}

// Backup writes the content that the database at path has at one moment to a new
// file, while other processes read and write. The file appears complete and checked,
// or not at all. An existing file is never replaced.
func Backup(ctx context.Context, path, file string) (Copy, error) {
	if _, err := os.Stat(path); err != nil {
		return Copy{}, fmt.Errorf("there is no database to back up: %w", err)
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return Copy{}, fmt.Errorf("%s exists; give the backup another name", file)
	}
	temporary, err := temporaryBeside(file)
	if err != nil {
		return Copy{}, err
	}
	defer os.Remove(temporary)
	if err := copyOnline(ctx, path, temporary); err != nil {
		return Copy{}, fmt.Errorf("copying %s: %w", path, err)
	}
	found, err := inspect(ctx, temporary)
	if err != nil {
		return Copy{}, err
	}
	// A link, since a rename would replace a file that has appeared since.
	if err := os.Link(temporary, file); err != nil {
		return Copy{}, err
	}
	return found, syncDirectory(file)
}

// temporaryBeside creates an empty file that only this user can read.
func temporaryBeside(file string) (string, error) {
	temporary, err := os.CreateTemp(filepath.Dir(file), ".toolbridge-*.partial")
	if err != nil {
		return "", err
	}
	return temporary.Name(), temporary.Close()
}

// copyOnline reads in one transaction, so writers neither wait nor appear in the
// copy.
func copyOnline(ctx context.Context, path, target string) error {
	db, err := connectAlone(path, "mode=rw")
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, target)
	return err
}

// inspect syncs a copy to the disk and reads all of it. It refuses a copy that is
// damaged or was made by a newer program.
func inspect(ctx context.Context, file string) (Copy, error) {
	found, err := digest(file)
	if err != nil {
		return Copy{}, err
	}
	// Nobody else writes to the copy, and SQLite must not leave files beside it.
	db, err := connectAlone(file, "mode=ro", "immutable=1")
	if err != nil {
		return Copy{}, err
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&verdict); err != nil || verdict != "ok" {
		return Copy{}, fmt.Errorf("it is not a whole SQLite database: %s: %w", verdict, err)
	}
	if err := count(ctx, db, &found); err != nil {
		return Copy{}, fmt.Errorf("it is not a database of this program: %w", err)
	}
	return found, checkKnown(found.Schema)
}

// count also counts items that a migration is moving.
func count(ctx context.Context, db *sql.DB, found *Copy) error {
	const text = `SELECT version, (SELECT COUNT(*) FROM item), EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'item_next') FROM schema_version`
	var moving bool
	err := db.QueryRowContext(ctx, text).Scan(&found.Schema, &found.Items, &moving)
	if err != nil || !moving {
		return err
	}
	var moved int64
	err = db.QueryRowContext(ctx, `SELECT COUNT(*) FROM item_next`).Scan(&moved)
	found.Items += moved
	return err
}

// connectAlone opens an existing database with one connection. It creates none.
func connectAlone(file string, options ...string) (*sql.DB, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	return connect("sqlite", path, 1, lockWait, options...)
}

// digest also syncs the bytes that it read to the disk.
func digest(file string) (Copy, error) {
	opened, err := os.Open(file)
	if err != nil {
		return Copy{}, err
	}
	defer opened.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, opened)
	if err != nil {
		return Copy{}, err
	}
	return Copy{Bytes: n, SHA256: hex.EncodeToString(hash.Sum(nil))}, opened.Sync()
}

// syncDirectory makes the name of a file as durable as its content.
func syncDirectory(file string) error {
	directory, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer directory.Close()
	return directory.Sync()
}
