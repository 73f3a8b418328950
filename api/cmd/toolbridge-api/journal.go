package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"toolbridge/api/internal/config"
	"toolbridge/api/internal/export"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/migration"
)

// journalCommand checks or exports the journals of all owners, also while the API serves.
func journalCommand(ctx context.Context, database config.Database, args []string, stdout io.Writer) error {
	commands := map[string]func(context.Context, config.Database, []string, io.Writer) error{
		"verify": verifyJournal, "export": exportJournal, "verify-export": verifyExport,
	}
	if len(args) > 0 && commands[args[0]] != nil {
		return commands[args[0]](ctx, database, args[1:], stdout)
	}
	return fmt.Errorf("knows only: journal verify, journal export, journal verify-export; %w", errUsage)
}

func verifyJournal(ctx context.Context, database config.Database, args []string, stdout io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("journal verify takes no argument; %w", errUsage)
	}
	return withJournals(ctx, database, func(store store) error {
		read, err := item.Verify(ctx, store)
		if err == nil {
			read.Describe(stdout)
		}
		return err
	})
}

func exportJournal(ctx context.Context, database config.Database, args []string, stdout io.Writer) error {
	selected := export.Selection{}
	flags := flag.NewFlagSet("export", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&selected.Owner, "owner", "", "subject or id of the one user")
	flags.Func("since", "time of the first line", moment(&selected.Since))
	flags.Func("until", "time before which the last line was written", moment(&selected.Until))
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return fmt.Errorf("journal export takes -owner, -since and -until, where a time is %s; %w", item.TimeForm, errUsage)
	}
	return withJournals(ctx, database, func(store store) error {
		err := export.Write(ctx, store, selected, stdout)
		if ctx.Err() != nil {
			return errors.New("the export was interrupted, and has no end")
		}
		return err
	})
}

// moment is a flag that is a time.
func moment(into **item.Millis) func(string) error {
	return func(text string) error {
		at, ok := item.ParseMoment(text)
		if !ok {
			return errUsage
		}
		*into = &at
		return nil
	}
}

// verifyExport needs no database.
func verifyExport(_ context.Context, _ config.Database, args []string, stdout io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("journal verify-export needs the name of one file; %w", errUsage)
	}
	file, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer file.Close()
	found, err := export.Verify(file)
	if err == nil {
		found.Describe(stdout)
	}
	return err
}

// withJournals opens the database, which must exist, and closes it.
func withJournals(ctx context.Context, database config.Database, do func(store) error) error {
	if database.URL == "" {
		if _, err := os.Stat(database.Path); err != nil {
			return fmt.Errorf("DATABASE_URL: %w", err)
		}
	}
	store, err := openStore(ctx, database, &migration.Progress{})
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.Close())
}
