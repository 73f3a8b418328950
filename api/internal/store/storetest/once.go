package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"toolbridge/api/internal/item"
)

const keepFor = time.Hour

// once is a write with an idempotency key.
func once(ref item.Ref, key string, now time.Time) Single {
	w := write(ref)
	w.Now = at(now)
	w.Once = &item.Once{Key: key, Request: "request of " + ref.UID, Keep: keepFor, Answer: func(next *item.Item) item.Answer {
		return item.Answer{Status: 200 + int(next.Version), Body: []byte(`{"uid":"` + next.UID + `ä"}`)}
	}}
	return w
}

// earlier writes with a key and returns the earlier write that the decision saw. With
// an earlier write it stores nothing.
func earlier(t *testing.T, store item.Store, w Single) (seenBefore *item.Record) {
	t.Helper()
	err := w.Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
		if seenBefore = seen.Earlier; seenBefore != nil {
			return nil, nil
		}
		return &item.Item{UID: w.UID, Version: 1, Payload: []byte(`{}`)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seenBefore
}

func keepsAnswers(t *testing.T, store Store) {
	now := time.UnixMilli(1763600000123)
	if earlier(t, store, once(note(alice, 1), "k", now)) != nil {
		t.Error("a key was known before it was used")
	}
	got := earlier(t, store, once(note(alice, 2), "k", now.Add(keepFor-time.Millisecond)))
	if got == nil || got.Request != "request of "+uid(1) || got.Status != 201 || got.UID != uid(1) || got.Version != 1 || got.Body != `{"uid":"`+uid(1)+`ä"}` {
		t.Errorf("seen %+v", got)
	}
	for _, w := range []Single{once(note(bob, 1), "k", now), once(note(eve, 1), "k", now), once(note(alice, 3), "K", now), write(note(alice, 4))} {
		if got := earlier(t, store, w); got != nil {
			t.Errorf("%+v saw %+v", w.Ref, got)
		}
	}
	if earlier(t, store, once(note(alice, 5), "k", now.Add(keepFor))) != nil {
		t.Error("an expired key was seen")
	}
	if got := earlier(t, store, once(note(alice, 6), "k", now.Add(2*keepFor-1))); got == nil || got.Request != "request of "+uid(5) {
		t.Errorf("after it expired and was used again: %+v", got)
	}
	for n := range 5 { // whenever a store drops what has expired, it drops nothing else
		later := now.Add(keepFor*2 + time.Duration(n)*10*time.Minute)
		earlier(t, store, once(note(alice, 10+n), fmt.Sprint("later", n), later))
		for m := range n + 1 {
			if earlier(t, store, once(note(alice, 99), fmt.Sprint("later", m), later)) == nil {
				t.Errorf("key %d of %d was dropped", m, n)
			}
		}
	}
}

func keepsNoAnswer(t *testing.T, store Store) {
	now := time.UnixMilli(1763600000123)
	for name, change := range map[string]item.Decision{
		"refused":  func(item.Snapshot) (*item.Item, error) { return nil, errors.New("not like this") },
		"no write": func(item.Snapshot) (*item.Item, error) { return nil, nil },
	} {
		_ = once(note(alice, 1), name, now).Decide(context.Background(), store, change)
		if got := earlier(t, store, once(note(alice, 2), name, now)); got != nil {
			t.Errorf("%s: seen %+v", name, got)
		}
	}
}

func wipedAnswers(t *testing.T, store Store) {
	now := time.UnixMilli(1763600000123)
	earlier(t, store, once(note(alice, 1), "k", now))
	earlier(t, store, once(note(bob, 1), "k", now))
	wipe(t, store, alice, 1, now)
	again := once(note(alice, 1), "k", now)
	again.Epoch = 2
	if got := earlier(t, store, again); got != nil {
		t.Errorf("the wipe left %+v", got)
	}
	if earlier(t, store, once(note(bob, 1), "k", now)) == nil {
		t.Error("the wipe took another user's key")
	}
}

func parallelTwins(t *testing.T, store Store) {
	now := time.UnixMilli(1763600000123)
	var first atomic.Int64
	parallel(20, func(n int) {
		w := once(note(alice, n), "k", now)
		err := w.Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
			if seen.Earlier != nil {
				return nil, nil
			}
			first.Add(1)
			return &item.Item{UID: w.UID, Version: 1, Payload: []byte(`{}`)}, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	if got := list(t, store, item.Query{Owner: alice}); len(got) != 1 || first.Load() < 1 {
		t.Errorf("%d items, %d first writes", len(got), first.Load())
	}
}

func expectedParent(t *testing.T, store Store) {
	put(t, store, note(alice, 1), item.Item{Version: 1})
	put(t, store, note(alice, 2), item.Item{Version: 2, DeletedAt: millis(5)})
	put(t, store, note(bob, 3), item.Item{Version: 1})
	for n, want := range map[int]bool{1: true, 2: false, 3: false, 4: false} {
		w := write(note(alice, 9))
		w.Parent = item.Parent{Kind: "note", UID: uid(n)}
		_ = w.Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
			for m, live := range map[int]bool{n: want, 1: true, 2: false} {
				if got, err := seen.Live("note", uid(m)); err != nil || got != live {
					t.Errorf("expecting note %d: note %d is live %v, %v", n, m, got, err)
				}
			}
			return nil, nil
		})
	}
}

// halfParent checks a write that leaves out a part of the parent it names.
func halfParent(t *testing.T, store Store) {
	task := note(alice, 1)
	task.Kind = "task"
	put(t, store, note(alice, 1), item.Item{Version: 1})
	put(t, store, task, item.Item{Version: 1})
	put(t, store, note(alice, 2), item.Item{Version: 1})
	put(t, store, note(alice, 3), item.Item{Version: 1, DeletedAt: millis(5)})
	put(t, store, note(alice, 9), item.Item{Version: 1, Parent: item.Parent{Kind: "note", UID: uid(1)}})
	for _, expected := range []item.Parent{{}, {Kind: "note"}, {Kind: "task"}, {UID: uid(1)}, {UID: uid(2)}, {UID: uid(3)}, {UID: uid(4)}} {
		for _, of := range []item.Ref{note(alice, 9), note(alice, 8)} { // the second one is not there
			w := write(of)
			w.Parent = expected
			_ = w.Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
				for asked, want := range map[item.Parent]bool{
					{Kind: "note", UID: uid(1)}: true, {Kind: "note", UID: uid(2)}: true, {Kind: "note", UID: uid(3)}: false, {Kind: "note", UID: uid(4)}: false,
					{Kind: "task", UID: uid(1)}: true, {Kind: "task", UID: uid(2)}: false, {Kind: "chat", UID: uid(1)}: false,
				} {
					if got, err := seen.Live(asked.Kind, asked.UID); err != nil || got != want {
						t.Errorf("expecting %v for %s: %v is live %v, %v", expected, of.UID, asked, got, err)
					}
				}
				return nil, nil
			})
		}
	}
}

func unchanged(t *testing.T, store Store) {
	now := time.UnixMilli(1763600000123)
	put(t, store, note(alice, 1), item.Item{Version: 3, UpdatedAt: 7, Payload: []byte(`{"a":1}`), Facets: item.Facets{Terms: []string{"tag:a"}}})
	before := get(t, store, note(alice, 1))
	for _, w := range []Single{write(note(alice, 1)), once(note(alice, 1), "k", now)} {
		err := w.Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) { return seen.Item, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if after := get(t, store, note(alice, 1)); !reflect.DeepEqual(after, before) {
		t.Errorf("%+v became %+v", before, after)
	}
	if got := list(t, store, item.Query{Owner: alice, Filter: item.Filter{Tags: []string{"a"}}}); len(got) != 1 {
		t.Errorf("by its tag: %v", got)
	}
	if got := earlier(t, store, once(note(alice, 1), "k", now)); got == nil || got.Status != 203 {
		t.Errorf("seen %+v", got)
	}
}

func largeAnswers(t *testing.T, store Store) {
	now := time.UnixMilli(1763600000123)
	for n, size := range []int{item.MaxKeptBytes - 100, item.MaxKeptBytes + 1, 1 << 20} {
		w := once(note(alice, n), fmt.Sprint(n), now)
		w.Once.Answer = func(next *item.Item) item.Answer { return item.Answer{Status: 201, Body: next.Payload} }
		err := w.Decide(context.Background(), store, func(item.Snapshot) (*item.Item, error) {
			return &item.Item{UID: w.UID, Version: 5, Payload: []byte(strings.Repeat("x", size))}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got := earlier(t, store, w)
		if got == nil || got.Status != 201 || got.UID != w.UID || got.Version != 5 || (len(got.Body) == size) != (size <= item.MaxKeptBytes) || len(got.Body) > item.MaxKeptBytes {
			t.Errorf("%d bytes: %d kept", size, len(got.Body))
		}
	}
}

// jointAnswers keeps the answers to whole batches, be they large or about nothing.
func jointAnswers(t *testing.T, store Store) {
	now := time.UnixMilli(1763600000123)
	big := strings.Repeat("one of 1000 items ", 10_000)
	made := 0
	try := func(key string, writes ...item.Write) (seen *item.Record, err error) {
		b := batch(alice, writes...)
		b.Joint, b.Now = true, at(now)
		b.Once = &item.Once{Key: key, Request: "request", Keep: keepFor, Joint: func() item.Answer {
			return item.Answer{Status: 200, Body: []byte(fmt.Sprint(made, big))}
		}}
		first := b.Writes[0].Decide
		b.Writes[0].Decide = func(s item.Snapshot) (*item.Item, error) {
			seen = s.Earlier
			return first(s)
		}
		return seen, store.Write(context.Background(), b)
	}
	makes := func(n int) item.Write {
		return item.Write{UID: uid(n), Decide: func(s item.Snapshot) (*item.Item, error) {
			made = n
			return &item.Item{UID: uid(n), Version: s.Version() + 1, StoredAt: s.NextStoredAt(), Payload: []byte(`{}`)}, nil
		}}
	}
	nothing := item.Write{UID: uid(99), Decide: func(item.Snapshot) (*item.Item, error) { return nil, nil }}
	fails := item.Write{UID: uid(98), Decide: func(item.Snapshot) (*item.Item, error) { return nil, errors.New("not like this") }}
	if _, err := try("failed", makes(1), fails); err == nil {
		t.Error("a batch that fails was made")
	}
	for _, row := range []struct {
		key    string
		writes []item.Write
	}{{"failed", []item.Write{makes(1), makes(2)}}, {"k", []item.Write{makes(1), nothing}}, {"empty", []item.Write{nothing}}} {
		if seen, err := try(row.key, row.writes...); seen != nil || err != nil {
			t.Errorf("%s: saw %+v, %v", row.key, seen, err)
		}
		seen, err := try(row.key, nothing)
		if err != nil || seen == nil || seen.Request != "request" || seen.Status != 200 || len(seen.Body) > 4096 {
			t.Fatalf("%s: saw %+v, %v", row.key, seen, err)
		}
		if body, err := seen.Whole(); err != nil || string(body) != fmt.Sprint(made, big) {
			t.Errorf("%s: %d bytes, %v", row.key, len(body), err)
		}
	}
}

func dryBatchKeepsNoAnswer(t *testing.T, store Store) {
	b := batch(alice, item.Write{UID: uid(1), Decide: func(item.Snapshot) (*item.Item, error) {
		return &item.Item{UID: uid(1), Version: 1, Payload: []byte(`{}`)}, nil
	}})
	b.DryRun = true
	b.Once = &item.Once{Key: "k", Request: "r", Keep: keepFor, Joint: func() item.Answer { return item.Answer{Status: 200} }}
	if err := store.Write(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	if got := earlier(t, store, once(note(alice, 2), "k", b.Now())); got != nil {
		t.Errorf("kept %+v", got)
	}
}
