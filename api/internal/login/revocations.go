package login

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
)

// Kinds of revocations.
const (
	ofSession = "sid" // all access tokens of a connection
	ofSubject = "sub" // those of a subject that were issued up to a second
)

const (
	sqlReadRevocations = `SELECT kind, value, before_ms, expires_ms FROM login_revocation WHERE tenant = ? AND expires_ms > ?`
	sqlRevoke          = `INSERT INTO login_revocation (tenant, kind, value, before_ms, expires_ms) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (tenant, kind, value) DO UPDATE SET before_ms = excluded.before_ms, expires_ms = excluded.expires_ms`
	sqlRevokedUpTo = `SELECT COALESCE((SELECT before_ms FROM login_revocation WHERE tenant = ? AND kind = ? AND value = ?), 0)`
)

// Revocation is access tokens that are not accepted although they are signed. It is there until
// the last of them has expired.
type Revocation struct {
	SID    string `json:"sid,omitempty"` // the tokens of this connection
	Sub    string `json:"sub,omitempty"` // the tokens of this subject whose iat is before, or earlier
	Before int64  `json:"before,omitempty"`
	Until  int64  `json:"until"`
}

// sessionRevoked is for the tokens of a connection, of which the last one expires at a time.
func sessionRevoked(id string, expires int64) Revocation {
	return Revocation{SID: id, Until: roundUp(expires)}
}

// subjectRevoked is for the tokens of a subject up to a second.
func subjectRevoked(subject string, before int64) Revocation {
	return Revocation{Sub: subject, Before: before, Until: before + int64(MaxLifetime.Seconds())}
}

// roundUp is whole seconds of Unix time, not before a moment.
func roundUp(millis int64) int64 { return (millis + 999) / 1000 }

// revoke stores revocations, and notes for other processes that there are some.
func (s *Service) revoke(tx Tx, entries []Revocation) error {
	if len(entries) == 0 {
		return nil
	}
	for _, one := range entries {
		kind, value := ofSession, one.SID
		if one.Sub != "" {
			kind, value = ofSubject, one.Sub
		}
		if _, err := tx.Exec(sqlRevoke, s.Tenant, kind, value, one.Before*1000, one.Until*1000); err != nil {
			return err
		}
	}
	return s.touch(tx)
}

func (s *Service) readRevocations(tx Tx) (all []Revocation, err error) {
	err = tx.Query(func(row Row) error {
		var kind, value string
		var before, expires int64
		if err := row.Scan(&kind, &value, &before, &expires); err != nil {
			return err
		}
		one := Revocation{SID: value, Until: expires / 1000}
		if kind == ofSubject {
			one = Revocation{Sub: value, Before: before / 1000, Until: expires / 1000}
		}
		all = append(all, one)
		return nil
	}, sqlReadRevocations, s.Tenant, Millis(s.Now()))
	return all, err
}

// revokedAt is what the verifier of tokens needs of revocations.
func revokedAt(all []Revocation, now int64) auth.Revoked {
	found := auth.Revoked{Sessions: map[string]bool{}, Subjects: map[string]int64{}}
	for _, one := range all {
		switch {
		case one.Until*1000 <= now:
		case one.Sub != "":
			found.Subjects[one.Sub] = one.Before
		default:
			found.Sessions[one.SID] = true
		}
	}
	return found
}

// issuedAt is the second that a new token of a subject says it was issued in: now, but after
// those that were revoked with its subject.
func (s *Service) issuedAt(tx Tx, subject string, now time.Time) (int64, error) {
	var before int64
	err := tx.QueryRow(sqlRevokedUpTo, s.Tenant, ofSubject, subject).Scan(&before)
	return max(now.Unix(), before/1000+1), err
}

// ending runs a transaction that takes access away. What it has revoked counts in this process
// before ending returns, and in others within a look of theirs.
func (s *Service) ending(ctx context.Context, do func(tx Tx) ([]Revocation, error)) error {
	var revoked []Revocation
	err := s.Store.EndLogin(ctx, func(tx Tx) (err error) {
		if revoked, err = do(tx); err == nil {
			err = s.revoke(tx, revoked)
		}
		return err
	})
	if err == nil {
		s.ended(ctx, revoked)
	}
	return err
}

// State is what a gateway has to know to check access tokens.
type State struct {
	Keys     []JWK        `json:"keys"`
	Seal     string       `json:"seal"`
	Revoked  []Revocation `json:"revoked"`
	Accounts int64        `json:"accounts"`
}

// State is what the gateway asks for every few seconds, from memory.
func (s *Service) State() (State, error) {
	known := s.known.state.Load()
	if known == nil || known.seal == nil {
		return State{}, noKey()
	}
	now := Millis(s.Now())
	answer := State{
		Keys: []JWK{}, Seal: base64.RawURLEncoding.EncodeToString(known.seal), Revoked: []Revocation{}, Accounts: known.accounts,
	}
	for _, one := range known.pairs {
		if one.verifiesAt(now) {
			answer.Keys = append(answer.Keys, one.public)
		}
	}
	for _, one := range known.revoked {
		if one.Until*1000 > now {
			answer.Revoked = append(answer.Revoked, one)
		}
	}
	return answer, nil
}

// KeyAge is the age of the key that signs, by its id; unknown while none does.
func (s *Service) KeyAge() (id string, age time.Duration, known bool) {
	state := s.known.state.Load()
	if state == nil {
		return "", 0, false
	}
	now := s.Now()
	pair := signing(state.pairs, Millis(now))
	if pair == nil {
		return "", 0, false
	}
	return pair.id, now.Sub(time.UnixMilli(pair.made)), true
}

const (
	sqlPurgeCodes       = `DELETE FROM login_code WHERE tenant = ? AND expires_ms <= ?`
	sqlPurgeFamilies    = `DELETE FROM login_family WHERE tenant = ? AND expires_ms <= ? AND token_ms <= ?` // also its last access token
	sqlPurgeTokens      = `DELETE FROM login_refresh WHERE tenant = ? AND expires_ms <= ?`
	sqlPurgeRevocations = `DELETE FROM login_revocation WHERE tenant = ? AND expires_ms <= ?`
	sqlPurgeKeys        = `DELETE FROM login_key WHERE tenant = ? AND expires_ms > 0 AND expires_ms <= ?`
)

// purge drops the rows that have expired. It makes room, so it works on a full disk.
func (s *Service) purge(ctx context.Context) error {
	return s.Store.EndLogin(ctx, func(tx Tx) error {
		now := Millis(s.Now())
		for _, text := range []string{sqlPurgeCodes, sqlPurgeTokens, sqlPurgeRevocations, sqlPurgeKeys, sqlPurgeSessions, sqlPurgeLinks} {
			if _, err := tx.Exec(text, s.Tenant, now); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(sqlPurgeFamilies, s.Tenant, now, now); err != nil {
			return err
		}
		if err := s.purgeAttempts(tx, now); err != nil {
			return err
		}
		longAgo := now - refreshIdle.Milliseconds()
		_, err := tx.Exec(sqlDropRevoked, s.Tenant, longAgo, longAgo)
		return err
	})
}

// isUnknown reports whether an error says that something is not there.
func isUnknown(err error) bool {
	var failed *fault.Error
	return errors.As(err, &failed) && failed.Code == fault.LoginUnknown
}
