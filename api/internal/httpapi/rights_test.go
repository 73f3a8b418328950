package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/limit"
)

// allowing is a token of the user with these scopes.
func (u user) allowing(scopes string) header {
	claims := jwt.MapClaims{"sub": u.sub, "exp": u.clock.Now().Add(time.Hour).Unix(), "scope": scopes}
	return set("Authorization", "Bearer "+token(claims))
}

// What a route needs.
const (
	nothing = "nothing"
	reading = "reading"
	writing = "writing"
	either  = "either"
)

// opens are the routes that need no token.
var opens = []string{"/healthz", "/readyz", "/v1/sync/info", "/openapi.json", "/v1/operator/journal"}

// needOf is what the route of the document needs, by what it does: a write can change what is
// stored; and a write, too, takes a session, and looks up the item that it is about.
func needOf(method, pattern string) string {
	switch {
	case slices.Contains(opens, pattern):
		return nothing
	case strings.HasPrefix(pattern, "/v1/sync/sessions"):
		return either
	case method != http.MethodGet:
		return writing
	case pattern == "/v1/items" || strings.HasSuffix(pattern, "/{uid}"):
		return either
	}
	return reading
}

// passes reports whether scopes are enough.
func passes(need, scopes string) bool {
	reads, writes := slices.Contains(strings.Fields(scopes), "read"), slices.Contains(strings.Fields(scopes), "write")
	return map[string]bool{nothing: true, reading: reads, writing: writes, either: reads || writes}[need]
}

// sample is a request of a route that succeeds if it is allowed.
type sample struct{ method, path, body string }

// sampleOf makes what the request is about. Its items are new, so that each write changes
// something.
func (u user) sampleOf(method, pattern string) sample {
	u.t.Helper()
	made := sample{method, pattern, ""}
	switch pattern {
	case "/v1/sync/sessions/{id}":
		id, _ := u.call("POST", "/v1/sync/sessions", "").is(http.StatusCreated).json()["id"].(string)
		made.path = "/v1/sync/sessions/" + id
	case "/v1/sync/wipe":
		u.has(find("note"), "")
		made.body = `{"confirm":"WIPE"}`
	case "/v1/batch":
		made.body = `{"operations":[{"op":"create","kind":"note","payload":{"title":"a"}}]}`
	case "/v1/undo":
		made.body = `{"change_id":"` + u.nextChange() + `"}`
	case "/v1/search":
		made.path += "?q=milk"
	case "/v1/items":
		made.path += "?ref=" + u.has(find("note"), "").UID
	}
	for _, e := range entity.Table {
		if segments := strings.Split(pattern, "/"); slices.Contains(segments, e.Segment) {
			return u.sampleOfItems(e, made, segments[len(segments)-1])
		}
	}
	return made
}

func (u user) sampleOfItems(e *entity.Entity, made sample, last string) sample {
	u.t.Helper()
	if strings.Contains(made.path, "{uid}") {
		one := u.has(e, `"title":"Milk"`).UID
		u.call("PATCH", path(e)+"/"+one, `{"count":1}`).is(http.StatusOK)
		made.path = strings.Replace(made.path, "{uid}", one, 1)
	}
	switch made.method + " " + last {
	case "POST " + e.Segment:
		made.body = u.body(e, "")
	case "POST push":
		made.body = `{"items":[` + u.pushable(e, int(count.Add(1)), "2026-01-02T03:04:05Z", "") + `]}`
	case "PUT {uid}", "PATCH {uid}":
		made.body = `{"count":2}`
	case "POST process":
		made.body = `{"action":"` + e.ActionNames()[0] + `"}`
	case "POST edit":
		made.body = `{"field":"title","append":"Bread"}`
	case "POST tags":
		made.body = `{"add":["shop"]}`
	case "POST restore":
		made.body = `{"version":1}`
	}
	return made
}

// state is all that the process stores of the user, with the newest line of all journals. What
// only reads is not looked after.
func (u user) state(method string) string {
	u.t.Helper()
	if method == "GET" {
		return ""
	}
	return u.everything() + string(u.operator("?limit=1").is(http.StatusOK).body)
}

// Every route of the document, which has all routes, is asked with every kind of token, here
// and in a read-only deployment on the same data.
func TestARouteDoesWhatTheTokenAllowsAndNothingElse(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t)
		frozen := p.twin(func(api *httpapi.API) { api.ReadOnly = true })
		asked, refused := 0, 0
		for pattern, item := range described(t).Paths.Map() {
			if strings.HasPrefix(pattern, "/v1/login/") { // without a token
				continue
			}
			for method := range item.Operations() {
				need := needOf(method, pattern)
				for _, scopes := range []string{"read", "write", "read write", "openid"} {
					for _, at := range []*process{p, frozen} {
						code := ""
						switch {
						case need == writing && at == frozen:
							code = "read_only"
						case !passes(need, scopes):
							code = "insufficient_scope"
						}
						asked++
						if code != "" {
							refused++
						}
						p.user(fmt.Sprintf("user-%d", asked)).triesAt(at, method, pattern, scopes, code) // with few items to look at
					}
				}
			}
		}
		t.Logf("%d requests, of which %d were refused", asked, refused)
	})
}

// triesAt asks a process for what a route does. With a code it must be refused and change
// nothing; without one it must be done.
func (u user) triesAt(at *process, method, pattern, scopes, code string) {
	u.t.Helper()
	request := u.sampleOf(method, pattern)
	name := fmt.Sprintf("%s %s with the scopes %q", method, pattern, scopes)
	before := u.state(method)
	got := u.on(at).call(request.method, request.path, request.body, u.allowing(scopes))
	after := u.state(method)
	switch {
	case code == "" && got.status/100 != 2:
		u.t.Errorf("%s: %d %s", name, got.status, got.body)
	case code == "" && needOf(method, pattern) == writing && before == after:
		u.t.Errorf("%s: stored nothing, so a refusal would prove nothing", name)
	case code != "":
		got.fails(http.StatusForbidden, code)
		if before != after {
			u.t.Errorf("%s: refused, and stored something", name)
		}
	}
}

func TestARefusalNamesTheScopeThatIsMissing(t *testing.T) {
	t.Parallel()
	u := start(t, func(api *httpapi.API) {
		api.Tokens = auth.NewTokens(keyring.OfSecret(tokenSecret), auth.Demands{Scopes: auth.Scopes{Read: "tools/read", Write: "tools/write"}}, api.Now)
	}).user("alice")
	for _, row := range []struct{ scopes, method, path, lacks string }{
		{"tools/read", "POST", "/v1/notes", "tools/write"},
		{"tools/write", "GET", "/v1/notes", "tools/read"},
		{"read write", "POST", "/v1/notes", "tools/write"},
		{"", "GET", "/v1/notes/" + someUID, "tools/read"},
		{"", "POST", "/v1/sync/sessions", "tools/read"},
	} {
		got := u.call(row.method, row.path, "{}", u.allowing(row.scopes)).fails(403, "insufficient_scope").
			says("the token lacks the scope " + row.lacks + "; nothing was done")
		want := `Bearer error="insufficient_scope", scope="` + row.lacks + `"`
		if challenge := got.header.Get("WWW-Authenticate"); challenge != want || got.detail("scope") != row.lacks {
			t.Errorf("%s %s with %q: challenged with %q, details %v", row.method, row.path, row.scopes, challenge, got.detail("scope"))
		}
	}
	u.call("POST", "/v1/notes", "{}", u.allowing("tools/write")).is(201)
}

// Who is not known learns nothing of rights, and who may not do a thing uses up nothing.
func TestRightsAreCheckedAfterTheTenantAndBeforeTheSessionAndTheLimits(t *testing.T) {
	t.Parallel()
	none := limit.Rate{PerMinute: 1, Burst: 1}
	for _, options := range [][]func(*httpapi.API){
		{func(api *httpapi.API) { api.Limits = httpapi.NewLimits(none, none, none) }},
		{func(api *httpapi.API) { api.Limits = httpapi.NewLimits(none, none, none) }, func(api *httpapi.API) { api.ReadOnly = true }},
	} {
		u := start(t, options...).user("alice")
		reader, code := u.allowing("read"), "insufficient_scope"
		if len(options) > 1 {
			code = "read_only"
		}
		u.call("POST", "/v1/notes", "{}", set("Authorization", "Bearer x")).fails(401, "unauthorized")
		u.call("POST", "/v1/notes", "{}", reader, set("X-TB-Tenant-ID", "zeta")).fails(401, "invalid_tenant")
		for range 3 {
			got := u.call("POST", "/v1/notes", "{", reader, unset("X-Sync-Session"), set("X-Request-Timeout-Ms", "x"), set("Idempotency-Key", "")).
				fails(403, code)
			if limits := got.header.Get("X-RateLimit-Limit"); limits != "" {
				t.Errorf("counted against a limit of %s", limits)
			}
		}
		u.call("GET", "/v1/notes", "", reader).is(200)
		u.call("GET", "/v1/notes", "", reader).fails(429, "rate_limited")
	}
}

func TestAStoredAnswerIsNotForATokenThatMayNotWrite(t *testing.T) {
	t.Parallel()
	p := start(t)
	u, key := p.user("alice"), keyed("once")
	first := u.call("POST", "/v1/notes", `{"title":"Milk"}`, key, u.allowing("write")).is(201)
	again := u.call("POST", "/v1/notes", `{"title":"Milk"}`, key, u.allowing("write")).is(201)
	if string(first.body) != string(again.body) || again.header.Get("Idempotency-Replayed") != "true" {
		t.Fatalf("not repeated: %s", again.body)
	}
	u.call("POST", "/v1/notes", `{"title":"Milk"}`, key, u.allowing("read")).fails(403, "insufficient_scope")
	frozen := p.twin(func(api *httpapi.API) { api.ReadOnly = true })
	u.on(frozen).call("POST", "/v1/notes", `{"title":"Milk"}`, key, u.allowing("write")).fails(403, "read_only")
}

func TestADryRunNeedsTheRightToWrite(t *testing.T) {
	t.Parallel()
	p := start(t)
	frozen := p.twin(func(api *httpapi.API) { api.ReadOnly = true })
	u := p.user("alice")
	for _, row := range []sample{
		{"POST", "/v1/notes", "{}"},
		{"POST", "/v1/batch", `{"dryRun":true,"operations":[{"op":"create","kind":"note","payload":{}}]}`},
		{"POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`},
	} {
		u.dry(row.method, row.path, row.body, u.allowing("read")).fails(403, "insufficient_scope")
		u.on(frozen).dry(row.method, row.path, row.body).fails(403, "read_only")
		if got := u.dry(row.method, row.path, row.body, u.allowing("write")); got.status/100 != 2 {
			t.Errorf("%s: %d %s", got.request, got.status, got.body)
		}
	}
}

func TestWhoNamesItselfInDevelopmentMayDoAllThatTheDeploymentDoes(t *testing.T) {
	t.Parallel()
	development := func(api *httpapi.API) {
		api.DebugSubjects = true
		api.Tokens = auth.NewTokens(keyring.OfSecret(tokenSecret), auth.Demands{Scopes: auth.Scopes{Read: "read", Write: "write", Required: true}}, api.Now)
	}
	p := start(t, development)
	frozen := p.twin(development, func(api *httpapi.API) { api.ReadOnly = true })
	named := header{"Authorization": nil, "X-Debug-Sub": {"alice"}}
	u := p.user("alice")
	u.call("POST", "/v1/notes", "{}", named).is(201)
	u.call("GET", "/v1/notes", "", named).is(200)
	u.call("POST", "/v1/notes", "{}").fails(403, "insufficient_scope") // its token names no scopes
	u.on(frozen).call("GET", "/v1/notes", "", named).is(200)
	u.on(frozen).call("POST", "/v1/notes", "{}", named).fails(403, "read_only")
}

func TestTheInfoSaysThatADeploymentIsReadOnly(t *testing.T) {
	t.Parallel()
	p := start(t)
	frozen := p.twin(func(api *httpapi.API) { api.ReadOnly = true })
	if said, there := p.send("GET", "/v1/sync/info", "", nil).is(200).json()["readOnly"]; there {
		t.Errorf("readOnly is %v where writes are possible", said)
	}
	if said := frozen.send("GET", "/v1/sync/info", "", nil).is(200).json()["readOnly"]; said != true {
		t.Errorf("readOnly is %v", said)
	}
	frozen.send("GET", "/readyz", "", nil).is(200)
	frozen.scrape()
}

func TestARefusalForLackOfRightsIsCountedAndLoggedAsOthersAre(t *testing.T) {
	t.Parallel()
	p := start(t)
	frozen := p.twin(func(api *httpapi.API) { api.ReadOnly = true })
	u := p.user("alice")
	for range 2 {
		u.call("POST", "/v1/notes", "{}", u.allowing("read")).fails(403, "insufficient_scope")
		u.on(frozen).call("POST", "/v1/notes", "{}").fails(403, "read_only")
	}
	for at, code := range map[*process]string{p: "insufficient_scope", frozen: "read_only"} {
		if got := at.scrape().sum("toolbridge_api_errors_total", "code="+code); got != 2 {
			t.Errorf("%s was counted %v times", code, got)
		}
		at.finish()
		if lines := strings.Count(at.log.String(), `"outcome":"`+code+`"`); lines != 2 {
			t.Errorf("%s has %d lines in the log", code, lines)
		}
		if strings.Contains(at.log.String(), "eyJ") {
			t.Error("the log has a token")
		}
	}
}
