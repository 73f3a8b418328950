package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"toolbridge/api/internal/fault"
)

// classify makes an unavailable fault of an error that a retry may cure. Other errors
// stay as they are.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), passing(err):
		return fault.New(fault.Unavailable, "the store cannot answer right now; try again").Because(err)
	}
	return fmt.Errorf("sqlite: %w", err)
}

// passing reports whether the reason of an error will pass.
func passing(err error) bool {
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return false
	}
	const primary = 0xff // the rest of a code only refines it
	switch failed.Code() & primary {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_FULL, codes.SQLITE_INTERRUPT:
		return true
	}
	return false
}
