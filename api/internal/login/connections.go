package login

import (
	"context"
	"time"

	"toolbridge/api/internal/journal"
)

// maxConnections bounds the connections of an account. With one more, the one that was not used
// for longest ends.
const maxConnections = 100

// Lines of the journal.
const (
	connected     journal.Name = "connected"
	disconnected  journal.Name = "disconnected"
	refreshReused journal.Name = "refresh_reused"
)

const (
	sqlConnections = `SELECT id, client_id, client_name, client_host, scopes, created_ms, used_ms FROM login_family
		WHERE tenant = ? AND account = ? AND expires_ms > ? ORDER BY used_ms DESC, id`
	sqlSurplus = `SELECT id FROM login_family WHERE tenant = ? AND account = ? ORDER BY used_ms DESC, id DESC LIMIT 1000 OFFSET ?`

	sqlEndFamilies = `DELETE FROM login_family WHERE tenant = ? AND account = ? RETURNING id, token_ms, client_name`
	sqlDropCodes   = `DELETE FROM login_code WHERE tenant = ? AND account = ?`
	sqlDropAllUsed = `DELETE FROM login_refresh WHERE tenant = ? AND family IN (SELECT id FROM login_family WHERE tenant = ? AND account = ?)`
)

// Connection is what a client may do for an account, since when.
type Connection struct {
	ID        string   `json:"id"`
	Client    Client   `json:"client"`
	Scopes    []string `json:"scopes"`
	CreatedAt int64    `json:"createdAt"`
	UsedAt    int64    `json:"usedAt"`
}

// OfSession is what ListConnections is asked for.
type OfSession struct {
	Session string `json:"session"`
}

// Connections is an answer.
type Connections struct {
	Connections []Connection `json:"connections"`
}

// ListConnections lists the connections of a session's account, those used last first.
func (s *Service) ListConnections(ctx context.Context, in OfSession) (answer Connections, err error) {
	err = s.Store.ReadLogin(ctx, func(tx Tx) error {
		answer.Connections = []Connection{}
		now := Millis(s.Now())
		account, _, err := s.ofSession(tx, in.Session, now)
		if err != nil {
			return err
		}
		return tx.Query(func(row Row) error {
			var one Connection
			var scopes string
			if err := row.Scan(&one.ID, &one.Client.ID, &one.Client.Name, &one.Client.Host, &scopes, &one.CreatedAt, &one.UsedAt); err != nil {
				return err
			}
			one.Scopes, one.CreatedAt, one.UsedAt = words(scopes), Seconds(one.CreatedAt), Seconds(one.UsedAt)
			answer.Connections = append(answer.Connections, one)
			return nil
		}, sqlConnections, s.Tenant, account, now)
	})
	return answer, err
}

// EndConnection is what EndConnection is asked for.
type EndConnection struct {
	Session string `json:"session"`
	ID      string `json:"id"`
}

// EndConnection ends a connection of a session's account.
func (s *Service) EndConnection(ctx context.Context, in EndConnection) error {
	return s.ending(ctx, func(tx Tx) ([]Revocation, error) {
		account, subject, err := s.ofSession(tx, in.Session, Millis(s.Now()))
		if err != nil {
			return nil, err
		}
		if err := s.holdAccount(tx, account); err != nil {
			return nil, err
		}
		return s.mustEndFamily(ctx, tx, in.ID, account, subject)
	})
}

// connect makes a connection of a code, and its first tokens.
func (s *Service) connect(ctx context.Context, tx Tx, id string, from code, wanted Wanted, now time.Time) (tokens Tokens, ended []Revocation, err error) {
	issued, err := s.issuedAt(tx, from.subject, now)
	if err != nil {
		return Tokens{}, nil, err
	}
	if tokens, err = s.sign(bearer{from.subject, from.client.ID, id, words(from.scopes), issued}, wanted); err != nil {
		return Tokens{}, nil, err
	}
	secret, err := s.refreshSecret()
	if err != nil {
		return Tokens{}, nil, err
	}
	tokens.RefreshToken = firstRefresh(secret, id)
	_, err = tx.Exec(sqlAddFamily, s.Tenant, id, from.account, from.client.ID, from.client.Name, from.client.Host, from.scopes, from.resource,
		hashed(tokens.RefreshToken), Millis(now), Millis(now), ends(Millis(now), now), (issued+wanted.Lifetime)*1000)
	if err != nil {
		return Tokens{}, nil, err
	}
	if err := s.note(withClient(ctx, from.client), tx, from.subject, connected); err != nil {
		return Tokens{}, nil, err
	}
	if ended, err = s.endSurplus(ctx, tx, from.account, from.subject); err == nil {
		err = s.revoke(tx, ended)
	}
	return tokens, ended, err
}

// withClient names the client that a line of the journal is about.
func withClient(ctx context.Context, client Client) context.Context {
	return withClientNamed(ctx, client.Name)
}

func withClientNamed(ctx context.Context, name string) context.Context {
	origin := OriginOf(ctx)
	origin.Client = name
	return WithOrigin(ctx, origin)
}

// endSurplus ends the connections of an account beyond those that it may have.
func (s *Service) endSurplus(ctx context.Context, tx Tx, account, subject string) (revoked []Revocation, err error) {
	var surplus []string
	err = tx.Query(func(row Row) error {
		var id string
		err := row.Scan(&id)
		surplus = append(surplus, id)
		return err
	}, sqlSurplus, s.Tenant, account, int64(maxConnections))
	for _, id := range surplus {
		if err != nil {
			break
		}
		var entries []Revocation
		entries, err = s.endFamily(ctx, tx, id, account, subject)
		revoked = append(revoked, entries...)
	}
	return revoked, err
}

// endFamily ends a connection, if it is there, and notes it in the journal.
func (s *Service) endFamily(ctx context.Context, tx Tx, id, account, subject string) ([]Revocation, error) {
	revoked, client, err := s.drop(tx, id, account)
	if err != nil || client == nil {
		return nil, err
	}
	return revoked, s.note(withClientNamed(ctx, *client), tx, subject, disconnected)
}

func (s *Service) mustEndFamily(ctx context.Context, tx Tx, id, account, subject string) ([]Revocation, error) {
	revoked, err := s.endFamily(ctx, tx, id, account, subject)
	if err == nil && revoked == nil {
		return nil, unknown("connection")
	}
	return revoked, err
}

// dropFamily is endFamily without a line of the journal.
func (s *Service) dropFamily(tx Tx, id, account string) ([]Revocation, error) {
	revoked, _, err := s.drop(tx, id, account)
	return revoked, err
}

// drop deletes a connection. Client is nil if there was none.
func (s *Service) drop(tx Tx, id, account string) (revoked []Revocation, client *string, err error) {
	err = tx.Query(func(row Row) error {
		var family, name string
		var lasts int64
		if err := row.Scan(&family, &lasts, &name); err != nil {
			return err
		}
		revoked, client = append(revoked, sessionRevoked(family, lasts)), &name
		return nil
	}, sqlEndFamily, s.Tenant, id, account)
	if err != nil || client == nil {
		return nil, nil, err
	}
	_, err = tx.Exec(sqlDropTokens, s.Tenant, id)
	return revoked, client, err
}

// revokeAll takes away what an account has given out: its codes, its connections and their
// access tokens. The caller must have changed the row of the account before, and return the
// revocations to ending.
func (s *Service) revokeAll(tx Tx, account string) (revoked []Revocation, err error) {
	if _, err := tx.Exec(sqlDropCodes, s.Tenant, account); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(sqlDropAllUsed, s.Tenant, s.Tenant, account); err != nil {
		return nil, err
	}
	err = tx.Query(func(row Row) error {
		var id, client string
		var lasts int64
		err := row.Scan(&id, &lasts, &client)
		revoked = append(revoked, sessionRevoked(id, lasts))
		return err
	}, sqlEndFamilies, s.Tenant, account)
	return revoked, err
}

// endFamilyOfClient ends a connection for its client.
func (s *Service) endFamilyOfClient(ctx context.Context, id, client string) error {
	return s.ending(ctx, func(tx Tx) ([]Revocation, error) {
		f, err := s.holdFamily(tx, id, Millis(s.Now()))
		if isUnknown(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if f.client.ID != client {
			return nil, unknown("token of this client")
		}
		return s.endFamily(ctx, tx, id, f.account, f.subject)
	})
}
