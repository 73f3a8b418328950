package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"toolbridge/api/internal/auth/authtest"
	"toolbridge/api/internal/store/postgres/postgrestest"
)

const goodPassword = "correct horse battery"

// gateway signs requests to the routes of login.
type gateway struct {
	*running
	process string
}

func embedded(env []string) []string { return append(env, "LOGIN=embedded") }

func (r *running) gateway() gateway { return gateway{r, r.signatures().Process} }

// ask sends a request to a route of login. The status is 0 when there was no answer.
func (g gateway) ask(path string, body map[string]any) (status int, answer map[string]any) {
	g.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		g.t.Fatal(err)
	}
	h := http.Header{}
	authtest.Signer{Tenant: "acme", KeyID: authtest.KeyID, Secret: secret, Process: g.process, Now: time.Now()}.
		Sign("POST", "/v1/login/"+path, h, string(text))
	status, content, err := g.send(h, "POST", "/v1/login/"+path, string(text))
	if err != nil {
		return 0, nil
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		g.t.Errorf("%s: %s", path, content)
	}
	return status, answer
}

func (g gateway) must(path string, body map[string]any) map[string]any {
	g.t.Helper()
	status, answer := g.ask(path, body)
	if status != http.StatusOK {
		g.t.Fatalf("%s: status %d: %v", path, status, answer)
	}
	return answer
}

// joins adds an account with a password.
func (g gateway) joins(name string) (session string) {
	g.t.Helper()
	token := g.must("accounts/add", map[string]any{"name": name})["link"].(map[string]any)["token"]
	return g.must("links/redeem", map[string]any{"token": token, "password": goodPassword})["session"].(string)
}

func TestWhoWasSignedInIsSoAfterAKill(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "api.db")
	server := postgrestest.New(t)
	for database, env := range map[string][]string{
		"sqlite://" + file: environment("127.0.0.1:0", file),
		server:             append(environment("127.0.0.1:0", ""), "DATABASE_URL="+server),
	} {
		t.Run(strings.SplitN(database, ":", 2)[0], func(t *testing.T) {
			t.Parallel()
			survivesAKill(t, database, embedded(env))
		})
	}
}

func survivesAKill(t *testing.T, database string, env []string) {
	api := launch(t, env)
	g := api.gateway()
	for n := range 4 {
		g.joins(fmt.Sprint("user", n))
	}
	sessions := make(chan string, 10_000)
	enough := make(chan struct{})
	var once sync.Once
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for {
				status, begun := g.ask("sessions/begin", map[string]any{"name": fmt.Sprint("user", n), "password": goodPassword})
				if status == 0 {
					return // the kill
				}
				if status != http.StatusOK {
					t.Errorf("status %d: %v", status, begun)
					return
				}
				if sessions <- begun["session"].(string); len(sessions) > 12 {
					once.Do(func() { close(enough) })
				}
			}
		})
	}
	<-enough
	api.signal(syscall.SIGKILL)
	all.Wait()
	api.exit()
	close(sessions)
	if said := done(t, database, "journal", "verify"); !strings.HasPrefix(said, "owners=4 lines=") {
		t.Errorf("the journal: %s", said)
	}
	again := launch(t, env).gateway()
	for session := range sessions {
		again.must("sessions/read", map[string]any{"session": session})
	}
	again.must("sessions/begin", map[string]any{"name": "user0", "password": goodPassword})
}

func TestABackupHasTheAccountsAndAnExportTheirLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, backup := filepath.Join(dir, "data"), filepath.Join(dir, "backup.db")
	database := "sqlite://" + filepath.Join(data, "api.db")
	env := embedded(environment("127.0.0.1:0", filepath.Join(data, "api.db")))
	api := launch(t, env)
	g := api.gateway()
	session := g.joins("ann")
	before := g.must("accounts/find", map[string]any{"name": "ann"})["account"].(map[string]any)
	done(t, database, "backup", backup)
	g.joins("bob")

	export := filepath.Join(dir, "export.jsonl")
	said := done(t, database, "journal", "export", "-owner", before["subject"].(string))
	if err := os.WriteFile(export, []byte(said), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"account_added", "invited", "password_set", "signed_in"} {
		if !strings.Contains(said, name) {
			t.Errorf("the export has no line %s", name)
		}
	}
	if said := done(t, database, "journal", "verify-export", export); !strings.HasPrefix(said, "users=1 lines=4 ") {
		t.Error(said)
	}
	if altered := bytes.Replace([]byte(said), []byte("password_set"), []byte("password_sex"), 1); os.WriteFile(export, altered, 0o600) != nil {
		t.Fatal("the export cannot be altered")
	}
	if code, _ := onData(t, database, "journal", "verify-export", export); code != 1 {
		t.Errorf("exit code %d for an export that was altered", code)
	}

	api.signal(syscall.SIGTERM)
	api.exit()
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	done(t, database, "restore", backup)
	restored := launch(t, env).gateway()
	restored.must("sessions/read", map[string]any{"session": session})
	restored.must("sessions/begin", map[string]any{"name": "ann", "password": goodPassword})
	if status, _ := restored.ask("sessions/begin", map[string]any{"name": "bob", "password": goodPassword}); status != http.StatusForbidden {
		t.Errorf("status %d for an account from after the backup", status)
	}
	done(t, database, "journal", "verify")
}

func TestTwoMachinesAgreeAboutAccounts(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t)
	env := embedded(append(environment("127.0.0.1:0", ""), "DATABASE_URL="+url))
	one, other := launch(t, env).gateway(), launch(t, env).gateway()
	session := one.joins("ann")
	other.must("sessions/read", map[string]any{"session": session})
	for n := range 10 {
		machine := []gateway{one, other}[n%2]
		if status, _ := machine.ask("sessions/begin", map[string]any{"name": "ann", "password": "wrong password"}); status != http.StatusForbidden {
			t.Errorf("status %d", status)
		}
	}
	for _, machine := range []gateway{one, other} {
		if status, _ := machine.ask("sessions/begin", map[string]any{"name": "ann", "password": goodPassword}); status != http.StatusTooManyRequests {
			t.Errorf("status %d for an account that another machine has locked", status)
		}
	}
	other.must("sessions/end", map[string]any{"session": session, "everywhere": true})
	if status, _ := one.ask("sessions/read", map[string]any{"session": session}); status != http.StatusNotFound {
		t.Errorf("status %d for a session that another machine has ended", status)
	}
}
