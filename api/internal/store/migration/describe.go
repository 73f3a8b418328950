package migration

import (
	"encoding/json"
	"runtime"
	"sync"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

// Old is an item that was stored before items said what lists, summaries and search
// need. Its Facets are those that it had.
type Old struct {
	item.Ref
	item.Item
}

// DescribeAll completes items with what follows from their payloads, on all
// processors. An item whose payload cannot be read keeps the facets that it had.
func DescribeAll(items []*Old, progress *Progress) {
	var wg sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), len(items))
	for worker := range workers {
		wg.Go(func() {
			for i := worker; i < len(items); i += workers {
				items[i].describe(progress)
			}
		})
	}
	wg.Wait()
}

func (o *Old) describe(progress *Progress) {
	o.CreatedAt = o.StoredAt
	e := entity.Of(o.Kind)
	if e == nil {
		progress.unreadable(o.Ref.UID)
		return
	}
	found, err := item.Describe(e, o.Payload)
	if err != nil {
		progress.unreadable(o.Ref.UID)
		return
	}
	o.Facets, o.Summary = found.Facets, found.Summary
	if found.Created != nil {
		o.CreatedAt = *found.Created
	}
	if !o.Deleted() {
		o.Text = &found.Text
	}
}

// Kinds are the kinds of all entities.
func Kinds() (kinds []string) {
	for _, e := range entity.Table {
		kinds = append(kinds, string(e.Kind))
	}
	return kinds
}

// Owner is an owner who may have items. Newest is when the newest one was stored, 0
// for none.
type Owner struct {
	account.Owner
	Epoch  int64
	Newest item.Millis
}

// Began is the line that opens the journal of an owner who has items.
func (o Owner) Began() journal.Line {
	return (&journal.Head{}).Append(journal.Line{At: int64(o.Newest), Epoch: o.Epoch, Change: journal.Change{Name: journal.Began}})
}

// After is the place of an owner among all.
func (o Owner) After() string {
	place, _ := json.Marshal([]string{o.Tenant, o.User}) // strings can always be encoded
	return string(place)
}

// OwnerAfter reads what After returned. Empty is the place before the first owner.
func OwnerAfter(text string) (last account.Owner, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &[]any{&last.Tenant, &last.User})
	}
	return last, err
}
