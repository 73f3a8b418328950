package login

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
)

// Bounds of accounts.
const (
	maxAccounts     = 10_000
	maxNameRunes    = 128
	maxFolded       = 1024 // bytes; an index of PostgreSQL takes no more than 2,704
	maxSubject      = 255  // bytes
	usualPage       = 100
	mostPage        = 500
	subjectPrefix   = "u_"
	servicesSubject = "service:" // begins the subjects of services
)

// The names of lines about accounts.
const (
	accountAdded    journal.Name = "account_added"
	accountDisabled journal.Name = "disabled"
	accountEnabled  journal.Name = "enabled"
	accountRemoved  journal.Name = "removed"
)

// AccountState is what an account can do.
type AccountState string

// The states. An account that is invited has no password: not yet, or not any more.
const (
	AccountInvited  AccountState = "invited"
	AccountActive   AccountState = "active"
	AccountDisabled AccountState = "disabled"
)

// Account is a person who may sign in. Times are Unix seconds.
type Account struct {
	ID           string       `json:"id"`
	Name         string       `json:"name"`
	Shown        string       `json:"shown"`
	Subject      string       `json:"subject"`
	State        AccountState `json:"state"`
	CreatedAt    int64        `json:"createdAt"`
	PasswordAt   int64        `json:"passwordAt,omitempty"`
	LastSignInAt int64        `json:"lastSignInAt,omitempty"`
	Connections  int64        `json:"connections"`
	LockedUntil  int64        `json:"lockedUntil,omitempty"`
}

// accountColumns has the time of now as an argument.
const accountColumns = `a.id, a.name, a.shown, a.subject,
	CASE WHEN a.disabled <> 0 THEN 'disabled' WHEN a.password = '' THEN 'invited' ELSE 'active' END,
	a.created_ms, a.password_ms, a.signed_in_ms, a.locked_ms,
	(SELECT COUNT(*) FROM login_family f WHERE f.tenant = a.tenant AND f.account = a.id AND f.expires_ms > ?)`

const (
	sqlCountAccounts = `SELECT COUNT(*) FROM login_account WHERE tenant = ?`
	sqlAddAccount    = `INSERT INTO login_account (tenant, id, name, folded, shown, subject, password, disabled, created_ms,
			password_ms, signed_in_ms, failures, locked_ms)
		VALUES (?, ?, ?, ?, ?, ?, '', 0, ?, 0, 0, 0, 0) ON CONFLICT DO NOTHING`
	sqlAccount      = `SELECT ` + accountColumns + ` FROM login_account a WHERE a.tenant = ? AND a.id = ?`
	sqlAccountNamed = `SELECT ` + accountColumns + ` FROM login_account a WHERE a.tenant = ? AND a.folded = ?`
	sqlAccounts     = `SELECT ` + accountColumns + `, a.folded FROM login_account a WHERE a.tenant = ? AND a.folded > ? ORDER BY a.folded LIMIT ?`

	sqlDisable = `UPDATE login_account SET disabled = 1 WHERE tenant = ? AND id = ? AND disabled = 0`
	sqlEnable  = `UPDATE login_account SET disabled = 0 WHERE tenant = ? AND id = ? AND disabled <> 0`
	sqlUnlock  = `UPDATE login_account SET failures = 0, locked_ms = 0 WHERE tenant = ? AND id = ?`
	sqlTouch   = `UPDATE login_account SET failures = failures WHERE tenant = ? AND id = ?`
	sqlRemove  = `DELETE FROM login_account WHERE tenant = ? AND id = ?`

	sqlUnlockBrowsers = `UPDATE login_browser SET failures = 0, locked_ms = 0 WHERE tenant = ? AND account = ?`
	sqlDropBrowsers   = `DELETE FROM login_browser WHERE tenant = ? AND account = ?`
	sqlDropSessions   = `DELETE FROM login_session WHERE tenant = ? AND account = ?`
	sqlDropLinks      = `DELETE FROM login_link WHERE tenant = ? AND account = ?`
)

// scanAccount reads accountColumns, and what is behind them into more.
func scanAccount(row Row, now int64, more ...any) (a Account, err error) {
	var created, password, signedIn, locked int64
	columns := []any{&a.ID, &a.Name, &a.Shown, &a.Subject, (*string)(&a.State), &created, &password, &signedIn, &locked, &a.Connections}
	err = row.Scan(append(columns, more...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, unknown("account")
	}
	a.CreatedAt, a.PasswordAt, a.LastSignInAt = Seconds(created), Seconds(password), Seconds(signedIn)
	if locked > now {
		a.LockedUntil = Seconds(locked + 999)
	}
	return a, err
}

func (s *Service) accountOf(tx Tx, id string) (Account, error) {
	now := Millis(s.Now())
	return scanAccount(tx.QueryRow(sqlAccount, now, s.Tenant, id), now)
}

// AddAccount is what AddAccount is asked for.
type AddAccount struct {
	Name    string `json:"name"`
	Shown   string `json:"shown,omitempty"`
	Subject string `json:"subject,omitempty"`
}

func (in *AddAccount) check() error {
	in.Name, in.Shown = norm.NFC.String(in.Name), norm.NFC.String(in.Shown)
	if in.Shown == "" {
		in.Shown = in.Name
	}
	if in.Subject == "" {
		in.Subject = subjectPrefix + base64.RawURLEncoding.EncodeToString(random(16))
	}
	if err := checkName("name", in.Name); err != nil {
		return err
	}
	if err := checkName("shown", in.Shown); err != nil {
		return err
	}
	if err := checkText("subject", in.Subject, 1, maxSubject); err != nil {
		return err
	}
	if strings.HasPrefix(in.Subject, servicesSubject) || strings.ContainsRune(in.Subject, utf8.RuneError) {
		return invalid("subject", "must be text that does not begin with %s", servicesSubject)
	}
	return nil
}

// checkName refuses a name that cannot be read on a page or in a line. What is folded may be
// longer.
func checkName(field, name string) error {
	unreadable := func(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) || r == utf8.RuneError }
	count := utf8.RuneCountInString(name)
	if count < 1 || count > maxNameRunes || len(folded(name)) > maxFolded || strings.TrimSpace(name) != name || strings.ContainsFunc(name, unreadable) {
		return invalid(field, "must have 1 to %d visible characters, no space at its ends, and no character that stands for many", maxNameRunes)
	}
	return nil
}

// AccountWithLink is an answer.
type AccountWithLink struct {
	Account Account `json:"account"`
	Link    Link    `json:"link"`
}

// AddAccount adds an account, with the link by which its person sets the first password.
func (s *Service) AddAccount(ctx context.Context, in AddAccount) (answer AccountWithLink, err error) {
	if err := in.check(); err != nil {
		return AccountWithLink{}, err
	}
	id := base64.RawURLEncoding.EncodeToString(random(16))
	err = s.Store.Login(ctx, func(tx Tx) (err error) {
		var count int64
		if err := tx.QueryRow(sqlCountAccounts, s.Tenant).Scan(&count); err != nil {
			return err
		}
		if count >= maxAccounts {
			return fault.New(fault.LoginFull, "there are %d accounts, the most that there may be; remove some", count)
		}
		added, err := tx.Exec(sqlAddAccount, s.Tenant, id, in.Name, folded(in.Name), in.Shown, in.Subject, Millis(s.Now()))
		if err != nil {
			return err
		}
		if added == 0 {
			return fault.New(fault.LoginExists, "there is an account with this name or subject already")
		}
		if err := s.note(ctx, tx, in.Subject, accountAdded); err != nil {
			return err
		}
		if answer.Link, err = s.newLink(ctx, tx, id, in.Subject, Invitation); err != nil {
			return err
		}
		answer.Account, err = s.accountOf(tx, id)
		return err
	})
	return answer, err
}

// ListAccounts is what ListAccounts is asked for.
type ListAccounts struct {
	After string `json:"after,omitempty"`
	Limit int64  `json:"limit,omitempty"`
}

// Accounts is a page of accounts, by name. Next is where the next page begins.
type Accounts struct {
	Accounts []Account `json:"accounts"`
	Next     string    `json:"next,omitempty"`
}

// ListAccounts lists accounts.
func (s *Service) ListAccounts(ctx context.Context, in ListAccounts) (page Accounts, err error) {
	limit := in.Limit
	switch {
	case limit == 0:
		limit = usualPage
	case limit < 1 || limit > mostPage:
		return Accounts{}, invalid("limit", "must be 1 to %d", mostPage)
	}
	err = s.Store.ReadLogin(ctx, func(tx Tx) error {
		page = Accounts{Accounts: []Account{}}
		now, last := Millis(s.Now()), ""
		return tx.Query(func(row Row) error {
			var place string
			found, err := scanAccount(row, now, &place)
			if int64(len(page.Accounts)) == limit {
				page.Next = last
				return err
			}
			page.Accounts, last = append(page.Accounts, found), place
			return err
		}, sqlAccounts, now, s.Tenant, in.After, limit+1)
	})
	return page, err
}

// NamedAccount is what FindAccount is asked for.
type NamedAccount struct {
	Name string `json:"name"`
}

// AccountFound is an answer.
type AccountFound struct {
	Account Account `json:"account"`
}

// FindAccount finds the account of a name, however it is spelled.
func (s *Service) FindAccount(ctx context.Context, in NamedAccount) (answer AccountFound, err error) {
	err = s.Store.ReadLogin(ctx, func(tx Tx) (err error) {
		now := Millis(s.Now())
		answer.Account, err = scanAccount(tx.QueryRow(sqlAccountNamed, now, s.Tenant, folded(in.Name)), now)
		return err
	})
	return answer, err
}

// AccountOfID is what a change of an account is asked for.
type AccountOfID struct {
	ID string `json:"id"`
}

// DisableAccount lets an account sign in no more, and takes away all that it has given out.
func (s *Service) DisableAccount(ctx context.Context, in AccountOfID) (answer AccountFound, err error) {
	err = s.ending(ctx, func(tx Tx) ([]Revocation, error) {
		changed, err := tx.Exec(sqlDisable, s.Tenant, in.ID)
		if err != nil {
			return nil, err
		}
		revoked, err := s.endAll(tx, in.ID)
		if err != nil {
			return nil, err
		}
		if answer.Account, err = s.accountOf(tx, in.ID); err == nil && changed > 0 {
			err = s.note(ctx, tx, answer.Account.Subject, accountDisabled)
		}
		return revoked, err
	})
	return answer, err
}

// endAll ends the sessions, links, codes and connections of an account. Its row was changed
// before in the transaction, or is gone.
func (s *Service) endAll(tx Tx, id string) ([]Revocation, error) {
	for _, text := range []string{sqlTouch, sqlDropSessions, sqlDropLinks} {
		if _, err := tx.Exec(text, s.Tenant, id); err != nil {
			return nil, err
		}
	}
	return s.revokeAll(tx, id)
}

// EnableAccount lets an account sign in again. It has the password that it had.
func (s *Service) EnableAccount(ctx context.Context, in AccountOfID) (answer AccountFound, err error) {
	err = s.Store.Login(ctx, func(tx Tx) error {
		changed, err := tx.Exec(sqlEnable, s.Tenant, in.ID)
		if err != nil {
			return err
		}
		if answer.Account, err = s.accountOf(tx, in.ID); err == nil && changed > 0 {
			err = s.note(ctx, tx, answer.Account.Subject, accountEnabled)
		}
		return err
	})
	return answer, err
}

// UnlockAccount ends the wait after failures.
func (s *Service) UnlockAccount(ctx context.Context, in AccountOfID) (answer AccountFound, err error) {
	err = s.Store.EndLogin(ctx, func(tx Tx) (err error) {
		if err := s.unlock(tx, in.ID); err != nil {
			return err
		}
		answer.Account, err = s.accountOf(tx, in.ID)
		return err
	})
	return answer, err
}

func (s *Service) unlock(tx Tx, id string) error {
	_, err := tx.Exec(sqlUnlock, s.Tenant, id)
	if err == nil {
		_, err = tx.Exec(sqlUnlockBrowsers, s.Tenant, id)
	}
	return err
}

// RemoveAccount forgets an account. The items of its subject stay, and so does its journal.
func (s *Service) RemoveAccount(ctx context.Context, in AccountOfID) error {
	return s.ending(ctx, func(tx Tx) ([]Revocation, error) {
		if _, err := tx.Exec(sqlTouch, s.Tenant, in.ID); err != nil {
			return nil, err
		}
		found, err := s.accountOf(tx, in.ID)
		if err != nil {
			return nil, err
		}
		revoked, err := s.endAll(tx, in.ID)
		if err != nil {
			return nil, err
		}
		for _, text := range []string{sqlDropBrowsers, sqlRemove} {
			if _, err := tx.Exec(text, s.Tenant, in.ID); err != nil {
				return nil, err
			}
		}
		return revoked, s.note(ctx, tx, found.Subject, accountRemoved)
	})
}
