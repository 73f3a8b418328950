package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"toolbridge/api/internal/store/postgres/postgrestest"
)

const shared = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

// replicas starts two processes on one new PostgreSQL database.
func replicas(t *testing.T) (processes [2]*running) {
	t.Helper()
	url := postgrestest.New(t)
	for i := range processes {
		processes[i] = launch(t, append(environment("127.0.0.1:0", ""), "DATABASE_URL="+url)) // the later one counts
	}
	return processes
}

// expect stops the test unless a call has the status, and returns the response.
func (r *running) expect(status int, method, path, body string, headers ...[2]string) []byte {
	r.t.Helper()
	got, answer, err := r.call(method, path, body, headers...)
	if err != nil || got != status {
		r.t.Fatalf("%s %s: status %d, want %d: %.300s %v", method, path, got, status, answer, err)
	}
	return answer
}

// opens returns the headers of a session that the process opened.
func (r *running) opens() (id string, headers [][2]string) {
	r.t.Helper()
	var session struct {
		ID    string
		Epoch int64
	}
	if err := json.Unmarshal(r.expect(http.StatusCreated, "POST", "/v1/sync/sessions", ""), &session); err != nil {
		r.t.Fatal(err)
	}
	return session.ID, [][2]string{{"X-Sync-Session", session.ID}, {"X-Sync-Epoch", fmt.Sprint(session.Epoch)}}
}

// onBoth makes n calls at once, by turns on two processes, and counts the statuses.
func onBoth(processes [2]*running, n int, call func(r *running, i int) int) map[int]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	statuses := map[int]int{}
	for i := range n {
		wg.Go(func() {
			status := call(processes[i%2], i)
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	wg.Wait()
	return statuses
}

func TestASessionHoldsOnEveryReplicaAndEndsOnAll(t *testing.T) {
	t.Parallel()
	processes := replicas(t)
	for i, r := range processes {
		other := processes[1-i]
		id, session := r.opens()
		_, kept := r.opens()
		other.expect(http.StatusOK, "GET", "/v1/notes", "", session...)
		other.expect(http.StatusNoContent, "DELETE", "/v1/sync/sessions/"+id, "")
		for _, p := range processes {
			p.expect(http.StatusPreconditionRequired, "GET", "/v1/notes", "", session...)
			p.expect(http.StatusOK, "GET", "/v1/notes", "", kept...)
		}
	}
}

func TestAWipeCountsOnEveryReplica(t *testing.T) {
	t.Parallel()
	processes := replicas(t)
	first, second := processes[0], processes[1]
	_, session := second.opens()
	second.expect(http.StatusCreated, "POST", "/v1/notes", `{"uid":"`+shared+`"}`, session...)
	first.expect(http.StatusOK, "POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`)
	second.expect(http.StatusPreconditionRequired, "POST", "/v1/notes", "{}", session...)
	second.expect(http.StatusConflict, "POST", "/v1/notes", "{}", [2]string{"X-Sync-Epoch", "1"})
	second.expect(http.StatusNotFound, "GET", "/v1/notes/"+shared, "")
	second.expect(http.StatusCreated, "POST", "/v1/notes", "{}")
}

func TestWritersOnTwoReplicasLoseNothing(t *testing.T) {
	t.Parallel()
	processes := replicas(t)
	one := "/v1/notes/" + shared
	created := onBoth(processes, 20, func(r *running, _ int) int {
		status, _, _ := r.call("POST", "/v1/notes", `{"uid":"`+shared+`"}`)
		return status
	})
	if created[http.StatusCreated] != 1 || created[http.StatusConflict] != 19 {
		t.Errorf("creations: %v", created)
	}
	conditional := onBoth(processes, 20, func(r *running, i int) int {
		status, _, _ := r.call("PATCH", one, `{"winner":`+fmt.Sprint(i)+`}`, [2]string{"If-Match", "1"})
		return status
	})
	if conditional[http.StatusOK] != 1 || conditional[http.StatusPreconditionFailed] != 19 {
		t.Errorf("conditional writes: %v", conditional)
	}
	patched := onBoth(processes, 40, func(r *running, i int) int {
		status, _, _ := r.call("PATCH", one, fmt.Sprintf(`{"key%d":%d}`, i, i))
		return status
	})
	var stored struct {
		Version int64
		Payload map[string]any
	}
	if err := json.Unmarshal(processes[0].expect(http.StatusOK, "GET", one, ""), &stored); err != nil {
		t.Fatal(err)
	}
	if patched[http.StatusOK] != 40 || stored.Version != 42 {
		t.Errorf("patches: %v, version %d", patched, stored.Version)
	}
	for i := range 40 {
		if stored.Payload[fmt.Sprintf("key%d", i)] != float64(i) {
			t.Errorf("key%d is lost", i)
		}
	}
}

func TestAKilledReplicaLosesNothingItAcknowledged(t *testing.T) {
	t.Parallel()
	processes := replicas(t)
	doomed, other := processes[0], processes[1]
	acknowledged := make(chan string, 10_000)
	enough := make(chan struct{})
	var once sync.Once
	var writers sync.WaitGroup
	for n := range 8 {
		writers.Go(func() {
			for {
				status, body, err := doomed.callAs(fmt.Sprint("user", n%2), "POST", "/v1/notes", `{"title":"kept"}`)
				if err != nil {
					return // the kill
				}
				var created struct{ UID string }
				if status != http.StatusCreated || json.Unmarshal(body, &created) != nil {
					t.Errorf("status %d: %s", status, body)
					return
				}
				acknowledged <- fmt.Sprint("user", n%2, " ", created.UID)
				if len(acknowledged) > 60 {
					once.Do(func() { close(enough) })
				}
			}
		})
	}
	<-enough
	doomed.signal(syscall.SIGKILL)
	writers.Wait()
	doomed.exit()
	close(acknowledged)
	for entry := range acknowledged {
		user, uid, _ := strings.Cut(entry, " ")
		if status, body, err := other.callAs(user, "GET", "/v1/notes/"+uid, ""); err != nil || status != http.StatusOK {
			t.Errorf("%s is lost: %d %s %v", uid, status, body, err)
		}
		if status, body, err := other.callAs(user, "PATCH", "/v1/notes/"+uid, `{}`); err != nil || status != http.StatusOK {
			t.Errorf("%s is locked: %d %s %v", uid, status, body, err)
		}
	}
}

func TestAServerThatCannotBeUsedIsToldWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, url, says string }{
		{"nobody listens", "postgres://user:pass-word@127.0.0.1:1/name", "127.0.0.1:1/name"},
		{"not a URL", "postgres://user:pass-word@host:port/name", "cannot be read"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var stderr bytes.Buffer
			cmd := exec.Command(binary)
			cmd.Env, cmd.Stderr = append(environment("127.0.0.1:0", ""), "DATABASE_URL="+row.url), &stderr
			_ = cmd.Run()
			said := strings.TrimSpace(stderr.String())
			if code := cmd.ProcessState.ExitCode(); code != 1 || strings.Contains(said, "\n") {
				t.Errorf("exit code %d: %s", code, said)
			}
			if !strings.Contains(said, "DATABASE_URL") || !strings.Contains(said, row.says) || strings.Contains(said, "pass-word") {
				t.Errorf("says %s", said)
			}
		})
	}
}

// fleet is two processes of which one may be replaced while clients use them.
type fleet [2]atomic.Pointer[running]

// sure makes a write until it is answered, always under the same key, by turns
// on the two processes.
func (f *fleet) sure(t *testing.T, key string, headers [][2]string) (uid string) {
	t.Helper()
	headers = append(slices.Clone(headers), [2]string{"Idempotency-Key", key})
	for attempt := range 1_000 {
		status, body, err := f[attempt%2].Load().call("POST", "/v1/notes", `{"title":"`+key+`"}`, headers...)
		if err != nil || status == http.StatusServiceUnavailable {
			continue // killed, or busy
		}
		var created struct{ UID string }
		if status != http.StatusCreated || json.Unmarshal(body, &created) != nil {
			t.Errorf("%s: status %d: %.300s", key, status, body)
		}
		return created.UID
	}
	t.Errorf("%s: never answered", key)
	return ""
}

func TestFiftyClientsOutliveAKillAndARestart(t *testing.T) {
	t.Parallel()
	const clients, writes = 50, 12
	url := postgrestest.New(t)
	start := func() *running {
		return launch(t, append(environment("127.0.0.1:0", ""), "DATABASE_URL="+url))
	}
	var processes fleet
	for i := range processes {
		processes[i].Store(start())
	}
	_, headers := processes[0].Load().opens()
	var acknowledged sync.Map
	var answered atomic.Int64
	enough := make(chan struct{})
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			for n := range writes {
				key := fmt.Sprintf("client-%d-write-%d", client, n)
				acknowledged.Store(processes.sure(t, key, headers), key)
				if answered.Add(1) == clients*writes/4 {
					close(enough)
				}
			}
		})
	}
	<-enough
	doomed := processes[0].Load()
	doomed.signal(syscall.SIGKILL)
	doomed.exit()
	processes[0].Store(start())
	wg.Wait()

	both := [2]*running{processes[0].Load(), processes[1].Load()}
	var page struct {
		Items []struct {
			UID     string
			Payload struct{ Title string }
		}
	}
	if err := json.Unmarshal(both[0].expect(http.StatusOK, "GET", "/v1/notes?limit=1000", "", headers...), &page); err != nil {
		t.Fatal(err)
	}
	for _, stored := range page.Items {
		if key, ok := acknowledged.LoadAndDelete(stored.UID); !ok || key != stored.Payload.Title {
			t.Errorf("%s (%s) was written and never acknowledged", stored.UID, stored.Payload.Title)
		}
	}
	if len(page.Items) != clients*writes {
		t.Errorf("%d notes for %d keys", len(page.Items), clients*writes)
	}
	acknowledged.Range(func(uid, key any) bool { t.Errorf("%v of %v is lost", uid, key); return true })

	one := "/v1/notes/" + page.Items[0].UID
	race := onBoth(both, clients, func(r *running, i int) int {
		status, _, _ := r.call("PATCH", one, fmt.Sprintf(`{"winner":%d}`, i), append(slices.Clone(headers), [2]string{"If-Match", "1"})...)
		return status
	})
	if race[http.StatusOK] != 1 || race[http.StatusPreconditionFailed] != clients-1 {
		t.Errorf("the race for version 1: %v", race)
	}
}
