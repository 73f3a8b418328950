package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"toolbridge/api/internal/auth/authtest"
	"toolbridge/api/internal/store/postgres/postgrestest"
)

type fields = map[string]any

// asksOnce sends a request to a route under /v1/login, as a gateway does.
func (r *running) asksOnce(path string, body fields) (status int, answer fields, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	_, info, err := r.call("GET", "/v1/sync/info", "")
	if err != nil {
		return 0, nil, err
	}
	var known struct{ Signatures signatures }
	if err := json.Unmarshal(info, &known); err != nil {
		return 0, nil, err
	}
	h := http.Header{}
	authtest.Signer{Tenant: "acme", KeyID: authtest.KeyID, Secret: secret, Process: known.Signatures.Process, Now: time.Now()}.Sign("POST", "/v1/login/"+path, h, string(text))
	status, content, err := r.send(h, "POST", "/v1/login/"+path, string(text))
	if err == nil {
		err = json.Unmarshal(content, &answer)
	}
	return status, answer, err
}

// asks is asksOnce, which must succeed.
func (r *running) asks(path string, body fields) fields {
	r.t.Helper()
	status, answer, err := r.asksOnce(path, body)
	if err != nil || status != http.StatusOK {
		r.t.Fatalf("%s: %d %v %v", path, status, answer["code"], err)
	}
	return answer
}

const loginClient = "https://client.example/metadata.json"

func issuing(more fields) fields {
	body := fields{"issuer": "https://tools.example", "audience": "https://tools.example/mcp", "lifetime": 1800}
	maps.Copy(body, more)
	return body
}

// joins makes an account, and connects a client.
func (r *running) joins(name string) (session string, tokens fields) {
	r.t.Helper()
	added := r.asks("accounts/add", fields{"name": name})
	begun := r.asks("links/redeem", fields{"token": added["link"].(fields)["token"], "password": "correct horse battery", "address": "192.0.2.1"})
	session = begun["session"].(string)
	code := r.asks("codes/issue", fields{
		"session": session, "client": fields{"id": loginClient, "name": "A client", "host": "client.example"},
		"redirectUri": "http://127.0.0.1/callback", "redirectUriGiven": true, "scopes": []string{"read", "write"},
		"challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "resource": "https://tools.example/mcp",
	})["code"]
	return session, r.asks("codes/redeem", issuing(fields{"code": code, "clientId": loginClient}))
}

func refreshing(token any) fields { return issuing(fields{"token": token, "clientId": loginClient}) }

// reads is the status of a call with an access token.
func (r *running) reads(token any) int {
	status, _, _ := r.call("GET", "/v1/notes", "", [2]string{"Authorization", fmt.Sprint("Bearer ", token)})
	return status
}

// withLogin are the environments of an API that keeps accounts, on each store.
func withLogin(t *testing.T, test func(t *testing.T, env []string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, append(environment("127.0.0.1:0", filepath.Join(t.TempDir(), "api.db")), "LOGIN=embedded"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, append(environment("127.0.0.1:0", ""), "LOGIN=embedded", "DATABASE_URL="+postgrestest.New(t)))
	})
}

// TestARefreshWhoseProcessIsKilledCanBeRepeated kills the API again and again at some moment of
// a refresh. Whether it was made or not, sending the same token again gives tokens that are
// good.
func TestARefreshWhoseProcessIsKilledCanBeRepeated(t *testing.T) {
	t.Parallel()
	withLogin(t, func(t *testing.T, env []string) {
		api := launch(t, env)
		_, tokens := api.joins("ann")
		lost := 0
		for round := range 15 {
			token := tokens["refreshToken"]
			finished := make(chan bool, 1)
			go func() {
				_, _, err := api.asksOnce("refresh/redeem", refreshing(token))
				finished <- err == nil
			}()
			time.Sleep(time.Duration(rand.IntN(6_000)) * time.Microsecond)
			api.signal(syscall.SIGKILL)
			if !<-finished {
				lost++
			}
			api.exit()
			api = launch(t, env)
			tokens = api.asks("refresh/redeem", refreshing(token))
			if again := api.asks("refresh/redeem", refreshing(token)); again["refreshToken"] != tokens["refreshToken"] {
				t.Fatalf("round %d: another refresh token", round)
			}
			if status := api.reads(tokens["accessToken"]); status != http.StatusOK {
				t.Fatalf("round %d: the access token: %d", round, status)
			}
		}
		t.Logf("%d of 15 answers were lost", lost)
		if lost == 0 {
			t.Error("nothing was killed in the middle")
		}
		api.signal(syscall.SIGTERM)
		if code := api.exit(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

// TestTwoProcessesRefreshAtOnce is two programs on one database.
func TestTwoProcessesRefreshAtOnce(t *testing.T) {
	t.Parallel()
	withLogin(t, func(t *testing.T, env []string) {
		processes := [2]*running{launch(t, env), launch(t, env)}
		session, tokens := processes[0].joins("ann")
		for range 10 {
			token := tokens["refreshToken"]
			var mu sync.Mutex
			var all []fields
			statuses := onBoth(processes, 8, func(r *running, _ int) int {
				status, answer, err := r.asksOnce("refresh/redeem", refreshing(token))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, answer)
				return status
			})
			if statuses[http.StatusOK] != 8 {
				t.Fatalf("statuses %v", statuses)
			}
			for i, one := range all {
				if one["refreshToken"] != all[0]["refreshToken"] {
					t.Fatal("other refresh tokens")
				}
				if status := processes[i%2].reads(one["accessToken"]); status != http.StatusOK {
					t.Errorf("an access token: %d", status)
				}
			}
			tokens = all[0]
		}
		// What one of them revokes, the other one refuses within 2 s.
		listed := processes[0].asks("connections/list", fields{"session": session})["connections"].([]any)
		began := time.Now()
		processes[0].asks("connections/end", fields{"session": session, "id": listed[0].(fields)["id"]})
		if status := processes[0].reads(tokens["accessToken"]); status != http.StatusUnauthorized {
			t.Errorf("at the process that revoked it: %d", status)
		}
		for processes[1].reads(tokens["accessToken"]) != http.StatusUnauthorized && time.Since(began) < 5*time.Second {
			time.Sleep(20 * time.Millisecond)
		}
		took := time.Since(began)
		t.Logf("refused elsewhere after %v", took.Round(time.Millisecond))
		if took > 2*time.Second {
			t.Errorf("refused elsewhere after %v", took)
		}
	})
}
