package storetest

import (
	"context"
	"fmt"
	"testing"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
)

// rounds is how often each page is measured, so that a median can be taken.
const rounds = 5

// ScaleRows inserts tasks of an owner, numbered from 1 on, each at a millisecond of its
// own. One of ten is open, one in progress, and the rest is done; each is due, and the
// due dates of most are over. It has three %s: how many, tenant and owner; and then %[4]s,
// one of two terms as the database stores them.
const ScaleRows = `WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < %[1]s)
	INSERT INTO item (tenant, owner, kind, uid, version, created_ms, updated_ms, stored_ms, parent_kind, parent_uid, status, archived, closed,
			due_ms, title, terms, summary, payload)
		SELECT '%[2]s', '%[3]s', 'task', '00000000-0000-4000-8000-' || substr(CAST(1000000000000 + n AS TEXT), 2), 1, n, n, n, '', '',
			CASE n %% 10 WHEN 0 THEN 'open' WHEN 1 THEN 'in_progress' ELSE 'done' END, FALSE, n %% 10 > 1,
			n, 'task ' || CAST(CAST(n AS BIGINT) * 7919 %% %[1]s AS TEXT), %[4]s,
			'{"title":"task ' || CAST(CAST(n AS BIGINT) * 7919 %% %[1]s AS TEXT) || '","dueDate":"1970-01-01T00:00:00Z"}',
			'{"title":"task ' || CAST(CAST(n AS BIGINT) * 7919 %% %[1]s AS TEXT) || '","dueDate":"1970-01-01T00:00:00Z","description":"a text of some length"}'
		FROM series`

// Scale measures a page in the middle of a short list and of a very long one: it should
// cost the same. So should what is counted, once there are more than the limit of it.
// scripts/bench.sh compares the two. Fill runs a statement, of which the store may have
// to know when it is full.
func Scale(b *testing.B, store item.Store, terms string, fill func(statement string)) {
	lists := map[int]account.Owner{1_000: alice, 1_000_000: bob}
	for size, owner := range lists {
		fill(fmt.Sprintf(ScaleRows, fmt.Sprint(size), owner.Tenant, owner.User, terms))
	}
	for range rounds {
		for size, owner := range lists {
			for name, query := range pages(owner, size) {
				b.Run(fmt.Sprintf("%s/of=%d", name, size), func(b *testing.B) { page(b, store, query) })
			}
			b.Run(fmt.Sprintf("count_by_state/of=%d", size), func(b *testing.B) { countStates(b, store, owner) })
		}
	}
}

// pages are lists from the middle on, and counts of whole lists.
func pages(owner account.Owner, size int) map[string]item.Query {
	all := map[string]item.Query{}
	open, middle := false, &item.Cursor{At: item.Millis(size / 2), UID: uid(size / 2), Title: "task 5"}
	add := func(name string, filter item.Filter, set func(*item.Query)) {
		query := item.Query{Owner: owner, Kind: "task", After: middle, Limit: 20, MaxBytes: 1 << 20, Filter: filter}
		if set != nil {
			set(&query)
		}
		all[name] = query
	}
	by := func(sort item.Sort) func(*item.Query) { return func(q *item.Query) { q.Sort = sort } }
	count := func(q *item.Query) { q.Count, q.After = true, nil }
	add("plain", item.Filter{}, nil)
	add("desc", item.Filter{}, func(q *item.Query) { q.Descending = true })
	add("summaries", item.Filter{}, func(q *item.Query) { q.Summaries = true })
	add("tag", item.Filter{Tags: []string{"even"}}, nil)
	add("tags", item.Filter{Tags: []string{"even", "odd"}}, nil)
	add("status", item.Filter{Status: []string{"open"}}, nil)
	add("statuses", item.Filter{Status: []string{"in_progress", "open"}}, nil)
	add("by_title", item.Filter{}, by(item.ByTitle))
	add("by_created", item.Filter{}, by(item.ByCreation))
	add("by_due", item.Filter{}, by(item.ByDue))
	add("overdue", item.Filter{Closed: &open, DueBefore: item.At(item.Millis(size))}, by(item.ByDue))
	add("total", item.Filter{}, count)
	add("total_of_status", item.Filter{Status: []string{"done"}}, count)
	add("total_of_tags", item.Filter{Tags: []string{"even", "odd"}}, count)
	add("total_overdue", item.Filter{Closed: &open, DueBefore: item.At(item.Millis(size))}, count)
	return all
}

func page(b *testing.B, store item.Store, query item.Query) {
	for b.Loop() {
		found, err := store.List(context.Background(), query)
		if err != nil || len(found.Items) != query.Limit || query.Count && found.Total == 0 {
			b.Fatalf("%d items, total %d, %v", len(found.Items), found.Total, err)
		}
	}
}

func countStates(b *testing.B, store item.Store, owner account.Owner) {
	for b.Loop() {
		if found, err := store.Tally(context.Background(), owner, []entity.Kind{"note", "task"}, item.MaxTotal+1); err != nil || len(found) != 5 {
			b.Fatalf("%v, %v", found, err)
		}
	}
}
