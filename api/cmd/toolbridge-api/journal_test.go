package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"toolbridge/api/internal/store/postgres/postgrestest"
)

// written starts the API on a database, writes a note twice and a task, and ends it.
func written(t *testing.T, env []string) {
	t.Helper()
	api := launch(t, env)
	api.expect(http.StatusCreated, "POST", "/v1/notes", `{"uid":"11111111-1111-4111-8111-111111111111","a":1}`)
	api.expect(http.StatusOK, "PATCH", "/v1/notes/11111111-1111-4111-8111-111111111111", `{"a":2}`)
	api.expect(http.StatusCreated, "POST", "/v1/tasks", `{}`)
	api.signal(syscall.SIGTERM)
	api.exit()
}

func TestTheJournalIsVerifiedByACommand(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "api.db")
	server := postgrestest.New(t)
	for _, row := range []struct {
		url   string
		env   []string
		alter func(statement string)
	}{
		{"sqlite://" + file, environment("127.0.0.1:0", file), func(statement string) { change(t, file, statement) }},
		{server, append(environment("127.0.0.1:0", file), "DATABASE_URL="+server), func(statement string) { postgrestest.Exec(t, server, statement) }},
	} {
		written(t, row.env)
		if said := done(t, row.url, "journal", "verify"); said != "owners=1 lines=3 contents=1\n" {
			t.Errorf("says %q", said)
		}
		row.alter("UPDATE journal SET author = 'mallory' WHERE seq = 2")
		if code, said := onData(t, row.url, "journal", "verify"); code != 1 || !strings.Contains(said, "line 2: its hash is not that of what it says") || !strings.Contains(said, "user ") {
			t.Errorf("exit code %d: %s", code, said)
		}
	}
	for _, args := range [][]string{{"journal"}, {"journal", "mend"}, {"journal", "verify", "all"}} {
		if code, said := onData(t, "sqlite://"+file, args...); code != 2 || !strings.Contains(said, "journal verify") {
			t.Errorf("%v: exit code %d: %s", args, code, said)
		}
	}
}

func TestWhatTheJournalNeedNotKeepIsDroppedAtTheStart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "api.db")
	env := append(environment("127.0.0.1:0", file), "HISTORY_DAYS=2", "AUDIT_DAYS=4")
	written(t, env)
	old := func(days string, lines string) {
		change(t, file, "UPDATE journal SET at_ms = at_ms - "+days+" * 86400000 WHERE seq "+lines)
	}
	old("3", "= 2")
	old("5", "= 1")
	api := launch(t, env)
	waitForLines(t, api, `"seq":1,`)
	left := waitForLines(t, api, `"kept":true`)
	if !strings.Contains(left, `"seq":2,`) || !strings.Contains(left, `"begins":"`) {
		t.Errorf("left %s", left)
	}
	gone := api.expect(http.StatusGone, "POST", "/v1/notes/11111111-1111-4111-8111-111111111111/restore", `{"version":1}`)
	if !strings.Contains(string(gone), `"kept":[2]`) {
		t.Errorf("says %s", gone)
	}
	history := string(api.expect(http.StatusOK, "GET", "/v1/notes/11111111-1111-4111-8111-111111111111/history", ""))
	if !strings.Contains(history, `"kept":false`) || !strings.Contains(history, `"droppedBefore":"`) {
		t.Errorf("the history is %s", history)
	}
}

// waitForLines waits until the journal has lost a text, and returns it.
func waitForLines(t *testing.T, api *running, gone string) string {
	t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		lines := string(api.expect(http.StatusOK, "GET", "/v1/journal", ""))
		if !strings.Contains(lines, gone) {
			return lines
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("the journal stays as it is: %s", lines)
		}
	}
}

func TestTheOperatorSeesUsersAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	for name, row := range bothJournalled(t) {
		for setting, subject := range map[string]string{"plain": "alice", "hashed": "913637949619df24"} {
			api := launch(t, append(row.env[:len(row.env):len(row.env)], "LOG_SUBJECTS="+setting))
			api.expect(http.StatusCreated, "POST", "/v1/notes", `{"title":"a secret title"}`)
			lines := string(api.expect(http.StatusOK, "GET", "/v1/operator/journal?limit=1", ""))
			if !strings.Contains(lines, `"subject":"`+subject+`","kind":"note"`) || strings.Contains(lines, "secret") {
				t.Errorf("%s, %q: %s", name, setting, lines)
			}
			api.signal(syscall.SIGTERM)
			api.exit()
		}
	}
}

// An old database has items, but a journal only from its migration on.
func TestTheBeginningOfAJournalIsNobodys(t *testing.T) {
	t.Parallel()
	for name, row := range bothJournalled(t) {
		written(t, row.env)
		row.alter("UPDATE journal SET kind = '', uid = '', change = 'began', author = ''")
		api := launch(t, append(row.env, "LOG_SUBJECTS=hashed"))
		if lines := string(api.expect(http.StatusOK, "GET", "/v1/operator/journal?limit=1", "")); !strings.Contains(lines, `"subject":"","kind":"","uid":"","change":"began"`) {
			t.Errorf("%s: %s", name, lines)
		}
	}
}
