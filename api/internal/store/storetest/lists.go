package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
)

// listed is items of every mixture, several at each place of every order.
func listed(t *testing.T, store Store, random *rand.Rand, count int) (items []item.Item) {
	one := func(texts ...string) string { return texts[random.IntN(len(texts))] }
	for n := range count {
		next := item.Item{
			UID: uid(random.IntN(1e9)*1000 + n), Version: 1, UpdatedAt: 1, CreatedAt: item.Millis(random.IntN(20) - 10),
			StoredAt: item.Millis(random.IntN(20)*2 - 19), Payload: []byte(`{}`),
			Parent: item.Parent{Kind: entity.Kind(one("note", "task")), UID: uid(random.IntN(2))},
			Facets: item.Facets{
				Status: one("", "open", "done", "a,b"), Archived: random.IntN(2) == 0, Closed: random.IntN(2) == 0,
				Title: one("", "a", "a|b", "ä", "b", "z%"),
			},
		}
		summary := `{}`
		if random.IntN(4) > 0 {
			day := random.IntN(2) == 0
			next.Facets.Due = millis(int64(random.IntN(8) - 4))
			summary = `{"dueDate":"` + map[bool]string{true: "2026-12-04", false: "2026-12-04T00:00:00Z"}[day] + `"}`
		}
		next.Summary = []byte(summary)
		for _, term := range []string{"tag:red", "tag:blue", "tag:ä", "priority:high", "priority:low", "read:true"} {
			if random.IntN(3) == 0 {
				next.Facets.Terms = append(next.Facets.Terms, term)
			}
		}
		if random.IntN(5) == 0 {
			next.DeletedAt = millis(1)
		}
		items = append(items, next)
		put(t, store, item.Ref{Owner: alice, Kind: "comment", UID: next.UID}, next)
		if n%10 == 0 {
			put(t, store, item.Ref{Owner: bob, Kind: "comment", UID: next.UID}, next)
			put(t, store, item.Ref{Owner: alice, Kind: "task", UID: next.UID}, next)
		}
	}
	return items
}

// some is a random selection of texts.
func some(random *rand.Rand, texts ...string) []string {
	return slices.DeleteFunc(texts, func(string) bool { return random.IntN(2) == 0 })
}

// anyQuery is a random query.
func anyQuery(random *rand.Rand) item.Query {
	yes, no := true, false
	truth := func() *bool { return []*bool{&yes, &no}[random.IntN(2)] }
	deadline := func() *item.Deadline {
		return &item.Deadline{Day: item.Millis(random.IntN(8) - 4), Moment: item.Millis(random.IntN(8) - 4)}
	}
	q := item.Query{
		Owner: alice, Kind: "comment", Limit: 1 + random.IntN(9), MaxBytes: 1 << 20, Descending: random.IntN(2) == 0, Count: random.IntN(2) == 0,
		Summaries: random.IntN(2) == 0, Sort: []item.Sort{item.ByChange, item.ByCreation, item.ByDue, item.ByTitle}[random.IntN(4)],
	}
	q.IncludeDeleted = q.Sort == item.ByChange && random.IntN(2) == 0
	for _, set := range []func(f *item.Filter){
		func(f *item.Filter) { f.Parent.UID = uid(random.IntN(2)) },
		func(f *item.Filter) { f.Parent = item.Parent{Kind: "note", UID: uid(random.IntN(2))} },
		func(f *item.Filter) { f.Status = some(random, "open", "done", "a,b", "none") },
		func(f *item.Filter) { f.NotStatus = some(random, "open", "done", "none") },
		func(f *item.Filter) { f.Archived = truth() },
		func(f *item.Filter) { f.Closed = truth() },
		func(f *item.Filter) { f.Tags = some(random, "red", "blue", "ä", "none") },
		func(f *item.Filter) { f.Terms = append(f.Terms, []string{"priority:high", "priority:low"}) },
		func(f *item.Filter) { f.Terms = append(f.Terms, []string{"read:true"}) },
		func(f *item.Filter) { f.Since = millis(int64(random.IntN(20) - 10)) },
		func(f *item.Filter) { f.DueBefore = deadline() },
		func(f *item.Filter) { f.DueAfter = item.At(item.Millis(random.IntN(8) - 4)) },
		func(f *item.Filter) { f.DueAfter = deadline() },
	} {
		if random.IntN(7) == 0 {
			set(&q.Filter)
		}
	}
	return q
}

func oneOf(texts []string, text string) bool { return len(texts) == 0 || slices.Contains(texts, text) }

// passes reports whether an item matches a query, as simply as it can be said.
func passes(i item.Item, q item.Query) bool {
	f := q.Filter
	before := func(d *item.Deadline) bool {
		if strings.Contains(string(i.Summary), "T") {
			return *i.Facets.Due < d.Moment
		}
		return *i.Facets.Due < d.Day
	}
	for _, group := range append(slices.Clone(f.Terms), terms(f.Tags)) {
		if len(group) > 0 && !slices.ContainsFunc(group, func(term string) bool { return slices.Contains(i.Facets.Terms, term) }) {
			return false
		}
	}
	return (q.IncludeDeleted || !i.Deleted()) && (f.Parent.UID == "" || f.Parent.UID == i.Parent.UID) && (f.Parent.Kind == "" || f.Parent.Kind == i.Parent.Kind) &&
		oneOf(f.Status, i.Facets.Status) && !(len(f.NotStatus) > 0 && slices.Contains(f.NotStatus, i.Facets.Status)) &&
		(f.Archived == nil || *f.Archived == i.Facets.Archived) && (f.Closed == nil || *f.Closed == i.Facets.Closed) &&
		(f.Since == nil || i.StoredAt >= *f.Since) &&
		(f.DueBefore == nil || i.Facets.Due != nil && before(f.DueBefore)) && (f.DueAfter == nil || i.Facets.Due != nil && !before(f.DueAfter))
}

// inOrder compares two items of a list.
func inOrder(q item.Query) func(a, b item.Item) int {
	direction := 1
	if q.Descending {
		direction = -1
	}
	return func(a, b item.Item) int {
		uids, order := strings.Compare(a.UID, b.UID), 0
		switch q.Sort {
		case item.ByTitle:
			order = strings.Compare(a.Facets.Title, b.Facets.Title)
		case item.ByCreation:
			order = cmp.Compare(a.CreatedAt, b.CreatedAt)
		case item.ByChange:
			order = cmp.Compare(a.StoredAt, b.StoredAt)
		case item.ByDue:
			if (a.Facets.Due == nil) != (b.Facets.Due == nil) {
				return map[bool]int{true: 1, false: -1}[a.Facets.Due == nil]
			}
			if a.Facets.Due != nil {
				order = cmp.Compare(*a.Facets.Due, *b.Facets.Due)
			}
		}
		return direction * cmp.Or(order, uids)
	}
}

func listModel(t *testing.T, store Store) {
	random := rand.New(rand.NewPCG(11, 7))
	items := listed(t, store, random, 150)
	service := item.Service{Store: store}
	for range 1500 {
		q := anyQuery(random)
		want := slices.DeleteFunc(slices.Clone(items), func(i item.Item) bool { return !passes(i, q) })
		slices.SortFunc(want, inOrder(q))
		name := fmt.Sprintf("%+v", q)
		if f, err := json.Marshal(q.Filter); err == nil {
			name += " " + string(f)
		}
		var walked []string
		for more := true; more; {
			page, err := service.List(context.Background(), q)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if q.Count && page.Total != len(want) {
				t.Errorf("%s: total %d, want %d", name, page.Total, len(want))
			}
			walked = append(walked, uidsOf(page.Items)...)
			if more = page.Next != nil; more {
				if len(page.Items) != q.Limit {
					t.Errorf("%s: a page of %d in the middle", name, len(page.Items))
				}
				again, err := item.ParseCursor(page.Next.String())
				if err != nil || again != *page.Next {
					t.Fatalf("%s: cursor %+v, read back %+v, %v", name, page.Next, again, err)
				}
				q.After = &again
			}
		}
		if got := uidsOf(want); len(got)+len(walked) > 0 && !slices.Equal(walked, got) {
			t.Fatalf("%s: walked %v\nwant %v", name, walked, got)
		}
	}
}

func matches(t *testing.T, store Store) {
	uids := []string{
		"3f9a01bc-0000-4000-8000-000000000001", "3f9a01bc-0000-4000-8000-000000000002", "3f9a01bd-0000-4000-8000-000000000003",
		"3f9a01bb-ffff-4fff-8fff-ffffffffffff",
	}
	for n, uid := range uids {
		kind := []entity.Kind{"note", "task"}[n%2]
		put(t, store, item.Ref{Owner: alice, Kind: kind, UID: uid}, item.Item{Version: 1, Summary: []byte(`{"title":"ä` + fmt.Sprint(n) + `"}`)})
		put(t, store, item.Ref{Owner: bob, Kind: kind, UID: uid}, item.Item{Version: 1, Summary: []byte(`{}`)})
	}
	put(t, store, item.Ref{Owner: alice, Kind: "note", UID: uids[0]}, item.Item{Version: 2, DeletedAt: millis(5), Summary: []byte(`{"title":"ä0"}`)})
	for _, row := range []struct {
		kinds  []entity.Kind
		prefix string
		most   int
		want   []item.Candidate
	}{
		{[]entity.Kind{"note", "task"}, "3f9a01bc", 5, []item.Candidate{{Kind: "note", UID: uids[0], Title: "ä0", Deleted: true}, {Kind: "task", UID: uids[1], Title: "ä1"}}},
		{[]entity.Kind{"note", "task"}, "3f9a01bc", 1, []item.Candidate{{Kind: "note", UID: uids[0], Title: "ä0", Deleted: true}}},
		{[]entity.Kind{"task"}, "3f9a01bc", 5, []item.Candidate{{Kind: "task", UID: uids[1], Title: "ä1"}}},
		{[]entity.Kind{"note"}, "3f9a01bd-0000", 5, []item.Candidate{{Kind: "note", UID: uids[2], Title: "ä2"}}},
		{[]entity.Kind{"note"}, uids[2], 5, []item.Candidate{{Kind: "note", UID: uids[2], Title: "ä2"}}},
		{[]entity.Kind{"note", "task"}, "3f9a01be", 5, nil},
		{[]entity.Kind{"chat"}, "3f9a01bc", 5, nil},
	} {
		got, err := store.Match(context.Background(), alice, row.kinds, row.prefix, row.most)
		if err != nil || !slices.Equal(got, row.want) {
			t.Errorf("%v %s: %+v, %v, want %+v", row.kinds, row.prefix, got, err, row.want)
		}
	}
}

func tallies(t *testing.T, store Store) {
	n := 0
	add := func(kind entity.Kind, status string, count int, deleted bool) {
		for range count {
			n++
			next := item.Item{Version: 1, Facets: item.Facets{Status: status}}
			if deleted {
				next.DeletedAt = millis(1)
			}
			put(t, store, item.Ref{Owner: alice, Kind: kind, UID: uid(n)}, next)
			put(t, store, item.Ref{Owner: bob, Kind: kind, UID: uid(n)}, next)
		}
	}
	add("note", "", 3, false)
	add("note", "active", 2, false)
	add("note", "gone", 2, true)
	add("task", "open", 7, false)
	add("task", "ä", 1, false)
	put(t, store, item.Ref{Owner: bob, Kind: "chat", UID: uid(1)}, item.Item{Version: 1})
	found, err := store.Tally(context.Background(), alice, []entity.Kind{"note", "task", "chat"}, 5)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, tally := range found {
		got[string(tally.Kind)+" "+tally.Status] = tally.Count
	}
	want := map[string]int{"note ": 5, "note active": 2, "note gone": 0, "task ": 5, "task open": 5, "task ä": 1, "chat ": 0}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(found) != len(want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

func summaries(t *testing.T, store Store) {
	parent := item.Parent{Kind: "note", UID: uid(1)}
	put(t, store, note(alice, 1), item.Item{Version: 1, Summary: []byte(`{"title":"Groß \"ä\""}`)})
	put(t, store, note(alice, 2), item.Item{Version: 2, DeletedAt: millis(1), Summary: []byte(`{"title":"gone"}`)})
	put(t, store, note(bob, 3), item.Item{Version: 1, Summary: []byte(`{"title":"another's"}`)})
	payload := []byte(`{"a":"` + strings.Repeat("ä", 5000) + `"}`)
	for n, of := range []item.Parent{parent, {Kind: "note", UID: uid(2)}, {Kind: "note", UID: uid(3)}, {Kind: "task", UID: uid(1)}, {}} {
		put(t, store, item.Ref{Owner: alice, Kind: "comment", UID: uid(10 + n)}, item.Item{
			Version: 7, CreatedAt: 3, UpdatedAt: item.Millis(n + 1), Parent: of, Payload: payload, Summary: []byte(`{"title":"x","tags":["ü"]}`),
		})
	}
	query := item.Query{Owner: alice, Kind: "comment", Limit: 10, MaxBytes: 100, Summaries: true, Reduces: true}
	found, err := store.List(context.Background(), query)
	if err != nil || found.More != (len(found.Items) < 5) || len(found.Items) != 3 { // 27 bytes each
		t.Fatalf("%d items, more %v, %v", len(found.Items), found.More, err)
	}
	query.MaxBytes = 1000
	if found, err = store.List(context.Background(), query); err != nil || len(found.Items) != 5 {
		t.Fatalf("%d items, %v", len(found.Items), err)
	}
	for n, i := range found.Items {
		title := map[int]string{0: `Groß "ä"`}[n]
		if i.ParentTitle != title || i.Payload != nil || i.Size != int64(len(payload)) || string(i.Summary) != `{"title":"x","tags":["ü"]}` ||
			i.Version != 7 || i.CreatedAt != 3 || i.UpdatedAt != item.Millis(n+1) {
			t.Errorf("item %d: %+v", n, i)
		}
	}
}
