package login

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"strings"
	"time"

	"toolbridge/api/internal/fault"
)

const (
	codeLasts = time.Minute

	// usedLasts is how long a code that was used is known, so that what came of it ends when it
	// is sent again (RFC 6749, section 4.1.2): as long as its first access token lasts.
	usedLasts = time.Hour

	maxLiveCodes = 20  // of an account
	maxUsedCodes = 500 // of an account within an hour
)

// challenge is the form of a code challenge of S256, with some tolerance (RFC 7636, section 4.2).
var challenge = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

const (
	sqlCountCodes = `SELECT COALESCE(SUM(CASE WHEN used_ms = 0 THEN 1 ELSE 0 END), 0), COUNT(*) FROM login_code
		WHERE tenant = ? AND account = ? AND expires_ms > ?`
	sqlAddCode = `INSERT INTO login_code (tenant, hash, account, client_id, client_name, client_host, redirect_uri, redirect_given,
			challenge, scopes, resource, created_ms, expires_ms, used_ms, family)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '')`
	sqlReadCode = `SELECT c.account, a.subject, a.disabled, c.client_id, c.client_name, c.client_host, c.redirect_uri, c.redirect_given,
			c.challenge, c.scopes, c.resource, c.expires_ms, c.used_ms, c.family
		FROM login_code c JOIN login_account a ON a.tenant = c.tenant AND a.id = c.account
		WHERE c.tenant = ? AND c.hash = ? AND c.expires_ms > ?`
	sqlUseCode = `UPDATE login_code SET used_ms = ?, expires_ms = ?, family = ?
		WHERE tenant = ? AND hash = ? AND used_ms = 0 AND expires_ms > ?`

	sqlOfSession = `SELECT a.id, a.subject FROM login_session s JOIN login_account a ON a.tenant = s.tenant AND a.id = s.account
		WHERE s.tenant = ? AND s.hash = ? AND s.expires_ms > ? AND a.disabled = 0`

	// All that changes what an account has given out goes one after the other by this.
	sqlHoldAccount = `UPDATE login_account SET disabled = disabled WHERE tenant = ? AND id = ? AND disabled = 0`
)

// Client is a client as people see it.
type Client struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Host string `json:"host"`
}

func (c Client) check() error {
	if err := checkText("client.id", c.ID, 1, maxClientID); err != nil {
		return err
	}
	if err := checkText("client.name", c.Name, 0, maxName); err != nil {
		return err
	}
	return checkText("client.host", c.Host, 0, maxName)
}

// IssueCode is what a person has agreed to.
type IssueCode struct {
	Session          string   `json:"session"`
	Client           Client   `json:"client"`
	RedirectURI      string   `json:"redirectUri"`
	RedirectURIGiven bool     `json:"redirectUriGiven"`
	Challenge        string   `json:"challenge"`
	Scopes           []string `json:"scopes"`
	Resource         string   `json:"resource,omitempty"`
}

func (s *Service) checkIssue(in IssueCode) error {
	if err := in.Client.check(); err != nil {
		return err
	}
	if err := checkText("redirectUri", in.RedirectURI, 1, maxAddress); err != nil {
		return err
	}
	if err := checkText("resource", in.Resource, 0, maxAddress); err != nil {
		return err
	}
	if !challenge.MatchString(in.Challenge) {
		return invalid("challenge", "must be a code challenge of S256 (RFC 7636)")
	}
	if len(in.Scopes) == 0 {
		return invalid("scopes", "must name one at least")
	}
	return s.checkScopes(in.Scopes)
}

// Code is an answer.
type Code struct {
	Code string `json:"code"`
}

// IssueCode makes a code for whom the session is: good once, for a minute, for the client.
func (s *Service) IssueCode(ctx context.Context, in IssueCode) (Code, error) {
	if err := s.checkIssue(in); err != nil {
		return Code{}, err
	}
	made := newSecret(codePrefix)
	err := s.Store.Login(ctx, func(tx Tx) error {
		now := Millis(s.Now())
		account, _, err := s.ofSession(tx, in.Session, now)
		if err != nil {
			return err
		}
		if err := s.holdAccount(tx, account); err != nil {
			return err
		}
		if err := s.checkRoom(tx, account, now); err != nil {
			return err
		}
		_, err = tx.Exec(sqlAddCode, s.Tenant, hashed(made), account, in.Client.ID, in.Client.Name, in.Client.Host,
			in.RedirectURI, asInt(in.RedirectURIGiven), in.Challenge, strings.Join(in.Scopes, " "), in.Resource, now, now+codeLasts.Milliseconds())
		return err
	})
	return Code{made}, err
}

// ofSession is the account of a session that is live.
func (s *Service) ofSession(tx Tx, session string, now int64) (account, subject string, err error) {
	err = tx.QueryRow(sqlOfSession, s.Tenant, hashed(session), now).Scan(&account, &subject)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", unknown("session")
	}
	return account, subject, err
}

// holdAccount lets no other transaction give out or take away anything of an account until the
// end of this one. It refuses an account that is disabled.
func (s *Service) holdAccount(tx Tx, account string) error {
	held, err := tx.Exec(sqlHoldAccount, s.Tenant, account)
	if err == nil && held == 0 {
		return unknown("account")
	}
	return err
}

// checkRoom bounds the codes of an account.
func (s *Service) checkRoom(tx Tx, account string, now int64) error {
	var live, all int64
	if err := tx.QueryRow(sqlCountCodes, s.Tenant, account, now).Scan(&live, &all); err != nil {
		return err
	}
	if live >= maxLiveCodes {
		return fault.New(fault.LoginFull, "the account has %d codes that were not used yet, the most that it may have; wait a minute", live)
	}
	if all >= maxUsedCodes {
		return fault.New(fault.LoginFull, "the account has connected %d clients within an hour, the most that it may; wait", all)
	}
	return nil
}

func asInt(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// code is a row.
type code struct {
	account, subject                                 string
	disabled, given                                  int64
	client                                           Client
	redirectURI, challenge, scopes, resource, family string
	expires, used                                    int64
}

// findCode reads a code, also one that was used.
func (s *Service) findCode(tx Tx, secret string, now int64) (found code, err error) {
	err = tx.QueryRow(sqlReadCode, s.Tenant, hashed(secret), now).Scan(&found.account, &found.subject, &found.disabled,
		&found.client.ID, &found.client.Name, &found.client.Host, &found.redirectURI, &found.given,
		&found.challenge, &found.scopes, &found.resource, &found.expires, &found.used, &found.family)
	if errors.Is(err, sql.ErrNoRows) || err == nil && found.disabled != 0 {
		return code{}, unknown("code")
	}
	return found, err
}

// ReadCode is what ReadCode is asked for.
type ReadCode struct {
	Code string `json:"code"`
}

// CodeRead is what a code stands for.
type CodeRead struct {
	ClientID         string   `json:"clientId"`
	RedirectURI      string   `json:"redirectUri"`
	RedirectURIGiven bool     `json:"redirectUriGiven"`
	Challenge        string   `json:"challenge"`
	Scopes           []string `json:"scopes"`
	Resource         string   `json:"resource,omitempty"`
	Subject          string   `json:"subject"`
	ExpiresAt        int64    `json:"expiresAt"`
}

// ReadCode says what a code stands for. One that was used is unknown, and what came of it ends.
func (s *Service) ReadCode(ctx context.Context, in ReadCode) (CodeRead, error) {
	var found code
	err := s.Store.ReadLogin(ctx, func(tx Tx) (err error) {
		found, err = s.findCode(tx, in.Code, Millis(s.Now()))
		return err
	})
	if err != nil {
		return CodeRead{}, err
	}
	if found.used != 0 {
		return CodeRead{}, s.codeReused(ctx, found)
	}
	return CodeRead{
		found.client.ID, found.redirectURI, found.given != 0, found.challenge, words(found.scopes), found.resource,
		found.subject, Seconds(found.expires),
	}, nil
}

// codeReused ends what came of a code that is sent again.
func (s *Service) codeReused(ctx context.Context, found code) error {
	err := s.ending(ctx, func(tx Tx) ([]Revocation, error) {
		return s.endFamily(ctx, tx, found.family, found.account, found.subject)
	})
	if err != nil {
		return err
	}
	s.Log.Warn("a code of a sign-in was sent twice; the connection that came of it was ended", "subject", s.Shown(found.subject), "client_host", found.client.Host)
	return unknown("code")
}

// RedeemCode is what RedeemCode is asked for.
type RedeemCode struct {
	Code     string `json:"code"`
	ClientID string `json:"clientId"`
	Wanted
}

// RedeemCode connects a client: its first access and refresh token. A code that was used is
// unknown, and what came of it ends.
func (s *Service) RedeemCode(ctx context.Context, in RedeemCode) (tokens Tokens, err error) {
	if err := in.check(); err != nil {
		return Tokens{}, err
	}
	var found code
	var ended []Revocation
	err = s.Store.Login(ctx, func(tx Tx) (err error) {
		tokens, ended = Tokens{}, nil
		now := s.Now()
		if found, err = s.findCode(tx, in.Code, Millis(now)); err != nil || found.used != 0 {
			return err
		}
		if found.client.ID != in.ClientID {
			return unknown("code of this client")
		}
		if err := s.holdAccount(tx, found.account); err != nil {
			return err
		}
		id := newFamilyID()
		used, err := tx.Exec(sqlUseCode, Millis(now), Millis(now.Add(usedLasts)), id, s.Tenant, hashed(in.Code), Millis(now))
		if err != nil {
			return err
		}
		if used == 0 { // by another process, since it was read
			found, err = s.findCode(tx, in.Code, Millis(now))
			return err
		}
		tokens, ended, err = s.connect(ctx, tx, id, found, in.Wanted, now)
		return err
	})
	if err != nil {
		return Tokens{}, err
	}
	if tokens.AccessToken == "" {
		return Tokens{}, s.codeReused(ctx, found)
	}
	s.ended(ctx, ended)
	return tokens, nil
}
