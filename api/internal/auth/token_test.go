package auth_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/keyring"
)

// tokenVectors are the tokens on which the gateway decides the same: its tests read
// the file, too.
type tokenVectors struct {
	Now       int64
	Verifiers map[string]struct {
		Secret, Issuer string
		KeySet         string `json:"key_set"`
		Audiences      []string
		TenantClaim    string `json:"tenant_claim"`
		Tenant         string
		Scopes         struct {
			Read, Write string
			Required    bool
		}
	}
	Vectors []tokenVector
}

type tokenVector struct {
	Name, Verifier, Token, Outcome, Subject string
	Rights                                  []string // read and write, whatever their scopes are called
}

// identity is what the token of the vector proves.
func (v tokenVector) identity() auth.Identity {
	rights := auth.Rights(0)
	for _, name := range v.Rights {
		rights |= map[string]auth.Rights{"read": auth.Read, "write": auth.Write}[name]
	}
	return auth.Identity{Subject: v.Subject, Rights: rights}
}

func readTokenVectors(t testing.TB) (file tokenVectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

// verifiers makes a checker of tokens for each verifier of the file.
func (f tokenVectors) verifiers(t testing.TB) map[string]*auth.Tokens {
	t.Helper()
	now := func() time.Time { return time.Unix(f.Now, 0) }
	made := map[string]*auth.Tokens{}
	for name, given := range f.Verifiers {
		demands := auth.Demands{
			Issuer: given.Issuer, Audience: strings.Join(given.Audiences, " "),
			TenantClaim: given.TenantClaim, Tenant: given.Tenant, Scopes: auth.Scopes(given.Scopes),
		}
		if given.Secret != "" {
			made[name] = auth.NewTokens(keyring.OfSecret(given.Secret), demands, now)
			continue
		}
		provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, given.KeySet)
		}))
		t.Cleanup(provider.Close)
		made[name] = auth.NewPublicTokens(auth.NewKeySet(provider.URL, now), demands, now)
	}
	return made
}

func bearer(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}}
}

func TestTheAPIDecidesAsEachTokenVectorSays(t *testing.T) {
	file := readTokenVectors(t)
	if len(file.Vectors) < 200 {
		t.Fatalf("only %d vectors", len(file.Vectors))
	}
	verifiers := file.verifiers(t)
	outcomes := map[fault.Code]string{fault.Unauthorized: "refused", fault.Unavailable: "unavailable"}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			got, err := verifiers[v.Verifier].Identify(bearer(v.Token))
			outcome := "accepted"
			var failed *fault.Error
			if errors.As(err, &failed) {
				outcome = outcomes[failed.Code]
			}
			if outcome != v.Outcome || got != v.identity() {
				t.Errorf("%s %v: %v", outcome, got, errors.Unwrap(err))
			}
		})
	}
}

func TestTokensCanBeCheckedOnceAUsableKeyWasRead(t *testing.T) {
	file := readTokenVectors(t)
	for name, tokens := range file.verifiers(t) {
		ready, usable := tokens.Ready() == nil, file.Verifiers[name].Secret != ""
		if ready != usable {
			t.Errorf("%s: ready %v before any reading", name, ready)
		}
	}
	verifiers := file.verifiers(t)
	for _, v := range file.Vectors {
		_, _ = verifiers[v.Verifier].Identify(bearer(v.Token))
	}
	for _, v := range file.Vectors {
		if ready := verifiers[v.Verifier].Ready() == nil; v.Outcome != "refused" && ready != (v.Outcome == "accepted") {
			t.Errorf("%s: ready %v", v.Name, ready)
		}
	}
}

// FuzzTokens checks that no text makes the checker fail in another way than by
// refusing it.
func FuzzTokens(f *testing.F) {
	file := readTokenVectors(f)
	for _, v := range file.Vectors {
		f.Add(v.Token)
	}
	own := readLoginVectors(f)
	for _, v := range own.Vectors {
		f.Add(v.Token)
	}
	login, both := own.verifier(f)
	login.Unknown = func() {}
	tokens := file.verifiers(f)["public"]
	f.Fuzz(func(t *testing.T, token string) {
		for _, verifier := range []*auth.Tokens{tokens, both} {
			got, err := verifier.Identify(bearer(token))
			if (err == nil) != (got.Subject != "") {
				t.Fatalf("%v: %v", got, err)
			}
		}
	})
}

func BenchmarkTokens(b *testing.B) {
	file := readTokenVectors(b)
	verifiers := file.verifiers(b)
	for _, name := range []string{"secret: HS256", "header: no typ", "header: RS256", "header: EdDSA"} {
		for _, v := range file.Vectors {
			if v.Name != name {
				continue
			}
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					_, _ = verifiers[v.Verifier].Identify(bearer(v.Token))
				}
			})
		}
	}
}
