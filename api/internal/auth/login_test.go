package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/keyring"
)

// loginVectors are the tokens of an embedded sign-in on which the gateway decides the same.
type loginVectors struct {
	Now     int64
	Secret  string
	Keys    []struct{ Kid, X, Y string }
	Revoked []struct {
		Sid, Sub string
		Before   int64
	}
	Vectors []tokenVector
}

func readLoginVectors(t testing.TB) (file loginVectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/login_tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func (f loginVectors) keys(t testing.TB) auth.LoginKeys {
	t.Helper()
	keys := auth.LoginKeys{}
	for _, key := range f.Keys {
		x, _ := base64.RawURLEncoding.DecodeString(key.X)
		y, _ := base64.RawURLEncoding.DecodeString(key.Y)
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
		if err != nil {
			t.Fatal(err)
		}
		keys[key.Kid] = public
	}
	return keys
}

func (f loginVectors) revoked() auth.Revoked {
	revoked := auth.Revoked{Sessions: map[string]bool{}, Subjects: map[string]int64{}}
	for _, one := range f.Revoked {
		if one.Sub != "" {
			revoked.Subjects[one.Sub] = one.Before
		} else {
			revoked.Sessions[one.Sid] = true
		}
	}
	return revoked
}

// verifier checks tokens as the API does, whose other demands do not count here.
func (f loginVectors) verifier(t testing.TB) (*auth.Login, *auth.Tokens) {
	t.Helper()
	login := &auth.Login{}
	login.UseKeys(f.keys(t))
	login.Revoke(f.revoked())
	demands := auth.Demands{Scopes: auth.Scopes{Read: "read", Write: "write"}}
	return login, auth.NewLoginTokens(login, keyring.OfSecret(f.Secret), demands, func() time.Time { return time.Unix(f.Now, 0) })
}

func TestTheAPIDecidesAsEachLoginVectorSays(t *testing.T) {
	file := readLoginVectors(t)
	if len(file.Vectors) < 50 {
		t.Fatalf("only %d vectors", len(file.Vectors))
	}
	_, tokens := file.verifier(t)
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			for range 2 { // the second time, it may be remembered
				got, err := tokens.Identify(bearer(v.Token))
				if (err == nil) != (v.Outcome == "accepted") || got != v.identity() {
					t.Errorf("%v, %v", got, err)
				}
			}
		})
	}
}

// vector is a token of the file that is good.
func (f loginVectors) vector(t testing.TB, name string) string {
	t.Helper()
	for _, v := range f.Vectors {
		if v.Name == name {
			return v.Token
		}
	}
	t.Fatalf("no vector %s", name)
	return ""
}

func TestARememberedTokenIsRefusedOnceItIsRevoked(t *testing.T) {
	file := readLoginVectors(t)
	login, tokens := file.verifier(t)
	good := file.vector(t, "good: as the API signs it")
	accepted := func() bool {
		_, err := tokens.Identify(bearer(good))
		return err == nil
	}
	if !accepted() || tokens.Remembered() != 1 {
		t.Fatal("refused, or not remembered")
	}
	for name, revoked := range map[string]auth.Revoked{
		"its connection": {Sessions: map[string]bool{"family": true}},
		"its subject":    {Subjects: map[string]int64{"u_ann": file.Now}},
	} {
		login.Revoke(revoked)
		if accepted() {
			t.Errorf("%s was revoked: accepted", name)
		}
		login.Revoke(auth.Revoked{})
		if !accepted() {
			t.Errorf("%s is not revoked any more: refused", name)
		}
	}
	login.UseKeys(auth.LoginKeys{})
	if accepted() {
		t.Error("accepted without its key")
	}
}

func TestATokenOfAnUnknownKeyMayHaveTheKeysReadAnew(t *testing.T) {
	file := readLoginVectors(t)
	login, tokens := file.verifier(t)
	good := file.vector(t, "good: as the API signs it")
	login.UseKeys(auth.LoginKeys{})
	asked := 0
	login.Unknown = func() {
		asked++
		login.UseKeys(file.keys(t))
	}
	for range 2 {
		if _, err := tokens.Identify(bearer(good)); err != nil {
			t.Error(err)
		}
	}
	if asked != 1 {
		t.Errorf("read %d times", asked)
	}
}

func TestWithoutKeysNoTokenCanBeChecked(t *testing.T) {
	file := readLoginVectors(t)
	login := &auth.Login{}
	tokens := auth.NewLoginTokens(login, nil, auth.Demands{}, time.Now)
	good := file.vector(t, "good: as the API signs it")
	if _, err := tokens.Identify(bearer(good)); tokens.Ready() == nil || err == nil || err.Error()[:6] != "tokens" {
		t.Errorf("ready %v, %v", tokens.Ready(), err)
	}
	login.UseKeys(file.keys(t))
	if err := tokens.Ready(); err != nil {
		t.Error(err)
	}
	if count, _ := tokens.Keys(); count != 2 {
		t.Errorf("%d keys", count)
	}
	shared := file.vector(t, "good: by the shared secret")
	if _, err := tokens.Identify(bearer(shared)); err == nil {
		t.Error("accepted HS256 without a secret")
	}
}

func BenchmarkLoginTokens(b *testing.B) {
	file := readLoginVectors(b)
	_, tokens := file.verifier(b)
	for _, name := range []string{"good: as the API signs it", "good: by the shared secret"} {
		header := bearer(file.vector(b, name))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := tokens.Identify(header); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
