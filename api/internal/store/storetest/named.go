package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
)

// titled stores an item of alice, and one of bob under the same key.
func titled(t *testing.T, store Store, kind entity.Kind, n int, title string, change func(*item.Item)) {
	t.Helper()
	next := item.Item{
		Version: 1, Facets: item.Facets{Title: strings.ToLower(title)}, Summary: []byte(`{"title":"` + title + `"}`), Payload: []byte(`{"n":` + fmt.Sprint(n) + `}`),
	}
	if change != nil {
		change(&next)
	}
	put(t, store, item.Ref{Owner: alice, Kind: kind, UID: uid(n)}, next)
	put(t, store, item.Ref{Owner: bob, Kind: kind, UID: uid(n)}, next)
	put(t, store, item.Ref{Owner: eve, Kind: kind, UID: uid(n)}, next)
}

func lookups(t *testing.T, store Store) {
	titled(t, store, "note", 1, "Milk", nil)
	titled(t, store, "note", 2, "milk", nil)
	titled(t, store, "note", 3, "Milk", func(i *item.Item) { i.DeletedAt = millis(5) })
	titled(t, store, "task", 1, "Milk", nil)
	titled(t, store, "task", 4, "Ämter %", func(i *item.Item) { i.Payload = []byte(`{"n":"` + strings.Repeat("ä", 100) + `"}`) })
	put(t, store, item.Ref{Owner: alice, Kind: "comment", UID: uid(5)}, item.Item{Version: 1, Summary: []byte(`{}`)})
	put(t, store, item.Ref{Owner: bob, Kind: "note", UID: uid(6)}, item.Item{Version: 1, Facets: item.Facets{Title: "bread"}, Summary: []byte(`{"title":"Bread"}`)})
	found := func(lookup int, kind entity.Kind, n int, title string) item.LookedUp {
		return item.LookedUp{Lookup: lookup, Size: 7, Candidate: item.Candidate{Kind: kind, UID: uid(n), Title: title}}
	}
	gone, large, untitled := found(0, "note", 3, "Milk"), found(0, "task", 4, "Ämter %"), found(0, "comment", 5, "")
	gone.Deleted, large.Size, untitled.Size = true, 208, 2
	again := gone
	again.Lookup = 1
	all := uid(0)[:len(uid(0))-1]
	for name, row := range map[string]struct {
		lookups []item.Lookup
		most    int
		want    []item.LookedUp
	}{
		"nothing":            {nil, 9, nil},
		"a title":            {[]item.Lookup{{Kind: "note", Title: "milk"}}, 9, []item.LookedUp{found(0, "note", 1, "Milk"), found(0, "note", 2, "milk")}},
		"a title, bounded":   {[]item.Lookup{{Kind: "note", Title: "milk"}}, 1, []item.LookedUp{found(0, "note", 1, "Milk")}},
		"a title of signs":   {[]item.Lookup{{Kind: "task", Title: "ämter %"}}, 9, []item.LookedUp{large}},
		"part of a title":    {[]item.Lookup{{Kind: "task", Title: "ämter"}, {Kind: "task", Title: "%"}}, 9, nil},
		"no title":           {[]item.Lookup{{Kind: "comment", Title: ""}}, 9, []item.LookedUp{untitled}},
		"another owner's":    {[]item.Lookup{{Kind: "note", Title: "bread"}, {Kind: "note", Prefix: uid(6)}}, 9, nil},
		"a uid":              {[]item.Lookup{{Kind: "note", Prefix: uid(3)}}, 9, []item.LookedUp{gone}},
		"the same uid twice": {[]item.Lookup{{Kind: "note", Prefix: uid(3)}, {Kind: "note", Prefix: uid(3)}}, 9, []item.LookedUp{gone, again}},
		"a beginning":        {[]item.Lookup{{Kind: "note", Prefix: all}}, 9, []item.LookedUp{found(0, "note", 1, "Milk"), found(0, "note", 2, "milk"), gone}},
		"several": {
			[]item.Lookup{{Kind: "chat", Prefix: all}, {Kind: "task", Title: "milk"}, {Kind: "note", Prefix: all}, {Kind: "note", Title: "milk"}}, 1,
			[]item.LookedUp{found(1, "task", 1, "Milk"), found(2, "note", 1, "Milk"), found(3, "note", 1, "Milk")},
		},
	} {
		got, err := store.LookUp(context.Background(), alice, row.lookups, row.most)
		if err != nil || !slices.Equal(got, row.want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, row.want)
		}
	}
}

func picks(t *testing.T, store Store) {
	titled(t, store, "note", 1, "Milk", nil) // of 7 bytes
	titled(t, store, "note", 2, "Bread", func(i *item.Item) { i.DeletedAt = millis(5) })
	titled(t, store, "task", 1, "Milk", func(i *item.Item) { i.Parent = item.Parent{Kind: "note", UID: uid(9)} })
	put(t, store, item.Ref{Owner: bob, Kind: "note", UID: uid(6)}, item.Item{Version: 1})
	got, err := store.Pick(context.Background(), alice, []item.Pick{
		{Kind: "task", UID: uid(1), Most: 7}, {Kind: "note", UID: uid(6), Most: 99}, {Kind: "note", UID: uid(2), Most: 7},
		{Kind: "note", UID: uid(1), Most: 6}, {Kind: "note", UID: uid(1), Most: 8}, {Kind: "comment", UID: uid(1), Most: 8},
	})
	if err != nil || len(got) != 6 {
		t.Fatalf("%v, %v", got, err)
	}
	for n, want := range []string{`task {"n":1} 0`, "none", `deleted {"n":2} 0`, " 7", `{"n":1} 0`, "none"} {
		shown := "none"
		if found := got[n]; found != nil {
			shown = fmt.Sprint(string(found.Payload), " ", found.Size)
			if found.Deleted() {
				shown = "deleted " + shown
			}
			if found.Parent.UID == uid(9) {
				shown = "task " + shown
			}
		}
		if shown != want {
			t.Errorf("%d: %s, want %s", n, shown, want)
		}
	}
	if got, err := store.Pick(context.Background(), alice, nil); err != nil || len(got) != 0 {
		t.Errorf("of none: %v, %v", got, err)
	}
}

// child stores a child of alice's, and one of bob's under the same key.
func child(t *testing.T, store Store, kind entity.Kind, n int, parent item.Parent, created, stored int64, change func(*item.Item)) {
	t.Helper()
	next := item.Item{Version: 1, Parent: parent, CreatedAt: item.Millis(created), UpdatedAt: item.Millis(stored), StoredAt: item.Millis(stored)}
	if change != nil {
		change(&next)
	}
	put(t, store, item.Ref{Owner: alice, Kind: kind, UID: uid(n)}, next)
	put(t, store, item.Ref{Owner: bob, Kind: kind, UID: uid(n + 1000)}, next)
}

func families(t *testing.T, store Store) {
	note, task, chat := item.Parent{Kind: "note", UID: uid(1)}, item.Parent{Kind: "task", UID: uid(1)}, item.Parent{Kind: "chat", UID: uid(1)}
	child(t, store, "comment", 1, note, 10, 90, nil) // was changed last
	child(t, store, "comment", 2, note, 20, 20, func(i *item.Item) { i.Payload = []byte(`{"text":"ä"}`) })
	child(t, store, "comment", 3, note, 30, 30, func(i *item.Item) { i.DeletedAt = millis(40) })
	child(t, store, "comment", 4, note, 40, 50, nil)
	child(t, store, "comment", 5, task, 50, 50, nil)
	child(t, store, "comment", 6, item.Parent{Kind: "note", UID: uid(2)}, 60, 60, nil)
	child(t, store, "comment", 7, item.Parent{}, 70, 70, nil)
	child(t, store, "chat_message", 8, chat, 80, 80, nil)
	child(t, store, "chat_message", 9, chat, 80, 80, nil)
	wanted := []item.Family{{Kind: "comment", Parent: note}, {Kind: "chat_message", Parent: note}, {Kind: "chat_message", Parent: chat}, {Kind: "comment", Parent: task}, {Kind: "comment", Parent: note}}
	for newest, want := range map[int]string{
		0:  "3:[] 0:[] 2:[] 1:[] 3:[]",
		2:  "3:[4/2 2/13] 0:[] 2:[9/2 8/2] 1:[5/2] 3:[4/2 2/13]",
		50: "3:[4/2 2/13 1/2] 0:[] 2:[9/2 8/2] 1:[5/2] 3:[4/2 2/13 1/2]",
	} {
		found, err := store.Families(context.Background(), alice, wanted, newest)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, members := range found {
			var shown []string
			for _, m := range members.Newest {
				shown = append(shown, strings.TrimLeft(m.UID[24:], "0")+"/"+fmt.Sprint(m.Size))
			}
			all = append(all, fmt.Sprint(members.Total, ":", shown))
		}
		if got := strings.Join(all, " "); got != want {
			t.Errorf("the newest %d: %s, want %s", newest, got, want)
		}
	}
}

func recentFamilies(t *testing.T, store Store) {
	chat := item.Parent{Kind: "chat", UID: uid(1)}
	var writes []item.Write
	for n := range item.MaxRecent + 5 {
		writes = append(writes, item.Write{Kind: "chat_message", UID: uid(n), Decide: func(item.Snapshot) (*item.Item, error) {
			at := item.Millis(n)
			return &item.Item{UID: uid(n), Version: 1, Parent: chat, CreatedAt: at, UpdatedAt: at, StoredAt: at, Payload: []byte(`{}`)}, nil
		}})
	}
	if err := store.Write(context.Background(), item.Batch{Owner: alice, Epoch: 1, Now: write(note(alice, 1)).Now, Writes: writes}); err != nil {
		t.Fatal(err)
	}
	found, err := store.Families(context.Background(), alice, []item.Family{{Kind: "chat_message", Parent: chat}}, 3)
	if err != nil || found[0].Total != item.MaxRecent+1 || len(found[0].Newest) != 3 || found[0].Newest[0].UID != uid(len(writes)-1) {
		t.Errorf("%+v, %v", found, err)
	}
}
