// Package account knows users: their id, their epoch, their sync sessions, and
// how to wipe what they own.
package account

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// Owner is one user of one tenant.
type Owner struct {
	Tenant string
	User   string
}

// State is what is known of an owner. An owner never stored is at epoch 1.
type State struct {
	Epoch         int64
	SessionsSince time.Time // sessions opened earlier have ended
	LastWipeAt    time.Time // zero: never wiped
	LastWipeBy    string
	SessionEnded  bool // of the session asked about
}

// Store keeps what differs from the default. Times have millisecond precision.
type Store interface {
	// State reads an owner's state, and whether the session was ended, in one
	// statement. An unknown owner is in the default state.
	State(ctx context.Context, owner Owner, sessionID string) (State, error)

	// EndSession notes that a session has ended. Notes that are past their
	// expiry at now are dropped in the same transaction.
	EndSession(ctx context.Context, owner Owner, sessionID string, expires, now time.Time) error

	// Wipe deletes every item of the owner, raises the epoch and moves
	// SessionsSince past both now and its old value, all or nothing. Deleted
	// counts the items by kind. At another epoch than the one given it does
	// nothing: ErrNoSession, as the wipe before it ended the sessions. Now is read
	// inside the transaction, so that sessions opened while it waited end too.
	Wipe(ctx context.Context, owner Owner, epoch int64, now func() time.Time) (
		state State, deleted map[string]int64, err error)
}

// UserID gives the id of a subject within a tenant: always the same one, so
// that knowing a user takes no write. It is a UUID of RFC 9562's version 8 made
// of the SHA-256 of both names; neither can contain the NUL between them.
func UserID(tenant, subject string) string {
	sum := sha256.Sum256([]byte("toolbridge user\x00" + tenant + "\x00" + subject))
	return shaped(uuid.UUID(sum[:16])).String()
}

// shaped writes version 8 and the variant over the six bits they occupy.
func shaped(id uuid.UUID) uuid.UUID {
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
