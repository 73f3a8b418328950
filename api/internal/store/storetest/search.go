package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/search"
)

// putText stores a live item with a text.
func putText(t *testing.T, store item.Store, ref item.Ref, version int64, title, body string) {
	t.Helper()
	put(t, store, ref, item.Item{
		Version: version, UpdatedAt: item.Millis(version), Text: &item.Text{Title: title, Body: body},
		Payload: []byte(`{"content":"` + body + `"}`), Summary: []byte(`{"title":"` + title + `"}`),
	})
}

// searched is the last digits of the uids that a query finds, each tier's in brackets.
func searched(t *testing.T, store item.Store, text string, change func(*item.Matching)) string {
	t.Helper()
	query, err := search.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	m := item.Matching{Search: item.Search{Owner: alice, Limit: 50}}
	change(&m)
	m.Tiers = query.Tiers(m.Owner, m.Kinds...)
	found, more, err := store.Search(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for i, f := range found {
		if i == 0 || found[i-1].Rank.Tier != f.Rank.Tier {
			all.WriteString("|")
		}
		all.WriteString(f.Item.UID[len(f.Item.UID)-1:])
	}
	if more {
		all.WriteString("+")
	}
	return all.String()
}

func anything(*item.Matching) {}

func searches(t *testing.T, store Store) {
	putText(t, store, note(alice, 1), 1, "fox", "text")
	putText(t, store, note(alice, 2), 1, "text", "a red fox")
	putText(t, store, note(alice, 3), 1, "red", "a fox")
	putText(t, store, note(alice, 4), 1, "red fox", "")
	putText(t, store, item.Ref{Owner: alice, Kind: "task", UID: uid(5)}, 1, "fox", "red")
	putText(t, store, note(alice, 6), 1, "fox red", "")
	for _, owner := range []account.Owner{bob, eve} {
		putText(t, store, note(owner, 7), 1, "red fox", "")
	}
	for text, want := range map[string]string{
		"red fox": "|64|53|2|1", "fox ": "|6541|32", `"red fox"`: "|4|2", "fox -red": "|1", "-red": "|1", "nothing": "",
	} {
		if got := searched(t, store, text, anything); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	tasks := func(m *item.Matching) { m.Kinds = []entity.Kind{"task"} }
	if got := searched(t, store, "fox", tasks); got != "|5" {
		t.Errorf("of one kind: %s", got)
	}
}

func searchPages(t *testing.T, store Store) {
	for n := range 10 {
		putText(t, store, note(alice, n), 1, []string{"fox", "red fox", "other"}[n%3], "a fox")
	}
	var after *item.Rank
	var all string
	for _, want := range []string{"|741+", "|963+", "|0|85+", "|2", ""} {
		query, _ := search.Parse("red fox")
		m := item.Matching{Search: item.Search{Owner: alice, Limit: 3, After: after}, Tiers: query.Tiers(alice)}
		if got := searched(t, store, "red fox", func(to *item.Matching) { *to = m }); got != want {
			t.Errorf("behind %s: %s, want %s", all, got, want)
		}
		all += want
		found, _, err := store.Search(context.Background(), m)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			after = &found[len(found)-1].Rank
		}
	}
}

// A text that has not changed keeps its place; one that has is the newest.
func searchFollows(t *testing.T, store Store) {
	for n := range 3 {
		putText(t, store, note(alice, n), 1, "fox", "text")
	}
	put(t, store, note(alice, 0), item.Item{Version: 2, UpdatedAt: 2, Facets: item.Facets{Archived: true}})
	putText(t, store, note(alice, 1), 2, "fox", "other")
	if got := searched(t, store, "fox", anything); got != "|120" {
		t.Errorf("after changes: %s", got)
	}
	if got := searched(t, store, "text", anything); got != "|20" {
		t.Errorf("by its former text: %s", got)
	}
	archived := true
	if got := searched(t, store, "fox", func(m *item.Matching) { m.Filter.Archived = &archived }); got != "|0" {
		t.Errorf("filtered: %s", got)
	}
	put(t, store, note(alice, 2), item.Item{Version: 2, UpdatedAt: 2, DeletedAt: millis(2)})
	if got := searched(t, store, "fox", anything); got != "|10" {
		t.Errorf("after a deletion: %s", got)
	}
	putText(t, store, note(alice, 2), 3, "fox", "again")
	if got := searched(t, store, "fox", anything); got != "|210" {
		t.Errorf("after the tombstone was revived: %s", got)
	}
	if _, _, err := store.Wipe(context.Background(), alice, 1, journal.Origin{}, time.Now); err != nil {
		t.Fatal(err)
	}
	if got := searched(t, store, "fox", anything); got != "" {
		t.Errorf("after a wipe: %s", got)
	}
}

// twins are two owners whose words begin with the same code.
func twins() (one, other account.Owner) {
	known := map[string]account.Owner{}
	for n := 0; ; n++ {
		owner := account.Owner{Tenant: fmt.Sprint("tenant", n%2), User: fmt.Sprint("user", n)}
		code := search.NewRow(owner, "note", search.Text{}).Scope
		if twin, met := known[code]; met {
			return twin, owner
		}
		known[code] = owner
	}
}

// The same few words everywhere: nothing but the owner keeps the texts apart.
func searchOfMany(t *testing.T, store Store) {
	one, other := twins()
	owners := []account.Owner{alice, bob, eve, one, other}
	random := rand.New(rand.NewPCG(7, 8))
	words := []string{"red", "fox", "dog", "l'eau", "2026-11-20", "\u6771\u4eac\u90fd", "\u4eac\u90fd", ""}
	some := func() string { return words[random.IntN(len(words))] + " " + words[random.IntN(len(words))] }
	owned := map[string]account.Owner{}
	for n := range 100 {
		owner := owners[random.IntN(len(owners))]
		ref := item.Ref{Owner: owner, Kind: []entity.Kind{"note", "task"}[n%2], UID: uid(n)}
		owned[ref.UID] = owner
		putText(t, store, ref, 1, some(), some())
	}
	all := 0
	for range 200 {
		owner, text := owners[random.IntN(len(owners))], some()
		if random.IntN(4) == 0 {
			text = "-" + text
		}
		query, _ := search.Parse(text)
		m := item.Matching{Search: item.Search{Owner: owner, Limit: 50}, Tiers: query.Tiers(owner)}
		if len(m.Tiers) == 0 {
			continue
		}
		found, _, err := store.Search(context.Background(), m)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if owned[f.Item.UID] != owner {
				t.Errorf("%v finds %s of %v", owner, f.Item.UID, owned[f.Item.UID])
			}
		}
		all += len(found)
	}
	if all < 500 {
		t.Errorf("only %d found", all)
	}
}

// What a batch leaves is found: not the texts that it replaced, and no tombstone.
func searchFollowsBatches(t *testing.T, store Store) {
	putText(t, store, note(alice, 1), 1, "old", "fox")
	putText(t, store, note(alice, 2), 1, "old", "fox")
	var writes []item.Write
	add := func(n int, title string, deletes bool) {
		writes = append(writes, item.Write{UID: uid(n), Decide: func(seen item.Snapshot) (*item.Item, error) {
			next := &item.Item{UID: uid(n), Version: seen.Version() + 1, StoredAt: seen.NextStoredAt(), Payload: []byte(`{}`)}
			if next.Text = (&item.Text{Title: title, Body: "fox"}); deletes {
				next.Text, next.DeletedAt = nil, millis(2)
			}
			return next, nil
		}})
	}
	add(3, "first", false)
	add(1, "first", false)
	add(4, "gone", false)
	add(3, "second", false)
	add(4, "", true)
	add(2, "", true)
	add(4, "back", false)
	add(5, "last", false)
	add(5, "", true)
	if err := store.Write(context.Background(), batch(alice, writes...)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"fox ": "|431", "first ": "|1", "second ": "|3", "back ": "|4", "old ": "", "gone ": "", "last ": ""} {
		if got := searched(t, store, text, anything); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	dry := batch(alice, writes...)
	dry.DryRun = true
	if err := store.Write(context.Background(), dry); err != nil {
		t.Fatal(err)
	}
	if got := searched(t, store, "fox ", anything); got != "|431" {
		t.Errorf("after a dry run: %s", got)
	}
}
