package login

import (
	"context"
	"database/sql"
	"errors"
)

// mostGuesses is how often the present password may be wrong in one session, which ends then.
const mostGuesses = 10

const (
	sqlGuess = `UPDATE login_session SET failures = failures + 1 WHERE tenant = ? AND hash = ? AND expires_ms > ?
		RETURNING account, failures`
	sqlPassword    = `SELECT subject, password FROM login_account WHERE tenant = ? AND id = ? AND disabled = 0`
	sqlNewPassword = `UPDATE login_account SET password = ?, password_ms = ? WHERE tenant = ? AND id = ? AND disabled = 0 AND password = ?`
)

// ChangePassword is what ChangePassword is asked for.
type ChangePassword struct {
	Session  string `json:"session"`
	Current  string `json:"current"`
	Password string `json:"password"`
	Address  string `json:"address,omitempty"`
}

// ChangePassword sets another password, by the present one. All sessions of the account end, and
// a new one begins. Connections stay.
func (s *Service) ChangePassword(ctx context.Context, in ChangePassword) (answer SessionBegun, err error) {
	noted := s.signInBegins(ctx, byChange, in.Address)
	defer func() { noted.ends(err) }()
	leave, err := s.admit(in.Address)
	if err != nil {
		return SessionBegun{}, err
	}
	defer leave()
	read, err := s.ReadSession(ctx, ReadSession{in.Session})
	if err != nil {
		return SessionBegun{}, err
	}
	noted.of(read.Account.ID, read.Account.Subject)
	if err := checkNew(in.Password, read.Account.Name); err != nil { // before it counts as an attempt
		return SessionBegun{}, err
	}
	of, err := s.guess(ctx, in.Session)
	if err != nil {
		return SessionBegun{}, err
	}
	if err := s.prove(ctx, of, in.Current, in.Address); err != nil {
		return SessionBegun{}, err
	}
	phc, err := s.hashPassword(ctx, in.Password)
	if err != nil {
		return SessionBegun{}, err
	}
	return s.setPassword(ctx, of, phc)
}

// guess counts an attempt as failed until it has succeeded. The session ends when there were too
// many, so that whoever finds one open cannot try on.
func (s *Service) guess(ctx context.Context, session string) (of credentials, err error) {
	var failures int64
	err = s.Store.Login(ctx, func(tx Tx) error {
		of = credentials{}
		err := tx.QueryRow(sqlGuess, s.Tenant, hashed(session), Millis(s.Now())).Scan(&of.id, &failures)
		if err == nil && failures > mostGuesses {
			_, err = tx.Exec(sqlEndSession, s.Tenant, hashed(session))
			return err
		}
		if err == nil {
			err = tx.QueryRow(sqlPassword, s.Tenant, of.id).Scan(&of.subject, &of.password)
		}
		return err
	})
	if errors.Is(err, sql.ErrNoRows) || err == nil && failures > mostGuesses {
		err = unknown("session")
	}
	return of, err
}

// setPassword sets a password in the place of the one that was checked.
func (s *Service) setPassword(ctx context.Context, of credentials, phc string) (answer SessionBegun, err error) {
	err = s.Store.Login(ctx, func(tx Tx) error {
		set, err := tx.Exec(sqlNewPassword, phc, Millis(s.Now()), s.Tenant, of.id, of.password)
		if err != nil {
			return err
		}
		if set == 0 {
			return refused()
		}
		for _, text := range []string{sqlDropSessions, sqlDropLinks} {
			if _, err := tx.Exec(text, s.Tenant, of.id); err != nil {
				return err
			}
		}
		if answer, err = s.newSession(tx, of.id); err != nil {
			return err
		}
		return s.note(ctx, tx, of.subject, passwordSet)
	})
	return answer, err
}
