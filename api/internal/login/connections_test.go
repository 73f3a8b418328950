package login_test

import (
	"slices"
	"testing"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/login"
)

func TestAConnectionIsListedUntilItEnds(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann, bob := p.person("ann"), p.person("bob")
		tokens := ann.connect("read")
		p.clock.advance(time.Hour)
		tokens = must(p.refresh(tokens.RefreshToken))(t)
		bob.connect()
		listed := ann.connections()
		made := p.clock.now().Add(-time.Hour).Unix()
		if len(listed) != 1 || listed[0].Client != (login.Client{ID: clientID, Name: "A client", Host: "client.example"}) ||
			!slices.Equal(listed[0].Scopes, []string{"read"}) || listed[0].CreatedAt != made || listed[0].UsedAt != made+3600 {
			t.Errorf("listed %v", listed)
		}
		end := login.EndConnection{Session: bob.session, ID: listed[0].ID}
		is(t, p.EndConnection(t.Context(), end), fault.LoginUnknown) // it is not bob's
		p.mustAccept(tokens.AccessToken, ann.subject)
		end.Session = ann.session
		if err := p.EndConnection(t.Context(), end); err != nil {
			t.Fatal(err)
		}
		is(t, p.EndConnection(t.Context(), end), fault.LoginUnknown)
		p.mustRefuse(tokens.AccessToken)
		_, err := p.refresh(tokens.RefreshToken)
		is(t, err, fault.LoginUnknown)
		if len(ann.connections()) != 0 || len(bob.connections()) != 1 {
			t.Error("not that one ended")
		}
		if lines := ann.lines(); !slices.Equal(lines, []string{"connected", "disconnected"}) {
			t.Errorf("the journal has %v", lines)
		}
	})
}

func (p person) connections() []login.Connection {
	p.t.Helper()
	return must(p.ListConnections(p.t.Context(), login.OfSession{Session: p.session}))(p.t).Connections
}

func TestOfTooManyConnectionsTheOneThatIsIdleEnds(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		first, second := ann.connect(), ann.connect()
		p.clock.advance(time.Second)
		first = must(p.refresh(first.RefreshToken))(t)
		for range 99 {
			p.clock.advance(time.Second)
			ann.connect()
		}
		if count := len(ann.connections()); count != 100 {
			t.Errorf("%d connections", count)
		}
		p.mustRefuse(second.AccessToken)
		p.mustAccept(first.AccessToken, ann.subject)
	})
}

func TestAClientRevokesItsTokens(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		for name, token := range map[string]func(login.Tokens) string{
			"refresh": func(tokens login.Tokens) string { return tokens.RefreshToken },
			"access":  func(tokens login.Tokens) string { return tokens.AccessToken },
		} {
			tokens, other := ann.connect(), ann.connect()
			is(t, p.RevokeToken(t.Context(), login.Revoke{Token: token(tokens), ClientID: "https://evil.example"}), fault.LoginUnknown)
			p.mustAccept(tokens.AccessToken, ann.subject)
			for range 2 { // the second time, there is nothing to do
				if err := p.RevokeToken(t.Context(), login.Revoke{Token: token(tokens), ClientID: clientID}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			p.mustRefuse(tokens.AccessToken)
			_, err := p.refresh(tokens.RefreshToken)
			is(t, err, fault.LoginUnknown)
			p.mustAccept(other.AccessToken, ann.subject)
		}
		for _, nothing := range []string{"", "x", "tbr_", "a.b.c", "tbc_x"} {
			if err := p.RevokeToken(t.Context(), login.Revoke{Token: nothing, ClientID: clientID}); err != nil {
				t.Errorf("%q: %v", nothing, err)
			}
		}
	})
}
