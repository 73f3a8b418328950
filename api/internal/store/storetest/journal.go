package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/store/relational"
)

// Line is a line of a journal as it is stored, and the content that is kept with it;
// nil for none.
type Line struct {
	journal.Line
	Kept []byte
}

// LinesOf reads the journal of an owner, tenant and user.
const LinesOf = `SELECT seq, at_ms, epoch, kind, uid, change, fields, before_version, version, batch, author, client, tool, correlation,
	content_hash, previous, hash, was_deleted, content FROM journal WHERE tenant = $1 AND owner = $2 ORDER BY seq`

// ScanLine reads one row of LinesOf.
func ScanLine(row relational.Row) (line Line, err error) {
	var name, fields string
	var content, previous, hash []byte
	err = row.Scan(&line.Seq, &line.At, &line.Epoch, &line.Kind, &line.UID, &name, &fields, &line.Before, &line.Now, &line.Batch,
		&line.By, &line.Client, &line.Tool, &line.Correlation, &content, &previous, &hash, &line.Revived, &line.Kept)
	line.Name, line.Content, line.Previous, line.Hash = journal.Name(name), content, previous, hash
	return line, errors.Join(err, json.Unmarshal([]byte(fields), &line.Fields))
}

// lines is an owner's journal, its chain checked.
func lines(t *testing.T, store Store, owner account.Owner) []Line {
	t.Helper()
	all, err := store.Lines(context.Background(), owner)
	if err != nil {
		t.Fatal(err)
	}
	var last journal.Digest
	for n, line := range all {
		if line.Seq != int64(n)+1 || !bytes.Equal(line.Previous, last) || !line.Sound() {
			t.Fatalf("line %d is not chained to the one before: %+v", n+1, line)
		}
		last = line.Hash
	}
	return all
}

var origin = journal.Origin{By: "ann@example.org ä", Client: "client", Tool: "tool", Correlation: "corr"}

// next is the next version of what a write sees, with a payload.
func next(uid, payload string) item.Decision {
	return func(seen item.Snapshot) (*item.Item, error) {
		return &item.Item{UID: uid, Version: seen.Version() + 1, StoredAt: seen.NextStoredAt(), Payload: []byte(payload),
			Change: journal.Change{Name: journal.Updated, Fields: []string{"a", "ä\"\u2028"}}}, nil
	}
}

// without is the tombstone of what a write sees.
func without(seen item.Snapshot) (*item.Item, error) {
	gone := *seen.Item
	gone.Version, gone.StoredAt, gone.DeletedAt = gone.Version+1, seen.NextStoredAt(), millis(7)
	gone.Change = journal.Change{Name: journal.Deleted}
	return &gone, nil
}

func mustWrite(t *testing.T, store Store, b item.Batch) {
	t.Helper()
	if err := store.Write(context.Background(), b); err != nil {
		t.Fatal(err)
	}
}

// linesOfWrites makes writes of every sort, alone and together, and compares the lines
// with those that follow from the writes.
func linesOfWrites(t *testing.T, store Store) {
	put(t, store, note(bob, 1), item.Item{Version: 1})
	var want []Line
	var seqs []int64
	run := func(joint bool, at int64, writes ...item.Write) {
		b := batch(alice, writes...)
		b.Joint, b.Origin, b.Now = joint, origin, fixed(at)
		for i, w := range b.Writes {
			b.Writes[i].Decide = func(seen item.Snapshot) (*item.Item, error) {
				made, err := w.Decide(seen)
				if err == nil {
					want = append(want, lineOf(seen, w, made, want, b, len(want)-i))
				}
				return made, err
			}
		}
		mustWrite(t, store, b)
	}
	one, two := uid(1), uid(2)
	run(false, 1000, item.Write{UID: one, Decide: next(one, `{"n":1}`)})
	run(false, 1000, item.Write{UID: one, Decide: next(one, `{"n":"ä😀"}`)})
	run(false, 900, item.Write{UID: one, Frees: true, Decide: without})
	run(true, 1000, item.Write{UID: one, Decide: next(one, `{"n":3}`)}, item.Write{Kind: "task", UID: one, Decide: next(one, `{}`)},
		item.Write{UID: two, Decide: next(two, strings.Repeat("x", 100_000))}, item.Write{UID: one, Decide: next(one, `{"n":4}`)})
	run(true, 5000, item.Write{UID: two, Decide: next(two, ``)})
	got := lines(t, store, alice)
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for n := range want {
		if seqs = append(seqs, got[n].At); !same(got[n], want[n]) {
			t.Errorf("line %d is %+v\nwant %+v", n+1, got[n], want[n])
		}
	}
	if wantTimes := []int64{1000, 1001, 1002, 1003, 1003, 1003, 1003, 5000}; !reflect.DeepEqual(seqs, wantTimes) {
		t.Errorf("at %v, want %v", seqs, wantTimes)
	}
	if other := lines(t, store, bob); len(other) != 1 {
		t.Errorf("%d lines of another owner", len(other))
	}
}

// fixed is a clock that stands still.
func fixed(ms int64) func() time.Time { return at(time.UnixMilli(ms)) }

// lineOf is the line of a write, behind those before it. First is how many there were
// before its batch.
func lineOf(seen item.Snapshot, w item.Write, made *item.Item, before []Line, b item.Batch, first int) Line {
	line := Line{Line: journal.Line{
		Seq: int64(len(before)) + 1, At: int64(made.StoredAt), Epoch: 1, Kind: string(w.Kind), UID: w.UID,
		Before: seen.Version(), Now: made.Version, Change: made.Change, Origin: b.Origin,
	}}
	if b.Joint {
		line.Batch = int64(first) + 1
	}
	if seen.Item != nil {
		line.Revived, line.Content, line.Kept = seen.Item.Deleted(), journal.DigestOf(seen.Item.Payload), seen.Item.Payload
	}
	return line
}

// same compares lines but for their chain, which is checked already.
func same(got, want Line) bool {
	got.Previous, got.Hash = nil, nil
	if len(got.Content) == 0 {
		got.Content = nil
	}
	got.Fields, want.Fields = got.Names(), want.Names()
	return reflect.DeepEqual(got, want)
}

func noLines(t *testing.T, store Store) {
	put(t, store, note(alice, 1), item.Item{Version: 1, Payload: []byte(`{"a":1}`)})
	no := errors.New("no")
	refuse := func(item.Snapshot) (*item.Item, error) { return nil, no }
	for name, row := range map[string]struct {
		b    item.Batch
		want error
	}{
		"nothing":           {batch(alice, item.Write{UID: uid(1), Decide: func(item.Snapshot) (*item.Item, error) { return nil, nil }}), nil},
		"the item as it is": {batch(alice, item.Write{UID: uid(1), Decide: func(seen item.Snapshot) (*item.Item, error) { return seen.Item, nil }}), nil},
		"a failed batch":    {batch(alice, item.Write{UID: uid(2), Decide: next(uid(2), `{}`)}, item.Write{UID: uid(1), Decide: refuse}), no},
		"no writes":         {batch(alice), nil},
	} {
		if err := store.Write(context.Background(), row.b); err != row.want {
			t.Errorf("%s: %v", name, err)
		}
		if got := lines(t, store, alice); len(got) != 1 {
			t.Errorf("%s: %d lines", name, len(got))
		}
	}
	put(t, store, note(alice, 1), item.Item{Version: 2})
	if got := lines(t, store, alice); len(got) != 2 || string(got[1].Kept) != `{"a":1}` {
		t.Errorf("%d lines after a write", len(got))
	}
}

func parallelLines(t *testing.T, store Store) {
	const writers = 30
	parallel(writers, func(n int) {
		owner, of := []account.Owner{alice, bob}[n%2], uid(n%3)
		b := batch(owner, item.Write{UID: of, Decide: next(of, fmt.Sprint(n))}, item.Write{UID: uid(9), Decide: next(uid(9), `{}`)})
		b.Joint = true
		if err := store.Write(context.Background(), b); err != nil {
			t.Error(err)
		}
	})
	for _, owner := range []account.Owner{alice, bob} {
		all := lines(t, store, owner)
		if len(all) != writers {
			t.Fatalf("%d lines of %d writes", len(all), writers)
		}
		for n, line := range all {
			if line.Batch != int64(n/2*2+1) || n > 0 && line.At < all[n-1].At {
				t.Errorf("line %d is of batch %d, at %d", n+1, line.Batch, line.At)
			}
		}
	}
}

// heads checks the head that each write sees, in a batch and after one, and the number
// of its own line.
func heads(t *testing.T, store Store) {
	var made []*item.Item
	look := func(want int64) item.Decision {
		return func(seen item.Snapshot) (*item.Item, error) {
			if seen.Head.Seq != want || (len(seen.Head.Hash) == 0) != (want == 0) {
				t.Errorf("saw %+v, want line %d", seen.Head, want)
			}
			one, err := next(uid(1), `{}`)(seen)
			made = append(made, one)
			return one, err
		}
	}
	mustWrite(t, store, batch(alice, item.Write{UID: uid(1), Decide: look(0)}, item.Write{UID: uid(1), Decide: look(1)}))
	mustWrite(t, store, batch(alice, item.Write{UID: uid(1), Decide: look(2)}))
	mustWrite(t, store, batch(bob, item.Write{UID: uid(1), Decide: look(0)}))
	all := lines(t, store, alice)
	for n, of := range made[:3] {
		if of.Seq != int64(n)+1 {
			t.Errorf("item %d has line %d", n, of.Seq)
		}
	}
	mustWrite(t, store, batch(alice, item.Write{UID: uid(2), Decide: func(seen item.Snapshot) (*item.Item, error) {
		if last := all[2]; seen.Head.Seq != last.Seq || seen.Head.At != last.At || !bytes.Equal(seen.Head.Hash, last.Hash) {
			t.Errorf("saw %+v, want %+v", seen.Head, last)
		}
		return nil, nil
	}}))
}

func past(t *testing.T, store Store) {
	one := uid(1)
	for n := range 3 {
		mustWrite(t, store, batch(alice, item.Write{UID: one, Decide: next(one, fmt.Sprintf(`{"n":%d}`, n+1))}))
	}
	mustWrite(t, store, batch(alice, item.Write{UID: one, Decide: without}))
	mustWrite(t, store, batch(alice, item.Write{UID: one, Decide: next(one, `{"n":5}`)}))
	mustWrite(t, store, batch(alice, item.Write{Kind: "task", UID: one, Decide: next(one, `{"task":1}`)}))
	mustWrite(t, store, batch(bob, item.Write{UID: one, Decide: next(one, `{"bob":1}`)}, item.Write{UID: one, Decide: next(one, `{}`)}))
	see := func(ref item.Ref, epoch int64, want map[int64]string) {
		t.Helper()
		look := write(ref)
		look.Epoch = epoch
		err := look.Decide(context.Background(), store, func(seen item.Snapshot) (*item.Item, error) {
			for version, payload := range want {
				got, err := seen.Past(version)
				said := ""
				if got != nil {
					said = string(got.Payload) + map[bool]string{true: " deleted"}[got.Deleted]
				}
				if err != nil || said != payload {
					t.Errorf("%s %s: version %d was %q, %v", ref.Kind, ref.UID, version, said, err)
				}
			}
			return nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	see(note(alice, 1), 1, map[int64]string{0: "", 1: `{"n":1}`, 2: `{"n":2}`, 3: `{"n":3}`, 4: `{"n":3} deleted`, 5: `{"n":5}`, 6: "", -1: ""})
	see(note(alice, 2), 1, map[int64]string{0: "", 1: "", 5: ""})
	see(item.Ref{Owner: alice, Kind: "task", UID: one}, 1, map[int64]string{0: "", 1: `{"task":1}`, 2: "", 3: ""})
	see(note(bob, 1), 1, map[int64]string{1: `{"bob":1}`, 2: `{}`, 3: ""})
	wipe(t, store, alice, 1, time.UnixMilli(1763600000123))
	see(note(alice, 1), 2, map[int64]string{1: "", 3: "", 5: ""})
	again := batch(alice, item.Write{UID: one, Decide: next(one, `{"again":1}`)}, item.Write{UID: one, Decide: next(one, `{"again":2}`)})
	again.Epoch = 2
	mustWrite(t, store, again)
	see(note(alice, 1), 2, map[int64]string{1: `{"again":1}`, 2: `{"again":2}`, 3: "", 4: "", 5: ""})
}

// dryRuns compares the errors of a dry run with those of the write itself.
func dryRuns(t *testing.T, store Store) {
	put(t, store, note(alice, 1), item.Item{Version: 1, StoredAt: 5, Payload: []byte(`{"a":1}`), Facets: item.Facets{Terms: []string{"tag:a"}}})
	before, usedBefore := get(t, store, note(alice, 1)), used(t, store, alice, 1)
	reached := 0
	changes := batch(alice, item.Write{UID: uid(1), Decide: next(uid(1), `{"b":1}`)}, item.Write{UID: uid(2), Decide: next(uid(2), `{}`)},
		item.Write{UID: uid(1), Decide: func(seen item.Snapshot) (*item.Item, error) {
			if reached++; seen.Version() != 2 || seen.Head.Seq != 3 {
				t.Errorf("saw version %d, line %d", seen.Version(), seen.Head.Seq)
			}
			return without(seen)
		}})
	changes.DryRun, changes.Quota = true, item.Quota{Items: 1, Bytes: 1}
	mustWrite(t, store, changes)
	if after := get(t, store, note(alice, 1)); !reflect.DeepEqual(after, before) || get(t, store, note(alice, 2)) != nil || reached != 1 {
		t.Errorf("left %+v after %d decisions", after, reached)
	}
	if got := list(t, store, item.Query{Owner: alice, Filter: item.Filter{Tags: []string{"a"}}}); len(got) != 1 {
		t.Errorf("listed %v", got)
	}
	if after := used(t, store, alice, 1); after != usedBefore || len(lines(t, store, alice)) != 1 {
		t.Errorf("uses %+v, before %+v", after, usedBefore)
	}
	no := errors.New("no")
	changes.Writes = append(changes.Writes, item.Write{Kind: "note", UID: uid(1), Decide: func(item.Snapshot) (*item.Item, error) { return nil, no }})
	if err := store.Write(context.Background(), changes); err != no {
		t.Errorf("a refusal: %v", err)
	}
	put(t, store, note(alice, 3), item.Item{Version: 1})
	if got := lines(t, store, alice); len(got) != 2 {
		t.Errorf("%d lines", len(got))
	}
}

// wipedLines checks that the journal keeps its lines, without what they kept, and that
// later ones follow.
func wipedLines(t *testing.T, store Store) {
	for _, owner := range []account.Owner{alice, bob} {
		for n := range 3 {
			mustWrite(t, store, batch(owner, item.Write{UID: uid(1), Decide: next(uid(1), fmt.Sprint(n))}))
		}
	}
	if _, _, err := store.Wipe(context.Background(), alice, 1, origin, fixed(1763600000123)); err != nil {
		t.Fatal(err)
	}
	again := batch(alice, item.Write{UID: uid(1), Decide: next(uid(1), `{}`)})
	again.Epoch = 2
	mustWrite(t, store, again)
	all := lines(t, store, alice)
	if len(all) != 5 {
		t.Fatalf("%d lines", len(all))
	}
	for _, line := range all {
		if line.Kept != nil {
			t.Errorf("line %d keeps %q", line.Seq, line.Kept)
		}
	}
	if len(all[1].Content) == 0 || all[4].Before != 0 || all[4].Now != 1 || all[4].Epoch != 2 {
		t.Errorf("the first line has %+v, the last one is %+v", all[1], all[4])
	}
	want := Line{Line: journal.Line{Seq: 4, At: all[2].At + 1, Epoch: 1, Change: journal.Change{Name: journal.Wiped}, Origin: origin}}
	if !same(all[3], want) {
		t.Errorf("the wipe left %+v\nwant %+v", all[3], want)
	}
	if said, want := used(t, store, alice, 2), counted(t, store, alice); said != want {
		t.Errorf("uses %+v, the store says %+v", want, said)
	}
	if other := lines(t, store, bob); len(other) != 3 || string(other[2].Kept) != "1" {
		t.Errorf("of another owner %+v are left", other)
	}
}
