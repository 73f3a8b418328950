package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"toolbridge/api/internal/fault"
)

// primary is the part of a code that the rest refines.
const primary = 0xff

// classify makes an unavailable fault of an error that a retry may cure, and a fault
// of its own of a full disk. Other errors stay as they are.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case full(err):
		return diskFull().Because(err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), passing(err):
		return fault.New(fault.Unavailable, "the store cannot answer right now; try again").Because(err)
	}
	return fmt.Errorf("sqlite: %w", err)
}

// full reports whether SQLite found the disk full.
func full(err error) bool {
	var failed *sqlite.Error
	return errors.As(err, &failed) && failed.Code()&primary == codes.SQLITE_FULL
}

// passing reports whether the reason of an error will pass.
func passing(err error) bool {
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return false
	}
	switch failed.Code() & primary {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_INTERRUPT:
		return true
	}
	return false
}
