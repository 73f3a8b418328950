package account

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"toolbridge/api/internal/keyring"
)

func proverOf(secret string) *Prover { return NewProver(keyring.OfSecret(secret), time.Now) }

func TestASessionIDProvesItsOwner(t *testing.T) {
	created := time.UnixMilli(1763600000123)
	owner := Owner{Tenant: "acme", User: UserID("acme", "alice")}
	prover := proverOf("a secret of the deployment")
	id := uuid.MustParse(prover.issue(owner, created))
	for _, row := range []struct {
		name   string
		prover *Prover
		owner  Owner
		want   verdict
	}{
		{"the owner's", prover, owner, mine},
		{"to another process with the secret, the owner's", proverOf("a secret of the deployment"), owner, mine},
		{"to another user, somebody else's", prover, Owner{Tenant: "acme", User: UserID("acme", "bob")}, others},
		{"to another tenant, unknown", prover, Owner{Tenant: "zeta", User: owner.User}, unknown},
		{"with another secret, unknown", proverOf("another secret"), owner, unknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			at, whose := row.prover.inspect(row.owner, id)
			if whose != row.want {
				t.Errorf("verdict %d, want %d", whose, row.want)
			}
			if whose != unknown && !at.Equal(created) {
				t.Errorf("created %s, want %s", at, created)
			}
		})
	}
}

func TestEveryBitOfASessionIDCounts(t *testing.T) {
	owner := Owner{Tenant: "acme", User: UserID("acme", "alice")}
	prover := proverOf("a secret of the deployment")
	id := uuid.MustParse(prover.issue(owner, time.UnixMilli(1763600000123)))
	for bit := range 128 {
		changed := id
		changed[bit/8] ^= 1 << (bit % 8)
		if _, whose := prover.inspect(owner, changed); whose == mine {
			t.Errorf("still mine with bit %d changed", bit)
		}
	}
}

func TestTheFieldsOfASessionIDComeBack(t *testing.T) {
	const ms, nonce, issue, own = 1<<42 - 5, 1<<26 - 3, 1<<24 - 7, 1<<30 - 11
	for _, row := range [][4]uint64{{ms, nonce, issue, own}, {0, 0, 0, 0}, {ms, 0, issue, 0}, {0, nonce, 0, own}} {
		id := pack(row[0], row[1], row[2], row[3])
		if id.Version() != 8 || id.Variant() != uuid.RFC4122 {
			t.Errorf("%s has version %d, variant %s", id, id.Version(), id.Variant())
		}
		var back [4]uint64
		back[0], back[1], back[2], back[3] = unpack(id)
		if back != row {
			t.Errorf("packed %v, unpacked %v", row, back)
		}
	}
}

func TestUserIDsAreStableAndApart(t *testing.T) {
	alice := UserID("acme", "alice")
	if alice != UserID("acme", "alice") {
		t.Error("the same subject has two ids")
	}
	if alice == UserID("acme", "bob") || alice == UserID("zeta", "alice") {
		t.Error("two users share an id")
	}
	if id := uuid.MustParse(alice); id.Version() != 8 || id.Variant() != uuid.RFC4122 {
		t.Errorf("%s is not a UUID of version 8", alice)
	}
}

// rotating is a prover whose keys a test changes.
type rotating struct {
	*Prover
	t     *testing.T
	ring  *keyring.Ring
	file  string
	clock time.Time
}

func newRotating(t *testing.T, ids string) *rotating {
	r := &rotating{t: t, file: filepath.Join(t.TempDir(), "keys"), clock: time.UnixMilli(1763600000123)}
	r.write(ids)
	ring, err := keyring.Source{File: r.file}.Open()
	if err != nil {
		t.Fatal(err)
	}
	r.ring, r.Prover = ring, NewProver(ring, func() time.Time { return r.clock })
	go ring.Keep(t.Context(), "tenant", slog.New(slog.DiscardHandler))
	return r
}

func (r *rotating) write(ids string) {
	var list []string
	for _, id := range strings.Fields(ids) {
		list = append(list, id+":2026-01-31:"+strings.Repeat(id, 16))
	}
	if err := os.WriteFile(r.file+".next", []byte(strings.Join(list, "\n")), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(r.file+".next", r.file); err != nil {
		r.t.Fatal(err)
	}
}

// change returns when other keys are in use.
func (r *rotating) change(ids string) {
	before := r.ring.Keys()
	r.write(ids)
	for until := time.Now().Add(10 * time.Second); r.ring.Keys() == before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			r.t.Fatal("the keys never changed")
		}
	}
}

func TestSessionsOutliveTheKeyThatSignedThem(t *testing.T) {
	t.Parallel()
	owner := Owner{Tenant: "acme", User: UserID("acme", "alice")}
	r := newRotating(t, "k1")
	opened := func() uuid.UUID { return uuid.MustParse(r.issue(owner, r.clock)) }
	is := func(id uuid.UUID, want verdict, when string) {
		t.Helper()
		if _, whose := r.inspect(owner, id); whose != want {
			t.Errorf("%s: verdict %d, want %d", when, whose, want)
		}
	}
	old := opened()
	r.change("k1 k2")
	is(old, mine, "after a key was added")
	r.change("k2 k1")
	is(old, mine, "after another key signs")
	fresh := opened()
	stolen := NewProver(keyring.OfSecret(strings.Repeat("k1", 16)), time.Now)
	r.change("k2")
	is(old, mine, "after its key was retired")
	is(fresh, mine, "signed by the key that stays")
	if _, whose := r.inspect(Owner{Tenant: "acme", User: UserID("acme", "bob")}, old); whose != others {
		t.Errorf("another user's: verdict %d", whose)
	}
	r.clock = r.clock.Add(time.Second)
	is(uuid.MustParse(stolen.issue(owner, r.clock)), unknown, "signed with a retired key afterwards")
	r.clock = r.clock.Add(SessionLifetime)
	r.change("k3 k2")
	is(old, unknown, "after every session of the retired key has expired")
	is(fresh, mine, "signed by a key that still proves")
}

func TestOnlyTheLastKeysThatWereRetiredProveSessions(t *testing.T) {
	t.Parallel()
	owner := Owner{Tenant: "acme", User: UserID("acme", "alice")}
	r := newRotating(t, "a1 a2 a3 a4 a5 a6 a7 a8")
	old := uuid.MustParse(r.issue(owner, r.clock))
	r.change("b1 b2 b3")
	if _, whose := r.inspect(owner, old); whose != mine || len(r.keys()) != 3+maxRetired {
		t.Errorf("verdict %d of %d keys", whose, len(r.keys()))
	}
	r.change("c1")
	if _, whose := r.inspect(owner, old); whose != mine || len(r.keys()) != 1+maxRetired {
		t.Errorf("verdict %d of %d keys", whose, len(r.keys()))
	}
	r.change("d1 d2 d3 d4 d5 d6 d7 d8")
	r.keys()
	r.change("e1")
	if _, whose := r.inspect(owner, old); whose != unknown || len(r.keys()) != 1+maxRetired {
		t.Errorf("verdict %d of %d keys", whose, len(r.keys()))
	}
}

func TestSessionsAreProvedWhileKeysChange(t *testing.T) {
	t.Parallel()
	owner := Owner{Tenant: "acme", User: UserID("acme", "alice")}
	r := newRotating(t, "k1")
	done := make(chan struct{})
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			var ids [32]uuid.UUID
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				ids[n%len(ids)] = uuid.MustParse(r.issue(owner, r.clock))
				for _, id := range ids[:min(n+1, len(ids))] {
					if _, whose := r.inspect(owner, id); whose != mine {
						t.Errorf("verdict %d", whose)
						return
					}
				}
			}
		})
	}
	for _, ids := range []string{"k1 k2", "k2 k1", "k2", "k3 k2", "k3"} {
		r.change(ids)
	}
	close(done)
	users.Wait()
}

func BenchmarkProof(b *testing.B) {
	prover := proverOf("0123456789abcdef0123456789abcdef")
	owner := Owner{Tenant: "acme", User: UserID("acme", "alice")}
	id := uuid.MustParse(prover.issue(owner, time.Now()))
	b.Run("issue", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			prover.issue(owner, time.Now())
		}
	})
	b.Run("inspect", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			prover.inspect(owner, id)
		}
	})
}
