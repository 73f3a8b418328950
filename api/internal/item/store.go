package item

import (
	"context"

	"toolbridge/api/internal/entity"
)

// Store keeps items. Every implementation passes storetest.Run.
type Store interface {
	// Get returns the item, tombstones included, or nil when there is none.
	Get(ctx context.Context, ref Ref) (*Item, error)

	// List returns up to Limit items by update time, then uid. It stops after
	// the item with which the payloads reach MaxBytes.
	List(ctx context.Context, query Query) ([]Item, error)

	// Apply runs change in one transaction that nobody else's write to the
	// owner's items can interleave with, and stores what it returns. An error of
	// change is returned as it is, and nothing is stored. So is a fault.WrongEpoch
	// when the owner is at another epoch than the write's: a wipe overtook it.
	Apply(ctx context.Context, write Write, change Change) (*Item, error)
}

// Write says which item a change is for, and at which epoch its client is.
type Write struct {
	Ref
	Epoch int64
}

// Change turns the stored item (nil when there is none) into the next one.
type Change func(current *Item, live Live) (*Item, error)

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
}
