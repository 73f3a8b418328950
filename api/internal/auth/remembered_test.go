package auth_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/keyring"
)

// provider publishes the keys that it has at the moment.
type provider struct {
	*auth.KeySet
	published atomic.Pointer[string]
}

func newProvider(t *testing.T, now func() time.Time, keys ...ed25519.PrivateKey) *provider {
	t.Helper()
	p := &provider{}
	p.publish(keys...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, *p.published.Load())
	}))
	t.Cleanup(server.Close)
	p.KeySet = auth.NewKeySet(server.URL, now)
	p.fetch()
	return p
}

// fetch returns when what is published at its call is in use.
func (p *provider) fetch() {
	for fetched := 0; fetched < 2; { // the first may have joined a fetch that had begun before
		if p.Refresh() == nil { // else it joined one that was refused
			fetched++
		}
	}
}

func (p *provider) publish(keys ...ed25519.PrivateKey) {
	var texts []string
	for _, key := range keys {
		public := key.Public().(ed25519.PublicKey)
		texts = append(texts, fmt.Sprintf(`{"kid":%q,"kty":"OKP","crv":"Ed25519","x":%q}`, idOf(key), base64.RawURLEncoding.EncodeToString(public)))
	}
	all := `{"keys":[` + strings.Join(texts, ",") + `]}`
	p.published.Store(&all)
}

// keyOf is a key that is the same for the same seed.
func keyOf(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(seed)), ed25519.SeedSize)))
}

func idOf(key ed25519.PrivateKey) string { return string(rune(key[0])) }

// issue signs a token of alice that is valid for a minute, with claims changed.
func issue(key ed25519.PrivateKey, from time.Time, changes ...any) string {
	claims := jwt.MapClaims{"sub": "alice", "exp": from.Add(time.Minute).Unix()}
	for i := 0; i < len(changes); i += 2 {
		claims[changes[i].(string)] = changes[i+1]
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	token.Header["kid"] = idOf(key)
	text, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	return text
}

// clock is a time that a test sets.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time { return time.UnixMilli(c.at.Load()) }

func (c *clock) move(d time.Duration) { c.at.Add(d.Milliseconds()) }

func newClock() *clock {
	c := &clock{}
	c.at.Store(1_800_000_000_000)
	return c
}

func accepts(t *testing.T, tokens *auth.Tokens, token string) bool {
	t.Helper()
	identity, err := tokens.Identify(bearer(token))
	if (err == nil) != (identity.Subject == "alice") {
		t.Errorf("subject %q: %v", identity.Subject, err)
	}
	return err == nil
}

func TestATokenIsDecidedTheSameEachTime(t *testing.T) {
	file := readTokenVectors(t)
	verifiers := file.verifiers(t)
	for _, v := range file.Vectors {
		for attempt := range 3 {
			got, err := verifiers[v.Verifier].Identify(bearer(v.Token))
			if accepted := err == nil; accepted != (v.Outcome == "accepted") || got != v.identity() {
				t.Errorf("%s: attempt %d: %v, %v", v.Name, attempt, got, err)
			}
		}
	}
}

func TestTheSignatureOfATokenIsVerifiedOnce(t *testing.T) {
	clock := newClock()
	tokens := auth.NewPublicTokens(newProvider(t, clock.now, keyOf('a')).KeySet, auth.Demands{}, clock.now)
	verified := tokens.CountVerified()
	good := issue(keyOf('a'), clock.now())
	for range 5 {
		if !accepts(t, tokens, good) {
			t.Error("refused a good token")
		}
	}
	if got := verified.Load(); got != 1 {
		t.Errorf("verified %d times", got)
	}
}

func TestATokenThatWasRefusedIsVerifiedAgain(t *testing.T) {
	clock := newClock()
	tokens := auth.NewPublicTokens(newProvider(t, clock.now, keyOf('a')).KeySet, auth.Demands{}, clock.now)
	early := issue(keyOf('a'), clock.now(), "nbf", clock.now().Add(10*time.Second).Unix())
	if accepts(t, tokens, early) {
		t.Error("accepted a token that is not valid yet")
	}
	if tokens.Remembered() > 0 {
		t.Error("remembers a token that was refused")
	}
	clock.move(10 * time.Second)
	if !accepts(t, tokens, early) {
		t.Error("refused a token that has become valid")
	}
}

func TestARememberedTokenIsValidInItsTimeOnly(t *testing.T) {
	clock := newClock()
	tokens := auth.NewPublicTokens(newProvider(t, clock.now, keyOf('a')).KeySet, auth.Demands{}, clock.now)
	token := issue(keyOf('a'), clock.now(), "nbf", clock.now().Unix())
	for _, row := range []struct {
		move time.Duration
		want bool
	}{
		{0, true}, {59999 * time.Millisecond, true}, {time.Millisecond, false}, {-time.Millisecond, true},
		{-60 * time.Second, false}, {time.Second, true}, {time.Hour, false},
	} {
		clock.move(row.move)
		if got := accepts(t, tokens, token); got != row.want {
			t.Errorf("at %s: accepted %v", clock.now().UTC(), got)
		}
	}
}

func TestAChangedCopyOfARememberedTokenIsRefused(t *testing.T) {
	clock := newClock()
	tokens := auth.NewPublicTokens(newProvider(t, clock.now, keyOf('a')).KeySet, auth.Demands{}, clock.now)
	good, other := issue(keyOf('a'), clock.now()), issue(keyOf('a'), clock.now(), "sub", "bob")
	if !accepts(t, tokens, good) {
		t.Fatal("refused a good token")
	}
	a, b := strings.Split(good, "."), strings.Split(other, ".")
	for name, changed := range map[string]string{
		"claims of another": a[0] + "." + b[1] + "." + a[2], "signature of another": a[0] + "." + a[1] + "." + b[2],
		"no signature": a[0] + "." + a[1] + ".", "more": good + "A", "less": good[:len(good)-1], "space": good + " ",
		"too long": good + strings.Repeat("A", 17<<10),
	} {
		if accepts(t, tokens, changed) {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAKeyThatIsWithdrawnEndsRememberedTokens(t *testing.T) {
	clock := newClock()
	provider := newProvider(t, clock.now, keyOf('a'))
	tokens := auth.NewPublicTokens(provider.KeySet, auth.Demands{}, clock.now)
	old := issue(keyOf('a'), clock.now())
	if !accepts(t, tokens, old) {
		t.Fatal("refused a good token")
	}
	provider.publish(keyOf('b'))
	if !accepts(t, tokens, issue(keyOf('b'), clock.now())) { // makes it fetch the keys
		t.Fatal("refused a token of the new key")
	}
	if accepts(t, tokens, old) {
		t.Error("accepted a token of a key that was withdrawn")
	}
	provider.publish(keyOf('a'), keyOf('b'))
	provider.fetch()
	if !accepts(t, tokens, old) {
		t.Error("refused a token of a key that is published again")
	}
}

func TestRememberedTokensAreBounded(t *testing.T) {
	clock := newClock()
	tokens := auth.NewTokens(keyring.OfSecret("secret"), auth.Demands{}, clock.now)
	verified := tokens.CountVerified()
	issued := func(n int) string {
		claims := jwt.MapClaims{"sub": "alice", "exp": clock.now().Add(time.Minute).Unix(), "jti": n}
		text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	const others = auth.MaxRemembered + 100
	for n := range others {
		if !accepts(t, tokens, issued(0)) || !accepts(t, tokens, issued(n+1)) {
			t.Fatal("refused a good token")
		}
		if got := tokens.Remembered(); got > auth.MaxRemembered {
			t.Fatalf("remembers %d tokens", got)
		}
	}
	if got := verified.Load(); got != others+1 {
		t.Errorf("verified %d times: forgot the token that is in use", got)
	}
}

// Keys come and go while many requests use the same tokens. A token of a key that is
// withdrawn is refused from the moment at which the other keys were fetched.
func TestNoRememberedTokenOutlivesItsKey(t *testing.T) {
	clock := newClock()
	keys := []ed25519.PrivateKey{keyOf('a'), keyOf('b')}
	provider := newProvider(t, clock.now, keys[0])
	tokens := auth.NewPublicTokens(provider.KeySet, auth.Demands{}, clock.now)
	issued := []string{issue(keys[0], clock.now()), issue(keys[1], clock.now())}
	var rotating sync.RWMutex // written while the keys are others than those that count
	current := 0
	var users sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		users.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				rotating.RLock()
				if _, err := tokens.Identify(bearer(issued[current])); err != nil {
					t.Errorf("refused a token of the published key: %v", err)
				}
				if _, err := tokens.Identify(bearer(issued[1-current])); err == nil {
					t.Error("accepted a token of a key that was withdrawn")
				}
				rotating.RUnlock()
				_, _ = tokens.Identify(bearer(issued[0])) // also in the middle of a rotation
			}
		})
	}
	for range 50 {
		time.Sleep(time.Millisecond)
		rotating.Lock()
		provider.publish(keys[1-current])
		provider.fetch()
		current = 1 - current
		rotating.Unlock()
	}
	close(done)
	users.Wait()
}
