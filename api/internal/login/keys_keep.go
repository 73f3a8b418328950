package login

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/keyring"
)

const (
	// lookEvery is how often a process looks whether another one has changed keys or
	// revocations. A look is one statement.
	lookEvery = time.Second

	// lookWithin is how long a look may take, so that one that hangs does not delay the next.
	lookWithin = 5 * time.Second

	// purgeEvery is how often rows that have expired are dropped.
	purgeEvery = 10 * time.Minute

	// soonBurst is how often tokens of unknown keys may cause a look, beside one a second.
	soonBurst = 5
)

// known is what a process knows of keys and revocations, without asking the store.
type known struct {
	mu      sync.Mutex // is held from the reading to the use of what was read
	state   atomic.Pointer[state]
	opened  bool                   // whether Open is over
	problem bool                   // whether the last look failed
	soon    *rate.Limiter          // set by Open
	lasting map[string]*pair       // those that verify now, as auth knows them
	ring    atomic.Pointer[sealed] // seals of the ring as it is
}

// sealed is the seals that were made of some keys.
type sealed struct {
	from *[]keyring.Key
	seals
}

// state is keys and revocations as the store had them at a time.
type state struct {
	mark     []byte
	ring     *[]keyring.Key // with which it was opened
	pairs    []*pair
	seal     []byte
	refresh  []byte // nil: no key of the tenant opens it
	again    bool   // whether it should be sealed again
	revoked  []Revocation
	accounts int64
}

// Open makes the first keys, or reads those that there are. Tokens can be issued and verified
// from then on.
func (s *Service) Open(ctx context.Context) error {
	s.known.soon = rate.NewLimiter(rate.Every(lookEvery), soonBurst)
	if s.Verifier != nil {
		s.Verifier.Unknown = s.lookSoon
	}
	err := s.look(ctx)
	if err == nil {
		err = s.maintain(ctx)
	}
	s.known.opened = err == nil
	return err
}

// Keep learns of what other processes change, renews keys, and drops what has expired, until
// ctx ends. While the store fails, what is known stays in use.
func (s *Service) Keep(ctx context.Context) {
	var purged time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
		err := s.look(ctx)
		if err == nil {
			err = s.maintain(ctx)
		}
		if now := s.Now(); err == nil && now.Sub(purged) >= purgeEvery {
			purged, err = now, s.purge(ctx)
		}
		s.report(ctx, err)
	}
}

// report logs when looks begin to fail, and when they work again.
func (s *Service) report(ctx context.Context, err error) {
	failed := err != nil && ctx.Err() == nil
	if failed && !s.known.problem {
		s.Log.Warn("the keys of sign-in cannot be read or renewed; the known ones stay in use", "error", err.Error())
	}
	if err == nil && s.known.problem {
		s.Log.Info("the keys of sign-in were read again")
	}
	s.known.problem = failed || s.known.problem && err != nil
}

// lookSoon is called for a token of an unknown key.
func (s *Service) lookSoon() {
	if !s.known.soon.AllowN(s.Now(), 1) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookEvery)
	defer cancel()
	_ = s.look(ctx) // the next look of Keep says what is wrong
}

// look reads what has changed since the last look, and makes it count.
func (s *Service) look(ctx context.Context) error {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	return s.lookNow(ctx)
}

// ended makes what this process has revoked count at once, before the caller hears of it. If
// the store does not say what it has now, the entries are added to what is known.
func (s *Service) ended(ctx context.Context, entries []Revocation) {
	if len(entries) == 0 {
		return
	}
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	if s.lookNow(context.WithoutCancel(ctx)) == nil {
		return
	}
	next := *s.known.state.Load()
	next.mark, next.revoked = nil, append(slices.Clone(next.revoked), entries...)
	s.use(&next)
}

func (s *Service) lookNow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	sealing, ring, err := s.sealing()
	if err != nil {
		return err
	}
	before, next := s.known.state.Load(), state{}
	if before != nil {
		next = *before
	}
	err = s.Store.ReadLogin(ctx, func(tx Tx) error {
		var mark []byte
		if err := tx.QueryRow(sqlLook, s.Tenant, secretMark, []byte{}, s.Tenant).Scan(&mark, &next.accounts); err != nil {
			return err
		}
		if before != nil && bytes.Equal(mark, before.mark) && before.ring == ring {
			return nil
		}
		next.mark, next.ring = mark, ring
		return s.readState(tx, sealing, before, &next)
	})
	if err != nil {
		return err
	}
	s.use(&next)
	return nil
}

// sealing is the seals of the tenant's keys as they are now.
func (s *Service) sealing() (seals, *[]keyring.Key, error) {
	ring := s.TenantKeys.Keys()
	if made := s.known.ring.Load(); made != nil && made.from == ring {
		return made.seals, ring, nil
	}
	made, err := sealsOf(*ring)
	if err != nil {
		return nil, nil, err
	}
	s.known.ring.Store(&sealed{ring, made})
	return made, ring, nil
}

// readState reads all but the accounts.
func (s *Service) readState(tx Tx, sealing seals, before, next *state) (err error) {
	var opened []*pair
	if before != nil {
		opened = before.pairs
	}
	if next.pairs, err = s.readPairs(tx, sealing, opened); err != nil {
		return err
	}
	if next.seal, err = s.readSecret(tx, secretSeal); err != nil {
		return err
	}
	secret, err := s.readSecret(tx, secretRefresh)
	if err != nil {
		return err
	}
	if secret != nil {
		next.refresh, next.again, err = sealing.open(secret, secretRefresh)
		if errors.Is(err, errSealed) && before != nil {
			next.refresh, next.again = before.refresh, false
		}
	}
	next.revoked, err = s.readRevocations(tx)
	return err
}

// use makes a state count.
func (s *Service) use(next *state) {
	s.known.state.Store(next)
	if s.Verifier == nil {
		return
	}
	now := Millis(s.Now())
	lasting := map[string]*pair{}
	for _, one := range next.pairs {
		if one.verifiesAt(now) {
			lasting[one.id] = one
		}
	}
	if s.known.lasting == nil || !sameKeys(lasting, s.known.lasting) {
		keys := auth.LoginKeys{}
		for id, one := range lasting {
			keys[id] = one.verifies
		}
		s.Verifier.UseKeys(keys)
		s.known.lasting = lasting
	}
	s.Verifier.Revoke(revokedAt(next.revoked, now))
}

func sameKeys(a, b map[string]*pair) bool {
	if len(a) != len(b) {
		return false
	}
	for id := range a {
		if b[id] == nil {
			return false
		}
	}
	return true
}
