package login

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"regexp"
	"strings"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
)

const (
	// serviceSubject begins the ids of services. An id is `sub`, `client_id` and `sid` of the
	// access tokens too, and no account's subject begins so.
	serviceSubject = "service:"

	maxServices = 200

	// maxAhead bounds the seconds by which tokens are dated ahead, because all before them were
	// revoked in the same second.
	maxAhead = 5
)

// Lines of the journal of a service.
const (
	serviceAdded   journal.Name = "service_added"
	serviceRevoked journal.Name = "service_revoked"
)

// serviceName is the form of a name, which is part of an OAuth client id.
var serviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

const (
	serviceColumns   = `id, name, scopes, created_ms, used_ms, revoked`
	sqlServices      = `SELECT ` + serviceColumns + ` FROM login_service WHERE tenant = ? ORDER BY folded`
	sqlServiceOfID   = `SELECT ` + serviceColumns + `, hash FROM login_service WHERE tenant = ? AND id = ?`
	sqlCountServices = `SELECT COUNT(*) FROM login_service WHERE tenant = ?`
	sqlAddService    = `INSERT INTO login_service (tenant, id, name, folded, hash, scopes, created_ms, used_ms, revoked)
		VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT DO NOTHING`
	sqlRenewService = `UPDATE login_service SET id = ?, name = ?, hash = ?, scopes = ?, created_ms = ?, revoked = 0
		WHERE tenant = ? AND folded = ? AND revoked = 1`
	sqlDropRevoked   = `DELETE FROM login_service WHERE tenant = ? AND revoked = 1 AND used_ms < ? AND created_ms < ?`
	sqlUseService    = `UPDATE login_service SET used_ms = ? WHERE tenant = ? AND id = ? AND revoked = 0`
	sqlHoldService   = `UPDATE login_service SET revoked = revoked WHERE tenant = ? AND id = ?`
	sqlRevokeService = `UPDATE login_service SET revoked = 1 WHERE tenant = ? AND id = ?`
)

// ServiceState is whether a service may sign in.
type ServiceState string

// The states.
const (
	Active  ServiceState = "active"
	Revoked ServiceState = "revoked"
)

// ServiceAccount is a program that signs in as itself.
type ServiceAccount struct {
	ID        string       `json:"id"`
	Name      string       `json:"name"`
	Scopes    []string     `json:"scopes"`
	CreatedAt int64        `json:"createdAt"`
	UsedAt    int64        `json:"usedAt,omitempty"`
	State     ServiceState `json:"state"`
}

// AddService is what AddService is asked for.
type AddService struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
}

// ServiceAdded is an answer. The secret is shown only once.
type ServiceAdded struct {
	Service ServiceAccount `json:"service"`
	Secret  string         `json:"secret"`
}

// AddService makes a service with a secret. The name of one that was revoked may be used again:
// it is the same subject.
func (s *Service) AddService(ctx context.Context, in AddService) (ServiceAdded, error) {
	if !serviceName.MatchString(in.Name) {
		return ServiceAdded{}, invalid("name", "must be 1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or a digit")
	}
	if len(in.Scopes) == 0 {
		return ServiceAdded{}, invalid("scopes", "must name one at least")
	}
	if err := s.checkScopes(in.Scopes); err != nil {
		return ServiceAdded{}, err
	}
	answer := ServiceAdded{Secret: newSecret(servicePrefix)}
	err := s.Store.Login(ctx, func(tx Tx) (err error) {
		id, folded, now := serviceSubject+in.Name, strings.ToLower(in.Name), Millis(s.Now())
		hash, scopes := hashed(answer.Secret), strings.Join(in.Scopes, " ")
		added, err := tx.Exec(sqlRenewService, id, in.Name, hash, scopes, now, s.Tenant, folded)
		if err == nil && added == 0 {
			added, err = tx.Exec(sqlAddService, s.Tenant, id, in.Name, folded, hash, scopes, now)
		}
		if err != nil {
			return err
		}
		if added == 0 {
			return fault.New(fault.LoginExists, "there is a service with this name already")
		}
		if err := s.checkServices(tx); err != nil {
			return err
		}
		answer.Service = ServiceAccount{ID: id, Name: in.Name, Scopes: in.Scopes, CreatedAt: Seconds(now), State: Active}
		return s.note(ctx, tx, id, serviceAdded)
	})
	return answer, err
}

func (s *Service) checkServices(tx Tx) error {
	var count int64
	if err := tx.QueryRow(sqlCountServices, s.Tenant).Scan(&count); err != nil {
		return err
	}
	if count > maxServices {
		return fault.New(fault.LoginFull, "there are %d services, the most that there may be; those that were revoked count until they were not used for a month", maxServices)
	}
	return nil
}

// Services is an answer.
type Services struct {
	Services []ServiceAccount `json:"services"`
}

// ListServices lists all services, also those that were revoked.
func (s *Service) ListServices(ctx context.Context) (answer Services, err error) {
	err = s.Store.ReadLogin(ctx, func(tx Tx) error {
		answer.Services = []ServiceAccount{}
		return tx.Query(func(row Row) error {
			one, err := scanService(row)
			answer.Services = append(answer.Services, one)
			return err
		}, sqlServices, s.Tenant)
	})
	return answer, err
}

func scanService(row Row, more ...any) (one ServiceAccount, err error) {
	var scopes string
	var revoked int64
	err = row.Scan(append([]any{&one.ID, &one.Name, &scopes, &one.CreatedAt, &one.UsedAt, &revoked}, more...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return ServiceAccount{}, unknown("service")
	}
	one.Scopes, one.CreatedAt, one.UsedAt, one.State = words(scopes), Seconds(one.CreatedAt), Seconds(one.UsedAt), Active
	if revoked != 0 {
		one.State = Revoked
	}
	return one, err
}

// OfID is what RevokeService is asked for.
type OfID struct {
	ID string `json:"id"`
}

// ServiceFound is an answer.
type ServiceFound struct {
	Service ServiceAccount `json:"service"`
}

// RevokeService ends a service: it gets no token any more, and those that it has are refused.
func (s *Service) RevokeService(ctx context.Context, in OfID) (answer ServiceFound, err error) {
	err = s.ending(ctx, func(tx Tx) ([]Revocation, error) {
		changed, err := tx.Exec(sqlRevokeService, s.Tenant, in.ID)
		if err != nil {
			return nil, err
		}
		if changed == 0 {
			return nil, unknown("service")
		}
		if answer.Service, err = scanService(tx.QueryRow(sqlServiceOfID, s.Tenant, in.ID), new([]byte)); err != nil {
			return nil, err
		}
		if err := s.note(ctx, tx, in.ID, serviceRevoked); err != nil {
			return nil, err
		}
		return s.serviceEnded(tx, answer.Service)
	})
	return answer, err
}

// serviceEnded is for all access tokens of a service up to now, also by the clock of the process
// that issued the last one.
func (s *Service) serviceEnded(tx Tx, service ServiceAccount) ([]Revocation, error) {
	last := time.Unix(max(s.Now().Unix(), service.UsedAt), 0)
	before, err := s.issuedAt(tx, service.ID, last)
	return []Revocation{subjectRevoked(service.ID, before)}, err
}

// endServiceTokens ends the access tokens of a service up to now.
func (s *Service) endServiceTokens(ctx context.Context, id string) error {
	return s.ending(ctx, func(tx Tx) ([]Revocation, error) {
		if _, err := tx.Exec(sqlHoldService, s.Tenant, id); err != nil {
			return nil, err
		}
		found, err := scanService(tx.QueryRow(sqlServiceOfID, s.Tenant, id), new([]byte))
		if isUnknown(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		ended, err := s.serviceEnded(tx, found)
		if err == nil && ended[0].Before > s.Now().Unix()+maxAhead {
			return nil, tooOften(time.Second)
		}
		return ended, err
	})
}

// ServiceToken is what IssueServiceToken is asked for.
type ServiceToken struct {
	ID      string   `json:"id"`
	Secret  string   `json:"secret"`
	Scopes  []string `json:"scopes,omitempty"` // of those that the service has; none: all of them
	Address string   `json:"address,omitempty"`
	Wanted
}

// IssueServiceToken gives a service an access token (RFC 6749, section 4.4).
func (s *Service) IssueServiceToken(ctx context.Context, in ServiceToken) (tokens Tokens, err error) {
	if err := in.check(); err != nil {
		return Tokens{}, err
	}
	if err := s.addresses.check(in.Address, s.Now()); err != nil {
		return Tokens{}, err
	}
	defer func() {
		if isUnknown(err) {
			s.addresses.failed(in.Address, s.Now())
		}
	}()
	err = s.Store.EndLogin(ctx, func(tx Tx) error {
		now := s.Now()
		used, err := tx.Exec(sqlUseService, Millis(now), s.Tenant, in.ID)
		if err != nil {
			return err
		}
		var hash []byte
		found, err := scanService(tx.QueryRow(sqlServiceOfID, s.Tenant, in.ID), &hash)
		if err != nil && !isUnknown(err) {
			return err
		}
		if subtle.ConstantTimeCompare(hash, hashed(in.Secret)) != 1 || used == 0 {
			return unknown("service with this secret")
		}
		scopes, err := narrowed(found.Scopes, in.Scopes)
		if err != nil {
			return err
		}
		issued, err := s.issuedAt(tx, found.ID, now)
		if err != nil {
			return err
		}
		tokens, err = s.sign(bearer{found.ID, found.ID, found.ID, scopes, issued}, in.Wanted)
		return err
	})
	return tokens, err
}
