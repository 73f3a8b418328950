package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/httpapi"
)

type newestJSON struct {
	At, Subject, Kind, UID, Change, Client, Tool string
	Fields                                       []string
	Version                                      int64
	Correlation                                  string `json:"correlation_id"`
}

// operator sends a request as the gateway does for its operator's page: signed, and
// without a user.
func (p *process) operator(query string, changes ...header) answer {
	p.t.Helper()
	return p.user("nobody").call("GET", "/v1/operator/journal"+query, "", append(changes, unset("Authorization"), unset("X-Sync-Session"))...)
}

func (a answer) newest() []newestJSON {
	a.t.Helper()
	var found struct{ Lines []newestJSON }
	a.is(http.StatusOK).into(&found)
	return found.Lines
}

func TestTheOperatorSeesTheNewestLinesOfAllUsers(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, func(api *httpapi.API) { api.ShownSubject = strings.ToUpper })
		if empty := string(p.operator("").is(http.StatusOK).body); empty != `{"lines":[]}` {
			t.Errorf("nothing was written: %s", empty)
		}
		alice, bob := p.user("alice"), p.user("bob")
		with := header{"X-TB-Client": {"claude/1"}, "X-TB-Tool": {"create_note"}, "X-Correlation-ID": {"corr-1"}}
		note := alice.call("POST", "/v1/notes", `{"title":"A secret title"}`, with).is(http.StatusCreated).item().UID
		p.clock.advance(time.Second)
		bob.call("POST", "/v1/tasks", `{"title":"Another secret"}`).is(http.StatusCreated)
		p.clock.advance(time.Second)
		alice.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(http.StatusOK)

		answered := p.operator("")
		if strings.Contains(string(answered.body), "secret") {
			t.Errorf("shows what items say: %s", answered.body)
		}
		lines := answered.newest()
		var told []string
		for _, line := range lines {
			told = append(told, line.Subject+" "+line.Change+" "+line.Kind)
		}
		equal(t, "lines", told, []string{"ALICE wiped ", "BOB created task", "ALICE created note"})
		equal(t, "the first", lines[2], newestJSON{At: "2026-11-20T06:15:34.04Z", Subject: "ALICE", Kind: "note", UID: note, Change: "created",
			Client: "claude/1", Tool: "create_note", Fields: []string{"title", "uid"}, Version: 1, Correlation: "corr-1"})
		if one := p.operator("?limit=1").newest(); len(one) != 1 || one[0].Change != "wiped" {
			t.Errorf("one line: %+v", one)
		}
	})
}

func TestAPageOfTheOperatorHasAHundredLinesAtMost(t *testing.T) {
	t.Parallel()
	p := start(t)
	alice := p.user("alice")
	for range 102 {
		alice.call("POST", "/v1/notes", `{}`).is(http.StatusCreated)
	}
	for query, want := range map[string]int{"": 20, "?limit=100": 100, "?limit=500": 100} {
		if got := len(p.operator(query).newest()); got != want {
			t.Errorf("%q: %d lines, want %d", query, got, want)
		}
	}
	p.operator("?limit=0").fails(http.StatusBadRequest, "invalid_limit")
	p.operator("?since=1").fails(http.StatusBadRequest, "invalid_query")
}

func TestOnlySignedProgramsOfThisMachineSeeTheOperatorsLines(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.operator("", unsigned).fails(http.StatusUnauthorized, "invalid_tenant")
	p.operator("", set("X-TB-Tenant-ID", "zeta")).fails(http.StatusUnauthorized, "invalid_tenant")
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via"} {
		p.operator("", set(name, "127.0.0.1")).fails(http.StatusNotFound, "route_not_found")
	}
	for peer, want := range map[string]int{
		"127.0.0.1:9": http.StatusOK, "[::1]:9": http.StatusOK, "[::ffff:127.0.0.1]:9": http.StatusOK,
		"10.0.0.7:9": http.StatusNotFound, "[fdaa::3]:9": http.StatusNotFound, "[::ffff:10.0.0.7]:9": http.StatusNotFound, "pipe": http.StatusNotFound,
	} {
		request := httptest.NewRequest("GET", "/v1/operator/journal", nil)
		request.Header, request.RemoteAddr = p.user("nobody").headers(), peer
		recorder := httptest.NewRecorder()
		if p.handler.ServeHTTP(recorder, request); recorder.Code != want {
			t.Errorf("%s: status %d, want %d", peer, recorder.Code, want)
		}
	}
	var info struct{ Features []string }
	p.send("GET", "/v1/sync/info", "", nil).into(&info)
	if !slices.Contains(info.Features, "operatorJournal") {
		t.Errorf("features %v", info.Features)
	}
}
