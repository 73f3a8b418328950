package httpapi_test

import (
	"context"
	"encoding/json"
	"maps"

	"toolbridge/api/internal/auth"
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
		SignedIn: api.Metrics.SignedIn, Cost: login.Cheap, Verifier: &auth.Login{},
	}
	api.Tokens = auth.NewLoginTokens(api.Login.Verifier, keyring.OfSecret(tokenSecret), auth.Demands{Scopes: scopes}, api.Now)
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

// issuing is what a gateway adds to a request for an access token.
func issuing(more fields) fields {
	body := fields{"issuer": "https://tools.example", "audience": "https://tools.example/mcp", "lifetime": 1800}
	maps.Copy(body, more)
	return body
}

const connectedClient = "https://client.example/metadata.json"

// connects lets a client of this name act for a person.
func (p person) connects(client string) answer {
	p.t.Helper()
	code := p.agrees(client).is(200).text("code")
	return p.asks("codes/redeem", issuing(fields{"code": code, "clientId": connectedClient}))
}

// agrees is what the person does on the page.
func (p person) agrees(client string) answer {
	p.t.Helper()
	return p.asks("codes/issue", fields{
		"session": p.session, "client": fields{"id": connectedClient, "name": client, "host": "client.example"},
		"redirectUri": "http://127.0.0.1/callback", "redirectUriGiven": true, "scopes": []string{"read", "write"},
		"challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "resource": "https://tools.example/mcp",
	})
}

// refreshes sends a refresh token.
func (p *process) refreshes(token string) answer {
	p.t.Helper()
	return p.asks("refresh/redeem", issuing(fields{"token": token, "clientId": connectedClient}))
}

// reads is the status of a call with an access token.
func (p *process) reads(token string) int {
	p.t.Helper()
	return p.gateway().call("GET", "/v1/notes", "", set("Authorization", "Bearer "+token)).status
}
