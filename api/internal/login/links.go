package login

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
)

const linkPrefix = "tbl_"

// Purpose is what a link is for.
type Purpose string

// The purposes.
const (
	Invitation Purpose = "invitation" // the first password
	Reset      Purpose = "reset"      // a new one, in the place of one that is lost or known to others
)

// purposes are how long the links of each are valid, and the lines that say that one was made.
var purposes = map[Purpose]struct {
	lasts time.Duration
	line  journal.Name
}{
	Invitation: {7 * 24 * time.Hour, "invited"},
	Reset:      {24 * time.Hour, "reset_sent"},
}

const passwordSet journal.Name = "password_set"

const (
	sqlPutLink = `INSERT INTO login_link (tenant, account, purpose, hash, expires_ms) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (tenant, account, purpose) DO UPDATE SET hash = excluded.hash, expires_ms = excluded.expires_ms`
	sqlLink = `SELECT l.account, l.purpose, l.expires_ms FROM login_link l JOIN login_account a ON a.tenant = l.tenant AND a.id = l.account
		WHERE l.tenant = ? AND l.hash = ? AND l.expires_ms > ? AND a.disabled = 0`
	sqlTakeLink      = `DELETE FROM login_link WHERE tenant = ? AND hash = ? AND expires_ms > ? RETURNING account, purpose`
	sqlForgetPass    = `UPDATE login_account SET password = '', failures = 0, locked_ms = 0 WHERE tenant = ? AND id = ?`
	sqlFirstPassword = `UPDATE login_account SET password = ?, password_ms = ?, failures = 0, locked_ms = 0
		WHERE tenant = ? AND id = ? AND disabled = 0`
)

// Link is what a person is sent. The token is told only here, once.
type Link struct {
	Token     string `json:"token"`
	ExpiresAt int64  `json:"expiresAt"`
}

// newLink makes a link in the place of the one before.
func (s *Service) newLink(ctx context.Context, tx Tx, account, subject string, purpose Purpose) (Link, error) {
	rules := purposes[purpose]
	token, expires := newSecret(linkPrefix), Millis(s.Now().Add(rules.lasts))
	if _, err := tx.Exec(sqlPutLink, s.Tenant, account, string(purpose), hashed(token), expires); err != nil {
		return Link{}, err
	}
	return Link{token, Seconds(expires)}, s.note(ctx, tx, subject, rules.line)
}

// SendLink is what SendLink is asked for.
type SendLink struct {
	ID      string  `json:"id"`
	Purpose Purpose `json:"purpose"`
}

// SendLink makes another link for an account. One for a reset takes away the password, the
// sessions, the connections and the wait after failures, so whoever knew the password is out.
func (s *Service) SendLink(ctx context.Context, in SendLink) (answer AccountWithLink, err error) {
	if _, known := purposes[in.Purpose]; !known {
		return AccountWithLink{}, invalid("purpose", "must be %s or %s", Invitation, Reset)
	}
	err = s.ending(ctx, func(tx Tx) (revoked []Revocation, err error) {
		if in.Purpose == Reset {
			if revoked, err = s.reset(tx, in.ID); err != nil {
				return nil, err
			}
		}
		if answer.Account, err = s.accountOf(tx, in.ID); err != nil {
			return nil, err
		}
		if in.Purpose == Invitation && answer.Account.State == AccountActive {
			return nil, fault.New(fault.LoginExists, "the account has a password already; send a link of purpose %s", Reset)
		}
		answer.Link, err = s.newLink(ctx, tx, in.ID, answer.Account.Subject, in.Purpose)
		return revoked, err
	})
	return answer, err
}

// reset forgets the password and all that came of it.
func (s *Service) reset(tx Tx, id string) ([]Revocation, error) {
	for _, text := range []string{sqlForgetPass, sqlDropBrowsers} {
		if _, err := tx.Exec(text, s.Tenant, id); err != nil {
			return nil, err
		}
	}
	return s.endAll(tx, id)
}

// ReadLink is what ReadLink is asked for.
type ReadLink struct {
	Token string `json:"token"`
}

// LinkRead is what a link is for.
type LinkRead struct {
	Account   Account `json:"account"`
	Purpose   Purpose `json:"purpose"`
	ExpiresAt int64   `json:"expiresAt"`
}

// ReadLink says what a link is for. That does not use it up, as programs that check mail open
// links, too.
func (s *Service) ReadLink(ctx context.Context, in ReadLink) (answer LinkRead, err error) {
	err = s.Store.ReadLogin(ctx, func(tx Tx) error {
		var account string
		var expires int64
		err := tx.QueryRow(sqlLink, s.Tenant, hashed(in.Token), Millis(s.Now())).Scan(&account, (*string)(&answer.Purpose), &expires)
		if errors.Is(err, sql.ErrNoRows) {
			return unknown("link")
		}
		if err != nil {
			return err
		}
		answer.ExpiresAt = Seconds(expires)
		answer.Account, err = s.accountOf(tx, account)
		return err
	})
	return answer, err
}

// RedeemLink is what RedeemLink is asked for.
type RedeemLink struct {
	Token    string `json:"token"`
	Password string `json:"password"`
	Address  string `json:"address,omitempty"`
}

// RedeemLink sets the password of an account by its link, which is used up, and signs in. The
// account's other sessions and links end.
func (s *Service) RedeemLink(ctx context.Context, in RedeemLink) (answer SessionBegun, err error) {
	noted := s.signInBegins(ctx, byLink, in.Address)
	defer func() { noted.ends(err) }()
	leave, err := s.admit(in.Address)
	if err != nil {
		return SessionBegun{}, err
	}
	defer leave()
	link, err := s.ReadLink(ctx, ReadLink{in.Token})
	if err != nil {
		if isUnknown(err) {
			s.addresses.failed(in.Address, s.Now())
		}
		return SessionBegun{}, err
	}
	noted.of(link.Account.ID, link.Account.Subject)
	if err := checkNew(in.Password, link.Account.Name); err != nil {
		return SessionBegun{}, err
	}
	phc, err := s.hashPassword(ctx, in.Password)
	if err != nil {
		return SessionBegun{}, err
	}
	err = s.Store.Login(ctx, func(tx Tx) error {
		if err := s.takeLink(tx, in.Token, link.Account.ID, phc); err != nil {
			return err
		}
		for _, name := range []journal.Name{passwordSet, signedIn} {
			if err := s.note(ctx, tx, link.Account.Subject, name); err != nil {
				return err
			}
		}
		if answer, err = s.newSession(tx, link.Account.ID); err == nil {
			answer.Browser, err = s.putBrowser(tx, link.Account.ID, "")
		}
		return err
	})
	return answer, err
}

// takeLink uses a link up, and sets the password. Of several at once one wins.
func (s *Service) takeLink(tx Tx, token, account, phc string) error {
	var of, purpose string
	now := Millis(s.Now())
	err := tx.QueryRow(sqlTakeLink, s.Tenant, hashed(token), now).Scan(&of, &purpose)
	if errors.Is(err, sql.ErrNoRows) || err == nil && of != account {
		return unknown("link")
	}
	if err != nil {
		return err
	}
	set, err := tx.Exec(sqlFirstPassword, phc, now, s.Tenant, account)
	if err == nil && set == 0 {
		return unknown("link")
	}
	for _, text := range []string{sqlDropSessions, sqlDropLinks} {
		if err == nil {
			_, err = tx.Exec(text, s.Tenant, account)
		}
	}
	return err
}
