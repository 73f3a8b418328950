package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

func comesBack(t *testing.T, store Store) {
	for _, want := range []item.Item{
		{UID: uid(1), Version: 1, CreatedAt: 4, UpdatedAt: 1763600000123, StoredAt: 5, Payload: []byte(`{"n":12345678901234567890,"f":1.10,"t":"ä😀\u003c"}`)},
		{UID: uid(2), Version: 9007199254740993, CreatedAt: -7, UpdatedAt: -5, StoredAt: -6, DeletedAt: millis(-5), Payload: []byte(`{ "b" : [1, 2] }`)},
		{UID: uid(3), Version: 2, UpdatedAt: 7, StoredAt: 8, Parent: item.Parent{Kind: "task", UID: uid(9)}, Payload: []byte(`{}`)},
		{UID: uid(4), Version: 1, UpdatedAt: 8, StoredAt: 9, Payload: []byte(`{"big":"` + strings.Repeat("x", 1<<20) + `"}`)},
	} {
		ref := item.Ref{Owner: alice, Kind: "comment", UID: want.UID}
		put(t, store, ref, want)
		if got := get(t, store, ref); got == nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: came back as %+v", want.UID, got)
		}
	}
}

func wholeKey(t *testing.T, store Store) {
	put(t, store, note(alice, 1), item.Item{Version: 1})
	for _, ref := range []item.Ref{
		note(bob, 1), note(eve, 1), note(alice, 2), {Owner: alice, Kind: "task", UID: uid(1)},
	} {
		if found := get(t, store, ref); found != nil {
			t.Errorf("%+v found %+v", ref, found)
		}
	}
}

func refusedWrite(t *testing.T, store Store) {
	put(t, store, note(alice, 1), item.Item{Version: 1})
	refusal := errors.New("not like this")
	err := write(note(alice, 1)).Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
		current := seen.Item
		current.Version = 5
		return current, refusal
	})
	if err != refusal {
		t.Errorf("err = %v", err)
	}
	if found := get(t, store, note(alice, 1)); found.Version != 1 {
		t.Errorf("version %d was stored", found.Version)
	}
}

func seesTheLast(t *testing.T, store Store) {
	for want := range int64(3) {
		err := write(note(alice, 1)).Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
			current := seen.Item
			if (current == nil) != (want == 0) || current != nil && current.Version != want {
				t.Errorf("change %d saw %+v", want, current)
			}
			return &item.Item{UID: uid(1), Version: want + 1, Payload: []byte(`{}`)}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func parallelWrites(t *testing.T, store Store) {
	put(t, store, note(alice, 1), item.Item{Version: 1})
	const writers = 40
	parallel(writers, func(int) {
		err := write(note(alice, 1)).Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
			next := *seen.Item
			next.Version++
			return &next, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	if found := get(t, store, note(alice, 1)); found.Version != writers+1 {
		t.Errorf("version %d after %d writes", found.Version, writers)
	}
}

func parallelCreations(t *testing.T, store Store) {
	taken := errors.New("taken")
	var mu sync.Mutex
	winners := 0
	parallel(20, func(int) {
		err := write(note(alice, 1)).Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
			current := seen.Item
			if current != nil {
				return nil, taken
			}
			return &item.Item{UID: uid(1), Version: 1, Payload: []byte(`{}`)}, nil
		})
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			winners++
		case err != taken:
			t.Error(err)
		}
	})
	if winners != 1 {
		t.Errorf("%d winners", winners)
	}
}

func liveItems(t *testing.T, store Store) {
	put(t, store, note(alice, 1), item.Item{Version: 1})
	put(t, store, note(alice, 2), item.Item{Version: 2, DeletedAt: millis(5)})
	put(t, store, note(bob, 3), item.Item{Version: 1})
	put(t, store, note(eve, 4), item.Item{Version: 1})
	err := write(note(alice, 9)).Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
		for n, want := range map[int]bool{1: true, 2: false, 3: false, 4: false, 5: false} {
			if got, err := seen.Live("note", uid(n)); err != nil || got != want {
				t.Errorf("note %d: live %v, %v", n, got, err)
			}
		}
		if got, err := seen.Live("task", uid(1)); err != nil || got {
			t.Errorf("task 1: live %v, %v", got, err)
		}
		return &item.Item{UID: uid(9), Version: 1, Payload: []byte(`{}`)}, nil
	})
	if err != nil {
		t.Error(err)
	}
}

func panics(t *testing.T, store Store) {
	func() {
		defer func() { _ = recover() }()
		_ = write(note(alice, 1)).Decide(context.Background(), store, func(item.Snapshot) (*item.Item, error) {
			panic("in a change")
		})
	}()
	put(t, store, note(alice, 1), item.Item{Version: 1})
}

func cancelled(t *testing.T, store Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := write(note(alice, 1)).Decide(ctx, store, func(item.Snapshot) (*item.Item, error) {
		return &item.Item{UID: uid(1), Version: 1, Payload: []byte(`{}`)}, nil
	})
	if err == nil {
		t.Error("a cancelled write was accepted")
	}
	if _, err := store.List(ctx, item.Query{Owner: alice, Kind: "note", Limit: 1, MaxBytes: 1}); err == nil {
		t.Error("a cancelled list was answered")
	}
	if get(t, store, note(alice, 1)) != nil {
		t.Error("a cancelled write was stored")
	}
	put(t, store, note(alice, 1), item.Item{Version: 1})
}

func overtaken(t *testing.T, store Store) {
	put(t, store, note(alice, 1), item.Item{Version: 1})
	wipe(t, store, alice, 1, time.UnixMilli(1763600000123))
	unreached := func(item.Snapshot) (*item.Item, error) {
		t.Error("the decision was made")
		return nil, errors.New("not reached")
	}
	for _, n := range []int{1, 2} {
		err := write(note(alice, n)).Decide(context.Background(), store, unreached)
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.EpochMismatch || f.Top["epoch"] != int64(2) {
			t.Errorf("note %d: err = %v", n, err)
		}
	}
	now := write(note(alice, 1))
	now.Epoch = 2
	err := now.Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
		current := seen.Item
		if current != nil {
			t.Errorf("the wipe left %+v", current)
		}
		return &item.Item{UID: uid(1), Version: 1, Payload: []byte(`{}`)}, nil
	})
	if err != nil {
		t.Error(err)
	}
	put(t, store, note(bob, 1), item.Item{Version: 1})
	put(t, store, note(eve, 1), item.Item{Version: 1})
}

func newest(t *testing.T, store Store) {
	const now = item.Millis(1763600000123) // that of write
	for _, row := range []struct {
		ref  item.Ref
		at   item.Millis
		want item.Millis
	}{
		{note(alice, 1), 5, 5},
		{note(alice, 2), 9, 9},
		{note(alice, 1), 7, 9},
		{item.Ref{Owner: alice, Kind: "task", UID: uid(3)}, 10, 10},
		{note(bob, 3), now, 10},
		{note(eve, 3), now, 10},
		{note(alice, 3), now + 60_001, 10},
		{item.Ref{Owner: alice, Kind: "chat", UID: uid(4)}, now + 60_000, now + 60_000},
	} {
		put(t, store, row.ref, item.Item{Version: 1, UpdatedAt: row.at})
		err := write(note(alice, 9)).Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
			if seen.Newest != row.want || seen.Now != now {
				t.Errorf("after %+v at %d: newest %d, want %d, now %d", row.ref, row.at, seen.Newest, row.want, seen.Now)
			}
			return nil, errors.New("only a look")
		})
		if err == nil {
			t.Error("stored nothing, and said it did")
		}
	}
	tombstone := item.Item{Version: 2, UpdatedAt: now + 1, DeletedAt: millis(1)}
	put(t, store, note(eve, 5), tombstone)
	_ = write(note(eve, 9)).Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
		if seen.Newest != tombstone.UpdatedAt {
			t.Errorf("newest %d, want the tombstone's", seen.Newest)
		}
		return nil, errors.New("only a look")
	})
}

func lists(t *testing.T, store Store) {
	times := map[int]item.Millis{1: 30, 2: 10, 3: 20, 4: 10, 5: 20, 6: -1}
	for n, at := range times {
		put(t, store, note(alice, n), item.Item{Version: 1, UpdatedAt: at})
	}
	want := []string{uid(6), uid(2), uid(4), uid(3), uid(5), uid(1)}
	if got := list(t, store, item.Query{Owner: alice}); !slices.Equal(got, want) {
		t.Errorf("whole list %v", got)
	}
	var after *item.Cursor
	for i := 0; i < len(want); i += 2 {
		got := list(t, store, item.Query{Owner: alice, After: after, Limit: 2})
		if !slices.Equal(got, want[i:i+2]) {
			t.Errorf("page at %d: %v", i, got)
		}
		last := get(t, store, item.Ref{Owner: alice, Kind: "note", UID: want[i+1]})
		after = &item.Cursor{At: last.StoredAt, UID: last.UID}
	}
	if got := list(t, store, item.Query{Owner: alice, After: after}); len(got) != 0 {
		t.Errorf("after the end: %v", got)
	}
}

func listTombstones(t *testing.T, store Store) {
	put(t, store, note(alice, 1), item.Item{Version: 1, UpdatedAt: 1})
	put(t, store, note(alice, 2), item.Item{Version: 1, UpdatedAt: 2, DeletedAt: millis(2)})
	if got := list(t, store, item.Query{Owner: alice}); !slices.Equal(got, []string{uid(1)}) {
		t.Errorf("without tombstones: %v", got)
	}
	if got := list(t, store, item.Query{Owner: alice, IncludeDeleted: true}); !slices.Equal(got, []string{uid(1), uid(2)}) {
		t.Errorf("with tombstones: %v", got)
	}
}

func listBytes(t *testing.T, store Store) {
	for n := range 4 {
		put(t, store, note(alice, n), item.Item{Version: 1, Payload: []byte(`{"a":"xx"}`)}) // 10 bytes
	}
	for _, row := range []struct{ maxBytes, limit, want int }{
		{1, 9, 1}, {10, 9, 1}, {19, 9, 1}, {20, 9, 2}, {39, 9, 3}, {40, 9, 4}, {99, 9, 4}, {40, 4, 4}, {40, 3, 3}, {20, 3, 2}, {30, 3, 3},
	} {
		found, err := store.List(context.Background(), item.Query{Owner: alice, Kind: "note", Limit: row.limit, MaxBytes: row.maxBytes})
		got, more := found.Items, found.More
		if err != nil || len(got) != row.want || more != (row.want < 4) {
			t.Errorf("%d bytes, limit %d: %d items, want %d, more %v, %v", row.maxBytes, row.limit, len(got), row.want, more, err)
		}
	}
}

func listScope(t *testing.T, store Store) {
	put(t, store, note(alice, 1), item.Item{Version: 1})
	put(t, store, note(bob, 2), item.Item{Version: 1})
	put(t, store, note(eve, 3), item.Item{Version: 1})
	put(t, store, item.Ref{Owner: alice, Kind: "task", UID: uid(4)}, item.Item{Version: 1})
	for _, all := range []bool{false, true} {
		if got := list(t, store, item.Query{Owner: alice, IncludeDeleted: all}); !slices.Equal(got, []string{uid(1)}) {
			t.Errorf("includeDeleted %v: %v", all, got)
		}
	}
}

// parallel runs n calls at once and waits for all.
func parallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

func reducedItems(t *testing.T, store Store) {
	sizes := []int{10, 50, 10, 5000, 5000, 10}
	for n, size := range sizes {
		put(t, store, note(alice, n), item.Item{Version: 3, UpdatedAt: item.Millis(n + 1), Parent: item.Parent{Kind: "note", UID: uid(9)},
			Payload: []byte(`"` + strings.Repeat("ä", (size-2)/2) + `"`), Facets: item.Facets{Terms: []string{"tag:a"}}})
	}
	for _, row := range []struct{ maxBytes, limit, want int }{
		{9, 9, 1}, {10, 9, 1}, {49, 9, 1}, {320, 9, 3}, {330, 9, 3}, {49 + 300, 9, 3}, {50 + 300, 9, 3}, {1000, 9, 6}, {1000, 4, 4}, {5070, 9, 4}, {1 << 20, 9, 6},
	} {
		for _, filter := range []item.Filter{{}, {Tags: []string{"a"}}} {
			found, err := store.List(context.Background(), item.Query{
				Owner: alice, Kind: "note", Filter: filter, Limit: row.limit, MaxBytes: row.maxBytes, Reduces: true,
			})
			got, more := found.Items, found.More
			if err != nil || len(got) != row.want || more != (row.want < len(sizes)) {
				t.Errorf("%d bytes, limit %d: %d items, want %d, more %v, %v", row.maxBytes, row.limit, len(got), row.want, more, err)
				continue
			}
			for n, found := range got {
				reduced := sizes[n] > row.maxBytes
				if found.UID != uid(n) || found.Version != 3 || (found.Payload == nil) != reduced || !reduced && len(found.Payload) != sizes[n] ||
					reduced && found.Size != int64(sizes[n]) || !reduced && found.Size != 0 {
					t.Errorf("%d bytes: item %d is %+v", row.maxBytes, n, found)
				}
			}
		}
	}
}
