package login_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/login"
)

// kid is the key that signed a token.
func kid(t *testing.T, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var header struct{ Alg, Typ, Kid string }
	if err := json.Unmarshal(text, &header); err != nil || header.Alg != "ES256" || header.Typ != "at+jwt" {
		t.Fatalf("%s: %v", text, err)
	}
	return header.Kid
}

func (p *process) published() (ids []string) {
	p.t.Helper()
	for _, key := range must(p.State())(p.t).Keys {
		ids = append(ids, key.ID)
	}
	return ids
}

func (p *process) rotate(withdraw bool) []login.Key {
	p.t.Helper()
	return must(p.RotateKeys(p.t.Context(), login.Rotate{Withdraw: withdraw}))(p.t).Keys
}

func TestAnAccessTokenHasTheClaimsOfRFC9068(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		p.Demands.TenantClaim = "https://tools.example/tenant"
		ann := p.person("ann")
		token := ann.connect().AccessToken
		text, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		var claims map[string]any
		if err := json.Unmarshal(text, &claims); err != nil {
			t.Fatal(err)
		}
		now := float64(p.clock.now().Unix())
		for name, want := range map[string]any{
			"iss": issuer, "aud": audience, "sub": ann.subject, "client_id": clientID, "scope": "read write",
			"iat": now, "exp": now + 1800, "sid": ann.connections()[0].ID, "https://tools.example/tenant": tenant,
		} {
			if claims[name] != want {
				t.Errorf("%s is %v, want %v", name, claims[name], want)
			}
		}
		if id, _ := claims["jti"].(string); len(id) != 22 || len(claims) != 10 {
			t.Errorf("the claims are %v", claims)
		}
	})
}

func TestNobodyIsSignedOutByARotation(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		twin := p.twin()
		ann := p.person("ann")
		old := ann.connect()
		first := kid(t, old.AccessToken)
		p.clock.advance(time.Millisecond)
		keys := p.rotate(false)
		if len(keys) != 2 || keys[0].ID != first || keys[0].State != login.Signing || keys[1].State != login.Published {
			t.Fatalf("keys %v", keys)
		}
		second := keys[1].ID
		if !slices.Equal(p.published(), []string{first, second}) {
			t.Errorf("published %v", p.published())
		}
		p.clock.advance(time.Second)
		twin.look()
		if !slices.Equal(twin.published(), []string{first, second}) {
			t.Errorf("the other process publishes %v", twin.published())
		}
		// For a minute, the old one signs, so that everybody knows the new one by then.
		p.clock.advance(58 * time.Second)
		late := must(twin.refresh(old.RefreshToken))(t)
		if kid(t, late.AccessToken) != first {
			t.Error("signed with a key that some do not know yet")
		}
		p.clock.advance(time.Second)
		fresh := must(twin.refresh(late.RefreshToken))(t)
		if kid(t, fresh.AccessToken) != second {
			t.Error("not signed with the new key")
		}
		for _, at := range []*process{p, twin} {
			at.mustAccept(late.AccessToken, ann.subject)
			at.mustAccept(fresh.AccessToken, ann.subject)
		}
		// The old one goes when its last token has expired.
		p.clock.advance(time.Hour)
		if len(p.published()) != 2 {
			t.Errorf("published %v", p.published())
		}
		p.clock.advance(time.Minute)
		p.look()
		if !slices.Equal(p.published(), []string{second}) {
			t.Errorf("published %v", p.published())
		}
		must(p.refresh(fresh.RefreshToken))(t)
		p.purge()
		if count := p.count(`SELECT COUNT(*) FROM login_key`); count != 1 {
			t.Errorf("%d keys are stored", count)
		}
	})
}

func TestAWithdrawnKeyIsNotAcceptedAnyMore(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		twin := p.twin()
		old := p.person("ann").connect()
		twin.mustAccept(old.AccessToken, "u_ann")
		keys := p.rotate(true)
		if len(keys) != 1 || keys[0].State != login.Signing || keys[0].ID == kid(t, old.AccessToken) {
			t.Fatalf("keys %v", keys)
		}
		p.mustRefuse(old.AccessToken)
		fresh := must(p.refresh(old.RefreshToken))(t)
		p.mustAccept(fresh.AccessToken, "u_ann")
		twin.mustAccept(fresh.AccessToken, "u_ann") // it looks, as it does not know the key
		twin.mustRefuse(old.AccessToken)
	})
}

func TestRotationsAreBounded(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		for range 7 {
			p.rotate(false)
		}
		_, err := p.RotateKeys(t.Context(), login.Rotate{})
		is(t, err, fault.LoginFull)
		p.mustAccept(p.person("ann").connect().AccessToken, "u_ann")
		p.rotate(true)
		p.rotate(false)
	})
}

func TestAKeyIsRenewedEveryNinetyDays(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		twin := p.twin()
		ann := p.person("ann")
		first := kid(t, ann.connect().AccessToken)
		p.clock.advance(90*24*time.Hour - time.Millisecond)
		p.look()
		token := ann.connect()
		if kid(t, token.AccessToken) != first || len(p.published()) != 1 {
			t.Fatal("renewed too soon")
		}
		p.clock.advance(time.Millisecond)
		for range 3 { // both, and only once
			p.look()
			twin.look()
		}
		if len(p.published()) != 2 || !slices.Equal(p.published(), twin.published()) {
			t.Errorf("published %v and %v", p.published(), twin.published())
		}
		if id, age, known := p.KeyAge(); id != first || age != 90*24*time.Hour || !known {
			t.Errorf("%v of %s", age, id)
		}
		p.clock.advance(time.Minute)
		p.look()
		fresh := ann.connect()
		if id := kid(t, fresh.AccessToken); id == first || id != p.published()[1] {
			t.Error("not signed with the new key")
		}
		p.mustAccept(token.AccessToken, ann.subject)
		p.mustAccept(fresh.AccessToken, ann.subject)
		if _, age, _ := p.KeyAge(); age != time.Minute {
			t.Errorf("the new key is %v old", age)
		}
	})
}

// TestTwoProcessesStartWithTheSameKeys starts both at once on an empty database.
func TestTwoProcessesStartWithTheSameKeys(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		clock := newClock()
		made := make(chan *process, 4)
		for range cap(made) {
			store := must(shared.open(t.Context()))(t)
			t.Cleanup(func() { _ = store.Close() })
			go func() { made <- startOn(t, shared, store, clock, keyring.OfSecret(tenantSecret)) }()
		}
		all := []*process{<-made, <-made, <-made, <-made}
		for _, p := range all {
			if len(p.published()) != 1 || p.published()[0] != all[0].published()[0] {
				t.Errorf("published %v", p.published())
			}
			if a, b := must(p.State())(t), must(all[0].State())(t); a.Seal != b.Seal || len(a.Seal) != 43 {
				t.Errorf("seals %q and %q", a.Seal, b.Seal)
			}
		}
		token := all[0].person("ann").connect()
		next := must(all[1].refresh(token.RefreshToken))(t).RefreshToken
		if must(all[2].refresh(token.RefreshToken))(t).RefreshToken != next {
			t.Error("other refresh tokens")
		}
	})
}

// ring is a list of keys in a file, whose other keys count after two looks.
func ring(t *testing.T, path string, secrets ...string) *keyring.Ring {
	t.Helper()
	var list []string
	for _, secret := range secrets {
		list = append(list, secret[:5]+":2026-01-31:"+secret)
	}
	next := path + ".next"
	if err := os.WriteFile(next, []byte(strings.Join(list, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
	return must(keyring.Source{File: path}.Open())(t)
}

func TestKeysAreSealedAnewWhenTheTenantsKeysChange(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		path, clock := filepath.Join(t.TempDir(), "keys"), newClock()
		p := start(t, shared, clock, ring(t, path, tenantSecret))
		ann := p.person("ann")
		token := ann.connect()
		clock.advance(time.Second)
		p.rotate(false)
		seal := must(p.State())(t).Seal
		published := p.published()
		for _, secrets := range [][]string{{tenantSecret, otherSecret}, {otherSecret, tenantSecret}, {otherSecret}} {
			p = start(t, shared, clock, ring(t, path, secrets...))
			if !slices.Equal(p.published(), published) {
				t.Fatalf("with %d keys: published %v, want %v", len(secrets), p.published(), published)
			}
			p.mustAccept(token.AccessToken, ann.subject)
			next := must(p.refresh(token.RefreshToken))(t)
			if again := must(p.refresh(token.RefreshToken))(t); again.RefreshToken != next.RefreshToken {
				t.Error("another refresh token")
			}
			token = next
			if must(p.State())(t).Seal != seal {
				t.Error("another seal")
			}
			p.look() // seals anew
		}
		if got := kid(t, token.AccessToken); got != published[0] {
			t.Errorf("signed with %s", got)
		}
	})
}

// TestARunningProcessSealsAnew is for keys of the tenant that change in a file.
func TestARunningProcessSealsAnew(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		path, clock := filepath.Join(t.TempDir(), "keys"), newClock()
		p := start(t, shared, clock, ring(t, path, tenantSecret))
		token := p.person("ann").connect()
		changing, done := context.WithCancel(t.Context())
		defer done()
		go p.TenantKeys.Keep(changing, "tenant", p.Log)
		before := p.TenantKeys.Keys()
		ring(t, path, otherSecret, tenantSecret)
		for until := time.Now().Add(10 * time.Second); p.TenantKeys.Keys() == before && time.Now().Before(until); {
			time.Sleep(20 * time.Millisecond)
		}
		p.look()
		twin := start(t, shared, clock, keyring.OfSecret(otherSecret)) // which has no other
		twin.mustAccept(token.AccessToken, "u_ann")
		if !slices.Equal(p.published(), twin.published()) {
			t.Error("other keys")
		}
		next := must(twin.refresh(token.RefreshToken))(t).RefreshToken
		if must(p.refresh(token.RefreshToken))(t).RefreshToken != next {
			t.Error("another refresh token")
		}
	})
}

func TestADatabaseThatWasRestoredElsewhereGetsNewKeys(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		clock := newClock()
		p := start(t, shared, clock, keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		old := ann.connect()
		seal := must(p.State())(t).Seal
		clock.advance(time.Hour)
		elsewhere := start(t, shared, clock, keyring.OfSecret(otherSecret))
		elsewhere.mustRefuse(old.AccessToken)
		if len(elsewhere.published()) != 1 || elsewhere.published()[0] == kid(t, old.AccessToken) {
			t.Errorf("published %v", elsewhere.published())
		}
		fresh := must(elsewhere.refresh(old.RefreshToken))(t)
		elsewhere.mustAccept(fresh.AccessToken, ann.subject)
		if again := must(elsewhere.refresh(old.RefreshToken))(t); again.RefreshToken != fresh.RefreshToken {
			t.Error("another refresh token")
		}
		if must(elsewhere.State())(t).Seal != seal {
			t.Error("another seal, so the clients' ids are worth nothing")
		}
	})
}

// failing is a store that fails when it is told to.
type failing struct {
	store
	fails atomic.Bool
}

func (f *failing) ReadLogin(ctx context.Context, do func(login.Tx) error) error {
	if f.fails.Load() {
		return errors.New("the store fails")
	}
	return f.store.ReadLogin(ctx, do)
}

func TestAStoreThatFailsKeepsTheKnownKeys(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		store := &failing{store: must(shared.open(t.Context()))(t)}
		t.Cleanup(func() { _ = store.Close() })
		p := startOn(t, shared, store, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		kept, ended := ann.connect(), ann.connect()
		keeping, stop := context.WithCancel(t.Context())
		var stopped atomic.Bool
		finished := make(chan struct{})
		go func() {
			p.Keep(keeping)
			stopped.Store(true)
			close(finished)
		}()
		store.fails.Store(true)
		// What is revoked meanwhile counts at once all the same.
		if err := p.EndConnection(t.Context(), login.EndConnection{Session: ann.session, ID: ann.id}); err == nil {
			t.Error("ended what is none")
		}
		if err := p.RevokeToken(t.Context(), login.Revoke{Token: ended.RefreshToken, ClientID: clientID}); err != nil {
			t.Fatal(err)
		}
		p.mustRefuse(ended.AccessToken)
		for until := time.Now().Add(10 * time.Second); !strings.Contains(p.log.String(), "cannot be read") && time.Now().Before(until); {
			time.Sleep(50 * time.Millisecond)
		}
		p.mustAccept(kept.AccessToken, ann.subject)
		p.mustRefuse(ended.AccessToken)
		if len(must(p.State())(t).Revoked) != 1 {
			t.Error("the gateway is not told")
		}
		time.Sleep(1500 * time.Millisecond)
		if said := strings.Count(p.log.String(), "cannot be read"); said != 1 {
			t.Errorf("logged %d times: %s", said, p.log)
		}
		store.fails.Store(false)
		for until := time.Now().Add(10 * time.Second); !strings.Contains(p.log.String(), "were read again") && time.Now().Before(until); {
			time.Sleep(50 * time.Millisecond)
		}
		p.mustRefuse(ended.AccessToken)
		p.mustAccept(kept.AccessToken, ann.subject)
		stop()
		select {
		case <-finished:
		case <-time.After(5 * time.Second):
			t.Error("goes on after the end")
		}
	})
}
