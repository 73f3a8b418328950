package postgres

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/postgres/postgrestest"
)

const aMegabyte = 1 << 20

// large is a payload of a megabyte that begins with a number.
func large(n int) []byte { return []byte(fmt.Sprint(n) + strings.Repeat(" ", aMegabyte)) }

// Of what a batch has sent, nothing stays in memory: the next write of such an item
// reads it again.
func TestALargeBatchIsSentInPartsAndSeesAllOfThem(t *testing.T) {
	store := readable{openStore(t, postgrestest.New(t))}
	owner := account.Owner{Tenant: "t", User: "u"}
	b := item.Batch{Owner: owner, Epoch: 1, Now: time.Now, Joint: true}
	const items, rounds = 3, 9
	for n := range items * rounds {
		uid, round := fmt.Sprint("x", n%items), n/items
		b.Writes = append(b.Writes, item.Write{Kind: "note", UID: uid, Decide: func(seen item.Snapshot) (*item.Item, error) {
			if seen.Version() != int64(round) || round > 0 && seen.Item.Payload[0] != byte('0'+round-1) {
				t.Errorf("round %d of %s saw version %d", round, uid, seen.Version())
			}
			for version := range round {
				was, err := seen.Past(int64(version + 1))
				if err != nil || was == nil || was.Payload[0] != byte('0'+version) {
					t.Errorf("round %d of %s: version %d is %v, %v", round, uid, version+1, was != nil, err)
				}
			}
			if live, err := seen.Live("note", uid); err != nil || live != (round > 0) {
				t.Errorf("round %d of %s: live %v, %v", round, uid, live, err)
			}
			return &item.Item{UID: uid, Version: int64(round + 1), StoredAt: seen.NextStoredAt(), Payload: large(round)}, nil
		}})
	}
	if err := store.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	lines, err := store.Lines(t.Context(), owner)
	if err != nil || len(lines) != items*rounds {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	for n, line := range lines {
		if round := n / items; line.Now != int64(round+1) || line.Batch != 1 || (line.Kept == nil) != (round == 0) || round > 0 && line.Kept[0] != byte('0'+round-1) {
			t.Errorf("line %d is of version %d, batch %d, with %d bytes", n+1, line.Now, line.Batch, len(line.Kept))
		}
	}
}

func TestABatchOfManyLargeItemsTakesLittleMemory(t *testing.T) {
	store := openStore(t, postgrestest.New(t))
	const items, most = 100, 60 * aMegabyte
	write := func(items int, changes bool) (peak uint64) {
		b := item.Batch{Owner: account.Owner{Tenant: "t", User: fmt.Sprint(items)}, Epoch: 1, Now: time.Now}
		for n := range items {
			uid := fmt.Sprint("x", n)
			b.Writes = append(b.Writes, item.Write{Kind: "note", UID: uid, Decide: func(seen item.Snapshot) (*item.Item, error) {
				if (seen.Item != nil) != changes {
					t.Errorf("saw %+v", seen.Item)
				}
				if n%10 == 0 { // a collection of garbage takes long, and a write has only 10 s
					peak = max(peak, memoryInUse())
				}
				return &item.Item{UID: uid, Version: seen.Version() + 1, StoredAt: seen.NextStoredAt(), Payload: large(n)}, nil
			}})
		}
		if err := store.Write(context.Background(), b); err != nil {
			t.Fatal(err)
		}
		return peak
	}
	before := memoryInUse()
	for _, changes := range []bool{false, true} {
		if peak := write(items, changes); peak > before+most {
			t.Errorf("changes %v: %d MB were in use, %d before", changes, peak/aMegabyte, before/aMegabyte)
		}
	}
}

func memoryInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
