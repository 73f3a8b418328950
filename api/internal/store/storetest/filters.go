package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"toolbridge/api/internal/item"
)

// filtered is 48 items of every mixture of two parents, statuses, archived or
// not, tags and tombstones, several at one place.
func filtered(t *testing.T, store Store) (items []item.Item) {
	tags := [][]string{nil, {"blue", "red"}, {"red"}}
	for n := range 48 {
		next := item.Item{
			UID: uid(n), Version: 1, UpdatedAt: 1, StoredAt: item.Millis(100 - n/3), Payload: []byte(`{}`),
			Parent: item.Parent{Kind: "note", UID: uid(n % 2)},
			Facets: item.Facets{Status: []string{"", "open"}[n/2%2], Archived: n/4%2 == 0, Terms: terms(tags[n%3])},
		}
		if n/8%2 == 0 {
			next.DeletedAt = millis(1)
		}
		items = append(items, next)
		put(t, store, item.Ref{Owner: alice, Kind: "comment", UID: next.UID}, next)
	}
	for _, ref := range []item.Ref{{Owner: alice, Kind: "task", UID: uid(1)}, {Owner: bob, Kind: "comment", UID: uid(1)}, {Owner: eve, Kind: "comment", UID: uid(1)}} {
		put(t, store, ref, items[1])
	}
	return items
}

// queries is every combination of filters, orders and tombstones.
func queries() (all []item.Query) {
	archived, since := false, item.Millis(90)
	for bits := range 1 << 7 {
		q := item.Query{Owner: alice, Kind: "comment", Limit: 100, MaxBytes: 1 << 20}
		for bit, apply := range []func(){
			func() { q.Filter.Parent = item.Parent{Kind: "note", UID: uid(1)} },
			func() { q.Filter.Status = []string{"open"} },
			func() { q.Filter.Archived = &archived },
			func() { q.Filter.Tags = []string{"red"} },
			func() { q.Filter.Since = &since },
			func() { q.Descending = true },
			func() { q.IncludeDeleted = true },
		} {
			if bits&(1<<bit) != 0 {
				apply()
			}
		}
		all = append(all, q)
	}
	return all
}

// expected is the uids that a query should find.
func expected(items []item.Item, q item.Query) []string {
	found := slices.DeleteFunc(slices.Clone(items), func(i item.Item) bool {
		f := q.Filter
		return f.Parent.UID != "" && f.Parent != i.Parent || len(f.Status) > 0 && f.Status[0] != i.Facets.Status ||
			f.Archived != nil && *f.Archived != i.Facets.Archived || len(f.Tags) > 0 && !slices.Contains(i.Facets.Terms, item.TagTerm(f.Tags[0])) ||
			f.Since != nil && i.StoredAt < *f.Since || !q.IncludeDeleted && i.Deleted()
	})
	slices.SortFunc(found, func(a, b item.Item) int {
		if a.StoredAt != b.StoredAt {
			return int(a.StoredAt - b.StoredAt)
		}
		return slices.Compare([]byte(a.UID), []byte(b.UID))
	})
	if q.Descending {
		slices.Reverse(found)
	}
	uids := make([]string, len(found))
	for n, i := range found {
		uids[n] = i.UID
	}
	return uids
}

func filters(t *testing.T, store Store) {
	items := filtered(t, store)
	for _, query := range queries() {
		name := fmt.Sprintf("%+v descending %v all %v", query.Filter, query.Descending, query.IncludeDeleted)
		want := expected(items, query)
		if got := list(t, store, query); !slices.Equal(got, want) {
			t.Errorf("%s: %v\nwant %v", name, got, want)
		}
		query.Limit = 3
		var walked []string
		for {
			page, err := store.List(context.Background(), query)
			if err != nil {
				t.Fatal(err)
			}
			walked = append(walked, uidsOf(page.Items)...)
			if !page.More {
				break
			}
			last := page.Items[len(page.Items)-1]
			query.After = &item.Cursor{At: last.StoredAt, UID: last.UID}
		}
		if len(want)+len(walked) > 0 && !slices.Equal(walked, want) {
			t.Errorf("%s: walked %v\nwant %v", name, walked, want)
		}
	}
}

func facetsChange(t *testing.T, store Store) {
	ref := note(alice, 1)
	archived := true
	find := func(filter item.Filter) bool {
		return len(list(t, store, item.Query{Owner: alice, Filter: filter})) == 1
	}
	for n, tags := range [][]string{nil, {"a", "b"}, {"a", "b"}, {"b", "c"}, {"\"ä'%"}, nil, {"a"}} {
		for at := range 2 { // at a new place, and at the same
			status := fmt.Sprint(n)
			put(t, store, ref, item.Item{Version: 1, StoredAt: item.Millis(n + 1), Facets: item.Facets{Status: status, Archived: n == 1, Terms: terms(tags)}})
			for _, tag := range []string{"a", "b", "c", "\"ä'%"} {
				if found := find(item.Filter{Tags: []string{tag}}); found != slices.Contains(tags, tag) {
					t.Errorf("change %d.%d: found by tag %s: %v", n, at, tag, found)
				}
			}
			if !find(item.Filter{Status: []string{status}}) || find(item.Filter{Status: []string{"x"}}) || find(item.Filter{Archived: &archived}) != (n == 1) {
				t.Errorf("change %d.%d: not found by status or archived", n, at)
			}
		}
	}
	wipe(t, store, alice, 1, time.UnixMilli(1763600000123))
	again := write(ref)
	again.Epoch = 2
	err := again.Decide(context.Background(), store, func(item.Snapshot) (*item.Item, error) {
		return &item.Item{UID: ref.UID, Version: 1, StoredAt: 7, Payload: []byte(`{}`), Facets: item.Facets{Terms: terms([]string{"z"})}}, nil
	})
	if err != nil || find(item.Filter{Tags: []string{"a"}}) || !find(item.Filter{Tags: []string{"z"}}) {
		t.Errorf("after a wipe: %v", err)
	}
}

// terms are those of some tags.
func terms(tags []string) (all []string) {
	for _, tag := range tags {
		all = append(all, item.TagTerm(tag))
	}
	return all
}
