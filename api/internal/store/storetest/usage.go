package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
)

// used is what the store says that an owner uses.
func used(t *testing.T, store Store, owner account.Owner, epoch int64) (said item.Usage) {
	t.Helper()
	look := write(note(owner, 9999))
	look.Epoch = epoch
	err := look.Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
		said = seen.Used
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	short, err := store.Usage(context.Background(), owner)
	if want := (account.Usage{Items: said.Items, Bytes: said.Bytes, HistoryBytes: said.HistoryBytes}); err != nil || short != want {
		t.Fatalf("%s uses %+v, the store says in short %+v: %v", owner, want, short, err)
	}
	return said
}

// counted is what an owner's items and journal take, counted anew.
func counted(t *testing.T, store Store, owner account.Owner) (sum item.Usage) {
	t.Helper()
	for _, line := range lines(t, store, owner) {
		sum = sum.Plus(item.Usage{JournalLines: 1, HistoryBytes: int64(len(line.Kept))})
	}
	for _, kind := range kinds() {
		query := item.Query{Owner: owner, Kind: kind, IncludeDeleted: true, Limit: 1000, MaxBytes: 1 << 30}
		found, err := store.List(context.Background(), query)
		if err != nil || found.More {
			t.Fatalf("more %v, %v", found.More, err)
		}
		for i := range found.Items {
			sum = sum.Plus(item.UsageOf(&found.Items[i]))
		}
	}
	return sum
}

// usage makes writes of every sort, and checks the sums after each.
func usage(t *testing.T, store Store) {
	random := rand.New(rand.NewPCG(1, 2))
	owners, epochs := []account.Owner{alice, bob, eve}, map[account.Owner]int64{alice: 1, bob: 1, eve: 1}
	next := func(uid string) *item.Item {
		made := &item.Item{UID: uid, Version: 1, StoredAt: item.Millis(random.IntN(50)), Payload: []byte(`"` + strings.Repeat("ä", random.IntN(3000)) + `"`)}
		if random.IntN(3) == 0 {
			made.DeletedAt = millis(5)
		}
		if random.IntN(3) == 0 {
			made.Facets.Terms = []string{"tag:a", "tag:b"}[:1+random.IntN(2)]
		}
		return made
	}
	for range 80 {
		owner := owners[random.IntN(len(owners))]
		kind, b := kinds()[random.IntN(2)], item.Batch{Owner: owner, Epoch: epochs[owner], Now: at(time.UnixMilli(1763600000123))}
		if random.IntN(3) == 0 {
			b.Quota = item.Quota{Items: 8, Bytes: 20_000} // makes room
		}
		for range 1 + random.IntN(4)*random.IntN(30) {
			made := next(uid(random.IntN(12)))
			b.Writes = append(b.Writes, item.Write{Kind: kind, UID: made.UID, Decide: func(item.Snapshot) (*item.Item, error) { return made, nil }})
		}
		switch random.IntN(12) {
		case 0:
			wipe(t, store, owner, epochs[owner], time.UnixMilli(1763600000123))
			epochs[owner]++
		case 1:
			b.Writes = append(b.Writes, item.Write{Kind: kind, UID: uid(1), Decide: func(item.Snapshot) (*item.Item, error) { return nil, errors.New("no") }})
			_ = store.Write(context.Background(), b)
		default:
			if err := store.Write(context.Background(), b); err != nil {
				t.Fatal(err)
			}
		}
		for _, owner := range owners {
			if said, want := used(t, store, owner, epochs[owner]), counted(t, store, owner); said != want {
				t.Fatalf("%s uses %+v, the store says %+v", owner, want, said)
			}
		}
		mostUsed(t, store, owners)
	}
}

// mostUsed compares the most that one owner of each tenant has with what all of them have.
func mostUsed(t *testing.T, store Store, owners []account.Owner) {
	most := map[string][2]int64{"nobody's": {}}
	for _, owner := range owners {
		has, err := store.Usage(context.Background(), owner)
		if err != nil {
			t.Fatal(err)
		}
		before := most[owner.Tenant]
		most[owner.Tenant] = [2]int64{max(before[0], has.Items), max(before[1], has.Bytes)}
	}
	for tenant, want := range most {
		items, bytes, err := store.MostUsed(context.Background(), tenant)
		if said := [2]int64{items, bytes}; err != nil || said != want {
			t.Fatalf("%s: one owner has at most %v, the store says %v, %v", tenant, want, said, err)
		}
	}
}

func parallelUsage(t *testing.T, store Store) {
	parallel(20, func(n int) {
		for size := range 5 {
			owner := []account.Owner{alice, bob}[n%2]
			err := write(note(owner, n/4)).Decide(context.Background(), store, func(item.Snapshot) (*item.Item, error) {
				return &item.Item{UID: uid(n / 4), Version: 1, Payload: []byte(strings.Repeat("x", n*100+size))}, nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	for _, owner := range []account.Owner{alice, bob} {
		if said, want := used(t, store, owner, 1), counted(t, store, owner); said != want || said.Items == 0 {
			t.Errorf("%s uses %+v, the store says %+v", owner, want, said)
		}
	}
}

// room checks that the oldest tombstones go, and nothing else.
func room(t *testing.T, store Store) {
	const now = 1763600000123
	for n := range 5 {
		put(t, store, note(alice, n), item.Item{Version: 1, StoredAt: item.Millis(n + 1), Payload: []byte(`"123456789"`)})
		put(t, store, note(bob, n), item.Item{Version: 1, StoredAt: 1, DeletedAt: millis(5)})
	}
	for n := 10; n < 10+2*item.DropAtOnce; n++ {
		put(t, store, note(alice, n), item.Item{Version: 1, StoredAt: item.Millis(n), DeletedAt: millis(5), Facets: item.Facets{Terms: []string{"tag:a"}}})
	}
	add := func(n int, quota item.Quota, deleted *item.Millis) {
		t.Helper()
		b := batch(alice, item.Write{UID: uid(n), Decide: func(seen item.Snapshot) (*item.Item, error) {
			return &item.Item{UID: uid(n), Version: 1, StoredAt: seen.NextStoredAt(), DeletedAt: deleted, Payload: []byte(`{}`)}, nil
		}})
		b.Quota = quota
		if err := store.Write(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
	left := func() []string { return list(t, store, item.Query{Owner: alice, IncludeDeleted: true, Limit: 1000}) }
	count := 5 + 2*item.DropAtOnce
	add(1000, item.Quota{Items: int64(count) + 1, Bytes: 1 << 20}, nil)
	if got := len(left()); got != count+1 {
		t.Errorf("%d are left within the quota, want %d", got, count+1)
	}
	add(1001, item.Quota{Items: int64(count) + 1}, nil)
	got := left()
	if len(got) != count+2-item.DropAtOnce || slices.Contains(got, uid(10)) || !slices.Contains(got, uid(10+item.DropAtOnce)) || !slices.Contains(got, uid(0)) {
		t.Errorf("%d are left above the quota of items", len(got))
	}
	if tagged := list(t, store, item.Query{Owner: alice, IncludeDeleted: true, Limit: 1000, Filter: item.Filter{Tags: []string{"a"}}}); len(tagged) != item.DropAtOnce {
		t.Errorf("%d are found by the tag", len(tagged))
	}
	add(1002, item.Quota{Bytes: 1}, millis(now)) // a tombstone that no quota could hold stays, as it is new
	if got := left(); !slices.Equal(got, []string{uid(0), uid(1), uid(2), uid(3), uid(4), uid(1000), uid(1001), uid(1002)}) {
		t.Errorf("left %v", got)
	}
	if said, want := used(t, store, alice, 1), counted(t, store, alice); said != want {
		t.Errorf("uses %+v, the store says %+v", want, said)
	}
	if got := list(t, store, item.Query{Owner: bob, IncludeDeleted: true}); len(got) != 5 {
		t.Errorf("of another owner %v are left", got)
	}
}
