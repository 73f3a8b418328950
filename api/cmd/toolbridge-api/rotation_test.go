package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"toolbridge/api/internal/auth/authtest"
)

// withFiles is an environment with the keys in files in dir, whose contents are those given:
// of the tenant, and of tokens. Without contents there are no such files.
func withFiles(env []string, dir string, contents []string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(entry string) bool { return strings.Contains(entry, "_SECRET=") })
	sub, err := os.MkdirTemp(dir, "keys")
	if err != nil {
		panic(err)
	}
	for i, name := range []string{"TENANT_HEADER", "JWT_HS256"} {
		file := filepath.Join(sub, name)
		env = append(env, name+"_KEYS_FILE="+file)
		if contents == nil {
			continue
		}
		if err := os.WriteFile(file, []byte(contents[i]), 0o600); err != nil {
			panic(err)
		}
	}
	return env
}

// rotated is an API whose keys a test changes, with the clients that use them.
type rotated struct {
	*running
	env           []string
	tenant, token ringFile
	process       string                 // as the API names itself
	held          atomic.Pointer[keyIDs] // by clients
	bearers       sync.Map               // the one token of each key, which the API remembers
	served        atomic.Int64
}

// keyIDs are the ids of the keys with which a gateway's signature and a user's token are made.
type keyIDs struct{ tenant, token string }

// ringFile is the file with the keys of one use.
type ringFile struct {
	t    *testing.T
	use  string
	path string
}

// secretOf is the secret of the key with an id.
func (f ringFile) secretOf(id string) string { return strings.Repeat(f.use+"-"+id+"-", 6) }

// write replaces the file with a list of these keys.
func (f ringFile) write(ids ...string) {
	f.t.Helper()
	if err := os.WriteFile(f.path+".next", []byte(f.list(ids...)), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(f.path+".next", f.path); err != nil {
		f.t.Fatal(err)
	}
}

func (f ringFile) list(ids ...string) (list string) {
	for _, id := range ids {
		list += fmt.Sprintf("%s:%s:%s\n", id, time.Now().UTC().Format(time.DateOnly), f.secretOf(id))
	}
	return list
}

func launchRotated(t *testing.T, database string) *rotated {
	t.Helper()
	env := append(environment("127.0.0.1:0", database), "RATE_LIMIT_READS=off", "RATE_LIMIT_WRITES=off")
	r := &rotated{env: withFiles(env, t.TempDir(), []string{"", ""})}
	files := r.env[len(r.env)-2:]
	r.tenant = ringFile{t, "tenant", strings.TrimPrefix(files[0], "TENANT_HEADER_KEYS_FILE=")}
	r.token = ringFile{t, "token", strings.TrimPrefix(files[1], "JWT_HS256_KEYS_FILE=")}
	r.tenant.write("k1")
	r.token.write("k1")
	r.held.Store(&keyIDs{"k1", "k1"})
	r.launch(t)
	return r
}

// launch starts the API, maybe again.
func (r *rotated) launch(t *testing.T) {
	t.Helper()
	r.running = launch(t, r.env)
	_, answer, err := r.running.call("GET", "/v1/sync/info", "")
	var info struct{ Signatures struct{ Process string } }
	if err != nil || json.Unmarshal(answer, &info) != nil || info.Signatures.Process == "" {
		t.Fatalf("%s %v", answer, err)
	}
	r.process = info.Signatures.Process
}

// try makes a call in a session with these keys, signed in this version.
func (r *rotated) try(version int, keys keyIDs, session, method, path, body string) (int, string, error) {
	sent, err := headersWith("alice", r.token.secretOf(keys.token), r.tenant.secretOf(keys.tenant))
	if err != nil {
		return 0, "", err
	}
	bearer, _ := r.bearers.LoadOrStore(keys.token, sent.Get("Authorization"))
	sent.Set("Authorization", bearer.(string))
	sent.Set("X-Sync-Session", session)
	sent.Set("X-Sync-Epoch", "1")
	if version == 2 {
		sent.Del("X-TB-Timestamp")
		sent.Del("X-TB-Signature")
		signer := authtest.Signer{Tenant: "acme", KeyID: keys.tenant, Secret: r.tenant.secretOf(keys.tenant), Process: r.process, Now: time.Now()}
		signer.Sign(method, path, sent, body)
	}
	status, answer, err := r.send(sent, method, path, body)
	return status, string(answer), err
}

// with is try, which never fails to reach the API.
func (r *rotated) with(version int, tenant, token, method, path string) (int, string) {
	r.t.Helper()
	status, answer, err := r.try(version, keyIDs{tenant, token}, "new", method, path, "")
	if err != nil {
		r.t.Fatal(err)
	}
	return status, answer
}

// open opens a session with the secrets of these keys.
func (r *rotated) open(tenant, token string) string {
	r.t.Helper()
	status, answer := r.with(1, tenant, token, "POST", "/v1/sync/sessions")
	var opened struct{ ID string }
	if status != http.StatusCreated || json.Unmarshal([]byte(answer), &opened) != nil {
		r.t.Fatalf("%d %s", status, answer)
	}
	return opened.ID
}

// load has clients call until stop is called, with the keys that they hold. Half of them sign
// in each version. Each failure fails the test.
func (r *rotated) load(clients int, session string) (stop func()) {
	done := make(chan struct{})
	var calling sync.WaitGroup
	for client := range clients {
		calling.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				status, answer, err := r.try(client%2+1, *r.held.Load(), session, "POST", "/v1/notes", `{"title":"a"}`)
				if err != nil || status != http.StatusCreated {
					r.t.Errorf("%d %s %v", status, answer, err)
					return
				}
				r.served.Add(1)
			}
		})
	}
	return sync.OnceFunc(func() {
		close(done)
		calling.Wait()
	})
}

// refusedWithin checks that a call with these keys is refused within a time, and from then on.
func (r *rotated) refusedWithin(limit time.Duration, tenant, token, code string) {
	r.t.Helper()
	began := time.Now()
	for {
		status, answer := r.with(1, tenant, token, "GET", "/v1/notes")
		if status == http.StatusUnauthorized && strings.Contains(answer, code) {
			break
		}
		if status != http.StatusOK || time.Since(began) > limit {
			r.t.Fatalf("after %s: %d %s", time.Since(began), status, answer)
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.t.Logf("the retired key was refused after %s", time.Since(began).Round(time.Millisecond))
	for n := range 20 {
		if status, answer := r.with(n%2+1, tenant, token, "GET", "/v1/notes"); status != http.StatusUnauthorized {
			r.t.Errorf("accepted again: %d %s", status, answer)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// accepts waits until a call with these keys is accepted.
func (r *rotated) accepts(tenant, token string) {
	r.t.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		status, answer := r.with(2, tenant, token, "GET", "/v1/notes")
		if status == http.StatusOK {
			r.t.Logf("the key was accepted after %s", time.Since(began).Round(time.Millisecond))
			return
		}
		if time.Since(began) > 10*time.Second {
			r.t.Fatalf("%d %s", status, answer)
		}
	}
}

func TestBothSecretsAreChangedWithoutAFailedCall(t *testing.T) {
	t.Parallel()
	r := launchRotated(t, filepath.Join(t.TempDir(), "api.db"))
	session := r.open("k1", "k1")
	stop := r.load(4, session)
	defer stop()
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"add a token key", func() { r.token.write("k1", "k2"); r.accepts("k1", "k2") }},
		{"switch to it", func() { r.token.write("k2", "k1"); r.held.Store(&keyIDs{"k1", "k2"}) }},
		{"retire the old one", func() {
			r.token.write("k2")
			r.refusedWithin(2*time.Second, "k1", "k1", "unauthorized")
		}},
		{"add a tenant key", func() { r.tenant.write("k1", "k2"); r.accepts("k2", "k2") }},
		{"switch to it", func() { r.tenant.write("k2", "k1"); r.held.Store(&keyIDs{"k2", "k2"}) }},
		{"retire the old one", func() {
			r.tenant.write("k2")
			r.refusedWithin(2*time.Second, "k1", "k2", "invalid_tenant")
		}},
	} {
		before := r.served.Load()
		step.do()
		for until := time.Now().Add(10 * time.Second); r.served.Load() < before+100; time.Sleep(10 * time.Millisecond) {
			if t.Failed() || time.Now().After(until) {
				t.Fatalf("%s: no calls meanwhile", step.name)
			}
		}
	}
	stop()
	if status, answer := r.with(2, "k2", "k1", "GET", "/v1/notes"); status != http.StatusUnauthorized {
		t.Errorf("a token of the retired key: %d %s", status, answer)
	}
	if status, answer := r.with(2, "k2", "k2", "GET", "/v1/sync/sessions/"+session); status != http.StatusOK {
		t.Errorf("the session from before: %d %s", status, answer)
	}
	t.Logf("%d calls", r.served.Load())
}

func TestAChangeOfSecretsGoesOnAfterAStop(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			r := launchRotated(t, filepath.Join(t.TempDir(), "api.db"))
			session := r.open("k1", "k1")
			r.tenant.write("k2", "k1")
			r.token.write("k2", "k1")
			r.signal(s)
			if code := r.exit(); code != map[syscall.Signal]int{syscall.SIGTERM: 0, syscall.SIGKILL: -1}[s] {
				t.Errorf("exit code %d", code)
			}
			r.launch(t)
			for _, keys := range [][2]string{{"k1", "k1"}, {"k2", "k1"}, {"k1", "k2"}, {"k2", "k2"}} {
				if status, answer := r.with(2, keys[0], keys[1], "GET", "/v1/sync/sessions/"+session); status != http.StatusOK {
					t.Errorf("with %v: %d %s", keys, status, answer)
				}
			}
			r.tenant.write("k2")
			r.token.write("k2")
			r.refusedWithin(2*time.Second, "k1", "k1", "")
			if status, answer := r.with(2, "k2", "k2", "GET", "/v1/sync/sessions/"+session); status != http.StatusOK {
				t.Errorf("the session from before: %d %s", status, answer)
			}
		})
	}
}

func TestAFileWithKeysThatIsRuinedStopsNoCall(t *testing.T) {
	t.Parallel()
	r := launchRotated(t, filepath.Join(t.TempDir(), "api.db"))
	says := func(want string) {
		t.Helper()
		for until := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			status, answer := r.with(1, "k1", "k1", "GET", "/readyz")
			if status == http.StatusOK && answer == want {
				return
			}
			if time.Now().After(until) {
				t.Fatalf("%d %s", status, answer)
			}
		}
	}
	const ruined = "the API cannot use its file with the tenant keys, so the known ones stay in use"
	stop := r.load(4, "new")
	defer stop()
	for _, ruin := range []func() error{
		func() error { return os.Remove(r.tenant.path) },
		func() error { return os.WriteFile(r.tenant.path, nil, 0o600) },
		func() error { return os.WriteFile(r.tenant.path, []byte(r.tenant.list("k1", "k1")), 0o600) },
	} {
		if err := ruin(); err != nil {
			t.Fatal(err)
		}
		says("degraded: " + ruined)
	}
	stop()
	r.signal(syscall.SIGTERM)
	if code := r.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	again := exec.Command(binary)
	again.Env = r.env
	if _ = again.Run(); again.ProcessState.ExitCode() != wrongSetting {
		t.Errorf("a start with such a file: exit code %d", again.ProcessState.ExitCode())
	}
	r.tenant.write("k1")
	r.launch(t)
	says("ok")
}

func TestCommandsOnDataNeedNoKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := launchRotated(t, filepath.Join(dir, "api.db"))
	if err := os.Remove(r.tenant.path); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-version"}, {"backup", filepath.Join(dir, "copy.db")}, {"journal", "verify"}, {"journal", "export"}, {"migrate"},
	} {
		command := exec.Command(binary, args...)
		command.Env = r.env
		if said, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v: %v: %s", args, err, said)
		}
	}
	check := exec.Command(binary, "-healthcheck")
	check.Env = append(slices.Clone(r.env), "HTTP_ADDR="+strings.TrimPrefix(r.url, "http://"))
	if said, err := check.CombinedOutput(); err != nil {
		t.Errorf("-healthcheck: %v: %s", err, said)
	}
}
