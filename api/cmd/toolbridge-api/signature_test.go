package main

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/auth/authtest"
)

// signatures is what the program says about how to sign.
type signatures struct {
	Versions, Keys []string
	Process        string
}

func (r *running) signatures() signatures {
	r.t.Helper()
	var info struct{ Signatures signatures }
	if err := json.Unmarshal(r.expect(http.StatusOK, "GET", "/v1/sync/info", ""), &info); err != nil {
		r.t.Fatal(err)
	}
	return info.Signatures
}

// signedWhole are the headers of a request that is signed in version 2 for this process.
func (r *running) signedWhole(keyID, method, path, body string) http.Header {
	r.t.Helper()
	h, err := headersOf("alice")
	if err != nil {
		r.t.Fatal(err)
	}
	h.Del(auth.HeaderTimestamp)
	h.Del(auth.HeaderSignature)
	signer := authtest.Signer{Tenant: "acme", KeyID: keyID, Secret: secret, Process: r.signatures().Process, Now: time.Now()}
	signer.Sign(method, path, h, body)
	return h
}

// sends sends a request with these headers, and returns the status and, for a refusal, the
// reason.
func (r *running) sends(method, path, body string, h http.Header) (status int, reason string) {
	r.t.Helper()
	request, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	maps.Copy(request.Header, h)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var refusal struct{ Details struct{ Reason string } }
	_ = json.Unmarshal(text, &refusal) // the answer to a list has no such member
	return response.StatusCode, refusal.Details.Reason
}

func TestARecordedRequestIsRefusedByEveryProcess(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		env := environment("127.0.0.1:0", filepath.Join(t.TempDir(), "api.db"))
		refusesRecorded(t, launch(t, env), launch(t, env), func() *running { return launch(t, env) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		both := replicas(t)
		refusesRecorded(t, both[0], both[1], func() *running { return launch(t, both[0].cmd.Env) })
	})
}

// refusesRecorded sends a request twice to one process, to another one on the same database,
// and to the first after a restart.
func refusesRecorded(t *testing.T, one, other *running, again func() *running) {
	for _, row := range [][3]string{{"POST", "/v1/notes", `{"title":"Milk"}`}, {"GET", "/v1/notes?total=true", ""}} {
		recorded := one.signedWhole("default", row[0], row[1], row[2])
		if status, _ := one.sends(row[0], row[1], row[2], recorded); status/100 != 2 {
			t.Fatalf("%s: status %d", row[1], status)
		}
		for process, wanted := range map[*running]string{one: "replay", other: "process"} {
			if status, reason := process.sends(row[0], row[1], row[2], recorded); status != 401 || reason != wanted {
				t.Errorf("%s again: %d %q, want %q", row[1], status, reason, wanted)
			}
		}
	}
	recorded := one.signedWhole("default", "POST", "/v1/notes", "{}")
	if status, _ := one.sends("POST", "/v1/notes", "{}", recorded); status != 201 {
		t.Fatalf("status %d", status)
	}
	one.signal(syscall.SIGKILL)
	one.exit()
	restarted := again()
	if status, reason := restarted.sends("POST", "/v1/notes", "{}", recorded); status != 401 || reason != "process" {
		t.Errorf("after a restart: %d %q", status, reason)
	}
	var page struct{ Total int }
	if err := json.Unmarshal(restarted.expect(200, "GET", "/v1/notes?total=true", ""), &page); err != nil || page.Total != 2 {
		t.Errorf("%d notes, %v", page.Total, err)
	}
}

func TestTheSettingsOfSignaturesReachTheGate(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys")
	list := func(lines ...string) {
		t.Helper()
		if err := os.WriteFile(keys+".next", []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(keys+".next", keys); err != nil {
			t.Fatal(err)
		}
	}
	list("k1:2026-11-01:" + secret)
	env := []string{"TENANT_SIGNATURES=v2", "TENANT_HEADER_KEYS_FILE=" + keys}
	for _, given := range environment("127.0.0.1:0", filepath.Join(t.TempDir(), "api.db")) {
		if !strings.HasPrefix(given, "TENANT_HEADER_SECRET=") {
			env = append(env, given)
		}
	}
	api := launch(t, env)
	if told := api.signatures(); strings.Join(told.Versions, " ") != "v2" || strings.Join(told.Keys, " ") != "k1" || len(told.Process) < 22 {
		t.Errorf("tells %+v", told)
	}
	v1, err := headersOf("alice")
	if err != nil {
		t.Fatal(err)
	}
	if status, reason := api.sends("GET", "/v1/notes", "", v1); status != 401 || reason != "version" {
		t.Errorf("version 1: %d %q", status, reason)
	}
	by := func(id string) int {
		status, _ := api.sends("GET", "/v1/notes", "", api.signedWhole(id, "GET", "/v1/notes", ""))
		return status
	}
	if by("k1") != 200 || by("k2") != 401 {
		t.Error("the key of the file is not the one that verifies")
	}
	list("k2:2026-11-02:"+secret, "k1:2026-11-01:"+secret)
	for until := time.Now().Add(20 * time.Second); by("k2") != 200; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the file was not read again")
		}
	}
	if by("k1") != 200 {
		t.Error("the key before is refused while it is in the file")
	}
	list("k2:2026-11-02:" + secret)
	for until := time.Now().Add(20 * time.Second); by("k1") != 401; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the key before is still good")
		}
	}
}
