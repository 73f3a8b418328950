package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/httpapi"
)

const (
	sentenceRequired = "X-Sync-Session header required. Please call POST /v1/sync/sessions to begin a session."
	sentenceInvalid  = "Invalid or expired sync session. Please call POST /v1/sync/sessions to begin a new session."
)

// opens opens a session by the route and returns its id.
func (u user) opens() string {
	u.t.Helper()
	id, _ := u.call("POST", "/v1/sync/sessions", "", unset("X-Sync-Session")).is(http.StatusCreated).json()["id"].(string)
	return id
}

// in names a session and an epoch.
func in(session, epoch string) header {
	return header{"X-Sync-Session": {session}, "X-Sync-Epoch": {epoch}}
}

func TestASessionIsOpenedReadAndEnded(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for _, body := range []string{"", "{}", "not JSON"} {
		opened := u.call("POST", "/v1/sync/sessions", body, unset("X-Sync-Session")).is(201)
		if opened.header.Get("X-Sync-Epoch") != "1" {
			t.Errorf("epoch header %q", opened.header.Get("X-Sync-Epoch"))
		}
		got := opened.json()
		id, _ := got["id"].(string)
		want := map[string]any{
			"id": id, "userId": account.UserID(tenantID, "alice"), "epoch": 1.0,
			"createdAt": "2026-11-20T06:15:34.04Z", "expiresAt": "2026-11-20T06:45:34.04Z",
		}
		for key, value := range want {
			if got[key] != value {
				t.Errorf("%s is %v, want %v", key, got[key], value)
			}
		}
		if uuid.Validate(id) != nil || len(got) != len(want) {
			t.Errorf("session %v", got)
		}
		read := u.call("GET", "/v1/sync/sessions/"+id, "", unset("X-Sync-Session")).is(200)
		if string(read.body) != string(opened.body) || read.header.Get("X-Sync-Epoch") != "" {
			t.Errorf("read %s %s", read.header, read.body)
		}
		if ended := u.call("DELETE", "/v1/sync/sessions/"+id, "").is(204); len(ended.body) != 0 {
			t.Errorf("body %s", ended.body)
		}
		for _, verb := range []string{"GET", "DELETE"} {
			u.call(verb, "/v1/sync/sessions/"+id, "").fails(404, "session_not_found").says("session not found or expired")
		}
	}
}

func TestASessionOfAnotherUserIsForbidden(t *testing.T) {
	t.Parallel()
	p := start(t)
	alice, bob := p.user("alice"), p.user("bob")
	id := alice.opens()
	for _, verb := range []string{"GET", "DELETE"} {
		bob.call(verb, "/v1/sync/sessions/"+id, "").fails(403, "session_forbidden").says("forbidden")
	}
	bob.call("GET", "/v1/notes", "", in(id, "1")).fails(403, "session_forbidden").
		says("Session does not belong to authenticated user.")
	alice.call("GET", "/v1/notes", "", in(id, "1")).is(200)
}

func TestASessionThatIsNotOpenIsRefused(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	id := u.opens()
	unknown := uuid.MustParse(id)
	unknown[7] ^= 1
	for _, row := range []struct{ name, session, code, sentence string }{
		{"none", "", "session_required", sentenceRequired},
		{"not a UUID", "abc", "session_invalid", sentenceInvalid},
		{"a random UUID", someUID, "session_invalid", sentenceInvalid},
		{"one bit off", unknown.String(), "session_invalid", sentenceInvalid},
		{"the in-band word in capitals", "NEW", "session_invalid", sentenceInvalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := u.within(t)
			u.call("GET", "/v1/notes", "", in(row.session, "1")).fails(428, row.code).says(row.sentence)
			if row.session != "" {
				u.call("GET", "/v1/sync/sessions/"+row.session, "").fails(404, "session_not_found")
			}
		})
	}
	u.call("GET", "/v1/notes", "", unset("X-Sync-Session")).fails(428, "session_required").says(sentenceRequired)
	u.signing(auth.V1).call("GET", "/v1/notes", "", header{"X-Sync-Session": {id, id}}).fails(428, "session_invalid")
	u.call("GET", "/v1/notes", "", in(strings.ToUpper(id), "1")).is(200)
}

func TestASessionHoldsThirtyMinutesHoweverUsed(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	id := u.opens()
	for range 29 {
		u.clock.advance(time.Minute)
		u.call("GET", "/v1/notes", "", in(id, "1")).is(200)
	}
	u.clock.advance(time.Minute - time.Millisecond)
	u.call("GET", "/v1/notes", "", in(id, "1")).is(200)
	u.clock.advance(time.Millisecond)
	u.call("GET", "/v1/notes", "", in(id, "1")).fails(428, "session_invalid")
	u.call("GET", "/v1/sync/sessions/"+id, "").fails(404, "session_not_found")
}

func TestASessionHoldsOnEveryProcessAndEndsOnAll(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		first := start(t)
		second := first.twin()
		u := first.user("alice")
		id, kept := u.opens(), u.opens()
		u.on(second).call("GET", "/v1/notes", "", in(id, "1")).is(200)
		u.on(second).call("DELETE", "/v1/sync/sessions/"+id, "").is(204)
		for _, p := range []*process{first, second, first.twin()} {
			u.on(p).call("GET", "/v1/notes", "", in(id, "1")).fails(428, "session_invalid")
			u.on(p).call("GET", "/v1/notes", "", in(kept, "1")).is(200)
		}
	})
}

func TestASessionIsBoundToItsTenant(t *testing.T) {
	t.Parallel()
	first := start(t)
	id := first.user("alice").opens()
	other := first.twin(func(api *httpapi.API) { api.Tenant.ID = "zeta" })
	alice := other.user("alice").signing(auth.V1)
	timestamp := alice.headers().Get("X-TB-Timestamp")
	change := signedAs("zeta", timestamp, auth.Sign(tenantSecret, "zeta", timestamp))
	alice.call("GET", "/v1/notes", "", change, in(id, "1")).fails(428, "session_invalid")
	alice.call("GET", "/v1/notes", "", change).is(200)
}

func TestTheEpochOfAClientIsChecked(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
	u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
	id := u.opens()
	for _, row := range []struct {
		name   string
		epochs []string
		ok     bool
	}{
		{"the current one", []string{"3"}, true},
		{"a higher one", []string{"4"}, true},
		{"a lower one", []string{"2"}, false},
		{"none", nil, false},
		{"an empty one", []string{""}, false},
		{"a word", []string{"three"}, false},
		{"two", []string{"3", "3"}, false},
		{"one that overflows", []string{"99999999999999999999"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := u.within(t)
			for _, session := range []string{id, "new"} {
				got := u.signing(auth.V1).call("GET", "/v1/notes", "", set("X-Sync-Session", session), header{"X-Sync-Epoch": row.epochs})
				if row.ok || session == "new" && row.epochs == nil {
					got.is(200)
					continue
				}
				got.fails(409, "epoch_mismatch").says("epoch_mismatch")
				if got.json()["epoch"] != 3.0 || got.header.Get("X-Sync-Epoch") != "3" {
					t.Errorf("%s %s", got.header, got.body)
				}
			}
		})
	}
}

func TestARequestMayOpenItsOwnSession(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for _, row := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"when it succeeds", "GET", "/v1/notes", "", 200},
		{"when it creates", "POST", "/v1/notes", "{}", 201},
		{"when it fails", "GET", "/v1/notes/" + someUID, "", 404},
		{"when its body is broken", "POST", "/v1/notes", "{", 400},
		{"when it asks for the state", "GET", "/v1/sync/state", "", 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := u.within(t)
			got := u.call(row.method, row.path, row.body).is(row.status)
			id, epoch := got.header.Get("X-Sync-Session"), got.header.Get("X-Sync-Epoch")
			if uuid.Validate(id) != nil || epoch != "1" {
				t.Fatalf("session %q, epoch %q", id, epoch)
			}
			u.call("GET", "/v1/notes", "", in(id, epoch)).is(200)
			u.call("DELETE", "/v1/sync/sessions/"+id, "").is(204)
			u.call("GET", "/v1/notes", "", in(id, epoch)).fails(428, "session_invalid")
		})
	}
	got := u.call("GET", "/v1/notes", "", set("Authorization", "")).fails(401, "unauthorized")
	if got.header.Get("X-Sync-Session") != "" {
		t.Error("somebody unknown got a session")
	}
}

func TestInBandSessionsCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	u := start(t, func(api *httpapi.API) { api.InBandSessions = false }).user("alice")
	u.call("GET", "/v1/notes", "").fails(428, "session_invalid").says(sentenceInvalid)
	u.call("GET", "/v1/notes", "", in(u.opens(), "1")).is(200)
	sessions, _ := u.call("GET", "/v1/sync/info", "").json()["sessions"].(map[string]any)
	if _, advertised := sessions["inBand"]; advertised || sessions["lifetimeSeconds"] != 1800.0 {
		t.Errorf("sessions %v", sessions)
	}
}
