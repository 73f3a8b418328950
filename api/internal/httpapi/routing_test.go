package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
)

func TestAnUnknownPathIs404WithoutCredentials(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, path := range []string{
		"/", "/v1", "/v1/", "/v1/nothing", "/v1/notes/", "/v1//notes", "//v1/notes", "/v1/notes/x/y", "/v1/./notes",
		"/v1/tasks/../notes", "/healthz/", "/v1/notes/" + someUID + "/archive/", "/v1/sync/notes/peek", "/v1/sync",
		"/v1/note", "/v1/NOTES", "/v1/notes/" + someUID + "/no-such-operation", "/v1/sync/sessions/",
	} {
		t.Run(path, func(t *testing.T) {
			raw(t, p, "GET "+path+" HTTP/1.1").fails(http.StatusNotFound, "route_not_found")
		})
	}
	raw(t, p, "OPTIONS * HTTP/1.1").fails(http.StatusNotFound, "route_not_found")
	raw(t, p, "CONNECT example.org:443 HTTP/1.1").fails(http.StatusNotFound, "route_not_found")
}

// raw sends a request line that an HTTP client would clean or refuse.
func raw(t *testing.T, p *process, line string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s\r\nHost: api\r\nConnection: close\r\n\r\n", line)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{t, line, response.StatusCode, response.Header, body}
}

func TestAnotherVerbIs405WithoutCredentials(t *testing.T) {
	t.Parallel()
	p := start(t)
	allowed := map[string]string{
		"/healthz": "GET", "/readyz": "GET", "/v1/sync/info": "GET", "/v1/sync/sessions": "POST",
		"/v1/sync/sessions/" + someUID: "DELETE, GET", "/v1/sync/state": "GET", "/v1/sync/wipe": "POST",
	}
	for _, e := range entity.Table {
		for path, methods := range methodsOf(t, e) {
			allowed[strings.Replace(path, "{uid}", someUID, 1)] = strings.Join(methods, ", ")
		}
	}
	for path, allow := range allowed {
		for _, verb := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			if strings.Contains(", "+allow+",", " "+verb+",") {
				continue
			}
			got := p.send(verb, path, "", nil).fails(http.StatusMethodNotAllowed, "method_not_allowed")
			if got.header.Get("Allow") != allow {
				t.Errorf("%s %s: Allow %q, want %q", verb, path, got.header.Get("Allow"), allow)
			}
		}
		if got := p.send("HEAD", path, "", nil).is(http.StatusMethodNotAllowed); got.header.Get("Allow") != allow {
			t.Errorf("HEAD %s: Allow %q", path, got.header.Get("Allow"))
		}
	}
}

func TestACorrelationIDIsEchoedWhenItIsPlainAndReplacedWhenNot(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, row := range []struct {
		name, sent string
		echoed     bool
	}{
		{"a word", "abc-123", true},
		{"punctuation", `{"a":1}~!`, true},
		{"128 characters", strings.Repeat("x", 128), true},
		{"129 characters", strings.Repeat("x", 129), false},
		{"a space inside", "a b", false},
		{"a letter outside ASCII", "é", false},
		{"nothing", "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, path := range []string{"/healthz", "/nowhere", "/v1/notes"} {
				got := p.send("GET", path, "", http.Header{"X-Correlation-Id": {row.sent}}).header.Get("X-Correlation-ID")
				if row.echoed && got != row.sent {
					t.Errorf("%s: answered %q", path, got)
				}
				if !row.echoed && uuid.Validate(got) != nil {
					t.Errorf("%s: answered %q, want a fresh UUID", path, got)
				}
			}
		})
	}
}

func TestACallIsLoggedOnceAndNothingItCarries(t *testing.T) {
	t.Parallel()
	p := start(t)
	u := p.user("alice")
	gateway := header{"X-TB-Client": {"claude/1"}, "X-TB-Tool": {"create_note"}}
	written := u.call("POST", "/v1/notes", `{"title":"secret-title"}`, set("X-Correlation-ID", "corr-1"), gateway).is(201)
	created := written.item()
	read := u.call("GET", "/v1/notes/"+created.UID+"?includeDeleted=secret-query", "", set("X-Correlation-ID", "corr-2"),
		set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")).is(200)
	u.call("PATCH", "/v1/notes/"+created.UID, `{"title":"secret-title"}`, set("X-Correlation-ID", "corr-3"), set("If-Match", "7")).is(412)
	p.send("GET", "/v1/notes", "", http.Header{"X-Correlation-Id": {"corr-4"}, "X-Tb-Tool": {"forged"}, "Traceparent": {"00-secret"}}).is(401)
	h := u.headers()
	lines := strings.Split(strings.TrimSpace(p.log.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines:\n%s", len(lines), p.log)
	}
	for i, want := range []map[string]any{
		{"msg": "request", "method": "POST", "route": "/v1/notes", "status": 201.0, "correlation_id": "corr-1", "outcome": "ok",
			"tenant": "acme", "subject": "alice", "client": "claude/1", "tool": "create_note", "trace_id": nil, "bytes_in": 24.0, "bytes_out": float64(len(written.body))},
		{"msg": "request", "method": "GET", "route": "/v1/notes/{uid}", "status": 200.0, "correlation_id": "corr-2", "outcome": "ok",
			"trace_id": "0af7651916cd43dd8448eb211c80319c", "tool": nil, "bytes_in": 0.0, "bytes_out": float64(len(read.body))},
		{"msg": "request", "method": "PATCH", "status": 412.0, "correlation_id": "corr-3", "outcome": "version_mismatch", "cause": nil},
		{"msg": "request", "method": "GET", "status": 401.0, "correlation_id": "corr-4", "outcome": "unauthorized",
			"tenant": nil, "subject": nil, "tool": nil, "trace_id": nil, "store_ms": 0.0},
	} {
		var line map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &line); err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			if line[name] != value {
				t.Errorf("line %d: %s is %v", i, name, line[name])
			}
		}
		took, store := line["ms"].(float64), line["store_ms"].(float64)
		if took <= 0 || store < 0 || store > took || store == 0 && i < 3 {
			t.Errorf("line %d has strange times: %s", i, lines[i])
		}
	}
	for _, secret := range []string{
		"secret-", created.UID, h.Get("X-TB-Signature"), strings.TrimPrefix(h.Get("Authorization"), "Bearer "),
	} {
		if strings.Contains(p.log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

func TestAPanicIsAnInternalErrorLoggedOnce(t *testing.T) {
	t.Parallel()
	p := start(t, func(api *httpapi.API) {
		api.Ready = func(context.Context) error { panic("broken on purpose") }
	})
	got := p.send("GET", "/readyz", "", http.Header{"X-Correlation-Id": {"corr-9"}}).fails(500, "internal")
	if strings.Contains(string(got.body), "purpose") {
		t.Errorf("the client was told: %s", got.body)
	}
	if log := p.log.String(); strings.Count(log, "broken on purpose") != 1 || strings.Count(log, "corr-9") != 1 {
		t.Errorf("log: %s", log)
	}
	p.send("GET", "/healthz", "", nil).is(200)
}
