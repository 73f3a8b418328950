package login

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"toolbridge/api/internal/journal"
)

const (
	sessionPrefix = "tbs_"
	browserPrefix = "tbb_"

	sessionIdle = 12 * time.Hour
	sessionMost = 7 * 24 * time.Hour
	touchEvery  = 5 * time.Minute // that a session in use is written

	maxSessions = 20 // of an account
	maxBrowsers = 10
	browserIdle = 180 * 24 * time.Hour
)

const signedIn journal.Name = "signed_in"

const (
	sqlCredentials = `SELECT id, subject, password, disabled FROM login_account WHERE tenant = ? AND folded = ?`
	sqlHasBrowser  = `SELECT COUNT(*) FROM login_browser WHERE tenant = ? AND account = ? AND hash = ?`
	sqlIsBrowser   = `SELECT COUNT(*) FROM login_browser WHERE tenant = ? AND hash = ?`

	// Only while the password is the one that was checked.
	sqlSignIn = `UPDATE login_account SET password = ?, signed_in_ms = ? WHERE tenant = ? AND id = ? AND disabled = 0 AND password = ?`

	sqlAddSession = `INSERT INTO login_session (tenant, hash, account, created_ms, used_ms, expires_ms, failures) VALUES (?, ?, ?, ?, ?, ?, 0)`
	sqlTooMany    = `DELETE FROM login_session WHERE tenant = ? AND hash IN (
		SELECT hash FROM login_session WHERE tenant = ? AND account = ? ORDER BY used_ms DESC, created_ms DESC, hash LIMIT 1000 OFFSET ?)`
	sqlSession = `SELECT s.account, s.created_ms, s.used_ms, s.expires_ms FROM login_session s
		JOIN login_account a ON a.tenant = s.tenant AND a.id = s.account
		WHERE s.tenant = ? AND s.hash = ? AND s.expires_ms > ? AND a.disabled = 0`
	sqlUseSession = `UPDATE login_session SET used_ms = ?, expires_ms = ? WHERE tenant = ? AND hash = ? AND expires_ms > ?`
	sqlEndSession = `DELETE FROM login_session WHERE tenant = ? AND hash = ?`
	sqlSignedIn   = `UPDATE login_account SET signed_in_ms = ? WHERE tenant = ? AND id = ?`

	sqlPutBrowser = `INSERT INTO login_browser (tenant, account, hash, used_ms, failures, locked_ms) VALUES (?, ?, ?, ?, 0, 0)
		ON CONFLICT (tenant, account, hash) DO UPDATE SET used_ms = excluded.used_ms, failures = 0, locked_ms = 0`
	sqlTooManyBrowsers = `DELETE FROM login_browser WHERE tenant = ? AND account = ? AND hash IN (
		SELECT hash FROM login_browser WHERE tenant = ? AND account = ? ORDER BY used_ms DESC, hash LIMIT 1000 OFFSET ?)`
)

// BeginSession is what BeginSession is asked for.
type BeginSession struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Address  string `json:"address,omitempty"`
	Browser  string `json:"browser,omitempty"`
}

// SessionBegun is a session of a browser. The secrets are told only here, once.
type SessionBegun struct {
	Session string  `json:"session"`
	Account Account `json:"account"`
	Browser string  `json:"browser,omitempty"`
}

// BeginSession signs in. Whatever is wrong, the answer is the same, after the same time.
func (s *Service) BeginSession(ctx context.Context, in BeginSession) (answer SessionBegun, err error) {
	noted := s.signInBegins(ctx, byPassword, in.Address)
	defer func() { noted.ends(err) }()
	leave, err := s.admit(in.Address)
	if err != nil {
		return SessionBegun{}, err
	}
	defer leave()
	of, err := s.attempt(ctx, folded(in.Name), in.Browser)
	if err != nil {
		return SessionBegun{}, err
	}
	noted.of(of.id, of.subject)
	if err := s.prove(ctx, of, in.Password, in.Address); err != nil {
		return SessionBegun{}, err
	}
	return s.signIn(ctx, of, in)
}

// admit refuses an attempt from an address from which too many have failed, and one for which
// there is no room. Leave must be called when there is no error.
func (s *Service) admit(address string) (leave func(), err error) {
	if err := s.addresses.check(address, s.Now()); err != nil {
		return nil, err
	}
	return s.hashing.enter()
}

// prove refuses a password that is wrong, which counts for the address, and an account that has
// signed in too often.
func (s *Service) prove(ctx context.Context, of credentials, password, address string) error {
	right, err := s.checkPassword(ctx, of.password, password)
	if err != nil {
		return err
	}
	if !right {
		s.addresses.failed(address, s.Now())
		return refused()
	}
	return s.signIns.take(of.id, s.Now())
}

// credentials are what an attempt is about. Without an account that may sign in, there is no
// password.
type credentials struct {
	id, subject, password string
	known                 bool // whether the account was signed in before in this browser
}

// attempt counts an attempt at a name as failed until it has succeeded, and returns by what it
// is to be judged.
func (s *Service) attempt(ctx context.Context, name, browser string) (of credentials, err error) {
	err = s.Store.Login(ctx, func(tx Tx) error {
		of = credentials{}
		now := Millis(s.Now())
		var disabled, known int64
		err := tx.QueryRow(sqlCredentials, s.Tenant, name).Scan(&of.id, &of.subject, &of.password, &disabled)
		if errors.Is(err, sql.ErrNoRows) {
			return s.takeUnknown(tx, name, now)
		}
		if err != nil {
			return err
		}
		if disabled != 0 {
			of.password = ""
		}
		if err := tx.QueryRow(sqlHasBrowser, s.Tenant, of.id, hashed(browser)).Scan(&known); err != nil {
			return err
		}
		if of.known = known > 0; of.known {
			return counter{sqlTryBrowser, sqlBrowserLocked, []any{s.Tenant, of.id, hashed(browser)}}.take(tx, now)
		}
		return counter{sqlTryAccount, sqlAccountLocked, []any{s.Tenant, of.id}}.take(tx, now)
	})
	return of, err
}

// signIn begins a session once the password was right.
func (s *Service) signIn(ctx context.Context, of credentials, in BeginSession) (answer SessionBegun, err error) {
	phc := of.password
	if !s.isPresent(phc) {
		if phc, err = s.hashPassword(ctx, in.Password); err != nil {
			return SessionBegun{}, err
		}
	}
	err = s.Store.Login(ctx, func(tx Tx) error {
		signed, err := tx.Exec(sqlSignIn, phc, Millis(s.Now()), s.Tenant, of.id, of.password)
		if err != nil {
			return err
		}
		if signed == 0 { // it was disabled, or has another password since
			return refused()
		}
		if !of.known {
			if _, err := tx.Exec(sqlUnlock, s.Tenant, of.id); err != nil {
				return err
			}
		}
		if answer, err = s.newSession(tx, of.id); err != nil {
			return err
		}
		if answer.Browser, err = s.putBrowser(tx, of.id, in.Browser); err != nil {
			return err
		}
		return s.note(ctx, tx, of.subject, signedIn)
	})
	return answer, err
}

// newSession makes a session. Of more than an account may have, those that were not used for
// longest go.
func (s *Service) newSession(tx Tx, account string) (answer SessionBegun, err error) {
	answer.Session = newSecret(sessionPrefix)
	now := s.Now()
	_, err = tx.Exec(sqlAddSession, s.Tenant, hashed(answer.Session), account, Millis(now), Millis(now), Millis(now.Add(sessionIdle)))
	if err == nil {
		_, err = tx.Exec(sqlTooMany, s.Tenant, s.Tenant, account, int64(maxSessions))
	}
	if err == nil {
		_, err = tx.Exec(sqlSignedIn, Millis(now), s.Tenant, account)
	}
	if err == nil {
		answer.Account, err = s.accountOf(tx, account)
	}
	return answer, err
}

// putBrowser notes that an account is signed in in a browser. It returns the browser's secret: a
// new one, unless somebody was signed in there before.
func (s *Service) putBrowser(tx Tx, account, browser string) (string, error) {
	var known int64
	if err := tx.QueryRow(sqlIsBrowser, s.Tenant, hashed(browser)).Scan(&known); err != nil {
		return "", err
	}
	if known == 0 {
		browser = newSecret(browserPrefix)
	}
	_, err := tx.Exec(sqlPutBrowser, s.Tenant, account, hashed(browser), Millis(s.Now()))
	if err == nil {
		_, err = tx.Exec(sqlTooManyBrowsers, s.Tenant, account, s.Tenant, account, int64(maxBrowsers))
	}
	return browser, err
}

// ReadSession is what ReadSession is asked for.
type ReadSession struct {
	Session string `json:"session"`
}

// SessionRead is whose a session is.
type SessionRead struct {
	Account   Account `json:"account"`
	CreatedAt int64   `json:"createdAt"`
	ExpiresAt int64   `json:"expiresAt"`
}

// ReadSession says whose a session is. It ends when it was not used for 12 hours, and after 7
// days.
func (s *Service) ReadSession(ctx context.Context, in ReadSession) (answer SessionRead, err error) {
	now := s.Now()
	var created, used, expires int64
	err = s.Store.ReadLogin(ctx, func(tx Tx) error {
		var account string
		err := tx.QueryRow(sqlSession, s.Tenant, hashed(in.Session), Millis(now)).Scan(&account, &created, &used, &expires)
		if errors.Is(err, sql.ErrNoRows) {
			return unknown("session")
		}
		if err == nil {
			answer.Account, err = s.accountOf(tx, account)
		}
		return err
	})
	if err != nil {
		return SessionRead{}, err
	}
	if Millis(now)-used >= touchEvery.Milliseconds() {
		later := min(Millis(now.Add(sessionIdle)), created+sessionMost.Milliseconds())
		if s.useSession(ctx, in.Session, Millis(now), later) == nil {
			expires = later
		}
	}
	answer.CreatedAt, answer.ExpiresAt = Seconds(created), Seconds(expires)
	return answer, nil
}

// useSession lets a session last longer. If that fails, it is good until then all the same.
func (s *Service) useSession(ctx context.Context, session string, now, expires int64) error {
	return s.Store.Login(ctx, func(tx Tx) error {
		_, err := tx.Exec(sqlUseSession, now, expires, s.Tenant, hashed(session), now)
		return err
	})
}

// EndSession is what EndSession is asked for.
type EndSession struct {
	Session    string `json:"session"`
	Everywhere bool   `json:"everywhere,omitempty"`
}

// EndSession signs out: of one browser, or of all, which ends the account's connections, too.
func (s *Service) EndSession(ctx context.Context, in EndSession) error {
	return s.ending(ctx, func(tx Tx) (revoked []Revocation, err error) {
		account, err := s.accountOfSession(tx, in.Session)
		if err != nil {
			return nil, err
		}
		if in.Everywhere {
			return s.endAll(tx, account)
		}
		_, err = tx.Exec(sqlEndSession, s.Tenant, hashed(in.Session))
		return nil, err
	})
}

// accountOfSession is the account of a session that has not ended.
func (s *Service) accountOfSession(tx Tx, session string) (account string, err error) {
	err = tx.QueryRow(sqlSession, s.Tenant, hashed(session), Millis(s.Now())).Scan(&account, new(int64), new(int64), new(int64))
	if errors.Is(err, sql.ErrNoRows) {
		return "", unknown("session")
	}
	return account, err
}
