package httpapi_test

import (
	"context"
	"encoding/json"

	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/login"
)

const goodPassword = "correct horse battery"

// embedded lets the API keep accounts.
func embedded(api *httpapi.API) {
	api.Login = &login.Service{
		Store: api.Items.Store.(login.Store), Tenant: tenantID, TenantKeys: keyring.OfSecret(tenantSecret),
		Demands: login.Demands{ScopeRead: "read", ScopeWrite: "write"},
		Now:     api.Now, Log: api.Log, Shown: api.ShownSubject,
		SignedIn: api.Metrics.SignedIn, Cost: login.Cheap,
	}
	if err := api.Login.Open(context.Background()); err != nil {
		panic(err)
	}
}

// fields is a body or an answer.
type fields = map[string]any

// asks sends a request to a route under /v1/login, as a gateway does.
func (p *process) asks(path string, body fields) answer {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.gateway().call("POST", "/v1/login/"+path, string(text), unset("Authorization"), unset("X-Sync-Session"))
}

// gateway sends requests without a user.
func (p *process) gateway() user { return p.user("") }

// member is a member of an object within an answer.
func (a answer) member(path ...string) any {
	a.t.Helper()
	var at any = a.json()
	for _, name := range path {
		object, _ := at.(fields)
		at = object[name]
	}
	return at
}

// text is a member that is text.
func (a answer) text(path ...string) string {
	a.t.Helper()
	text, _ := a.member(path...).(string)
	return text
}

// person is somebody who has an account and has signed in.
type person struct {
	*process
	name, id, subject, session, browser string
}

// joins adds an account, and redeems its link.
func (p *process) joins(name string) person {
	p.t.Helper()
	added := p.asks("accounts/add", fields{"name": name}).is(200)
	begun := p.asks("links/redeem", fields{"token": added.text("link", "token"), "password": goodPassword, "address": "192.0.2.1"}).is(200)
	return person{p, name, added.text("account", "id"), added.text("account", "subject"), begun.text("session"), begun.text("browser")}
}

// signsIn tries to sign in.
func (p *process) signsIn(name, password string, more ...fields) answer {
	p.t.Helper()
	body := fields{"name": name, "password": password, "address": "192.0.2.1"}
	for _, one := range more {
		for key, value := range one {
			body[key] = value
		}
	}
	return p.asks("sessions/begin", body)
}
