package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"toolbridge/api/internal/config"
	"toolbridge/api/internal/store/migration"
	"toolbridge/api/internal/store/sqlite"
)

const usage = `Usage:
  toolbridge-api                  serve
  toolbridge-api migrate          bring the database's schema up to date
  toolbridge-api backup FILE      copy the SQLite database, also while it serves
  toolbridge-api journal verify   check that no line of a journal was changed or removed
  toolbridge-api journal export [-owner SUBJECT] [-since TIME] [-until TIME]
                                  write the journals of all users, or of one, as JSON lines
  toolbridge-api journal verify-export FILE
                                  check that no line of an export was changed, removed, added or moved
  toolbridge-api restore FILE     put a backup where no database is
  toolbridge-api restore -replace NAME FILE
                                  put it in place of the database file of that name, which is kept
Settings come from the environment; these commands read DATABASE_URL.
Options:
`

// errUsage is the error of a wrong command line.
var errUsage = errors.New("see toolbridge-api -help")

// dataCommand runs a command on the database and returns the exit code.
func dataCommand(ctx context.Context, args []string, lookup config.Lookup, stdout, stderr io.Writer) int {
	commands := map[string]func(context.Context, config.Database, []string, io.Writer) error{
		"migrate": migrateCommand, "journal": journalCommand, "backup": backupCommand, "restore": restoreCommand,
	}
	run, known := commands[args[0]]
	if !known {
		fmt.Fprintf(stderr, "unknown command %q; %v\n", args[0], errUsage)
		return 2
	}
	database, err := config.DatabaseOnly(lookup)
	if err == nil {
		err = run(ctx, database, args[1:], stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", args[0], err)
	}
	switch {
	case errors.Is(err, errUsage):
		return 2
	case err != nil:
		return 1
	}
	return 0
}

func migrateCommand(ctx context.Context, database config.Database, args []string, stdout io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("takes no argument; %w", errUsage)
	}
	progress := &migration.Progress{Unreadable: func(uid string) {
		fmt.Fprintf(stdout, "item %s is not what the API stores; it is kept, but lists and search do not show what it says\n", uid)
	}}
	store, err := openSaying(ctx, database, progress, func(report migration.Report) {
		fmt.Fprintf(stdout, "%s, %.0f a second\n", report, report.Rate)
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "The database's schema is up to date.")
	return store.Close()
}

func backupCommand(ctx context.Context, database config.Database, args []string, stdout io.Writer) error {
	if err := checkSQLite(database, "pg_dump --format=custom --file=FILE"); err != nil {
		return err
	}
	if len(args) != 1 {
		return fmt.Errorf("needs the name of one file; %w", errUsage)
	}
	made, err := sqlite.Backup(ctx, database.Path, args[0])
	if err != nil {
		return err
	}
	describe(stdout, "backup", args[0], made)
	return nil
}

func restoreCommand(ctx context.Context, database config.Database, args []string, stdout io.Writer) error {
	if err := checkSQLite(database, "pg_restore --clean --if-exists --dbname=URL FILE"); err != nil {
		return err
	}
	flags := flag.NewFlagSet("restore", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	replace := flags.String("replace", "", "name of the database file that is replaced")
	if flags.Parse(args) != nil || flags.NArg() != 1 {
		return fmt.Errorf("needs the name of one file; %w", errUsage)
	}
	name := filepath.Base(database.Path)
	if *replace != "" && *replace != name {
		return fmt.Errorf("-replace names %q, but the database is %q", *replace, name)
	}
	found, kept, err := sqlite.Restore(ctx, flags.Arg(0), database.Path, *replace == name)
	if errors.Is(err, sqlite.ErrExists) {
		return fmt.Errorf("%w; to replace it, add -replace %s before the file", err, name)
	}
	if err != nil {
		return err
	}
	describe(stdout, "restored", database.Path, found)
	if kept != "" {
		fmt.Fprintf(stdout, "The database that was there is kept as %s.\n", kept)
	}
	return nil
}

// checkSQLite refers to PostgreSQL's own tool if the database is PostgreSQL.
func checkSQLite(database config.Database, tool string) error {
	if database.URL != "" {
		return fmt.Errorf("DATABASE_URL is PostgreSQL, which has its own tools: %s", tool)
	}
	return nil
}

func describe(stdout io.Writer, what, file string, c sqlite.Copy) {
	fmt.Fprintf(stdout, "%s=%s bytes=%d items=%d schema=%d sha256=%s\n", what, file, c.Bytes, c.Items, c.Schema, c.SHA256)
}
