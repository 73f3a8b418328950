package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
)

// kindsOfBatch makes an item of each kind under one uid, each with the one before it as
// its expected parent.
func kindsOfBatch(t *testing.T, store Store) {
	b := batch(alice)
	var before entity.Kind
	for _, kind := range kinds() {
		expected := item.Parent{Kind: before, UID: uid(1)}
		b.Writes = append(b.Writes, item.Write{Kind: kind, UID: uid(1), Parent: expected, Decide: func(seen item.Snapshot) (*item.Item, error) {
			for _, of := range kinds() {
				want := slices.Index(kinds(), of) < slices.Index(kinds(), kind)
				if live, err := seen.Live(of, uid(1)); err != nil || live != want || seen.Item != nil {
					t.Errorf("%s saw %+v, and that %s lives: %v, %v", kind, seen.Item, of, live, err)
				}
			}
			return next(uid(1), `{"of":"`+string(kind)+`"}`)(seen)
		}})
		before = kind
	}
	mustWrite(t, store, b)
	for n, line := range lines(t, store, alice) {
		kind := kinds()[n]
		found := get(t, store, item.Ref{Owner: alice, Kind: kind, UID: uid(1)})
		if line.Kind != string(kind) || found == nil || string(found.Payload) != `{"of":"`+string(kind)+`"}` {
			t.Errorf("line %d is of %s, stored %+v", n+1, line.Kind, found)
		}
	}
}

// tagged gives notes a payload and tags.
func tagged(uids []string, payload string, tags ...string) (writes []item.Write) {
	for _, of := range uids {
		writes = append(writes, item.Write{Kind: "note", UID: of, Decide: func(seen item.Snapshot) (*item.Item, error) {
			made, err := next(of, payload)(seen)
			made.Facets.Terms = terms(tags)
			return made, err
		}})
	}
	return writes
}

// selecting is a write of the notes with a tag, which gives them another tag.
func selecting(tag string, limit int, to string, saw *[]string, more *bool) item.Write {
	return item.Write{Where: &item.Selection{
		Query: item.Query{Owner: bob, Kind: "note", Limit: limit, Filter: item.Filter{Tags: []string{tag}}}, // whoever it names, the batch's owner counts
		Then: func(uids []string, beyond bool) ([]item.Write, error) {
			*saw, *more = slices.Clone(uids), beyond
			return tagged(uids, `{"to":"`+to+`"}`, to), nil
		},
	}}
}

// selections moves notes from tag to tag, in one batch with other writes.
func selections(t *testing.T, store Store) {
	uids := []string{uid(3), uid(1), uid(2)}
	for _, of := range uids {
		mustWrite(t, store, batch(alice, tagged([]string{of}, `{}`, "a")...))
	}
	mustWrite(t, store, batch(bob, tagged([]string{uid(7)}, `{}`, "a")...))
	mustWrite(t, store, batch(alice, item.Write{UID: uid(2), Decide: without}))
	var first, second, third []string
	var more, rest, none bool
	b := batch(alice, append(tagged([]string{uid(5)}, `{}`, "a"),
		selecting("a", 9, "b", &first, &more), selecting("b", 2, "c", &second, &rest), selecting("a", 9, "d", &third, &none))...)
	b.Joint = true
	mustWrite(t, store, b)
	if !slices.Equal(first, []string{uid(3), uid(1), uid(5)}) || more {
		t.Errorf("matched %v, more %v", first, more)
	}
	if len(second) != 2 || !rest || len(third) != 0 || none {
		t.Errorf("then matched %v, more %v, then %v, more %v", second, rest, third, none)
	}
	if got := list(t, store, item.Query{Owner: alice, Filter: item.Filter{Tags: []string{"c"}}}); !slices.Equal(got, slices.Sorted(slices.Values(second))) {
		t.Errorf("%v have the last tag, want %v", got, second)
	}
	if got := list(t, store, item.Query{Owner: bob, Filter: item.Filter{Tags: []string{"a"}}}); len(got) != 1 {
		t.Errorf("of another owner %v have the tag", got)
	}
	all := lines(t, store, alice)
	if len(all) != 4+1+3+2 {
		t.Fatalf("%d lines", len(all))
	}
	for _, line := range all[4:] {
		if line.Batch != 5 {
			t.Errorf("line %d is of batch %d", line.Seq, line.Batch)
		}
	}
}

func failedSelections(t *testing.T, store Store) {
	mustWrite(t, store, batch(alice, tagged([]string{uid(1)}, `{}`, "a")...))
	no := errors.New("too many")
	for name, then := range map[string]func([]string, bool) ([]item.Write, error){
		"refused": func([]string, bool) ([]item.Write, error) { return nil, no },
		"a write fails": func([]string, bool) ([]item.Write, error) {
			return []item.Write{{Kind: "note", UID: uid(1), Decide: func(item.Snapshot) (*item.Item, error) { return nil, no }}}, nil
		},
	} {
		where := &item.Selection{Query: item.Query{Kind: "note", Limit: 9}, Then: then}
		b := batch(alice, append(tagged([]string{uid(2)}, `{}`), item.Write{Where: where})...)
		if err := store.Write(context.Background(), b); err != no {
			t.Errorf("%s: %v", name, err)
		}
		overtaken := batch(alice, item.Write{Where: where})
		overtaken.Epoch = 7
		if err := store.Write(context.Background(), overtaken); err == nil || err == no {
			t.Errorf("%s, at another epoch: %v", name, err)
		}
	}
	where := &item.Selection{Query: item.Query{Kind: "task", Limit: 9}, Then: func(uids []string, more bool) ([]item.Write, error) {
		if len(uids) > 0 || more {
			t.Errorf("matched %v, more %v", uids, more)
		}
		return nil, nil
	}}
	mustWrite(t, store, batch(alice, item.Write{Where: where}))
	if got := list(t, store, item.Query{Owner: alice}); len(got) != 1 || len(lines(t, store, alice)) != 1 {
		t.Errorf("stored %v", got)
	}
}
