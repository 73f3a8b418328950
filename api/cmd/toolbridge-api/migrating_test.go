package main

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// beforeUsage is a database of the schema before usage was counted.
func beforeUsage(t *testing.T) (file string) {
	t.Helper()
	const version = 7
	file = filepath.Join(t.TempDir(), "old.db")
	names, err := filepath.Glob("../../internal/store/sqlite/migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	text := "PRAGMA journal_mode = WAL; CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT; INSERT INTO schema_version VALUES (7);"
	for _, name := range names[:version] {
		migration, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text += string(migration)
	}
	change(t, file, text+`INSERT INTO item (tenant, owner, kind, uid, version, updated_ms, stored_ms, parent_kind, parent_uid, payload)
		VALUES ('acme', 'u', 'note', 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee', 1, 1, 1, '', '', '{}')`)
	return file
}

// held locks a database against writers until release is called.
func held(t *testing.T, file string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = tx.Rollback() }
}

func TestTheAPISaysThatItMigratesAndThenServesWithoutARestart(t *testing.T) {
	t.Parallel()
	file := beforeUsage(t)
	release := held(t, file)
	api := launch(t, environment("127.0.0.1:0", file))
	if status, body, err := api.call("GET", "/healthz", ""); err != nil || status != http.StatusOK || string(body) != "ok" {
		t.Errorf("healthz: %d %s %v", status, body, err)
	}
	for _, route := range [][2]string{{"GET", "/readyz"}, {"GET", "/v1/notes"}, {"POST", "/v1/notes"}, {"DELETE", "/v1/x"}, {"GET", "/v1/sync/info"}} {
		response := api.respond(route[0], route[1])
		body := response.body
		if response.status != http.StatusServiceUnavailable || response.header.Get("Retry-After") != "5" || response.header.Get("X-Correlation-Id") == "" ||
			!strings.Contains(body, `"code":"unavailable"`) || !strings.Contains(body, `"error":"the database is being migrated`) || !strings.Contains(body, `"migration":{`) {
			t.Errorf("%v: %d %v %s", route, response.status, response.header, body)
		}
	}
	release()
	end := time.Now().Add(30 * time.Second)
	for api.respond("GET", "/readyz").status != http.StatusOK {
		if time.Now().After(end) {
			t.Fatal("it never became ready")
		}
		time.Sleep(20 * time.Millisecond)
	}
	api.expect(http.StatusCreated, "POST", "/v1/notes", "{}")
	api.signal(syscall.SIGTERM)
	if code := api.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestASignalEndsAProgramThatMigrates(t *testing.T) {
	t.Parallel()
	file := beforeUsage(t)
	release := held(t, file)
	defer release()
	api := launch(t, environment("127.0.0.1:0", file))
	api.signal(syscall.SIGTERM)
	if code := api.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestAMigrationThatIsKilledAgainAndAgainLosesNothing(t *testing.T) {
	t.Parallel()
	file := beforeUsage(t)
	change(t, file, `WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 6000)
		INSERT INTO item (tenant, owner, kind, uid, version, updated_ms, stored_ms, parent_kind, parent_uid, payload)
			SELECT 'acme', 'u', 'note', printf('%08x-0000-4000-8000-000000000000', n), n, n, n, '', '', '{"content":"' || hex(randomblob(200)) || '"}' FROM s`)
	before := rows(t, file)
	for kill := range 10 {
		api := launch(t, environment("127.0.0.1:0", file))
		time.Sleep(time.Duration(kill*kill) * 3 * time.Millisecond)
		api.signal(syscall.SIGKILL)
		api.exit()
	}
	done(t, "sqlite://"+file, "migrate")
	intact(t, file)
	if !slices.Equal(rows(t, file), before) {
		t.Error("not all items are as they were")
	}
}

type response struct {
	status int
	header http.Header
	body   string
}

// respond makes a call without any header of a client.
func (r *running) respond(method, path string) response {
	r.t.Helper()
	request, err := http.NewRequest(method, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	got, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer got.Body.Close()
	var body strings.Builder
	if err := got.Write(&body); err != nil {
		r.t.Fatal(err)
	}
	return response{got.StatusCode, got.Header, body.String()}
}
