// Package storetest is the suite of tests that every store must pass.
package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/login"
)

// Store keeps items and accounts. Lines shows the whole journal of an owner, read
// with LinesOf and ScanLine.
type Store interface {
	item.Store
	item.Archive
	account.Store
	login.Store
	Lines(ctx context.Context, owner account.Owner) ([]Line, error)
}

// Run runs the suite. Each call of open returns a new, empty store, which is closed
// when the test ends.
func Run(t *testing.T, open func(*testing.T) Store) {
	for name, test := range map[string]func(*testing.T, Store){
		"an item comes back as it was stored":                        comesBack,
		"an item is found only by its whole key":                     wholeKey,
		"a refused write stores nothing and returns its own error":   refusedWrite,
		"a write sees what the one before it stored":                 seesTheLast,
		"parallel writes of one item happen one after another":       parallelWrites,
		"parallel creations of one uid have one winner":              parallelCreations,
		"live knows live items of the owner only":                    liveItems,
		"a panic in a decision leaves the store usable":              panics,
		"a cancelled request changes nothing and harms nothing":      cancelled,
		"a write that a wipe overtook is refused":                    overtaken,
		"the writes of a batch see each other and one newest time":   batches,
		"a batch with a write that fails stores nothing":             failedBatch,
		"a batch that a wipe overtook is refused":                    overtakenBatch,
		"a write sees the newest time that is not far ahead":         newest,
		"a list is ordered by time, then uid, and split by cursor":   lists,
		"a list leaves out tombstones unless asked":                  listTombstones,
		"a list stops where its payloads would be too large":         listBytes,
		"a list shows what is too large for it without payload":      reducedItems,
		"a list has what its filters let through, in its order":      filters,
		"a list has its order and pages whatever is asked for":       listModel,
		"items are found by the beginning of their uid":              matches,
		"items are looked up by uid and by title":                    lookups,
		"items are picked with payloads up to a size":                picks,
		"the newest children are found, and all are counted":         families,
		"the newest children are looked for among recent ones":       recentFamilies,
		"live items are counted by kind and state":                   tallies,
		"a list of summaries has no payload and the parent's title":  summaries,
		"a search finds texts of the owner, the best first":          searches,
		"a search has pages":                                         searchPages,
		"a search follows every change of an item":                   searchFollows,
		"a search of many owners finds the items of one":             searchOfMany,
		"a search finds what a batch leaves":                         searchFollowsBatches,
		"a list follows changes of the values that it filters by":    facetsChange,
		"the answer to a write with a key is kept for its time":      keepsAnswers,
		"the answer to a batch with a key is kept whole":             jointAnswers,
		"a dry run of a batch keeps no answer":                       dryBatchKeepsNoAnswer,
		"what was not written keeps no answer":                       keepsNoAnswer,
		"of a large answer to a write with a key little is kept":     largeAnswers,
		"a write that returns the stored item keeps its answer only": unchanged,
		"a write sees what the owner uses":                           usage,
		"parallel writes count what each of them uses":               parallelUsage,
		"contents make room first, then tombstones, then lines":      roomInOrder,
		"of the journal of an owner the newest is never dropped":     keptLines,
		"what is older than it need be kept is dropped":              retention,
		"the journals of all owners are read and found sound":        verified,
		"the newest lines are those of all owners of a tenant":       newestLines,
		"a page of lines is what its query asks for":                 pagesOfLines,
		"the trail of an item is its lines, with what they replaced": trails,
		"the oldest tombstones make room":                            room,
		"a wipe takes the answers that were kept":                    wipedAnswers,
		"of parallel writes with one key one is made":                parallelTwins,
		"live knows the expected parent as it knows any other":       expectedParent,
		"a caller who leaves during a write has written nothing":     leaving,
		"half an expected parent is that of the stored item":         halfParent,
		"an item comes with the state of its owner":                  withState,
		"a list keeps to its owner and kind":                         listScope,
		"an unknown owner is in the default state":                   defaultState,
		"a wipe takes the owner's items and nobody else's":           wipes,
		"sessions since moves on even when the clock stands still":   sessionsSince,
		"an ended session is known until it would have expired":      endedSessions,
		"an ended session is ended within its tenant":                endedTenant,
		"of parallel wipes at one epoch one is done":                 parallelWipes,
		"a wipe at another epoch does nothing":                       staleWipe,
		"every item that is stored has a line in the journal":        linesOfWrites,
		"what stores nothing leaves no line":                         noLines,
		"parallel writes make one chain of lines":                    parallelLines,
		"a write sees the last line of the journal":                  heads,
		"a write sees the earlier versions of its item":              past,
		"a batch writes items of several kinds":                      kindsOfBatch,
		"a batch writes the items that match a query":                selections,
		"a selection that fails, or matches nothing, stores nothing": failedSelections,
		"a dry run stores nothing":                                   dryRuns,
		"a transaction of login is made whole or not at all":         loginTransactions,
		"of those who take a row of login at once one has it":        parallelTakes,
		"lines about signing in are in the chain of an owner":        linesOfLogin,
		"a wipe takes the contents, and the journal goes on":         wipedLines,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

var (
	alice = account.Owner{Tenant: "acme", User: "11111111-1111-8111-8111-111111111111"}
	bob   = account.Owner{Tenant: "acme", User: "22222222-2222-8222-8222-222222222222"}
	eve   = account.Owner{Tenant: "zeta", User: alice.User}
)

// uid is the n-th of an ordered series of uids.
func uid(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

func note(owner account.Owner, n int) item.Ref {
	return item.Ref{Owner: owner, Kind: "note", UID: uid(n)}
}

// Single is a batch of one write, without its decision.
type Single struct {
	item.Ref
	Epoch  int64
	Now    func() time.Time
	Parent item.Parent
	Once   *item.Once
}

// Decide makes the write in the store.
func (w Single) Decide(ctx context.Context, store item.Store, decide item.Decision) error {
	return store.Write(ctx, item.Batch{Owner: w.Owner, Epoch: w.Epoch, Now: w.Now, Writes: []item.Write{
		{Kind: w.Kind, UID: w.UID, Decide: decide, Parent: w.Parent, Once: w.Once},
	}})
}

// write is one at the epoch of an owner who never wiped.
func write(ref item.Ref) Single {
	return Single{Ref: ref, Epoch: 1, Now: at(time.UnixMilli(1763600000123))}
}

// put stores an item unconditionally.
func put(t *testing.T, store item.Store, ref item.Ref, next item.Item) {
	t.Helper()
	next.UID = ref.UID
	if next.Payload == nil {
		next.Payload = []byte(`{}`)
	}
	if next.StoredAt == 0 {
		next.StoredAt = next.UpdatedAt
	}
	err := write(ref).Decide(context.Background(), store, func(item.Snapshot) (*item.Item, error) {
		return &next, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, store item.Store, ref item.Ref) *item.Item {
	t.Helper()
	found, err := store.Get(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func list(t *testing.T, store item.Store, query item.Query) []string {
	t.Helper()
	if query.Kind == "" {
		query.Kind = "note"
	}
	if query.Limit == 0 {
		query.Limit = 100
	}
	if query.MaxBytes == 0 {
		query.MaxBytes = 1 << 30
	}
	found, err := store.List(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	return uidsOf(found.Items)
}

func uidsOf(items []item.Item) []string {
	uids := make([]string, len(items))
	for i, found := range items {
		uids[i] = found.UID
	}
	return uids
}

func millis(n int64) *item.Millis {
	m := item.Millis(n)
	return &m
}

func kinds() []entity.Kind {
	var all []entity.Kind
	for _, e := range entity.Table {
		all = append(all, e.Kind)
	}
	return all
}
