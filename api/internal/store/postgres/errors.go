package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"toolbridge/api/internal/fault"
)

// Codes of the server, or classes of codes: the first two characters of all codes of
// a kind.
var (
	// The same transaction may succeed when it is run again: serialization failure,
	// deadlock.
	collisions = []string{"40001", "40P01"}

	// The database may answer a moment later: connection lost, read-only after a
	// failover, timeout of a transaction, rolled back for another one, out of some
	// resource, lock not available, shutdown, start, timeout.
	passing = []string{"08", "25006", "25P03", "40", "53", "55P03", "57"}

	// The disk of the database is full.
	full = []string{"53100"}

	// The server, the database or the user has no connection to spare.
	crowded = []string{"53300"}

	// The outcome of a commit is unknown: completion unknown, connection lost,
	// shutdown.
	unsure = []string{"40003", "08", "57P01", "57P02", "57P03"}
)

// classify makes an unavailable fault of an error that a retry may cure, and a fault
// of its own of a full disk. Other errors stay as they are.
func classify(err error) error {
	if err == nil {
		return nil
	}
	var said *pgconn.PgError
	switch {
	case errors.As(err, &said) && oneOf(said.Code, full):
		return diskFull().Because(err)
	case errors.As(err, &said) && oneOf(said.Code, crowded):
		return fault.New(fault.Unavailable, "the database takes no more connections right now; try again").Because(err)
	}
	if cut(err) || errors.As(err, &said) && oneOf(said.Code, passing) {
		return fault.New(fault.Unavailable, "the store cannot answer right now; try again").Because(err)
	}
	return fmt.Errorf("postgres: %w", err)
}

func diskFull() *fault.Error {
	return fault.New(fault.DiskFull, "the disk of the database is full: reading works, and wiping may; other writes fail until the operator makes room")
}

func isDiskFull(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code == fault.DiskFull
}

// classifyCommit is classify for the end of a write, where a lost answer leaves the
// outcome unknown.
func classifyCommit(err error) error {
	var said *pgconn.PgError
	if cut(err) && !pgconn.SafeToRetry(err) || errors.As(err, &said) && oneOf(said.Code, unsure) {
		return fault.New(fault.OutcomeUnknown,
			"the store was lost during the write, which may or may not have been made; read before you repeat it").Because(err)
	}
	return classify(err)
}

// cut reports whether there was no connection, it broke, or the time was up.
func cut(err error) bool {
	var connecting *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connecting) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		slices.ContainsFunc([]error{
			context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
		}, func(target error) bool { return errors.Is(err, target) })
}

// collided reports whether the transaction was rolled back for another one, or never
// reached the server, so that it can be run again.
func collided(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && oneOf(said.Code, collisions) || pgconn.SafeToRetry(err)
}

// oneOf reports whether a code or its class is listed.
func oneOf(code string, list []string) bool {
	return slices.Contains(list, code) || len(code) > 2 && slices.Contains(list, code[:2])
}
