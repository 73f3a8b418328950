package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"toolbridge/api/internal/config"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/migration"
)

// journalCommand checks the journals of all owners, also while the API serves.
func journalCommand(ctx context.Context, database config.Database, args []string, stdout io.Writer) error {
	if len(args) != 1 || args[0] != "verify" {
		return fmt.Errorf("knows only: journal verify; %w", errUsage)
	}
	store, err := openStore(ctx, database, &migration.Progress{})
	if err != nil {
		return err
	}
	read, err := item.Verify(ctx, store)
	if err == nil {
		read.Describe(stdout)
	}
	return errors.Join(err, store.Close())
}
