package httpapi_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/httpapi"
)

const (
	issuer   = "https://id.example/"
	audience = "https://api.example"
)

// provider is an identity provider with keys that a test can change.
type provider struct {
	*httptest.Server
	mu     sync.Mutex
	keys   []map[string]any
	answer http.HandlerFunc // instead of the keys, when set
	asked  int
}

func newProvider(t *testing.T, keys ...map[string]any) *provider {
	t.Helper()
	p := &provider{keys: keys}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.answer != nil {
		p.answer(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": p.keys})
}

func (p *provider) publish(keys ...map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys, p.answer = keys, nil
}

func (p *provider) answers(answer http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *provider) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// trusting is an API that takes the keys of a provider.
func trusting(t *testing.T, p *provider, options ...func(*httpapi.API)) user {
	t.Helper()
	return start(t, append(options, func(api *httpapi.API) {
		api.Tokens = auth.NewPublicTokens(auth.NewKeySet(p.URL, api.Now), auth.Demands{Issuer: issuer, Audience: audience, Scopes: scopes}, api.Now)
	})...).user("alice")
}

// signer is a key pair of the provider.
type signer struct {
	id     string
	method jwt.SigningMethod
	secret crypto.Signer
}

func newSigner(t *testing.T, id string, method jwt.SigningMethod) signer {
	t.Helper()
	s := signer{id: id, method: method}
	var err error
	switch method.Alg() {
	case "EdDSA":
		_, s.secret, err = ed25519.GenerateKey(rand.Reader)
	case "ES256":
		s.secret, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		s.secret, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		s.secret, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// public is the key as the provider publishes it, with members changed.
func (s signer) public(changes ...string) map[string]any {
	encode := base64.RawURLEncoding.EncodeToString
	published := map[string]any{"kid": s.id}
	switch key := s.secret.Public().(type) {
	case ed25519.PublicKey:
		published["kty"], published["crv"], published["x"] = "OKP", "Ed25519", encode(key)
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			panic(err)
		}
		half := len(point) / 2
		published["kty"], published["crv"] = "EC", key.Curve.Params().Name
		published["x"], published["y"] = encode(point[1:1+half]), encode(point[1+half:])
	case *rsa.PublicKey:
		published["kty"], published["n"], published["e"] = "RSA", encode(key.N.Bytes()), "AQAB"
	}
	for i := 0; i < len(changes); i += 2 {
		published[changes[i]] = changes[i+1]
	}
	return published
}

// bearer is a token of alice signed by the key, with claims changed.
func (s signer) bearer(u user, changes ...any) header {
	return set("Authorization", "Bearer "+s.token(u, s.method, s.id, s.secret, changes...))
}

func (s signer) token(u user, method jwt.SigningMethod, id string, secret any, changes ...any) string {
	claims := jwt.MapClaims{"sub": u.sub, "iss": issuer, "aud": audience, "exp": u.clock.Now().Add(time.Hour).Unix()}
	for i := 0; i < len(changes); i += 2 {
		claims[changes[i].(string)] = changes[i+1]
		if changes[i+1] == nil {
			delete(claims, changes[i].(string))
		}
	}
	unsigned := jwt.NewWithClaims(method, claims)
	if id != "" {
		unsigned.Header["kid"] = id
	}
	text, err := unsigned.SignedString(secret)
	if err != nil {
		panic(err)
	}
	return text
}

func TestAKeyOfTheProviderVerifiesItsOwnAlgorithmOnly(t *testing.T) {
	t.Parallel()
	rs, es := newSigner(t, "rs", jwt.SigningMethodRS256), newSigner(t, "es", jwt.SigningMethodES256)
	ed, wide := newSigner(t, "ed", jwt.SigningMethodEdDSA), newSigner(t, "wide", jwt.SigningMethodES384)
	encrypting, narrow := newSigner(t, "enc", jwt.SigningMethodRS256), newSigner(t, "narrow", jwt.SigningMethodRS256)
	shared := base64.RawURLEncoding.EncodeToString([]byte(tokenSecret))
	u := trusting(t, newProvider(t,
		rs.public("alg", "RS256", "use", "sig"), es.public(), ed.public(), wide.public(),
		encrypting.public("use", "enc"), narrow.public("alg", "RS384"),
		map[string]any{"kid": "shared", "kty": "oct", "k": shared}, map[string]any{"kid": "new", "kty": "ML"},
	))
	der, err := x509.MarshalPKIXPublicKey(rs.secret.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, token string
		status      int
	}{
		{"RS256", rs.token(u, rs.method, "rs", rs.secret), 200},
		{"ES256", es.token(u, es.method, "es", es.secret), 200},
		{"EdDSA", ed.token(u, ed.method, "ed", ed.secret), 200},
		{"one of several audiences", rs.token(u, rs.method, "rs", rs.secret, "aud", []string{"x", audience}), 200},
		{"HS256 with the public key as its secret", rs.token(u, jwt.SigningMethodHS256, "rs", der), 401},
		{"HS256 with a published shared key", rs.token(u, jwt.SigningMethodHS256, "shared", []byte(tokenSecret)), 401},
		{"alg none", rs.token(u, jwt.SigningMethodNone, "rs", jwt.UnsafeAllowNoneSignatureType), 401},
		{"RS384 by a key of RS256", rs.token(u, jwt.SigningMethodRS384, "rs", rs.secret), 401},
		{"PS256 by a key of RS256", rs.token(u, jwt.SigningMethodPS256, "rs", rs.secret), 401},
		{"ES384", wide.token(u, wide.method, "wide", wide.secret), 401},
		{"ES256 under the id of another kind of key", es.token(u, es.method, "rs", es.secret), 401},
		{"another key under a known id", rs.token(u, rs.method, "rs", encrypting.secret), 401},
		{"a key for encryption", rs.token(u, rs.method, "enc", encrypting.secret), 401},
		{"a key published for another algorithm", rs.token(u, rs.method, "narrow", narrow.secret), 401},
		{"no key named, and only one for the algorithm", rs.token(u, rs.method, "", rs.secret), 200},
		{"another issuer", rs.token(u, rs.method, "rs", rs.secret, "iss", "https://id.example"), 401},
		{"no issuer", rs.token(u, rs.method, "rs", rs.secret, "iss", nil), 401},
		{"another audience", rs.token(u, rs.method, "rs", rs.secret, "aud", "https://other.example"), 401},
		{"no audience", rs.token(u, rs.method, "rs", rs.secret, "aud", nil), 401},
		{"no exp", rs.token(u, rs.method, "rs", rs.secret, "exp", nil), 401},
		{"exp in the past", rs.token(u, rs.method, "rs", rs.secret, "exp", u.clock.Now().Unix()-1), 401},
		{"no sub", rs.token(u, rs.method, "rs", rs.secret, "sub", nil), 401},
		{"the shared secret of the other way", token(jwt.MapClaims{"sub": "alice", "exp": u.clock.Now().Add(time.Hour).Unix()}), 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := u.within(t).call("GET", "/v1/notes", "", set("Authorization", "Bearer "+row.token)).is(row.status)
			if row.status == 401 {
				got.fails(401, "unauthorized").says("unauthorized")
			}
		})
	}
}

func TestAShortRSAKeyIsNone(t *testing.T) {
	t.Parallel()
	weak := []byte{1}
	for range 1023 / 8 {
		weak = append(weak, 0xff)
	}
	p := newProvider(t, map[string]any{
		"kid": "weak", "kty": "RSA", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(weak),
	})
	u, s := trusting(t, p), newSigner(t, "weak", jwt.SigningMethodRS256)
	u.call("GET", "/v1/notes", "", s.bearer(u)).fails(503, "unavailable")
}

func TestARotatedKeyIsFetchedAtTheFirstTokenThatNamesIt(t *testing.T) {
	t.Parallel()
	old, next := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "2", jwt.SigningMethodEdDSA)
	p := newProvider(t, old.public())
	u := trusting(t, p)
	u.call("GET", "/v1/notes", "", old.bearer(u)).is(200)
	u.call("GET", "/v1/notes", "", next.bearer(u)).fails(401, "unauthorized")
	p.publish(old.public(), next.public())
	u.call("GET", "/v1/notes", "", next.bearer(u)).is(200)
	u.call("GET", "/v1/notes", "", old.bearer(u)).is(200)
	p.publish(newSigner(t, "3", jwt.SigningMethodES256).public())
	before := p.requests()
	u.call("GET", "/v1/notes", "", old.bearer(u)).is(200)
	if p.requests() != before {
		t.Error("a known key was fetched again")
	}
	u.call("GET", "/v1/notes", "", newSigner(t, "3", jwt.SigningMethodES256).bearer(u)).fails(401, "unauthorized")
	u.call("GET", "/v1/notes", "", newSigner(t, "4", jwt.SigningMethodES256).bearer(u)).fails(401, "unauthorized")
	u.call("GET", "/v1/notes", "", old.bearer(u)).fails(401, "unauthorized")
}

func TestAKeyWithoutIDIsReplacedAtTheFirstTokenOfTheNewOne(t *testing.T) {
	t.Parallel()
	old, next := newSigner(t, "", jwt.SigningMethodES256), newSigner(t, "", jwt.SigningMethodES256)
	nameless := func(s signer) map[string]any {
		published := s.public()
		delete(published, "kid")
		return published
	}
	p := newProvider(t, nameless(old))
	u := trusting(t, p)
	u.call("GET", "/v1/notes", "", old.bearer(u)).is(200)
	p.publish(nameless(next))
	u.call("GET", "/v1/notes", "", next.bearer(u)).is(200)
	before := p.requests()
	for range 20 {
		u.call("GET", "/v1/notes", "", old.bearer(u)).fails(401, "unauthorized")
	}
	if got := p.requests() - before; got > 5 {
		t.Errorf("the provider was asked %d times", got)
	}
	u.call("GET", "/v1/notes", "", next.bearer(u)).is(200)
}

func TestUnknownKeysCauseFewFetches(t *testing.T) {
	t.Parallel()
	known, unknown := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "x", jwt.SigningMethodES256)
	p := newProvider(t, known.public())
	u := trusting(t, p)
	refused := func(i int) {
		text := unknown.token(u, unknown.method, fmt.Sprint("x", i), unknown.secret)
		u.call("GET", "/v1/notes", "", set("Authorization", "Bearer "+text)).fails(401, "unauthorized")
	}
	flood := func() {
		var callers sync.WaitGroup
		for i := range 40 {
			callers.Go(func() { refused(i) })
		}
		callers.Wait()
	}
	u.call("GET", "/v1/notes", "", known.bearer(u)).is(200)
	for i := range 10 {
		refused(i)
	}
	flood()
	if got := p.requests(); got != 5 {
		t.Errorf("the provider was asked %d times", got)
	}
	u.clock.advance(10 * time.Second)
	before := p.requests()
	flood()
	if got := p.requests() - before; got != 1 {
		t.Errorf("asked %d times after ten seconds", got)
	}
	u.call("GET", "/v1/notes", "", known.bearer(u)).is(200)
}

func TestAProviderThatGoesDownHoldsUpNobodyWithAKnownKey(t *testing.T) {
	t.Parallel()
	known, unknown := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "2", jwt.SigningMethodES256)
	p := newProvider(t, known.public())
	u := trusting(t, p)
	u.call("GET", "/v1/notes", "", known.bearer(u)).is(200)
	p.Close()
	u.clock.advance(30 * 24 * time.Hour)
	u.call("GET", "/v1/notes", "", known.bearer(u)).is(200)
	u.call("GET", "/v1/notes", "", unknown.bearer(u)).fails(401, "unauthorized")
}

func TestAProviderThatIsDownAtTheStartIsAskedAgain(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "1", jwt.SigningMethodES256)
	p := newProvider(t, s.public())
	p.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	u := trusting(t, p)
	for range 10 {
		got := u.call("GET", "/v1/notes", "", s.bearer(u)).fails(503, "unavailable")
		if got.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
		}
	}
	u.call("GET", "/v1/notes", "", set("Authorization", "Bearer x.y.z")).fails(401, "unauthorized")
	u.call("GET", "/healthz", "").is(200)
	p.publish(s.public())
	u.clock.advance(10 * time.Second)
	u.call("GET", "/v1/notes", "", s.bearer(u)).is(200)
}

func TestAnAnswerThatIsNoKeySetLeavesTheKeysAsTheyWere(t *testing.T) {
	t.Parallel()
	known, unknown := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "2", jwt.SigningMethodES256)
	whole, err := json.Marshal(map[string]any{"keys": []any{known.public(), unknown.public()}})
	if err != nil {
		t.Fatal(err)
	}
	write := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	elsewhere := newProvider(t, unknown.public())
	for _, row := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"an error", write(500, string(whole))},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }},
		{"a page", write(200, "<html>")},
		{"no keys", write(200, `{"keys":[]}`)},
		{"another object", write(200, `{}`)},
		{"a list", write(200, `[]`)},
		{"more than 256 KiB", write(200, string(whole)+strings.Repeat(" ", 256<<10))},
		{"half of one", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(whole)+1))
			_, _ = w.Write(whole)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newProvider(t)
			p.answers(row.answer)
			u := trusting(t, p)
			u.call("GET", "/v1/notes", "", unknown.bearer(u)).fails(503, "unavailable")
			p.publish(known.public())
			u.call("GET", "/v1/notes", "", known.bearer(u)).is(200)
			p.answers(row.answer)
			u.call("GET", "/v1/notes", "", unknown.bearer(u)).fails(401, "unauthorized")
			u.call("GET", "/v1/notes", "", known.bearer(u)).is(200)
		})
	}
	if elsewhere.requests() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestWithoutAUsableKeyTheAPIIsNotReady(t *testing.T) {
	t.Parallel()
	s, exchanging := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "2", jwt.SigningMethodES384)
	for name, published := range map[string][]map[string]any{
		"no key": {}, "a key that is of no use": {exchanging.public()}, "a key for encryption": {s.public("use", "enc")},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t, published...)
			u := trusting(t, p)
			u.call("GET", "/readyz", "").fails(503, "unavailable").says("tokens cannot be checked for now")
			u.call("GET", "/v1/notes", "", s.bearer(u)).fails(503, "unavailable")
			u.call("GET", "/readyz", "").fails(503, "unavailable")
			p.publish(s.public())
			u.call("GET", "/v1/notes", "", s.bearer(u)).is(200)
			u.call("GET", "/readyz", "").is(200)
			p.publish(published...)
			u.clock.advance(time.Hour)
			u.call("GET", "/v1/notes", "", s.bearer(u)).is(200)
			u.call("GET", "/readyz", "").is(200)
		})
	}
}

func TestInDevelopmentARequestWithoutTokenMayNameItsUser(t *testing.T) {
	t.Parallel()
	p := start(t, func(api *httpapi.API) { api.DebugSubjects = true })
	alice, bob := p.user("alice"), p.user("bob")
	created := alice.call("POST", "/v1/notes", "{}").is(201).item()
	one := "/v1/notes/" + created.UID
	none := unset("Authorization")
	bob.call("GET", one, "", none, set("X-Debug-Sub", "alice")).is(200)
	bob.call("GET", one, "", none, set("X-Debug-Sub", "carol")).fails(404, "not_found")
	bob.call("GET", one, "", set("X-Debug-Sub", "alice")).fails(404, "not_found")
	for _, authorization := range []string{"Bearer x.y.z", "Basic YTpi", ""} {
		bob.call("GET", one, "", set("Authorization", authorization), set("X-Debug-Sub", "alice")).fails(401, "unauthorized")
	}
	for _, change := range []header{
		unset("X-Debug-Sub"), set("X-Debug-Sub", ""), set("X-Debug-Sub", strings.Repeat("x", 256)),
		{"X-Debug-Sub": {"alice", "alice"}},
	} {
		bob.signing(auth.V1).call("GET", one, "", none, change).fails(401, "unauthorized")
	}
	bob.call("GET", one, "", none, set("X-Debug-Sub", "alice"), unsigned).fails(401, "invalid_tenant")
}

func TestOutsideDevelopmentNobodyMayNameTheUser(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	u.call("GET", "/v1/notes", "", unset("Authorization"), set("X-Debug-Sub", "alice")).fails(401, "unauthorized")
}
