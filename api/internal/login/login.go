// Package login keeps what a tenant without an identity provider needs so that its people
// and services can sign in: accounts, links, sessions, codes, connections and signing keys.
package login

import (
	"context"
	"log/slog"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/keyring"
)

// Service decides everything about signing in to a tenant. Each route under /v1/login is
// one of its methods. The fields must be set before it is used.
type Service struct {
	Store      Store
	Tenant     string
	TenantKeys *keyring.Ring // of the gateway's signatures; the signing keys are sealed under them
	Demands    Demands
	Verifier   *auth.Login // gets the keys and the revocations; nil: nobody does
	Now        func() time.Time
	Log        *slog.Logger
	Shown      func(subject string) string // as operators see it in log lines
	Cost       Cost                        // of hashing a password; zero: what a deployment needs
	SignedIn   func(result Result)         // notes how a sign-in ended, for metrics; nil: nobody does

	known     known
	addresses addresses
	signIns   signIns
	hashing   hashing
}

// Demands is what access tokens have beside their subject, so that both programs accept them.
type Demands struct {
	TenantClaim string // the claim that names the tenant; empty: none
	ScopeRead   string
	ScopeWrite  string
}

// Store runs transactions on the tables of login. They may run several times, as long as
// they collide with others, so they must have no other effect.
type Store interface {
	// Login runs do in a transaction, which is taken back when do returns an error.
	Login(ctx context.Context, do func(Tx) error) error

	// EndLogin is Login for what takes access away. It works on a full disk, too.
	EndLogin(ctx context.Context, do func(Tx) error) error

	// ReadLogin runs do on one state of the tables. Do changes nothing.
	ReadLogin(ctx context.Context, do func(Tx) error) error
}

// Tx is a transaction. The texts are SQL that SQLite and PostgreSQL both understand, with
// question marks for the arguments: int64, string, []byte and nil. Where only one of several
// may win, a conditional UPDATE or DELETE with RETURNING says who has won; there are no locks
// to take.
type Tx interface {
	// Exec returns how many rows the statement has changed.
	Exec(text string, arguments ...any) (changed int64, err error)

	// QueryRow returns the first row. Its Scan returns an error that is sql.ErrNoRows when
	// there is none.
	QueryRow(text string, arguments ...any) Row

	// Query calls each with every row. No other statement may run meanwhile.
	Query(each func(Row) error, text string, arguments ...any) error

	// AddLine adds a line that is about no item to the owner's journal. Seq, Epoch and the
	// hashes are set by the store; At is the time of now.
	AddLine(owner account.Owner, line journal.Line) error
}

// Row is one row of a result.
type Row interface {
	Scan(dest ...any) error
}

// Millis is a moment as the tables have it: Unix milliseconds.
func Millis(at time.Time) int64 { return at.UnixMilli() }

// Seconds is a moment as answers have it: Unix seconds; 0 for never.
func Seconds(millis int64) int64 { return millis / 1000 }
