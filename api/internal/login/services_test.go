package login_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/login"
)

func (p *process) serviceToken(id, secret string, scopes ...string) (login.Tokens, error) {
	return p.IssueServiceToken(p.t.Context(), login.ServiceToken{ID: id, Secret: secret, Scopes: scopes, Wanted: wanted})
}

func TestAServiceSignsInAsItself(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		added := must(p.AddService(t.Context(), login.AddService{Name: "backup", Scopes: []string{"read", "write"}}))(t)
		if added.Service.ID != "service:backup" || added.Service.State != login.Active || added.Service.UsedAt != 0 {
			t.Errorf("added %v", added.Service)
		}
		tokens := must(p.serviceToken(added.Service.ID, added.Secret))(t)
		if subject, rights := p.accepts(tokens.AccessToken); subject != "service:backup" || rights != auth.AllRights || tokens.RefreshToken != "" {
			t.Errorf("%q, %v", subject, rights)
		}
		less := must(p.serviceToken(added.Service.ID, added.Secret, "read"))(t)
		if _, rights := p.accepts(less.AccessToken); rights != auth.Read {
			t.Error(rights)
		}
		for _, wrong := range [][2]string{{"service:backup", ""}, {"service:backup", added.Secret + "x"}, {"service:other", added.Secret}, {"backup", added.Secret}, {"", ""}} {
			_, err := p.serviceToken(wrong[0], wrong[1])
			is(t, err, fault.LoginUnknown)
		}
		_, err := p.serviceToken(added.Service.ID, added.Secret, "admin")
		is(t, err, fault.InvalidField)
	})
}

func TestARevokedServiceGetsNothing(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		add := login.AddService{Name: "backup", Scopes: []string{"read"}}
		added := must(p.AddService(t.Context(), add))(t)
		_, err := p.AddService(t.Context(), login.AddService{Name: "Backup", Scopes: []string{"read"}})
		is(t, err, fault.LoginExists)
		tokens := must(p.serviceToken(added.Service.ID, added.Secret))(t)
		revoked := must(p.RevokeService(t.Context(), login.OfID{ID: added.Service.ID}))(t)
		if revoked.Service.State != login.Revoked || revoked.Service.UsedAt != p.clock.now().Unix() {
			t.Errorf("revoked %v", revoked.Service)
		}
		p.mustRefuse(tokens.AccessToken)
		_, err = p.serviceToken(added.Service.ID, added.Secret)
		is(t, err, fault.LoginUnknown)
		_, err = p.RevokeService(t.Context(), login.OfID{ID: "service:nobody"})
		is(t, err, fault.LoginUnknown)

		// In the same second, its name gets another secret, whose tokens are good.
		again := must(p.AddService(t.Context(), add))(t)
		_, err = p.serviceToken(added.Service.ID, added.Secret)
		is(t, err, fault.LoginUnknown)
		fresh := must(p.serviceToken(again.Service.ID, again.Secret))(t)
		p.mustAccept(fresh.AccessToken, "service:backup")
		p.mustRefuse(tokens.AccessToken)
		if lines := (person{process: p, subject: "service:backup"}).lines(); !slices.Equal(lines, []string{"service_added", "service_revoked", "service_added"}) {
			t.Errorf("the journal has %v", lines)
		}
		// A token that the service revokes takes those before it with it, and none that follows.
		if err := p.RevokeToken(t.Context(), login.Revoke{Token: fresh.AccessToken, ClientID: "service:backup"}); err != nil {
			t.Fatal(err)
		}
		p.mustRefuse(fresh.AccessToken)
		p.mustAccept(must(p.serviceToken(again.Service.ID, again.Secret))(t).AccessToken, "service:backup")
	})
}

func TestServicesAreBoundedAndChecked(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		for n := range 200 {
			must(p.AddService(t.Context(), login.AddService{Name: fmt.Sprintf("s%03d", n), Scopes: []string{"read"}}))(t)
		}
		one := login.AddService{Name: "one", Scopes: []string{"read"}}
		_, err := p.AddService(t.Context(), one)
		is(t, err, fault.LoginFull)
		must(p.RevokeService(t.Context(), login.OfID{ID: "service:s000"}))(t)
		listed := must(p.ListServices(t.Context()))(t).Services
		if len(listed) != 200 || listed[0].State != login.Revoked || listed[1].State != login.Active || listed[1].Name != "s001" {
			t.Errorf("%d, the first %v", len(listed), listed[:2])
		}
		p.clock.advance(31 * 24 * time.Hour)
		p.purge()
		must(p.AddService(t.Context(), one))(t)
		for _, wrong := range []login.AddService{
			{"", []string{"read"}}, {"a b", []string{"read"}}, {"-a", []string{"read"}}, {"a:b", []string{"read"}}, {"ä", []string{"read"}},
			{"good", nil}, {"good", []string{"admin"}}, {"good", []string{"read", "read"}},
		} {
			_, err := p.AddService(t.Context(), wrong)
			is(t, err, fault.InvalidField)
		}
	})
}
