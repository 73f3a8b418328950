package item

import (
	"context"
	"time"

	"toolbridge/api/internal/entity"
)

// Store keeps items. Every implementation passes storetest.Run.
type Store interface {
	// Get returns the item, tombstones included, or nil when there is none.
	Get(ctx context.Context, ref Ref) (*Item, error)

	// List returns up to Limit items that the filter lets through by StoredAt, then
	// uid, or in exactly the opposite order, and whether more follow. It stops before the item, if not the first one, with which the
	// payloads would pass MaxBytes.
	List(ctx context.Context, query Query) (items []Item, more bool, err error)

	// ApplyAll runs the steps in order in one transaction that nobody else's write
	// to the owner's items can interleave with, each seeing what those before it
	// stored; a change that returns no item stores nothing. All see the Now and the
	// Newest of the first. An error of a change is returned as it is, and nothing is
	// stored. So is a fault.WrongEpoch when the owner is at another epoch than the
	// batch's: a wipe overtook it.
	ApplyAll(ctx context.Context, batch Batch) error
}

// Apply runs one change in a transaction of its own, and gives what it stored.
func Apply(ctx context.Context, store Store, write Write, change Change) (next *Item, err error) {
	step := Step{UID: write.UID, Parent: write.Parent, Once: write.Once, Change: func(seen Seen) (*Item, error) {
		var refusal error
		next, refusal = change(seen)
		return next, refusal
	}}
	batch := Batch{Owner: write.Owner, Kind: write.Kind, Epoch: write.Epoch, Now: write.Now, Steps: []Step{step}}
	if err := store.ApplyAll(ctx, batch); err != nil {
		return nil, err
	}
	return next, nil
}

// Batch is several changes to items of one owner and kind.
type Batch struct {
	Owner
	Kind  entity.Kind
	Epoch int64
	Now   func() time.Time
	Steps []Step
}

// Step is one change of a batch, and the uid of the item it is for. Parent is
// whom the change will likely ask about, so that a store can look at both at once;
// where it leaves out the kind or the uid, those of the stored item's parent count.
// With Once, the store keeps the answer to the item that the change returns, in
// the same transaction; it drops what has expired from time to time. A step with
// Once is the only one of its batch.
type Step struct {
	UID    string
	Change Change
	Parent Parent
	Once   *Once
}

// Ref names the item of a step.
func (b Batch) Ref(step Step) Ref { return Ref{Owner: b.Owner, Kind: b.Kind, UID: step.UID} }

// Write says which item a change is for, at which epoch its client is, and how
// to tell the time once the transaction has begun.
type Write struct {
	Ref
	Epoch  int64
	Now    func() time.Time
	Parent Parent // as of a Step
	Once   *Once  // as of a Step
}

// MaxAhead is how far from now a stored time still counts as the newest one, so
// that a single item far in the future does not take all others with it.
const MaxAhead = Millis(60_000)

// Seen is what a change is made from, as it is inside the transaction.
type Seen struct {
	Item   *Item // nil when there is none
	Now    Millis
	Newest Millis // StoredAt among the owner's items of the kind, up to Now + MaxAhead; 0 for none
	Live   Live
	// What an earlier write of the owner with the key of the step's Once was
	// answered; nil without one, or when it has expired at Now.
	Earlier *Earlier
}

// Place gives the StoredAt of the next item: later than that of every write
// before it, even when the clock stands still or went back. A reader who has
// come to the end of a list thus finds everything later after it. What one batch
// stores has one place, as a reader sees all of it or none.
func (s Seen) Place() Millis { return max(s.Now, s.Newest+1) }

// Time gives the update time of the next item when the server sets it: that of
// its place, and later than the item's last one.
func (s Seen) Time() Millis {
	if s.Item == nil {
		return s.Place()
	}
	return max(s.Place(), s.Item.UpdatedAt+1)
}

// Change turns the stored item into the next one, or into nil to leave it.
type Change func(seen Seen) (*Item, error)

// Live says whether the owner has such an item and it is not a tombstone, as
// seen inside the transaction of the change.
type Live func(kind entity.Kind, uid string) (bool, error)

// Query is one page of a list. After is nil for the first page.
type Query struct {
	Owner
	Kind           entity.Kind
	After          *Cursor
	Limit          int
	MaxBytes       int
	IncludeDeleted bool
	Filter         Filter
	Descending     bool
}
