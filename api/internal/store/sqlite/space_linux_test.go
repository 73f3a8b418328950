package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

func isDiskFull(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code == fault.DiskFull
}

// writeFor writes a note of an owner. A deletion leaves what the store allows.
func writeFor(t *testing.T, store *Store, owner, uid string, size int, deletes bool) error {
	t.Helper()
	return store.Write(t.Context(), batchFor(owner, uid, size, deletes))
}

func batchFor(owner, uid string, size int, deletes bool) item.Batch {
	b := item.Batch{Owner: account.Owner{Tenant: "t", User: owner}, Epoch: 1, Now: time.Now}
	b.Writes = []item.Write{{Kind: "note", UID: uid, Frees: deletes, Decide: func(seen item.Snapshot) (*item.Item, error) {
		next := &item.Item{UID: uid, Version: seen.Version() + 1, StoredAt: seen.NextStoredAt(), Payload: []byte(`"` + strings.Repeat("x", size) + `"`)}
		if deletes {
			next.DeletedAt = &next.StoredAt
		}
		if seen.Scarce {
			next.Payload = []byte(`{}`)
		}
		return next, nil
	}}}
	return b
}

// keptBytes is the size of the contents that an owner's journal keeps.
func keptBytes(t *testing.T, store *Store, owner string) (bytes int64) {
	t.Helper()
	const text = `SELECT COALESCE(SUM(octet_length(content)), 0) FROM journal WHERE owner = ?`
	if err := store.reader.QueryRow(text, owner).Scan(&bytes); err != nil {
		t.Fatal(err)
	}
	return bytes
}

// fill writes notes until the disk is full, and returns how many there are.
func fill(t *testing.T, store *Store, owner string, size int) (count int) {
	t.Helper()
	for ; ; count++ {
		err := writeFor(t, store, owner, fmt.Sprint("n", count), size, false)
		if isDiskFull(err) {
			return count
		}
		if err != nil || count > 100_000 {
			t.Fatalf("after %d notes: %v", count, err)
		}
	}
}

// fillFromOutside leaves no byte free.
func fillFromOutside(t *testing.T, folder string) {
	t.Helper()
	file, err := os.Create(filepath.Join(folder, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for err == nil {
		_, err = file.Write(make([]byte, 4096))
	}
	if free, _ := diskOf(folder); !errors.Is(err, syscall.ENOSPC) || free != 0 {
		t.Fatalf("%d bytes are free, %v", free, err)
	}
}

func TestOnAFullDiskTheReaderReadsAndWhatMakesRoomWorks(t *testing.T) {
	withSmallDisks(t, readsAndMakesRoom)
}

func readsAndMakesRoom(t *testing.T) {
	for name, outside := range map[string]bool{"filled by a user": false, "filled from outside": true} {
		t.Run(name, func(t *testing.T) {
			folder := smallDisk(t)
			store := openStore(t, filepath.Join(folder, "test.db"))
			if err := writeFor(t, store, "bob", "b", 100, false); err != nil {
				t.Fatal(err)
			}
			if count := fill(t, store, "alice", 1_000_000); count < 5 {
				t.Errorf("full after %d notes", count)
			}
			if outside {
				if err := store.Close(); err != nil {
					t.Fatal(err)
				}
				fillFromOutside(t, folder)
				store = openStore(t, filepath.Join(folder, "test.db"))
			}
			if err := store.Ready(t.Context()); !isDiskFull(err) {
				t.Errorf("ready: %v", err)
			}
			if err := writeFor(t, store, "bob", "b", 200, false); !isDiskFull(err) {
				t.Errorf("another user's write: %v", err)
			}
			for deletes, refused := range map[bool]bool{false: true, true: false} {
				try := batchFor("bob", "b", 200, deletes)
				try.DryRun = true
				if err := store.Write(t.Context(), try); isDiskFull(err) != refused || !refused && err != nil {
					t.Errorf("a dry run, of a deletion %v: %v", deletes, err)
				}
			}
			bob := item.Ref{Owner: account.Owner{Tenant: "t", User: "bob"}, Kind: "note", UID: "b"}
			if found, err := store.Get(t.Context(), bob); err != nil || found == nil {
				t.Errorf("a read: %v, %v", found, err)
			}
			for _, gone := range [][2]string{{"bob", "b"}, {"alice", "n0"}, {"alice", "n1"}, {"alice", "n2"}} {
				if err := writeFor(t, store, gone[0], gone[1], 1_000_000, true); err != nil {
					t.Errorf("a deletion: %v", err)
				}
			}
			if kept := keptBytes(t, store, "bob"); kept != 0 {
				t.Errorf("of an item that was deleted while nothing was free, %d bytes are kept", kept)
			}
			_, deleted, err := store.Wipe(t.Context(), account.Owner{Tenant: "t", User: "alice"}, 1, journal.Origin{}, time.Now)
			if err != nil || deleted["note"] < 5 {
				t.Errorf("wiped %v, %v", deleted, err)
			}
			for n := range 4 {
				if err := writeFor(t, store, "bob", fmt.Sprint("after", n), 10_000, false); err != nil {
					t.Errorf("a write after the wipe: %v", err)
				}
			}
			if err := store.Ready(t.Context()); err != nil {
				t.Errorf("ready after the wipe: %v", err)
			}
		})
	}
}

func TestAUserWithManyItemsIsWipedOnAFullDisk(t *testing.T) { withSmallDisks(t, wipesManyItems) }

func wipesManyItems(t *testing.T) {
	folder := smallDisk(t)
	store := openStore(t, filepath.Join(folder, "test.db"))
	count := 0
	for full := false; !full; count += 200 {
		b := item.Batch{Owner: account.Owner{Tenant: "t", User: "alice"}, Epoch: 1, Now: time.Now}
		for n := range 200 {
			uid := fmt.Sprintf("%08x", uint32((count+n)*2654435761))
			b.Writes = append(b.Writes, item.Write{Kind: "note", UID: uid, Decide: func(item.Snapshot) (*item.Item, error) {
				return &item.Item{UID: uid, Version: 1, Payload: []byte(`"` + strings.Repeat("x", 300) + `"`), Facets: item.Facets{Terms: []string{uid}}, Text: &item.Text{Body: uid + " text"}}, nil
			}})
		}
		err := store.Write(t.Context(), b)
		if full = isDiskFull(err); err != nil && !full {
			t.Fatal(err)
		}
	}
	fillFromOutside(t, folder)
	_, deleted, err := store.Wipe(t.Context(), account.Owner{Tenant: "t", User: "alice"}, 1, journal.Origin{}, time.Now)
	if err != nil || deleted["note"] != int64(count-200) || count < 4000 {
		t.Errorf("wiped %v of %d, %v", deleted, count-200, err)
	}
	var left int
	const rows = `SELECT (SELECT COUNT(*) FROM item) + (SELECT COUNT(*) FROM item_term) + (SELECT COUNT(*) FROM search_doc) +
		(SELECT COUNT(*) FROM search_index) + (SELECT SUM(items + history_bytes) FROM usage)`
	if err := store.writer.QueryRow(rows).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
	if err := writeFor(t, store, "bob", "b", 10_000, false); err != nil {
		t.Errorf("a write after the wipe: %v", err)
	}
}

func TestALargeDiskHasNoReserve(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	store := openStore(t, path)
	free, total := int64(plenty), int64(1<<30)
	store.space.disk = func() (int64, int64) { return free, total }
	write := func(uid string) error { return writeFor(t, store, "alice", uid, 10, false) }
	if err := write("a"); err != nil || fileSize(path+"-reserve") != 0 {
		t.Errorf("%v, a reserve of %d bytes", err, fileSize(path+"-reserve"))
	}
	free = plenty - 1
	if err := write("b"); err != nil || fileSize(path+"-reserve") != store.space.size {
		t.Errorf("as it fills up: %v, a reserve of %d bytes", err, fileSize(path+"-reserve"))
	}
	free = store.space.size - 1
	if err := write("c"); !isDiskFull(err) {
		t.Errorf("when it is full: %v", err)
	}
}

func TestAStartWithNothingToMigrateWritesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	if err := openStore(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	store := openStore(t, path)
	if size := fileSize(path + "-wal"); size != 0 {
		t.Errorf("a start wrote %d bytes", size)
	}
	if _, err := store.writer.Exec(`PRAGMA max_page_count = 1`); err != nil {
		t.Fatal(err)
	}
	if err := writeFor(t, store, "alice", "a", 100_000, false); !isDiskFull(err) {
		t.Errorf("a write that SQLite has no room for: %v", err)
	}
}

func TestAStartWithoutAnyRoomSaysWhatToDo(t *testing.T) { withSmallDisks(t, startsWithoutRoom) }

func startsWithoutRoom(t *testing.T) {
	folder := smallDisk(t)
	fillFromOutside(t, folder)
	_, err := Open(t.Context(), filepath.Join(folder, "test.db"))
	if err == nil || !strings.Contains(err.Error(), "the disk is full; make some megabytes of room, then start again") {
		t.Errorf("err = %v", err)
	}
}

func TestAMigrationThatFillsTheDiskGoesOnWhenThereIsRoom(t *testing.T) {
	withSmallDisks(t, fillsTheDisk)
}

func fillsTheDisk(t *testing.T) {
	old := undescribed(t, 4_000)
	kept, made := expected(t, old)
	folder := smallDisk(t)
	path := filepath.Join(folder, "test.db")
	whole, err := os.ReadFile(old)
	if err == nil {
		err = os.WriteFile(path, whole, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	free, _ := diskOf(folder)
	filler := filepath.Join(folder, "filler")
	if err := allocate(filler, free-2<<20); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := Open(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), "the disk is full; make some megabytes of room, then start again") ||
			!strings.Contains(err.Error(), "the next start goes on from there") {
			t.Errorf("err = %v", err)
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := openStore(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	sameContent(t, path, kept, made)
}
