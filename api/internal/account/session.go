package account

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
)

// SessionLifetime is how long a session is valid. Use does not extend it.
const SessionLifetime = 30 * time.Minute

// Why a session cannot be used. The caller decides on the client's error.
var (
	ErrNoSession     = errors.New("session is unknown, ended or expired")
	ErrOthersSession = errors.New("session belongs to another user")
)

// Session is an open sync session, with the owner's state when it was read.
type Session struct {
	ID        string
	Owner     Owner
	CreatedAt time.Time
	ExpiresAt time.Time
	State     State
}

// Service opens, checks and ends sessions, and wipes.
type Service struct {
	Store  Store
	Prover *Prover
	Now    func() time.Time
}

// StateReader reads the state of an owner and a session, as Store.State does.
type StateReader func(ctx context.Context, owner Owner, sessionID string) (State, error)

// Open opens a session. It costs one read and no write.
func (s *Service) Open(ctx context.Context, owner Owner, read StateReader) (Session, error) {
	state, err := read(ctx, owner, "")
	if err != nil {
		return Session{}, err
	}
	created := s.Now().Truncate(time.Millisecond)
	if created.Before(state.SessionsSince) {
		created = state.SessionsSince
	}
	return session(s.Prover.issue(owner, created), owner, created, state), nil
}

// Resume finds an open session of the owner. Without one it returns ErrNoSession or
// ErrOthersSession.
func (s *Service) Resume(ctx context.Context, owner Owner, id string, read StateReader) (Session, error) {
	const withDashes = 36 // characters; no braces, no URN
	parsed, err := uuid.Parse(id)
	if err != nil || len(id) != withDashes {
		return Session{}, ErrNoSession
	}
	created, whose := s.Prover.inspect(owner, parsed)
	if whose == unknown || !s.Now().Before(created.Add(SessionLifetime)) {
		return Session{}, ErrNoSession
	}
	state, err := read(ctx, owner, parsed.String())
	switch {
	case err != nil:
		return Session{}, err
	case state.SessionEnded:
		return Session{}, ErrNoSession
	case whose == others:
		return Session{}, ErrOthersSession
	case created.Before(state.SessionsSince):
		return Session{}, ErrNoSession
	}
	return session(parsed.String(), owner, created, state), nil
}

// End ends a session of the owner on every process.
func (s *Service) End(ctx context.Context, owner Owner, id string) error {
	found, err := s.Resume(ctx, owner, id, s.Store.State)
	if err != nil {
		return err
	}
	return s.Store.EndSession(ctx, owner, found.ID, found.ExpiresAt, s.Now())
}

// Wipe deletes all data of a session's owner if the confirmation is right. It
// returns ErrNoSession when another wipe has ended the session since.
func (s *Service) Wipe(ctx context.Context, opened Session, confirm string, by journal.Origin) (State, map[string]int64, error) {
	if err := checkConfirmation(confirm); err != nil {
		return State{}, nil, err
	}
	return s.Store.Wipe(ctx, opened.Owner, opened.State.Epoch, by, s.Now)
}

// TryWipe returns what Wipe would, and deletes nothing.
func (s *Service) TryWipe(ctx context.Context, opened Session, confirm string) (State, map[string]int64, error) {
	if err := checkConfirmation(confirm); err != nil {
		return State{}, nil, err
	}
	counts, err := s.Store.Count(ctx, opened.Owner)
	state := opened.State
	state.Epoch++
	return state, counts, err
}

func checkConfirmation(confirm string) error {
	if confirm != "WIPE" {
		return fault.New(fault.ConfirmationRequired, `confirmation required: must send {"confirm":"WIPE"}`)
	}
	return nil
}

func session(id string, owner Owner, created time.Time, state State) Session {
	return Session{ID: id, Owner: owner, CreatedAt: created, ExpiresAt: created.Add(SessionLifetime), State: state}
}
