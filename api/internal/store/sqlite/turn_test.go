package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/storetest"
)

// busy opens a store whose turn to write is taken until done is called.
func busy(t *testing.T) (store *Store, done func()) {
	t.Helper()
	store = openStore(t, filepath.Join(t.TempDir(), "test.db"))
	if err := store.turn.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	return store, func() { store.turn.Release(1) }
}

func writing(uid string) storetest.Single {
	ref := item.Ref{Owner: account.Owner{Tenant: "t", User: "u"}, Kind: "note", UID: uid}
	return storetest.Single{Ref: ref, Epoch: 1, Now: time.Now}
}

func writeNote(ctx context.Context, store *Store, uid string) error {
	err := writing(uid).Decide(ctx, store, func(item.Snapshot) (*item.Item, error) {
		return &item.Item{UID: uid, Version: 1, Payload: []byte(`{}`)}, nil
	})
	return err
}

func stored(t *testing.T, store *Store) (uids []string) {
	t.Helper()
	rows, err := store.writer.Query(`SELECT uid FROM item ORDER BY rowid`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var uid string
		if err := rows.Scan(&uid); err != nil {
			t.Fatal(err)
		}
		uids = append(uids, uid)
	}
	return uids
}

func TestWritersAreServedInTheOrderInWhichTheyCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, done := busy(t)
		var want []string
		for n := range 20 {
			uid := fmt.Sprintf("%02d", n)
			want = append(want, uid)
			go func() {
				if err := writeNote(t.Context(), store, uid); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait() // until it stands in the queue
		}
		done()
		synctest.Wait()
		if got := stored(t, store); !slices.Equal(got, want) {
			t.Errorf("came as %v, were served as %v", want, got)
		}
	})
}

func TestAWriterWaitsForItsTurnFiveSecondsAndThenWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, done := busy(t)
		begin := time.Now() // of the bubble, whose time passes while all wait
		err := writeNote(t.Context(), store, "x")
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.Unavailable || time.Since(begin) != lockWait {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
		done()
		synctest.Wait()
		if got := stored(t, store); len(got) != 0 {
			t.Errorf("stored %v", got)
		}
		if err := writeNote(t.Context(), store, "y"); err != nil {
			t.Errorf("the next writer: %v", err)
		}
	})
}

func TestAClientThatLeavesTheQueueWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, done := busy(t)
		ctx, leave := context.WithCancel(t.Context())
		answered := make(chan error, 1)
		go func() { answered <- writeNote(ctx, store, "x") }()
		synctest.Wait()
		leave()
		if err := <-answered; !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v", err)
		}
		done()
		if got := stored(t, store); len(got) != 0 {
			t.Errorf("stored %v", got)
		}
	})
}

func TestAWriteLooksAtTheClockOnlyOnceItIsItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, done := busy(t)
		looks := make(chan struct{}, 2)
		write := writing("x")
		write.Now = func() time.Time {
			looks <- struct{}{}
			return time.Now()
		}
		go func() {
			err := write.Decide(t.Context(), store, func(item.Snapshot) (*item.Item, error) {
				return &item.Item{UID: "x", Version: 1, Payload: []byte(`{}`)}, nil
			})
			if err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		if len(looks) != 0 {
			t.Error("it looked while another was writing")
		}
		done()
		synctest.Wait()
		if len(looks) != 1 {
			t.Errorf("it looked %d times", len(looks))
		}
	})
}

// reads are those of the store, by name.
func reads(store *Store) map[string]func(context.Context) error {
	ref := item.Ref{Owner: account.Owner{Tenant: "t", User: "u"}, Kind: "note", UID: "1"}
	return map[string]func(context.Context) error{
		"an item":             func(ctx context.Context) error { _, err := store.Get(ctx, ref); return err },
		"an item with state":  func(ctx context.Context) error { _, _, err := store.GetWithState(ctx, ref, ""); return err },
		"the state":           func(ctx context.Context) error { _, err := store.State(ctx, ref.Owner, ""); return err },
		"what is used":        func(ctx context.Context) error { _, err := store.Usage(ctx, ref.Owner); return err },
		"how many items":      func(ctx context.Context) error { _, err := store.Count(ctx, ref.Owner); return err },
		"the owners":          func(ctx context.Context) error { _, err := store.Owners(ctx, account.Owner{}, 10); return err },
		"the sums":            func(ctx context.Context) error { _, err := store.Sums(ctx, ref.Owner); return err },
		"whether it is ready": store.Ready,
		"a list": func(ctx context.Context) error {
			_, err := store.List(ctx, item.Query{Owner: ref.Owner, Kind: "note", Limit: 10, MaxBytes: 1 << 20})
			return err
		},
		"the journal": func(ctx context.Context) error {
			_, err := store.Journal(ctx, item.LineQuery{Owner: ref.Owner, Limit: 10})
			return err
		},
	}
}

func TestAReaderWaitsForAConnectionNoLongerThanItsCaller(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	all := int64(store.reader.Stats().MaxOpenConnections)
	if err := store.free.Acquire(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for name, read := range reads(store) {
		ctx, leave := context.WithCancel(t.Context())
		came := make(chan error)
		go func() { came <- read(ctx) }()
		leave()
		var refused *fault.Error
		if err := <-came; !errors.As(err, &refused) || refused.Code != fault.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	store.free.Release(all)
	for name, read := range reads(store) {
		if err := read(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadersWhoseCallersLeaveKeepNoConnection(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	if err := writeNote(t.Context(), store, "1"); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for name, read := range reads(store) {
		for n := range 20 {
			readers.Go(func() {
				ctx, leave := context.WithTimeout(t.Context(), time.Duration(n)*50*time.Microsecond)
				defer leave()
				var refused *fault.Error
				if err := read(ctx); err != nil && (!errors.As(err, &refused) || refused.Code != fault.Unavailable) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
	}
	readers.Wait()
	if open := store.reader.Stats(); open.InUse > 0 || !store.free.TryAcquire(int64(open.MaxOpenConnections)) {
		t.Errorf("connections are kept: %+v", open)
	}
}
