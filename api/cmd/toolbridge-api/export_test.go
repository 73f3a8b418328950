package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"toolbridge/api/internal/store/postgres/postgrestest"
)

// journalled is a kind of database, and how a test alters one behind the API's back.
type journalled struct {
	url   string
	env   []string
	alter func(statement string)
}

// bothJournalled are new databases of both kinds.
func bothJournalled(t *testing.T) map[string]journalled {
	t.Helper()
	file := filepath.Join(t.TempDir(), "api.db")
	server := postgrestest.New(t)
	env := environment("127.0.0.1:0", file)
	return map[string]journalled{
		"SQLite":     {"sqlite://" + file, env, func(statement string) { change(t, file, statement) }},
		"PostgreSQL": {server, append(env[:len(env):len(env)], "DATABASE_URL="+server), func(statement string) { postgrestest.Exec(t, server, statement) }},
	}
}

// exportTo writes an export into a file and returns the exit code and what was said.
func exportTo(t *testing.T, database, file string, args ...string) (int, string) {
	t.Helper()
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var said strings.Builder
	cmd := exec.Command(binary, append([]string{"journal", "export"}, args...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = []string{"DATABASE_URL=" + database}, out, &said
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), said.String()
}

// checked is what the check of an export says. It has no database.
func checked(t *testing.T, file string) (int, string) {
	t.Helper()
	return onData(t, "sqlite:///nowhere/api.db", "journal", "verify-export", file)
}

// pushed are notes of a push, by numbers.
func pushed(from, to int) string {
	items := []string{}
	for n := from; n < to; n++ {
		items = append(items, fmt.Sprintf(`{"uid":"00000000-0000-4000-8000-%012d","title":"a secret title"}`, n))
	}
	return `{"items":[` + strings.Join(items, ",") + `]}`
}

func TestTheJournalsAreExportedWhileTheAPIServes(t *testing.T) {
	t.Parallel()
	for name, row := range bothJournalled(t) {
		t.Run(name, func(t *testing.T) {
			api := launch(t, row.env)
			for sub, items := range map[string]int{"alice": 1000, "bob": 3} {
				if status, body, err := api.callAs(sub, "POST", "/v1/sync/notes/push", pushed(0, items)); err != nil || status != http.StatusOK {
					t.Fatalf("status %d, %s, %v", status, body, err)
				}
			}
			stop := make(chan struct{})
			var writers sync.WaitGroup
			writers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						api.expect(http.StatusCreated, "POST", "/v1/notes", `{"title":"a secret title"}`)
					}
				}
			})
			file := filepath.Join(t.TempDir(), "journal.jsonl")
			code, said := exportTo(t, row.url, file)
			close(stop)
			writers.Wait()
			if code != 0 || said != "" {
				t.Fatalf("exit code %d: %s", code, said)
			}
			if code, said := checked(t, file); code != 0 || !strings.HasPrefix(said, "users=2 lines=10") {
				t.Errorf("exit code %d: %s", code, said)
			}
			text, err := os.ReadFile(file)
			if err != nil || strings.Contains(string(text), "secret") {
				t.Errorf("it has contents, or cannot be read: %v", err)
			}
		})
	}
}

func TestJournalsWithoutOldLinesAndOfWipesAreExported(t *testing.T) {
	t.Parallel()
	for name, row := range bothJournalled(t) {
		t.Run(name, func(t *testing.T) {
			written(t, row.env)
			row.alter("UPDATE journal SET at_ms = at_ms - 43200000000 WHERE seq < 3")
			api := launch(t, row.env) // drops them
			waitForLines(t, api, `"seq":2,`)
			api.expect(http.StatusOK, "POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`)
			file := filepath.Join(t.TempDir(), "journal.jsonl")
			if code, said := exportTo(t, row.url, file, "-owner", "alice"); code != 0 {
				t.Fatalf("exit code %d: %s", code, said)
			}
			if code, said := checked(t, file); code != 0 || !strings.HasPrefix(said, "users=1 lines=2 digest=") {
				t.Errorf("exit code %d: %s", code, said)
			}
			row.alter("UPDATE journal SET author = 'mallory' WHERE seq = 4")
			if code, said := exportTo(t, row.url, file); code != 0 {
				t.Fatalf("exit code %d: %s", code, said)
			}
			if code, said := checked(t, file); code != 1 || !strings.Contains(said, "line 2 of the file") || !strings.Contains(said, "line 4 of the journal: it was changed") {
				t.Errorf("exit code %d: %s", code, said)
			}
			row.alter("DELETE FROM journal WHERE seq = 3")
			if code, said := exportTo(t, row.url, file, "-since", "2126-01-01"); code != 0 {
				t.Fatalf("exit code %d: %s", code, said)
			}
			if code, said := checked(t, file); code != 0 || !strings.HasPrefix(said, "users=0 lines=0") {
				t.Errorf("exit code %d: %s", code, said)
			}
		})
	}
}

func TestAnInterruptedExportIsFoundNotWhole(t *testing.T) {
	t.Parallel()
	for name, row := range bothJournalled(t) {
		t.Run(name, func(t *testing.T) {
			api := launch(t, row.env)
			for n := range 2 {
				if status, body, err := api.call("POST", "/v1/sync/notes/push", pushed(n*1000, n*1000+1000)); err != nil || status != http.StatusOK {
					t.Fatalf("status %d, %s, %v", status, body, err)
				}
			}
			for signal, want := range map[syscall.Signal]int{syscall.SIGKILL: -1, syscall.SIGTERM: 1, syscall.SIGINT: 1} {
				file := filepath.Join(t.TempDir(), "journal.jsonl")
				code, said := interrupted(t, row.url, file, signal)
				if code != want || signal != syscall.SIGKILL && !strings.Contains(said, "was interrupted, and has no end") {
					t.Errorf("%v: exit code %d: %s", signal, code, said)
				}
				if code, said := checked(t, file); code != 1 || !strings.Contains(said, "the export is not whole") {
					t.Errorf("%v: exit code %d: %s", signal, code, said)
				}
			}
		})
	}
}

// interrupted sends a signal to an export that waits for its reader, who then takes what
// is left of it into a file.
func interrupted(t *testing.T, database, file string, signal os.Signal) (int, string) {
	t.Helper()
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(binary, "journal", "export")
	var said strings.Builder
	cmd.Env, cmd.Stderr = []string{"DATABASE_URL=" + database}, &said
	reader, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(out, reader, 100_000); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Signal(signal)
	if _, err := io.Copy(out, reader); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), said.String()
}

func TestWrongExportsAreRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "api.db")
	written(t, environment("127.0.0.1:0", file))
	for _, row := range []struct {
		database string
		args     []string
		code     int
		says     string
	}{
		{"sqlite://" + file, []string{"export", "all"}, 2, "journal export takes"},
		{"sqlite://" + file, []string{"export", "-since", "yesterday"}, 2, "a time is a date or time of ISO 8601"},
		{"sqlite://" + file, []string{"export", "-owner", "eve"}, 1, "that user has no journal"},
		{"sqlite://" + file + ".other", []string{"export"}, 1, "no such file"},
		{"sqlite://" + file + ".other", []string{"verify"}, 1, "no such file"},
		{"sqlite://" + file, []string{"verify-export"}, 2, "needs the name of one file"},
		{"sqlite://" + file, []string{"verify-export", file + ".jsonl"}, 1, "no such file"},
		{"sqlite://" + file, []string{"verify-export", file}, 1, "line 1 of the file"},
	} {
		if code, said := onData(t, row.database, append([]string{"journal"}, row.args...)...); code != row.code || !strings.Contains(said, row.says) {
			t.Errorf("%v: exit code %d: %s", row.args, code, said)
		}
	}
	if _, err := os.Stat(file + ".other"); err == nil {
		t.Error("a database was made")
	}
}
