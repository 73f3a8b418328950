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

// Codes of the server, or classes of them: two characters that all of a kind
// begin with.
var (
	// The same transaction may well work a moment later: serialization failure, deadlock.
	collisions = []string{"40001", "40P01"}

	// The database may well answer a moment later: connection lost, read-only
	// after a failover, timeout of a transaction, undone in favour of another,
	// nothing left of some resource, lock not available, shutdown, start, timeout.
	passing = []string{"08", "25006", "25P03", "40", "53", "55P03", "57"}

	// What became of a commit is open: completion unknown, connection lost, shutdown.
	unsure = []string{"40003", "08", "57P01", "57P02", "57P03"}
)

// classify tells what may work when tried again (unavailable) from what will
// not, which stays an error of its own.
func classify(err error) error {
	if err == nil {
		return nil
	}
	var said *pgconn.PgError
	if cut(err) || errors.As(err, &said) && oneOf(said.Code, passing) {
		return fault.New(fault.Unavailable, "the store cannot answer right now; try again").Because(err)
	}
	return fmt.Errorf("postgres: %w", err)
}

// classifyCommit does so for the end of a write, where an answer that got lost
// tells nothing of the write.
func classifyCommit(err error) error {
	var said *pgconn.PgError
	if cut(err) && !pgconn.SafeToRetry(err) || errors.As(err, &said) && oneOf(said.Code, unsure) {
		return fault.New(fault.OutcomeUnknown,
			"the store was lost during the write, which may or may not have been made; read before you repeat it").Because(err)
	}
	return classify(err)
}

// cut says whether there is no connection, it broke, or time was up.
func cut(err error) bool {
	var connecting *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connecting) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		slices.ContainsFunc([]error{
			context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
		}, func(target error) bool { return errors.Is(err, target) })
}

// collided says whether the transaction was undone in favour of another one, or
// never reached the server, so that it can be run anew.
func collided(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && oneOf(said.Code, collisions) || pgconn.SafeToRetry(err)
}

// oneOf says whether a code is listed, itself or its class.
func oneOf(code string, list []string) bool {
	return slices.Contains(list, code) || len(code) > 2 && slices.Contains(list, code[:2])
}
