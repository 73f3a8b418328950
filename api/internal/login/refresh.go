package login

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"toolbridge/api/internal/fault"
)

const (
	// graceFor is for how long a refresh token that was used gets the same answer again: clients
	// refresh from several addresses at once, and answers get lost.
	graceFor = time.Minute

	refreshIdle = 30 * 24 * time.Hour  // without use
	refreshLast = 180 * 24 * time.Hour // since the connection was made

	// maxRotations bounds the refreshes of a connection within graceFor, all of which are known.
	maxRotations = 20

	nextBytes   = 32 // of a refresh token, that are secret
	familyBytes = 16 // of its connection's id, behind them
	proofBytes  = 16 // of a proof that it was given out here
)

const (
	sqlAddFamily = `INSERT INTO login_family (tenant, id, account, client_id, client_name, client_host, scopes, resource, token,
			created_ms, used_ms, expires_ms, token_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlReadFamily = `SELECT f.account, a.subject, a.disabled, f.client_id, f.client_name, f.client_host, f.scopes, f.resource, f.token,
			f.created_ms, f.expires_ms, f.token_ms
		FROM login_family f JOIN login_account a ON a.tenant = f.tenant AND a.id = f.account
		WHERE f.tenant = ? AND f.id = ? AND f.expires_ms > ?`
	sqlUseFamily = `UPDATE login_family SET token = ?, used_ms = ?, expires_ms = ?, token_ms = ? WHERE tenant = ? AND id = ?`
	sqlEndFamily = `DELETE FROM login_family WHERE tenant = ? AND id = ? AND account = ? RETURNING id, token_ms, client_name`

	// Tokens that were used within graceFor.
	sqlUsedToken  = `INSERT INTO login_refresh (tenant, family, hash, expires_ms) VALUES (?, ?, ?, ?)`
	sqlCountUsed  = `SELECT COUNT(*) FROM login_refresh WHERE tenant = ? AND family = ? AND expires_ms > ?`
	sqlIsUsed     = `SELECT COUNT(*) FROM login_refresh WHERE tenant = ? AND family = ? AND hash = ? AND expires_ms > ?`
	sqlDropUsed   = `DELETE FROM login_refresh WHERE tenant = ? AND family = ? AND expires_ms <= ?`
	sqlDropTokens = `DELETE FROM login_refresh WHERE tenant = ? AND family = ?`
)

// Reused is the cause of the refusal of a refresh token that was used long ago: it was stolen,
// from or by whoever sends it, so the connection has ended (RFC 9700, section 4.14.2).
type Reused struct{}

// Error is the cause, for the log.
func (*Reused) Error() string { return "the refresh token was used before; its connection was ended" }

// newFamilyID is the id of a connection, which is the `sid` of its access tokens.
func newFamilyID() string { return base64.RawURLEncoding.EncodeToString(random(familyBytes)) }

// refreshSecret is what refresh tokens are derived with.
func (s *Service) refreshSecret() ([]byte, error) {
	secret := s.known.state.Load().refresh
	if secret == nil {
		return nil, noKey()
	}
	return secret, nil
}

// firstRefresh is the first refresh token of a connection.
func firstRefresh(secret []byte, family string) string {
	return refreshToken(secret, random(nextBytes), family)
}

// refreshToken has the id of its connection in it, so that every one shows which connection it is
// of, also when it is long forgotten, and a proof that it is none that somebody has made up who
// knows the id. The id is behind the secret part, where base64 spells it in another way: no log
// that has the id has a part of the token.
func refreshToken(secret, next []byte, family string) string {
	id, _ := base64.RawURLEncoding.DecodeString(family)
	content := append(next, id...)
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(append(content, proof(secret, content)...))
}

// proof is what only a process with the secret can make of the rest of a refresh token.
func proof(secret, content []byte) []byte {
	sum := hmac.New(sha256.New, secret)
	sum.Write([]byte("toolbridge refresh token given out\x00"))
	sum.Write(content)
	return sum.Sum(nil)[:proofBytes]
}

// isOurs reports whether a refresh token was given out here, whatever became of it.
func isOurs(secret []byte, token string) bool {
	content, isOne := contentOf(token)
	if !isOne {
		return false
	}
	rest, given := content[:nextBytes+familyBytes], content[nextBytes+familyBytes:]
	return hmac.Equal(given, proof(secret, rest))
}

// contentOf is what a refresh token is made of, if it has the form of one.
func contentOf(token string) (content []byte, isOne bool) {
	text, isOne := strings.CutPrefix(token, refreshPrefix)
	content, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return content, isOne && err == nil && len(content) == nextBytes+familyBytes+proofBytes
}

// familyOf is the connection that a refresh token is of, if it has the form of one.
func familyOf(token string) (id string, isOne bool) {
	content, isOne := contentOf(token)
	if !isOne {
		return "", false
	}
	return base64.RawURLEncoding.EncodeToString(content[nextBytes : nextBytes+familyBytes]), true
}

// following is the refresh token that follows one. It is derived, so that every process gives
// the same one, and nothing but a hash of it needs to be kept.
func following(secret []byte, family, token string) string {
	next := hmac.New(sha256.New, secret)
	next.Write([]byte(token))
	return refreshToken(secret, next.Sum(nil), family)
}

// family is a row: a connection.
type family struct {
	id, account, subject    string
	disabled                int64
	client                  Client
	scopes, resource        string
	token                   []byte // hash of the refresh token that was not used yet
	created, expires, lasts int64  // lasts: until when an access token of it may be valid
}

// findFamily reads a connection that is live.
func (s *Service) findFamily(tx Tx, id string, now int64) (family, error) {
	f := family{id: id}
	err := tx.QueryRow(sqlReadFamily, s.Tenant, id, now).Scan(&f.account, &f.subject, &f.disabled,
		&f.client.ID, &f.client.Name, &f.client.Host, &f.scopes, &f.resource, &f.token, &f.created, &f.expires, &f.lasts)
	if errors.Is(err, sql.ErrNoRows) || err == nil && f.disabled != 0 {
		return family{}, unknown("refresh token")
	}
	return f, err
}

// standing is what a refresh token is to its connection.
type standing int

const (
	current standing = iota
	used             // within graceFor
	stale            // used before that
)

// standing is that of a refresh token to the connection that it names. One that was never given
// out is unknown.
func (s *Service) standing(tx Tx, f family, token string, now int64) (standing, error) {
	hash := hashed(token)
	if subtle.ConstantTimeCompare(hash, f.token) == 1 {
		return current, nil
	}
	var count int64
	err := tx.QueryRow(sqlIsUsed, s.Tenant, f.id, hash, now).Scan(&count)
	if err != nil || count > 0 {
		return used, err
	}
	secret, err := s.refreshSecret()
	if err == nil && !isOurs(secret, token) {
		err = unknown("refresh token")
	}
	return stale, err
}

// ReadRefresh is what ReadRefresh is asked for.
type ReadRefresh struct {
	Token string `json:"token"`
}

// RefreshRead is what a refresh token stands for.
type RefreshRead struct {
	ClientID  string   `json:"clientId"`
	Scopes    []string `json:"scopes"`
	Resource  string   `json:"resource,omitempty"`
	Subject   string   `json:"subject"`
	ExpiresAt int64    `json:"expiresAt"`
}

// ReadRefresh says what a refresh token stands for. One that was used long ago is unknown, and
// ends its connection.
func (s *Service) ReadRefresh(ctx context.Context, in ReadRefresh) (RefreshRead, error) {
	id, isOne := familyOf(in.Token)
	if !isOne {
		return RefreshRead{}, unknown("refresh token")
	}
	var f family
	var is standing
	err := s.Store.ReadLogin(ctx, func(tx Tx) (err error) {
		now := Millis(s.Now())
		if f, err = s.findFamily(tx, id, now); err == nil {
			is, err = s.standing(tx, f, in.Token, now)
		}
		return err
	})
	if err != nil {
		return RefreshRead{}, err
	}
	if is == stale {
		return RefreshRead{}, s.reused(ctx, f, in.Token)
	}
	return RefreshRead{f.client.ID, words(f.scopes), f.resource, f.subject, Seconds(f.expires)}, nil
}

// RedeemRefresh is what RedeemRefresh is asked for.
type RedeemRefresh struct {
	Token    string   `json:"token"`
	ClientID string   `json:"clientId"`
	Scopes   []string `json:"scopes,omitempty"` // of those that were granted; none: all of them
	Wanted
}

// RedeemRefresh gives a new access token, and the refresh token that follows. A token that was
// used within graceFor gets the refresh token that is current by now: the same answer, unless
// that one was used, too. An older one ends the connection. A refresh may be repeated, whatever
// became of its answer.
func (s *Service) RedeemRefresh(ctx context.Context, in RedeemRefresh) (tokens Tokens, err error) {
	if err := in.check(); err != nil {
		return Tokens{}, err
	}
	id, isOne := familyOf(in.Token)
	if !isOne {
		return Tokens{}, unknown("refresh token")
	}
	var f family
	var is standing
	err = s.Store.EndLogin(ctx, func(tx Tx) (err error) {
		now := s.Now()
		if f, err = s.holdFamily(tx, id, Millis(now)); err != nil {
			return err
		}
		if is, err = s.standing(tx, f, in.Token, Millis(now)); err != nil || is == stale {
			return err
		}
		if f.client.ID != in.ClientID {
			return unknown("refresh token of this client")
		}
		tokens, err = s.refresh(tx, f, is, in, now)
		return err
	})
	if err != nil {
		return Tokens{}, err
	}
	if is == stale {
		return Tokens{}, s.reused(ctx, f, in.Token)
	}
	return tokens, nil
}

// holdFamily reads a connection that no other transaction changes until the end of this one.
func (s *Service) holdFamily(tx Tx, id string, now int64) (family, error) {
	f, err := s.findFamily(tx, id, now)
	if err != nil {
		return family{}, err
	}
	if err := s.holdAccount(tx, f.account); err != nil {
		return family{}, err
	}
	return s.findFamily(tx, id, now) // as it is by now
}

// refresh answers a refresh token that is current or was used a moment ago.
func (s *Service) refresh(tx Tx, f family, is standing, in RedeemRefresh, now time.Time) (Tokens, error) {
	scopes, err := narrowed(words(f.scopes), in.Scopes)
	if err != nil {
		return Tokens{}, err
	}
	next, err := s.next(tx, f, is, in.Token, Millis(now))
	if err != nil {
		return Tokens{}, err
	}
	issued, err := s.issuedAt(tx, f.subject, now)
	if err != nil {
		return Tokens{}, err
	}
	tokens, err := s.sign(bearer{f.subject, f.client.ID, f.id, scopes, issued}, in.Wanted)
	if err != nil {
		return Tokens{}, err
	}
	tokens.RefreshToken = next
	lasts := max(f.lasts, (issued+in.Lifetime)*1000)
	_, err = tx.Exec(sqlUseFamily, hashed(next), Millis(now), ends(f.created, now), lasts, s.Tenant, f.id)
	return tokens, err
}

// ends is when a connection ends that was used last now.
func ends(created int64, now time.Time) int64 {
	return min(created+refreshLast.Milliseconds(), Millis(now.Add(refreshIdle)))
}

// next is the refresh token that is current after one was sent.
func (s *Service) next(tx Tx, f family, is standing, token string, now int64) (string, error) {
	secret, err := s.refreshSecret()
	if err != nil {
		return "", err
	}
	if is == current {
		return following(secret, f.id, token), s.noteUsed(tx, f.id, token, now)
	}
	for range maxRotations + 1 {
		token = following(secret, f.id, token)
		if subtle.ConstantTimeCompare(hashed(token), f.token) == 1 {
			return token, nil
		}
	}
	return "", unknown("refresh token") // the secret is another one since: nobody knows what followed
}

// noteUsed remembers for graceFor that a token was used.
func (s *Service) noteUsed(tx Tx, family, token string, now int64) error {
	if _, err := tx.Exec(sqlDropUsed, s.Tenant, family, now); err != nil {
		return err
	}
	var count int64
	if err := tx.QueryRow(sqlCountUsed, s.Tenant, family, now).Scan(&count); err != nil {
		return err
	}
	if count >= maxRotations {
		return fault.New(fault.RateLimited, "the connection was refreshed %d times within a minute; wait", count).Because(&Wait{graceFor})
	}
	_, err := tx.Exec(sqlUsedToken, s.Tenant, family, hashed(token), now+graceFor.Milliseconds())
	return err
}

// reused ends the connection of a refresh token that was used long ago, unless the token turns
// out to be good: another process may have changed the connection since it was looked at.
func (s *Service) reused(ctx context.Context, f family, token string) error {
	ended := false
	err := s.ending(ctx, func(tx Tx) (revoked []Revocation, err error) {
		ended = false
		now := Millis(s.Now())
		held, err := s.holdFamily(tx, f.id, now)
		if err != nil {
			return nil, err
		}
		if is, err := s.standing(tx, held, token, now); err != nil || is != stale {
			return nil, err
		}
		if revoked, err = s.dropFamily(tx, f.id, f.account); err != nil {
			return nil, err
		}
		ended = true
		return revoked, s.note(ctx, tx, f.subject, refreshReused)
	})
	if err != nil {
		return err
	}
	if !ended {
		return fault.New(fault.Unavailable, "the connection was changed meanwhile; try again")
	}
	s.Log.Warn("a refresh token was used again after its time: it may be stolen, so its connection was ended",
		"subject", s.Shown(f.subject), "connection", f.id, "client_host", f.client.Host)
	return unknown("refresh token").Because(&Reused{})
}
