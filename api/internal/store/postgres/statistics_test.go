package postgres

import (
	"slices"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/postgres/postgrestest"
)

func TestLooksBecomeRarerWithWhatWasWritten(t *testing.T) {
	var s statistics
	var looks []int64
	for lines := int64(0); lines < 200_000; {
		var look bool
		if lines, look = s.note(1 + lines/70); look {
			looks = append(looks, lines)
		}
	}
	if len(looks) != 4 || !slices.IsSorted(looks) || looks[0] != 100 || looks[3] < 100_000 {
		t.Errorf("looks at %d", looks)
	}
	if _, look := s.note(10_000_000); !look {
		t.Error("no look after one large batch")
	}
	if _, look := s.note(0); look {
		t.Error("a look without a write")
	}
}

func TestAServerKnowsItsTablesAfterTheFirstWrites(t *testing.T) {
	store := openStore(t, postgrestest.New(t))
	known := func() (rows float64) {
		t.Helper()
		if err := store.pool.QueryRow(t.Context(), `SELECT reltuples FROM pg_class WHERE oid = CAST('item' AS REGCLASS)`).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	const items = firstLook - 1 // the next write would look by itself, in the background
	b := item.Batch{Owner: account.Owner{Tenant: "t", User: "u"}, Epoch: 1, Now: time.Now}
	for n := range items {
		uid := "x" + string(rune('a'+n/26)) + string(rune('a'+n%26))
		b.Writes = append(b.Writes, item.Write{Kind: "note", UID: uid, Decide: func(seen item.Snapshot) (*item.Item, error) {
			return &item.Item{UID: uid, Version: 1, StoredAt: seen.NextStoredAt(), Payload: []byte(`{}`)}, nil
		}})
	}
	if err := store.Write(t.Context(), b); err != nil || known() > 0 {
		t.Fatalf("knows of %v rows, %v", known(), err)
	}
	if store.look(items); known() != items {
		t.Errorf("knows of %v rows, want %d", known(), items)
	}
	postgrestest.Exec(t, store.pool.Config().ConnString(), `DELETE FROM item`)
	if store.look(items); known() != items {
		t.Errorf("looked again, although the statistics were of as many lines")
	}
}
