package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrExists refuses a restore over an existing database.
var ErrExists = errors.New("a database is there already")

// ErrInUse refuses a restore while another process has the database open.
var ErrInUse = errors.New("the database is in use; stop what uses it first")

// logSuffixes end the names of the files that SQLite keeps beside a database in use.
var logSuffixes = []string{"-wal", "-shm"}

// Restore puts the content of a backup at path, complete and checked, or changes
// nothing. When a database exists at path, Restore refuses with ErrExists, or, if
// replace is true, keeps that database under the name it returns.
func Restore(ctx context.Context, backup, path string, replace bool) (found Copy, kept string, err error) {
	if err := checkBackup(backup); err != nil {
		return Copy{}, "", err
	}
	exists := fileExists(path)
	if exists && !replace {
		return Copy{}, "", fmt.Errorf("%s: %w", path, ErrExists)
	}
	temporary, err := copyBeside(backup, path)
	if err != nil {
		return Copy{}, "", err
	}
	defer os.Remove(temporary)
	if found, err = inspect(ctx, temporary); err != nil {
		return Copy{}, "", fmt.Errorf("%s cannot be restored: %w", backup, err)
	}
	if exists {
		if kept, err = setAside(ctx, path); err != nil {
			return Copy{}, "", err
		}
	}
	if err := os.Rename(temporary, path); err != nil {
		return Copy{}, "", err
	}
	return found, kept, syncDirectory(path)
}

// checkBackup refuses a file that is only half of a database, because its log with
// the other half is beside it.
func checkBackup(backup string) error {
	if fileExists(backup + "-wal") {
		return fmt.Errorf("%s has a log beside it, so it is no backup but a database in use; make a backup of it", backup)
	}
	return nil
}

// copyBeside copies the backup to the disk of the database. The copy belongs to the
// owner of the folder, whichever user runs this.
func copyBeside(backup, path string) (temporary string, err error) {
	source, err := os.Open(backup)
	if err != nil {
		return "", err
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	target, err := os.CreateTemp(filepath.Dir(path), ".toolbridge-*.partial")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(target, source)
	err = errors.Join(err, giveToOwnerOfFolder(target), target.Sync(), target.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(target.Name()))
	}
	return target.Name(), nil
}

// giveToOwnerOfFolder matters to root only, as in a console of the machine: the
// serving process runs as another user.
func giveToOwnerOfFolder(file *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(file.Name()))
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return file.Chown(int(owner.Uid), int(owner.Gid))
}

// setAside gives the database at path a second name, so that path names a database at
// every moment, and moves its log to that name.
func setAside(ctx context.Context, path string) (kept string, err error) {
	if err := release(ctx, path); err != nil {
		return "", err
	}
	kept = path + ".replaced-" + time.Now().UTC().Format("20060102T150405.000Z")
	if err := os.Link(path, kept); err != nil {
		return "", err
	}
	for _, suffix := range logSuffixes {
		if err := os.Rename(path+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return kept, nil
}

// release writes the log of a database into its file. SQLite does that only for the
// only process that has it open. A database that SQLite cannot read stays as it is.
func release(ctx context.Context, path string) error {
	db, err := connectAlone(path, "mode=rw")
	if err != nil {
		return err
	}
	defer db.Close()
	var mode string
	if err := db.QueryRowContext(ctx, `PRAGMA journal_mode(DELETE)`).Scan(&mode); passing(err) {
		return fmt.Errorf("%s: %w", path, ErrInUse)
	}
	return nil
}

func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
