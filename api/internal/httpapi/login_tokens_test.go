package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
)

func TestATokenOfAConnectionOpensWhatWasAgreedTo(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		ann := p.joins("ann")
		tokens := ann.connects("A client").is(200)
		bearer := set("Authorization", "Bearer "+tokens.text("accessToken"))
		p.gateway().call("POST", "/v1/notes", `{"title":"Milk"}`, bearer).is(201)
		less := p.asks("refresh/redeem", issuing(fields{"token": tokens.text("refreshToken"), "clientId": connectedClient, "scopes": []string{"read"}})).is(200)
		bearer = set("Authorization", "Bearer "+less.text("accessToken"))
		p.gateway().call("GET", "/v1/notes", "", bearer).is(200)
		p.gateway().call("POST", "/v1/notes", `{}`, bearer).fails(403, "insufficient_scope")
		p.user("alice").call("GET", "/v1/notes", "").is(200) // by a shared secret, as before
		p.asks("keys/rotate", fields{}).is(200)              // reads all anew
		state := p.state()
		if len(state.member("keys").([]any)) != 2 || state.member("accounts") != float64(1) || len(state.text("seal")) != 43 {
			t.Errorf("%s", state.body)
		}
		metrics := p.scrape()
		for grant, want := range map[string]float64{"authorization_code": 1, "refresh_token": 1, "client_credentials": 0} {
			if got := metrics.sum("toolbridge_api_login_tokens_total", "grant="+grant); got != want {
				t.Errorf("%s: %v tokens, want %v", grant, got, want)
			}
		}
		if age := metrics.sum("toolbridge_api_key_age_seconds", "use=login"); age != 0 || metrics["toolbridge_api_key_age_seconds"] == nil {
			t.Errorf("the key is %v s old", age)
		}
	})
}

// state is what the gateway asks for again and again.
func (p *process) state() answer {
	p.t.Helper()
	return p.gateway().call("GET", "/v1/login/state", "", unset("Authorization"), unset("X-Sync-Session")).is(200)
}

func TestTheLogTellsNotEverySecondThatTheStateWasAskedFor(t *testing.T) {
	t.Parallel()
	p := start(t, embedded)
	p.state()
	if strings.Contains(p.log.String(), "/v1/login/state") {
		t.Errorf("a success is in the log: %s", p.log)
	}
	p.gateway().call("GET", "/v1/login/state", "", unset("Authorization"), unset("X-Sync-Session"), set("Signature", "tb=:AAAA:")).fails(401, "invalid_tenant")
	if !strings.Contains(p.log.String(), "/v1/login/state") {
		t.Error("a refusal is not in the log")
	}
}

func TestADisabledUserIsOutAtOnce(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		ann, bob := p.joins("ann"), p.joins("bob")
		tokens, others := ann.connects("A client").is(200), bob.connects("A client").is(200)
		code := ann.agrees("A client").is(200).text("code")
		if status := p.reads(tokens.text("accessToken")); status != 200 {
			t.Fatal(status)
		}
		p.asks("accounts/disable", fields{"id": ann.id}).is(200)
		if status := p.reads(tokens.text("accessToken")); status != 401 {
			t.Errorf("the access token: %d", status)
		}
		p.refreshes(tokens.text("refreshToken")).fails(404, "login_unknown")
		p.asks("codes/redeem", issuing(fields{"code": code, "clientId": connectedClient})).fails(404, "login_unknown")
		ann.agrees("A client").fails(404, "login_unknown")
		p.asks("connections/list", fields{"session": ann.session}).fails(404, "login_unknown")
		if status := p.reads(others.text("accessToken")); status != 200 {
			t.Errorf("another user: %d", status)
		}
		// Enabled again, the old tokens stay out, and new ones are good at once.
		p.asks("accounts/enable", fields{"id": ann.id}).is(200)
		if status := p.reads(tokens.text("accessToken")); status != 401 {
			t.Errorf("the access token of before: %d", status)
		}
		p.refreshes(tokens.text("refreshToken")).fails(404, "login_unknown")
		ann.session = p.signsIn("ann", goodPassword).is(200).text("session")
		if status := p.reads(ann.connects("A client").is(200).text("accessToken")); status != 200 {
			t.Errorf("a new access token: %d", status)
		}
	})
}

func TestWhatEndsConnectionsOfAnAccountEndsItsTokens(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		for name, end := range map[string]func(of person){
			"reset":      func(of person) { p.asks("accounts/link", fields{"id": of.id, "purpose": "reset"}).is(200) },
			"everywhere": func(of person) { p.asks("sessions/end", fields{"session": of.session, "everywhere": true}).is(200) },
			"removed":    func(of person) { p.asks("accounts/remove", fields{"id": of.id}).is(200) },
		} {
			of := p.joins(name)
			tokens := of.connects("A client").is(200)
			end(of)
			if status := p.reads(tokens.text("accessToken")); status != 401 {
				t.Errorf("%s: the access token: %d", name, status)
			}
			p.refreshes(tokens.text("refreshToken")).fails(404, "login_unknown")
		}
	})
}

func TestAStolenRefreshTokenIsCountedAndLogged(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		ann := p.joins("ann")
		stolen := ann.connects("A client").is(200).text("refreshToken")
		next := p.refreshes(stolen).is(200)
		p.clock.advance(time.Minute + time.Second)
		p.refreshes(stolen).fails(404, "login_unknown")
		p.refreshes(next.text("refreshToken")).fails(404, "login_unknown")
		if status := p.reads(next.text("accessToken")); status != 401 {
			t.Errorf("the access token: %d", status)
		}
		if reused := p.scrape().sum("toolbridge_api_refresh_reused_total"); reused != 1 {
			t.Errorf("counted %v", reused)
		}
		p.asks("refresh/read", fields{"token": stolen}).fails(404, "login_unknown") // of a connection that has ended
		if reused := p.scrape().sum("toolbridge_api_refresh_reused_total"); reused != 1 {
			t.Errorf("counted %v", reused)
		}
		log := p.log.String()
		if !strings.Contains(log, "may be stolen") {
			t.Errorf("logged %s", log)
		}
		for _, secret := range []string{stolen, next.text("refreshToken"), next.text("accessToken"), ann.session} {
			if strings.Contains(log, secret[4:16]) {
				t.Error("a secret is in the log")
			}
		}
	})
}

func TestAServiceOfItsOwnScopes(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		added := p.asks("services/add", fields{"name": "backup", "scopes": []string{"read"}}).is(200)
		ask := issuing(fields{"id": added.text("service", "id"), "secret": added.text("secret"), "address": "192.0.2.1"})
		tokens := p.asks("services/token", ask).is(200)
		bearer := set("Authorization", "Bearer "+tokens.text("accessToken"))
		p.gateway().call("GET", "/v1/notes", "", bearer).is(200)
		p.gateway().call("POST", "/v1/notes", "{}", bearer).fails(403, "insufficient_scope")
		if tokens.text("subject") != "service:backup" || tokens.member("refreshToken") != nil {
			t.Errorf("%s", tokens.body)
		}
		p.asks("services/revoke", fields{"id": "service:backup"}).is(200)
		p.gateway().call("GET", "/v1/notes", "", bearer).is(http.StatusUnauthorized)
		if listed := p.asks("services/list", fields{}).is(200).member("services").([]any); listed[0].(fields)["state"] != "revoked" {
			t.Errorf("listed %v", listed)
		}
	})
}

// TestAnotherProcessFollows is two processes of one database, as behind a load balancer.
func TestAnotherProcessFollows(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		twin := p.twin(embedded)
		ann := p.joins("ann")
		tokens := ann.connects("A client").is(200)
		if status := twin.reads(tokens.text("accessToken")); status != 200 {
			t.Fatal(status)
		}
		again := twin.refreshes(tokens.text("refreshToken")).is(200)
		if p.refreshes(tokens.text("refreshToken")).is(200).text("refreshToken") != again.text("refreshToken") {
			t.Error("another refresh token")
		}
		p.asks("keys/rotate", fields{"withdraw": true}).is(200)
		if status := p.reads(tokens.text("accessToken")); status != 401 {
			t.Errorf("a token of a withdrawn key: %d", status)
		}
		fresh := p.refreshes(again.text("refreshToken")).is(200)
		for _, at := range []*process{p, twin} {
			if status := at.reads(fresh.text("accessToken")); status != 200 {
				t.Errorf("a token of the new key: %d", status)
			}
		}
	})
}

func TestTokensOfItsOwnAreNoOthersBusiness(t *testing.T) {
	t.Parallel()
	p, plain := start(t, embedded), start(t)
	tokens := p.joins("ann").connects("A client").is(200)
	if status := plain.reads(tokens.text("accessToken")); status != 401 {
		t.Errorf("accepted without an own login: %d", status)
	}
	other := start(t, embedded) // another deployment, of the same tenant's name and secret
	if status := other.reads(tokens.text("accessToken")); status != 401 {
		t.Errorf("accepted by another deployment: %d", status)
	}
	if _, err := auth.NewLoginTokens(&auth.Login{}, nil, auth.Demands{}, time.Now).Identify(http.Header{"Authorization": {"Bearer " + tokens.text("accessToken")}}); err == nil {
		t.Error("accepted without keys")
	}
}
