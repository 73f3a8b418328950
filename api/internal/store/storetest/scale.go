package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
)

// rounds is how often each page is measured, so that a median can be taken.
const rounds = 5

// Scale measures a page in the middle of a short list and of a very long one:
// it should cost the same. scripts/bench.sh compares the two. The store is told
// when it is full, as its statistics may have to be renewed.
func Scale(b *testing.B, store item.Store, filled func()) {
	lists := map[int]account.Owner{1_000: alice, 1_000_000: bob}
	for size, owner := range lists {
		fill(b, store, owner, size)
	}
	filled()
	for range rounds {
		for size, owner := range lists {
			for name, query := range pages(owner, size) {
				b.Run(fmt.Sprintf("%s/of=%d", name, size), func(b *testing.B) { page(b, store, query) })
			}
		}
	}
}

// pages are the lists that clients ask for most, from the middle on.
func pages(owner account.Owner, size int) map[string]item.Query {
	middle := &item.Cursor{At: item.Millis(size / 2), UID: uid(size / 2)}
	query := item.Query{Owner: owner, Kind: "note", After: middle, Limit: 20, MaxBytes: 1 << 20}
	tagged := query
	tagged.Filter.Tags = []string{"even"}
	backwards := query
	backwards.Descending = true
	return map[string]item.Query{"plain": query, "tag": tagged, "desc": backwards}
}

func page(b *testing.B, store item.Store, query item.Query) {
	for b.Loop() {
		found, err := store.List(context.Background(), query)
		if err != nil || len(found.Items) != query.Limit {
			b.Fatalf("%d items, %v", len(found.Items), err)
		}
	}
}

// fill stores notes in batches, each at a millisecond of its own.
func fill(b *testing.B, store item.Store, owner account.Owner, size int) {
	const batch = 5_000
	for from := 0; from < size; from += batch {
		var writes []item.Write
		for n := from; n < min(from+batch, size); n++ {
			writes = append(writes, item.Write{Kind: "note", UID: uid(n), Decide: numbered(n)})
		}
		all := item.Batch{Owner: owner, Epoch: 1, Now: at(time.UnixMilli(1)), Writes: writes}
		if err := store.Write(context.Background(), all); err != nil {
			b.Fatal(err)
		}
	}
}

func numbered(n int) item.Decision {
	return func(item.Snapshot) (*item.Item, error) {
		next := item.Item{UID: uid(n), Version: 1, UpdatedAt: item.Millis(n), StoredAt: item.Millis(n)}
		next.Payload = fmt.Appendf(nil, `{"title":"note %d","content":"a text of some length","uid":%q}`, n, next.UID)
		if n%2 == 0 {
			next.Facets.Terms = []string{item.TagTerm("even")}
		}
		return &next, nil
	}
}
