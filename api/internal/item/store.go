package item

import (
	"context"
	"slices"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/journal"
)

// Store keeps items. Every implementation passes storetest.Run.
//
// Reads are plain. A write is turned around: the service says in Write.Decide how
// the next item follows from the stored one, and the store calls that inside its
// transaction, after it has read the stored item and before it stores the next
// one. So no check can be made outside the transaction, or be forgotten by a
// store.
type Store interface {
	// Get returns the item, tombstones included, or nil when there is none.
	Get(ctx context.Context, ref Ref) (*Item, error)

	// GetWithState is account.Store.State of the item's owner and Get in one statement. It
	// returns no item whose payload has more than MaxWithState bytes.
	GetWithState(ctx context.Context, ref Ref, sessionID string) (account.State, *Item, error)

	// List returns up to Limit matching items in the order of the query, and whether
	// there are more. It stops early when the payloads would exceed MaxBytes, but returns
	// at least one item. If the query Reduces, an item whose payload alone exceeds MaxBytes
	// comes with its Size instead, and counts as ReducedBytes. In a list of summaries, the
	// summaries are what is counted.
	List(ctx context.Context, query Query) (Listing, error)

	// Search returns up to Limit items by tier, and in each those first whose text changed
	// last, and whether there are more. It makes one statement. No tombstone is found.
	Search(ctx context.Context, m Matching) (found []Found, more bool, err error)

	// Match returns up to most items of the owner and of one of the kinds whose uids begin
	// with a prefix, tombstones included, by uid.
	Match(ctx context.Context, owner account.Owner, kinds []entity.Kind, prefix string, most int) ([]Candidate, error)

	// LookUp returns what lookups find, in their order and by uid, up to most of each, in
	// one statement.
	LookUp(ctx context.Context, owner account.Owner, lookups []Lookup, most int) ([]LookedUp, error)

	// Pick returns items in the order of the picks, tombstones included, or nil where there
	// is none, in one statement. One whose payload is larger than its pick wants comes with
	// its Size instead.
	Pick(ctx context.Context, owner account.Owner, picks []Pick) ([]*Item, error)

	// Families returns how many live children of each family there are, counted up to one more
	// than MaxRecent, and the newest ones, those created last first, in one statement. It
	// looks for them among the MaxRecent that changed last.
	Families(ctx context.Context, owner account.Owner, families []Family, newest int) ([]Members, error)

	// Tally counts the owner's live items by kind and status, up to most of each.
	Tally(ctx context.Context, owner account.Owner, kinds []entity.Kind, most int) ([]Tally, error)

	// Journal returns lines of an owner's journal in ascending order of Seq, or descending,
	// in one statement. A query of Kinds looks through MaxScanned lines at most, unless
	// it is about one item.
	Journal(ctx context.Context, query LineQuery) (Lines, error)

	// Write makes the writes of a batch in order, in one transaction that no other
	// write to the owner's items can interleave with. Each write sees what those
	// before it stored; all see the Now and the Newest of the first. For every item
	// that it stores, it adds the line of a Recorder to the owner's journal, and has that
	// line before it makes the next decision. When a
	// Decide returns an error, Write returns that error as it is and stores nothing;
	// a dry run stores nothing either. When the owner is at another epoch than the
	// batch, a wipe overtook the batch: Write returns a fault.WrongEpoch and stores
	// nothing. When all that the owner has exceeds the batch's Quota, Write drops what
	// makes room, but nothing of the batch.
	Write(ctx context.Context, batch Batch) error
}

// MaxWithState bounds what is read of an item before it is known whether the request may
// have it.
const MaxWithState = 64 << 10

// Batch is the writes of one transaction, all to items of one owner.
type Batch struct {
	account.Owner
	journal.Origin
	Quota  Quota
	Epoch  int64            // the owner's, as the client knows it
	Now    func() time.Time // read once the transaction has begun
	Joint  bool             // the writes have an id together, by which they can be undone
	DryRun bool
	Writes []Write

	// Once, if set, is for all writes together; none has its own. The snapshot of the
	// first write has the Record that was kept with the key earlier. After the last
	// write the store keeps the Record of nil.
	Once *Once
}

// Ref names the item of a write.
func (b Batch) Ref(write Write) Ref {
	return Ref{Owner: b.Owner, Kind: write.Kind, UID: write.UID}
}

// Frees reports whether every write of the batch makes room.
func (b Batch) Frees() bool {
	return !slices.ContainsFunc(b.Writes, func(w Write) bool { return !w.Frees })
}

// OnceOf is the batch's own, or that of its write; nil for none.
func (b Batch) OnceOf(write Write) *Once {
	if b.Once != nil {
		return b.Once
	}
	return write.Once
}

// Write is the write of one item of a batch.
type Write struct {
	Kind   entity.Kind
	UID    string
	Decide Decision

	// Where, if set, stands for the writes that it makes of the items that match.
	Where *Selection

	// Parent is the item that Decide will likely look up, so that a store can read
	// both at once. An empty kind or uid stands for that of the stored item's parent.
	Parent Parent

	// Frees says that the write makes room. A store takes it even when the disk is
	// full, if every write of the batch does so.
	Frees bool

	// Once, if set, makes the store keep the Record of the item that Decide returns,
	// in the same transaction. The store drops expired records from time to time, and
	// those beyond MaxKept and MaxKeptWhole. Such a write is the only one of its batch.
	Once *Once
}

// Selection makes writes of the live items that match a query when its turn has come in
// a batch. Then receives their uids, at most the query's Limit, and whether there are
// more. The writes that it returns have no Where.
type Selection struct {
	Query Query
	Then  func(uids []string, more bool) ([]Write, error)
}

// Decision returns the item that follows from the stored one. To store nothing, it
// returns nil; or the stored item itself, to keep only the record of Once.
type Decision func(seen Snapshot) (*Item, error)

// Snapshot is what a decision is made from: the state inside the transaction.
type Snapshot struct {
	Item    *Item // nil when there is none
	Now     Millis
	Newest  Millis       // time of the owner's journal, up to Now + MaxAhead; 0 for none
	Head    journal.Head // the owner's last line, those of this batch included
	Used    Usage        // by the owner, of all kinds
	Scarce  bool         // whether the disk is full
	Live    Live
	Past    Past
	Trail   Trail
	Earlier *Record // of a write with the key of Once; nil for none, or when it expired before Now
}

// MaxAhead is how far from now a stored time still counts as the newest one, so
// that a single item far in the future does not take all others with it.
const MaxAhead = Millis(60_000)

// Version is that of the stored item, 0 when there is none.
func (s Snapshot) Version() int64 {
	if s.Item == nil {
		return 0
	}
	return s.Item.Version
}

// NextStoredAt is the StoredAt of the next item: later than that of every write
// before it, even when the clock stands still or went back. A reader who has
// reached the end of a list therefore finds everything later after it. All items
// of a batch have the same StoredAt, since a reader sees all of them or none.
func (s Snapshot) NextStoredAt() Millis { return max(s.Now, s.Newest+1) }

// NextUpdatedAt is the UpdatedAt of the next item where the server sets it: its
// StoredAt, and later than the item's last UpdatedAt.
func (s Snapshot) NextUpdatedAt() Millis {
	if s.Item == nil {
		return s.NextStoredAt()
	}
	return max(s.NextStoredAt(), s.Item.UpdatedAt+1)
}

// Live reports whether the owner has such an item and it is not a tombstone, as
// seen inside the transaction.
type Live func(kind entity.Kind, uid string) (bool, error)

// Past returns the payload that the item of the write had at a version, as seen inside
// the transaction; nil when it is not kept. The present version is always there.
type Past func(version int64) (*Version, error)

// Version is what an item was at a version.
type Version struct {
	Payload []byte
	Deleted bool
}
