package login

import (
	"context"
	"slices"

	"toolbridge/api/internal/fault"
)

// KeyState is what a pair of keys is for at a moment.
type KeyState string

// The states, in the order in which a pair has them.
const (
	Published KeyState = "published" // it will sign
	Signing   KeyState = "signing"
	Verifying KeyState = "verifying" // it signs no more, and its tokens are still accepted
)

// Key is a pair of keys as operators see it.
type Key struct {
	ID     string   `json:"id"`
	State  KeyState `json:"state"`
	MadeAt int64    `json:"madeAt"`
}

// Rotate is what RotateKeys is asked for.
type Rotate struct {
	Withdraw bool `json:"withdraw,omitempty"` // the keys that there are, at once
}

// Keys is an answer.
type Keys struct {
	Keys []Key `json:"keys"`
}

// RotateKeys makes a new pair. It signs as soon as everybody knows it; or at once, if the others
// are withdrawn.
func (s *Service) RotateKeys(ctx context.Context, in Rotate) (Keys, error) {
	err := s.renew(ctx, in.Withdraw, func(_ int64, pairs []*pair) (bool, error) {
		if !in.Withdraw && len(pairs) >= maxPairs {
			return false, fault.New(fault.LoginFull, "there are %d pairs of keys, the most that there may be; wait until the tokens of the oldest ones have expired", len(pairs))
		}
		return true, nil
	})
	if err != nil {
		return Keys{}, err
	}
	s.Log.Info("the signing key of sign-in was rotated", "withdrawn", in.Withdraw)
	now, answer := Millis(s.Now()), Keys{Keys: []Key{}}
	pairs := s.known.state.Load().pairs
	for _, one := range pairs {
		if one.verifiesAt(now) {
			answer.Keys = append(answer.Keys, Key{one.id, one.stateAt(now, signing(pairs, now)), Seconds(one.made)})
		}
	}
	return answer, nil
}

func (p *pair) stateAt(now int64, signs *pair) KeyState {
	switch {
	case now < p.signs:
		return Published
	case p == signs || p.retired == 0 || now < p.retired:
		return Signing
	}
	return Verifying
}

// maintain makes a pair when there is none that signs, or the one that does is old, and seals
// anew what was sealed with a key of the tenant that is no longer the first.
func (s *Service) maintain(ctx context.Context) error {
	known, now := s.known.state.Load(), Millis(s.Now())
	switch {
	case !usable(known, now), old(known.pairs, now):
		err := s.renew(ctx, false, func(now int64, pairs []*pair) (bool, error) {
			return signing(pairs, now) == nil || old(pairs, now), nil
		})
		if err != nil {
			return err
		}
	case known.again || slices.ContainsFunc(known.pairs, func(p *pair) bool { return p.again }):
		return s.sealAgain(ctx)
	}
	return nil
}

// usable reports whether all secrets are there, and open.
func usable(known *state, now int64) bool {
	return signing(known.pairs, now) != nil && known.refresh != nil && known.seal != nil
}

// old reports whether the newest pair that can be used has come of age. One that is published
// already counts.
func old(pairs []*pair, now int64) bool {
	newest := int64(0)
	for _, one := range pairs {
		if one.private != nil && one.retired == 0 {
			newest = max(newest, one.made)
		}
	}
	return newest > 0 && now-newest >= renewAfter.Milliseconds()
}

// renew makes a pair if, inside the transaction, it is wanted, and the secrets that are missing.
func (s *Service) renew(ctx context.Context, withdraw bool, wanted func(now int64, pairs []*pair) (bool, error)) error {
	sealing, _, err := s.sealing()
	if err != nil {
		return err
	}
	err = s.Store.EndLogin(ctx, func(tx Tx) error {
		if err := s.touch(tx); err != nil { // first: one process after the other
			return err
		}
		now := Millis(s.Now())
		if err := s.makeSecrets(tx, sealing); err != nil {
			return err
		}
		pairs, err := s.readPairs(tx, sealing, s.openedPairs())
		if err != nil {
			return err
		}
		if wanted, err := wanted(now, pairs); !wanted {
			return err
		}
		return s.makePair(tx, sealing, pairs, now, withdraw)
	})
	if err != nil {
		return err
	}
	return s.look(ctx)
}

func (s *Service) openedPairs() []*pair {
	if known := s.known.state.Load(); known != nil {
		return known.pairs
	}
	return nil
}

// makePair adds a pair. Where another one signs, it signs only when everybody knows it, and the
// others then end.
func (s *Service) makePair(tx Tx, sealing seals, pairs []*pair, now int64, withdraw bool) error {
	signs, signed := now, signing(pairs, now) != nil
	if signed && !withdraw {
		signs += publishedFor.Milliseconds()
	}
	made, err := newPair(sealing, now, signs)
	if err != nil {
		return err
	}
	for _, one := range pairs {
		switch {
		case withdraw || !one.verifiesAt(now) || s.foreign(one):
			_, err = tx.Exec(sqlDropKey, s.Tenant, one.id)
		case signed && one.retired == 0:
			one.follow(signs)
			_, err = tx.Exec(sqlEndKey, one.retired, one.expires, s.Tenant, one.id)
		}
		if err != nil {
			return err
		}
	}
	return s.addPair(tx, made)
}

// foreign reports whether a pair is another deployment's: none of the tenant's keys opens it
// at the start, after the database was restored from elsewhere. Later it may be that of a
// process whose list of keys is ahead of this one's.
func (s *Service) foreign(one *pair) bool { return one.private == nil && !s.known.opened }

// makeSecrets makes the secrets that are missing, or cannot be opened. Refresh tokens do not
// need the one that they follow from by: those that are out stay good.
func (s *Service) makeSecrets(tx Tx, sealing seals) error {
	if _, err := tx.Exec(sqlFirstSecret, s.Tenant, secretSeal, random(32)); err != nil {
		return err
	}
	stored, err := s.readSecret(tx, secretRefresh)
	if err != nil {
		return err
	}
	if stored != nil {
		if _, _, err := sealing.open(stored, secretRefresh); err == nil || s.opensRefresh() {
			return nil
		}
	}
	_, err = tx.Exec(sqlSetSecret, s.Tenant, secretRefresh, sealing.seal(random(32), secretRefresh))
	return err
}

func (s *Service) opensRefresh() bool {
	known := s.known.state.Load()
	return known != nil && known.refresh != nil
}

// sealAgain seals with the first key of the tenant what another one of them opens, so that
// the latter can be taken away.
func (s *Service) sealAgain(ctx context.Context) error {
	sealing, _, err := s.sealing()
	if err != nil {
		return err
	}
	err = s.Store.EndLogin(ctx, func(tx Tx) error {
		if err := s.touch(tx); err != nil {
			return err
		}
		pairs, err := s.readPairs(tx, sealing, nil)
		if err != nil {
			return err
		}
		for _, one := range pairs {
			if err := s.sealPair(tx, sealing, one); err != nil {
				return err
			}
		}
		stored, err := s.readSecret(tx, secretRefresh)
		if err != nil || stored == nil {
			return err
		}
		if secret, again, err := sealing.open(stored, secretRefresh); err == nil && again {
			_, err = tx.Exec(sqlSetSecret, s.Tenant, secretRefresh, sealing.seal(secret, secretRefresh))
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.look(ctx)
}

// sealPair seals a private key anew, unless that is not needed, or it cannot be opened.
func (s *Service) sealPair(tx Tx, sealing seals, one *pair) error {
	if !one.again {
		return nil
	}
	secret, _, err := sealing.open(one.sealed, keyName(one.id))
	if err != nil {
		return err
	}
	_, err = tx.Exec(sqlSealKey, sealing.seal(secret, keyName(one.id)), s.Tenant, one.id)
	return err
}
