package auth_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/keyring"
)

// secretOf is the secret of the key with an id.
func secretOf(id string) string { return strings.Repeat(id, 16) }

// listOf is a list of keys with these ids.
func listOf(ids ...string) string {
	var list []string
	for _, id := range ids {
		list = append(list, id+":2026-01-31:"+secretOf(id))
	}
	return strings.Join(list, "\n")
}

// sharedBy signs a token of alice with the key of an id, and names a key in its header if
// kid is not empty.
func sharedBy(id, kid string, from time.Time) string {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "alice", "exp": from.Add(time.Minute).Unix()})
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString([]byte(secretOf(id)))
	if err != nil {
		panic(err)
	}
	return text
}

func TestATokenOfAnyKeyOfARingIsAccepted(t *testing.T) {
	ring, err := keyring.Source{List: listOf("k3", "k2", "k1")}.Open()
	if err != nil {
		t.Fatal(err)
	}
	clock := newClock()
	tokens := auth.NewTokens(ring, auth.Demands{}, clock.now)
	if count, read := tokens.Keys(); count != 3 || !read.IsZero() {
		t.Errorf("%d keys, read %s", count, read)
	}
	for _, row := range []struct {
		id, kid string
		want    bool
	}{
		{"k3", "", true}, {"k1", "", true}, {"k1", "k1", true}, {"k2", "k2", true},
		{"k1", "k3", true}, {"k3", "k1", true}, {"k2", "the issuer's own name", true},
		{"k4", "", false}, {"k4", "k1", false}, {"k4", "k4", false},
	} {
		for attempt := range 2 {
			if got := accepts(t, tokens, sharedBy(row.id, row.kid, clock.now())); got != row.want {
				t.Errorf("signed by %s, names %q, attempt %d: accepted %v", row.id, row.kid, attempt, got)
			}
		}
	}
}

func TestTheKeyThatATokenNamesIsTriedFirst(t *testing.T) {
	ring, err := keyring.Source{List: listOf("k1", "k2", "k3")}.Open()
	if err != nil {
		t.Fatal(err)
	}
	name := func(id string) *string { return &id }
	for _, row := range []struct {
		signer string
		named  *string
		want   string
	}{
		{"k3", name("k3"), "k3"}, {"k3", nil, "k1 k2 k3"}, {"k3", name("k2"), "k2 k1 k2 k3"}, {"k1", name("other"), "k1"},
		{"k4", name("k2"), "k2 k1 k2 k3"},
	} {
		var tried []string
		err := auth.SignedByOne(*ring.Keys(), row.named, func(key any) error {
			id := string(key.([]byte)[:2])
			tried = append(tried, id)
			if id == row.signer {
				return nil
			}
			return jwt.ErrSignatureInvalid
		})
		if got := strings.Join(tried, " "); got != row.want || (err == nil) != (row.signer != "k4") {
			t.Errorf("%+v: tried %s: %v", row, got, err)
		}
	}
}

func TestAKeyThatLeavesItsFileEndsRememberedTokens(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys")
	write := func(ids ...string) {
		if err := os.WriteFile(file+".next", []byte(listOf(ids...)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".next", file); err != nil {
			t.Fatal(err)
		}
	}
	write("k1")
	ring, err := keyring.Source{File: file}.Open()
	if err != nil {
		t.Fatal(err)
	}
	go ring.Keep(t.Context(), "token", slog.New(slog.DiscardHandler))
	change := func(ids ...string) {
		t.Helper()
		before := ring.Keys()
		write(ids...)
		for until := time.Now().Add(10 * time.Second); ring.Keys() == before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatal("the keys never changed")
			}
		}
	}
	clock := newClock()
	tokens := auth.NewTokens(ring, auth.Demands{}, clock.now)
	verified := tokens.CountVerified()
	old, fresh := sharedBy("k1", "k1", clock.now()), sharedBy("k2", "k2", clock.now())
	for step, row := range []struct {
		keys       []string
		old, fresh bool
	}{
		{nil, true, false}, {[]string{"k1", "k2"}, true, true}, {[]string{"k2", "k1"}, true, true},
		{[]string{"k2"}, false, true}, {[]string{"k1", "k2"}, true, true},
	} {
		if row.keys != nil {
			change(row.keys...)
		}
		for range 3 {
			if accepts(t, tokens, old) != row.old || accepts(t, tokens, fresh) != row.fresh {
				t.Errorf("step %d with %v: decided otherwise", step, row.keys)
			}
		}
	}
	if got := verified.Load(); got != 1+3+2+2+1+3+2 { // what is refused is verified each time
		t.Errorf("verified %d times", got)
	}
}
