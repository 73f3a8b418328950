package storetest

import (
	"context"
	"maps"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

func state(t *testing.T, store Store, owner account.Owner, session string) account.State {
	t.Helper()
	found, err := store.State(context.Background(), owner, session)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

func wipe(t *testing.T, store Store, owner account.Owner, epoch int64, now time.Time) (account.State, map[string]int64) {
	t.Helper()
	after, deleted, err := store.Wipe(context.Background(), owner, epoch, journal.Origin{}, at(now))
	if err != nil {
		t.Fatal(err)
	}
	return after, deleted
}

func defaultState(t *testing.T, store Store) {
	got := state(t, store, alice, "")
	if got.Epoch != 1 || got.SessionsSince.UnixMilli() > 0 || !got.LastWipeAt.IsZero() || got.LastWipeBy != "" || got.SessionEnded {
		t.Errorf("state %+v", got)
	}
}

func wipes(t *testing.T, store Store) {
	now := time.UnixMilli(1763600000123)
	for n, kind := range kinds() {
		for _, owner := range []account.Owner{alice, bob, eve} {
			put(t, store, item.Ref{Owner: owner, Kind: kind, UID: uid(n)}, item.Item{Version: 1})
		}
	}
	put(t, store, note(alice, 99), item.Item{Version: 2, DeletedAt: millis(1)})
	counted, err := store.Count(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	after, deleted := wipe(t, store, alice, 1, now)
	if !maps.Equal(counted, deleted) {
		t.Errorf("counted %v before, deleted %v", counted, deleted)
	}
	if after.Epoch != 2 || !after.LastWipeAt.Equal(now) || after.LastWipeBy != alice.User {
		t.Errorf("state after the wipe %+v", after)
	}
	if again := state(t, store, alice, ""); again.Epoch != 2 || !again.SessionsSince.Equal(after.SessionsSince) {
		t.Errorf("state read back %+v", again)
	}
	for _, kind := range kinds() {
		want := int64(1)
		if kind == "note" {
			want = 2
		}
		if deleted[string(kind)] != want {
			t.Errorf("%d items of %s deleted, want %d", deleted[string(kind)], kind, want)
		}
		if got := list(t, store, item.Query{Owner: alice, Kind: kind, IncludeDeleted: true}); len(got) != 0 {
			t.Errorf("%s left over: %v", kind, got)
		}
		for _, owner := range []account.Owner{bob, eve} {
			if got := list(t, store, item.Query{Owner: owner, Kind: kind}); len(got) != 1 {
				t.Errorf("%s of %v: %v", kind, owner, got)
			}
		}
	}
	if got := state(t, store, eve, ""); got.Epoch != 1 {
		t.Errorf("another tenant's epoch is %d", got.Epoch)
	}
}

func sessionsSince(t *testing.T, store Store) {
	now := time.UnixMilli(1763600000123)
	for i, row := range []struct {
		at   time.Time
		want time.Time
	}{
		{now, now.Add(time.Millisecond)},
		{now, now.Add(2 * time.Millisecond)},
		{now.Add(-time.Hour), now.Add(3 * time.Millisecond)},
		{now.Add(time.Hour), now.Add(time.Hour + time.Millisecond)},
	} {
		if after, _ := wipe(t, store, alice, int64(i)+1, row.at); !after.SessionsSince.Equal(row.want) {
			t.Errorf("wipe %d: sessions since %s, want %s", i, after.SessionsSince, row.want)
		}
	}
}

func endedSessions(t *testing.T, store Store) {
	now := time.UnixMilli(1763600000123)
	end := func(session string, expires, at time.Time) {
		t.Helper()
		if err := store.EndSession(context.Background(), account.Owner(alice), session, expires, at); err != nil {
			t.Fatal(err)
		}
	}
	end(uid(1), now.Add(time.Minute), now)
	end(uid(1), now.Add(time.Minute), now)
	end(uid(2), now.Add(time.Hour), now)
	if !state(t, store, alice, uid(1)).SessionEnded || state(t, store, alice, uid(3)).SessionEnded {
		t.Error("the wrong session has ended")
	}
	end(uid(3), now.Add(2*time.Hour), now.Add(time.Minute))
	if state(t, store, alice, uid(1)).SessionEnded {
		t.Error("an expired note was kept")
	}
	if !state(t, store, alice, uid(2)).SessionEnded {
		t.Error("a note was dropped before it expired")
	}
}

func withState(t *testing.T, store Store) {
	now := time.UnixMilli(1763600000123)
	payload := func(size int) []byte { return []byte(`{"n":"` + strings.Repeat("x", size-len(`{"n":""}`)) + `"}`) }
	wipe(t, store, bob, 1, now)
	if err := store.EndSession(t.Context(), alice, uid(1), now.Add(time.Minute), now); err != nil {
		t.Fatal(err)
	}
	put(t, store, note(alice, 1), item.Item{Version: 3, CreatedAt: 1, UpdatedAt: 2, Parent: item.Parent{Kind: "task", UID: uid(9)}, Payload: payload(item.MaxWithState)})
	put(t, store, note(alice, 2), item.Item{Version: 2, UpdatedAt: 2, DeletedAt: millis(2)})
	put(t, store, note(alice, 3), item.Item{Version: 1, Payload: payload(item.MaxWithState + 1)})
	for _, ref := range []item.Ref{
		note(alice, 1), note(alice, 2), note(alice, 3), note(alice, 4), note(bob, 1), note(eve, 1), {Owner: alice, Kind: "task", UID: uid(1)},
	} {
		for _, session := range []string{"", uid(1), uid(2)} {
			read, found, err := store.GetWithState(t.Context(), ref, session)
			if err != nil {
				t.Fatal(err)
			}
			if want := state(t, store, ref.Owner, session); !reflect.DeepEqual(read, want) {
				t.Errorf("%v: state %+v, want %+v", ref, read, want)
			}
			want := get(t, store, ref)
			if want != nil && len(want.Payload) > item.MaxWithState {
				want = nil
			}
			if !reflect.DeepEqual(found, want) {
				t.Errorf("%v: item %+v, want %+v", ref, found, want)
			}
		}
	}
}

func endedTenant(t *testing.T, store Store) {
	now := time.UnixMilli(1763600000123)
	if err := store.EndSession(context.Background(), account.Owner(alice), uid(1), now.Add(time.Hour), now); err != nil {
		t.Fatal(err)
	}
	if state(t, store, eve, uid(1)).SessionEnded {
		t.Error("it ended in another tenant too")
	}
}

func parallelWipes(t *testing.T, store Store) {
	var done atomic.Int64
	parallel(10, func(int) {
		after, _, err := store.Wipe(context.Background(), account.Owner(alice), 1, journal.Origin{}, time.Now)
		switch {
		case err == nil && after.Epoch == 2:
			done.Add(1)
		case err != account.ErrNoSession:
			t.Errorf("epoch %d, %v", after.Epoch, err)
		}
	})
	if got := state(t, store, alice, ""); done.Load() != 1 || got.Epoch != 2 {
		t.Errorf("%d wipes were done, epoch %d", done.Load(), got.Epoch)
	}
}

func staleWipe(t *testing.T, store Store) {
	wipe(t, store, alice, 1, time.UnixMilli(1763600000123))
	before := state(t, store, alice, "")
	kept := write(note(alice, 1))
	kept.Epoch = 2
	err := kept.Decide(context.Background(), store, func(item.Snapshot) (*item.Item, error) {
		return &item.Item{UID: uid(1), Version: 1, Payload: []byte(`{}`)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, epoch := range []int64{0, 1, 3} {
		if _, _, err := store.Wipe(context.Background(), account.Owner(alice), epoch, journal.Origin{}, time.Now); err != account.ErrNoSession {
			t.Errorf("epoch %d: err = %v", epoch, err)
		}
	}
	if after := state(t, store, alice, ""); after != before || get(t, store, note(alice, 1)) == nil {
		t.Errorf("state %+v, was %+v", after, before)
	}
}
