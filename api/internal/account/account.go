// Package account is about users: their ids, epochs and sync sessions, and the wipe
// of their data.
package account

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"

	"toolbridge/api/internal/journal"
)

// Owner is one user of one tenant, to whom items belong.
type Owner struct {
	Tenant string
	User   string
}

// State is what is stored about an owner. An owner who was never stored is at
// epoch 1.
type State struct {
	Epoch         int64
	SessionsSince time.Time // sessions opened earlier have ended
	LastWipeAt    time.Time // zero: never wiped
	LastWipeBy    string
	SessionEnded  bool // whether the session of the query was ended
}

// Usage is what an owner has: live items, the bytes of their payloads, and those of the
// payloads that the journal keeps.
type Usage struct {
	Items, Bytes, HistoryBytes int64
}

// Store keeps states that differ from the default. Times have millisecond
// precision.
type Store interface {
	// State reads an owner's state, and whether the session was ended, in one
	// statement. An unknown owner is in the default state.
	State(ctx context.Context, owner Owner, sessionID string) (State, error)

	// EndSession records that a session has ended. In the same transaction it drops
	// records that have expired at now.
	EndSession(ctx context.Context, owner Owner, sessionID string, expires, now time.Time) error

	// Usage returns what the owner has, without counting it anew.
	Usage(ctx context.Context, owner Owner) (Usage, error)

	// MostUsed returns the most items, and the most bytes, that any owner of a tenant has
	// as Usage says. It reads a row for each owner.
	MostUsed(ctx context.Context, tenant string) (items, bytes int64, err error)

	// Count counts the owner's items by kind, tombstones included.
	Count(ctx context.Context, owner Owner) (map[string]int64, error)

	// Wipe deletes every item of the owner, with the contents that its journal keeps,
	// adds a line to the journal, raises the epoch and moves SessionsSince past both
	// now and its old value, all or nothing; only contents may be gone after a failure.
	// Deleted counts the items by kind. When the owner is at another epoch, it does
	// nothing and returns ErrNoSession, since an earlier wipe ended the sessions. Now is
	// read inside the transaction, so that sessions opened while Wipe waited end too.
	Wipe(ctx context.Context, owner Owner, epoch int64, by journal.Origin, now func() time.Time) (
		state State, deleted map[string]int64, err error)
}

// UserID is the id of a subject within a tenant. It is derived, so a user need not
// be stored: a UUID of version 8 (RFC 9562) made of the SHA-256 of both names.
// Neither name can contain the NUL that separates them.
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
