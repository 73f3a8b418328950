package storetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

// batch is one at the epoch of an owner who never wiped, of notes where a write names
// no kind.
func batch(owner account.Owner, writes ...item.Write) item.Batch {
	for i := range writes {
		writes[i].Kind = cmp.Or(writes[i].Kind, "note")
	}
	return item.Batch{Owner: owner, Epoch: 1, Now: at(time.UnixMilli(1763600000123)), Writes: writes}
}

func batches(t *testing.T, store Store) {
	put(t, store, note(alice, 9), item.Item{Version: 1, UpdatedAt: 7})
	var order []string
	write := func(n int, version int64, stores bool) item.Write {
		return item.Write{UID: uid(n), Decide: func(seen item.Snapshot) (*item.Item, error) {
			order = append(order, uid(n))
			if seen.Newest != 7 || seen.Now != 1763600000123 {
				t.Errorf("write %d: newest %d, now %d", len(order), seen.Newest, seen.Now)
			}
			if (seen.Item == nil) != (version == 0) || seen.Item != nil && seen.Item.Version != version {
				t.Errorf("write %d saw %+v", len(order), seen.Item)
			}
			if !stores {
				return nil, nil
			}
			return &item.Item{UID: uid(n), Version: version + 1, StoredAt: seen.NextStoredAt(), Payload: []byte(`{}`)}, nil
		}}
	}
	err := store.Write(context.Background(), batch(alice,
		write(3, 0, true), write(1, 0, true), write(2, 0, false), write(3, 1, true), write(2, 0, true), write(9, 1, false)))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{uid(3), uid(1), uid(2), uid(3), uid(2), uid(9)}; !slices.Equal(order, want) {
		t.Errorf("run in the order %v", order)
	}
	if got := list(t, store, item.Query{Owner: alice}); !slices.Equal(got, []string{uid(9), uid(1), uid(2), uid(3)}) {
		t.Errorf("listed as %v", got)
	}
	if err := store.Write(context.Background(), batch(alice)); err != nil {
		t.Errorf("a batch without writes: %v", err)
	}
}

func failedBatch(t *testing.T, store Store) {
	put(t, store, note(alice, 1), item.Item{Version: 1})
	refusal := errors.New("not like this")
	write := func(seen item.Snapshot) (*item.Item, error) {
		return &item.Item{UID: uid(1), Version: 5, Payload: []byte(`{}`)}, nil
	}
	refuse := func(item.Snapshot) (*item.Item, error) { return nil, refusal }
	err := store.Write(context.Background(), batch(alice, item.Write{UID: uid(1), Decide: write}, item.Write{UID: uid(2), Decide: refuse}))
	if err != refusal {
		t.Errorf("err = %v", err)
	}
	if found := get(t, store, note(alice, 1)); found.Version != 1 {
		t.Errorf("version %d was stored", found.Version)
	}
}

func overtakenBatch(t *testing.T, store Store) {
	wipe(t, store, alice, 1, time.UnixMilli(1763600000123))
	err := store.Write(context.Background(), batch(alice, item.Write{UID: uid(1), Decide: func(item.Snapshot) (*item.Item, error) {
		t.Error("the decision was made")
		return nil, nil
	}}))
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.EpochMismatch || f.Top["epoch"] != int64(2) {
		t.Errorf("err = %v", err)
	}
}

// leaving cancels a batch from within: in its first decision, and in its last.
func leaving(t *testing.T, store Store) {
	for n, last := range []int{1, 3} {
		ctx, leave := context.WithCancel(context.Background())
		defer leave()
		b := batch(alice)
		for i := 1; i <= 3; i++ {
			b.Writes = append(b.Writes, item.Write{UID: uid(i), Decide: func(seen item.Snapshot) (*item.Item, error) {
				if i == last {
					leave()
				}
				return &item.Item{UID: uid(i), Version: 1, StoredAt: seen.NextStoredAt(), Payload: []byte(`{}`)}, nil
			}})
		}
		var f *fault.Error
		if err := store.Write(ctx, b); !errors.As(err, &f) || f.Code != fault.Unavailable {
			t.Errorf("%d: %v", n, err)
		}
	}
	if left := list(t, store, item.Query{Owner: alice}); len(left) != 0 {
		t.Errorf("stored %v", left)
	}
	put(t, store, note(alice, 1), item.Item{Version: 1}) // the store works on
}
