package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/postgres"
	"toolbridge/api/internal/store/postgres/postgrestest"
	"toolbridge/api/internal/store/sqlite"
)

var kills = flag.Int("kills", 3, "how often a batch is killed, for each kind of database")

// killed is one database whose process is killed again and again.
type killed struct {
	t       *testing.T
	env     []string
	verify  func() error // of the journal, while no process runs
	batches int          // begun so far
}

const sharedNotes, madeNotes = 20, 60

func TestAKilledBatchIsMadeWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "api.db")
		k := &killed{t: t, env: environment("127.0.0.1:0", file)}
		k.verify = func() error {
			intact(t, file)
			store, err := sqlite.Open(context.Background(), file)
			if err != nil {
				return err
			}
			defer store.Close()
			_, err = item.Verify(context.Background(), store)
			return err
		}
		k.run()
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		url := postgrestest.New(t)
		k := &killed{t: t, env: append(environment("127.0.0.1:0", ""), "DATABASE_URL="+url)}
		k.verify = func() error {
			store, err := postgres.Open(context.Background(), url, 5)
			if err != nil {
				return err
			}
			defer store.Close()
			_, err = item.Verify(context.Background(), store)
			return err
		}
		k.run()
	})
}

func (k *killed) run() {
	api := launch(k.t, k.env)
	for n := range sharedNotes {
		api.expect(http.StatusCreated, "POST", "/v1/notes", `{"uid":"`+sharedNote(n)+`"}`)
	}
	begun := time.Now()
	k.send(api, k.next())
	took := time.Since(begun)
	var whole, none int
	for range *kills {
		under := k.next()
		answered := make(chan bool)
		go func() { answered <- k.send(api, under) }()
		time.Sleep(rand.N(2 * took))
		api.signal(syscall.SIGKILL)
		acknowledged := <-answered
		api.exit()
		if err := k.verify(); err != nil {
			k.t.Error(err)
		}
		api = launch(k.t, k.env)
		made := k.check(api, under)
		switch {
		case acknowledged && !made:
			k.t.Errorf("batch %d was acknowledged and is lost", under)
		case made:
			whole++
		default:
			none++
		}
		if !k.send(api, under) { // with its key it is made once
			k.t.Errorf("batch %d cannot be sent again", under)
		}
		if !k.check(api, under) {
			k.t.Errorf("batch %d was not made when it was sent again", under)
		}
	}
	k.t.Logf("%d kills: %d batches were made, %d were not", *kills, whole, none)
}

func (k *killed) next() int {
	k.batches++
	return k.batches
}

func sharedNote(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n+1) }

// send sends a batch of 100 operations, and reports whether it was acknowledged.
func (k *killed) send(api *running, n int) bool {
	var operations []string
	for i := range madeNotes {
		operations = append(operations, fmt.Sprintf(`{"op":"create","kind":"note","payload":{"tags":["batch %d"],"n":%d}}`, n, i))
	}
	for i := range sharedNotes {
		operations = append(operations, fmt.Sprintf(`{"op":"patch","kind":"note","uid":"%s","payload":{"by":%d}}`, sharedNote(i), n))
	}
	for i := range 100 - madeNotes - sharedNotes {
		operations = append(operations, fmt.Sprintf(`{"op":"create","kind":"comment","payload":{"parentType":"note","parentUid":"$%d"}}`, i+1))
	}
	body := `{"operations":[` + strings.Join(operations, ",") + `]}`
	status, answer, err := api.call("POST", "/v1/batch", body, [2]string{"Idempotency-Key", fmt.Sprint("batch", n)})
	if err == nil && status != http.StatusOK {
		k.t.Errorf("batch %d: %d %.300s", n, status, answer)
	}
	return err == nil && status == http.StatusOK
}

// check reports whether a batch was made, and that all others before it were, and none
// by half.
func (k *killed) check(api *running, n int) bool {
	// It waits for a transaction that the database server still finishes.
	api.expect(http.StatusCreated, "POST", "/v1/notes?dryRun=true", `{}`)
	count := k.count(api, fmt.Sprintf("/v1/notes?tag=batch%%20%d", n))
	if count != 0 && count != madeNotes {
		k.t.Errorf("batch %d made %d notes of %d", n, count, madeNotes)
	}
	made, writers := count > 0, map[float64]int{}
	for i := range sharedNotes {
		var note struct{ Payload struct{ By float64 } }
		if err := json.Unmarshal(api.expect(http.StatusOK, "GET", "/v1/notes/"+sharedNote(i), ""), &note); err != nil {
			k.t.Fatal(err)
		}
		writers[note.Payload.By]++
	}
	want := float64(n)
	if !made {
		want--
	}
	if writers[want] != sharedNotes {
		k.t.Errorf("batch %d, made %v: the notes are of %v", n, made, writers)
	}
	batches := n
	if !made {
		batches--
	}
	if comments := k.count(api, "/v1/comments?limit=1000"); comments != min(1000, batches*(100-madeNotes-sharedNotes)) {
		k.t.Errorf("%d comments after %d batches", comments, batches)
	}
	return made
}

func (k *killed) count(api *running, path string) int {
	var page struct{ Items []json.RawMessage }
	if err := json.Unmarshal(api.expect(http.StatusOK, "GET", path, ""), &page); err != nil {
		k.t.Fatal(err)
	}
	return len(page.Items)
}

func TestBatchesOnTwoReplicasWaitForEachOther(t *testing.T) {
	t.Parallel()
	processes := replicas(t)
	k := &killed{t: t}
	for n := range sharedNotes {
		processes[0].expect(http.StatusCreated, "POST", "/v1/notes", `{"uid":"`+sharedNote(n)+`"}`)
	}
	const batches = 10
	onBoth(processes, batches, func(r *running, n int) int {
		if !k.send(r, n+1) {
			t.Errorf("batch %d was not made", n+1)
		}
		return 0
	})
	writers := map[float64]int{}
	for i := range sharedNotes {
		var note struct {
			Version int
			Payload struct{ By float64 }
		}
		if err := json.Unmarshal(processes[i%2].expect(http.StatusOK, "GET", "/v1/notes/"+sharedNote(i), ""), &note); err != nil {
			t.Fatal(err)
		}
		if writers[note.Payload.By]++; note.Version != batches+1 {
			t.Errorf("note %d has version %d", i, note.Version)
		}
	}
	if len(writers) != 1 {
		t.Errorf("the notes are of the batches %v", writers)
	}
	if notes := k.count(processes[0], "/v1/notes?limit=1000"); notes != sharedNotes+batches*madeNotes {
		t.Errorf("%d notes", notes)
	}
}
