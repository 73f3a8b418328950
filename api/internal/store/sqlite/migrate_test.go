package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"toolbridge/api/internal/store/migration"
	"toolbridge/api/internal/store/storetest"
)

// undescribed is a database of the schema before items said what lists and search
// need: with some items, and those of storetest.
func undescribed(t *testing.T, items int) (path string) {
	t.Helper()
	return oldDatabase(t, 8, storetest.OldItems+fmt.Sprintf(`;
		WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %[1]d)
		INSERT INTO item (tenant, owner, kind, uid, version, updated_ms, stored_ms, parent_kind, parent_uid, payload, status)
			SELECT 't', 'owner' || (n %% 3), iif(n %% 2, 'note', 'task'), printf('%%08x-0000-4000-8000-000000000000', n * 2654435761 & 0xffffffff), n, n, n, '', '',
				'{"title":"Title ' || n || '","content":"' || hex(zeroblob(200)) || '","tags":["a","b"],"status":"open"}', 'open' FROM s WHERE n <= %[1]d`, items))
}

// content is all that a migration must keep, and all that it makes of it.
func content(t *testing.T, path string) (kept, made []string) {
	t.Helper()
	db, err := connect("sqlite", path, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	kept = rowsOf(t, db, `SELECT concat_ws('|', tenant, owner, kind, uid, version, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid, payload) FROM item
		UNION ALL SELECT concat_ws('|', tenant, owner, items, bytes, deleted_items, deleted_bytes) FROM usage ORDER BY 1`)
	if len(rowsOf(t, db, `SELECT name FROM sqlite_schema WHERE name = 'journal'`)) == 0 {
		return kept, nil
	}
	for _, text := range []string{
		`SELECT concat_ws('|', uid, created_ms, status, archived, due_ms, title, terms, summary) FROM item ORDER BY tenant, owner, kind, uid`,
		`SELECT concat_ws('|', tenant, owner, kind, term, stored_ms, uid) FROM item_term ORDER BY tenant, owner, kind, term, stored_ms, uid`,
		`SELECT concat_ws('|', d.id, d.tenant, d.owner, d.kind, d.uid) FROM search_doc d JOIN search_index i ON i.rowid = d.id ORDER BY d.id`,
		`SELECT concat_ws('|', tenant, owner, seq, at_ms, epoch, kind, uid, change, fields, hex(hash)) FROM journal ORDER BY tenant, owner`,
		`SELECT concat_ws('|', tenant, owner, journal_lines, history_bytes) FROM usage ORDER BY tenant, owner`,
		`SELECT name || '|' || COALESCE(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name`,
	} {
		made = append(append(made, text), rowsOf(t, db, text)...)
	}
	return kept, made
}

func rowsOf(t *testing.T, db *sql.DB, text string) (all []string) {
	t.Helper()
	rows, err := db.Query(text)
	if err != nil {
		t.Fatal(err)
	}
	all, err = texts(rows)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// migratorOf migrates a database on its own, with a hook before each commit.
func migratorOf(t *testing.T, path string, chunked func() error) *migrator {
	t.Helper()
	db, err := connectMigrating("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	files, err := migration.Files(migrations)
	if err != nil {
		t.Fatal(err)
	}
	return &migrator{db: db, files: files, steps: stepsOf(files, nil), chunked: chunked}
}

func sameContent(t *testing.T, path string, kept, made []string) {
	t.Helper()
	gotKept, gotMade := content(t, path)
	if !slices.Equal(gotKept, kept) {
		t.Errorf("kept %d rows, want %d, or others", len(gotKept), len(kept))
	}
	for i := range max(len(gotMade), len(made)) {
		if i >= len(gotMade) || i >= len(made) || gotMade[i] != made[i] {
			t.Errorf("%d rows were made, want %d; row %d differs:\n%.300s\n%.300s", len(gotMade), len(made), i,
				strings.Join(gotMade[min(i, len(gotMade)):min(i+1, len(gotMade))], ""), strings.Join(made[min(i, len(made)):min(i+1, len(made))], ""))
			return
		}
	}
}

// copyOf is a copy of a database that nobody uses.
func copyOf(t *testing.T, path string) string {
	t.Helper()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// expected is what a migration without trouble makes of a database.
func expected(t *testing.T, path string) (kept, made []string) {
	t.Helper()
	kept, _ = content(t, path)
	whole := copyOf(t, path)
	if err := openStore(t, whole).Close(); err != nil {
		t.Fatal(err)
	}
	now, made := content(t, whole)
	if !slices.Equal(now, kept) {
		t.Fatal("the migration did not keep everything")
	}
	return kept, made
}

func TestAMigrationMakesOfOldItemsWhatTheySayThemselves(t *testing.T) {
	path := undescribed(t, 0)
	var unreadable []string
	progress := &migration.Progress{Unreadable: func(uid string) { unreadable = append(unreadable, uid) }}
	store, err := OpenWatched(t.Context(), path, progress)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	storetest.CheckOldItems(t, store, unreadable)
	const shown = `SELECT concat_ws(' ', uid, created_ms, due_ms, title, terms) FROM item ORDER BY uid`
	storetest.CheckOldColumns(t, rowsOf(t, store.reader, shown))
}

func TestAMigrationThatIsInterruptedAtEachChunkGoesOnFromThere(t *testing.T) {
	path := undescribed(t, 2_500)
	kept, made := expected(t, path)
	interrupted, interruptions := errors.New("interrupted"), 0
	for done, fail := false, true; !done; fail = !fail {
		commits := 0
		m := migratorOf(t, path, func() error {
			if commits++; commits > 1 || fail {
				return interrupted
			}
			return nil
		})
		err := m.run(t.Context())
		if done = err == nil; !done && !errors.Is(err, interrupted) {
			t.Fatal(err)
		}
		interruptions++
		_ = m.db.Close()
	}
	if interruptions < 2*(3+11+1) {
		t.Errorf("only %d interruptions", interruptions)
	}
	sameContent(t, path, kept, made)
}

func TestADatabaseThatLacksTheLastMigrationOpensAtTheFirstTry(t *testing.T) {
	t.Parallel()
	files, err := migration.Files(migrations)
	if err != nil {
		t.Fatal(err)
	}
	store, err := Open(t.Context(), oldDatabase(t, len(files)-1, ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

func TestProcessesThatMigrateAtOnceShareTheWork(t *testing.T) {
	path := undescribed(t, 5_000)
	kept, made := expected(t, path)
	var wg sync.WaitGroup
	var chunks [2]int
	for i := range chunks {
		m := migratorOf(t, path, func() error {
			chunks[i]++
			return nil
		})
		wg.Go(func() {
			if err := m.run(context.Background()); err != nil {
				t.Error(err)
			}
			_ = m.db.Close()
		})
	}
	wg.Wait()
	if chunks[0]+chunks[1] != 1+6+1+1+11+1+2 {
		t.Errorf("%v chunks", chunks)
	}
	sameContent(t, path, kept, made)
}

func TestAMigrationStopsWhenItIsToldTo(t *testing.T) {
	path := undescribed(t, 3_000)
	kept, made := expected(t, path)
	ctx, stop := context.WithCancel(t.Context())
	m := migratorOf(t, path, func() error {
		stop()
		return nil
	})
	if err := m.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	_ = m.db.Close()
	_ = openStore(t, path).Close()
	sameContent(t, path, kept, made)
}

func TestAMigrationSaysHowFarItIs(t *testing.T) {
	path := undescribed(t, 1_994)
	progress := &migration.Progress{}
	m := migratorOf(t, path, nil)
	m.progress = progress
	var said []string
	for done := false; !done; {
		var err error
		if done, err = m.advance(t.Context()); err != nil {
			t.Fatal(err)
		}
		report, _ := progress.Report()
		said = append(said, strings.TrimPrefix(report.String(), "the database is being migrated: "))
	}
	want := []string{"0 % of 2,000 items", "50 % of 2,000 items", "100 % of 2,000 items"}
	if len(said) < len(want) || !slices.Equal(said[:len(want)], want) || !slices.Contains(said, "0 % of 2 segments of the search index") ||
		!slices.Contains(said, "9 % of 11 indexes") || !slices.Contains(said, "0 % of 4 journals") {
		t.Errorf("said %q", said)
	}
}

func TestABackupInTheMiddleOfAMigrationHasEverythingAndGoesOn(t *testing.T) {
	path := undescribed(t, 2_500)
	kept, made := expected(t, path)
	commits, interrupted := 0, errors.New("interrupted")
	m := migratorOf(t, path, func() error {
		if commits++; commits == 3 {
			return interrupted
		}
		return nil
	})
	if err := m.run(t.Context()); !errors.Is(err, interrupted) {
		t.Fatal(err)
	}
	_ = m.db.Close()
	backup, restored := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored.db")
	if made, err := Backup(t.Context(), path, backup); err != nil || made.Items != 2_506 {
		t.Fatalf("%+v, %v", made, err)
	}
	if found, _, err := Restore(t.Context(), backup, restored, false); err != nil || found.Items != 2_506 {
		t.Fatalf("%+v, %v", found, err)
	}
	if err := openStore(t, restored).Close(); err != nil {
		t.Fatal(err)
	}
	sameContent(t, restored, kept, made)
}

func TestAStepOfAnotherProgramIsLeftAlone(t *testing.T) {
	path := undescribed(t, 10)
	m := migratorOf(t, path, nil)
	if _, err := m.advance(t.Context()); err != nil {
		t.Fatal(err)
	}
	delete(m.steps, 9)
	if _, err := m.advance(t.Context()); err == nil || !strings.Contains(err.Error(), "begun by another program") {
		t.Errorf("err = %v", err)
	}
	m.files = m.files[:8]
	if _, err := m.advance(t.Context()); err == nil || !strings.Contains(err.Error(), "knows only 8: run a newer one") {
		t.Errorf("err = %v", err)
	}
}

func TestAMigrationWaitsForAnotherProcess(t *testing.T) {
	path := undescribed(t, 10)
	other := migratorOf(t, path, nil)
	tx, err := other.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	released := time.AfterFunc(300*time.Millisecond, func() { _ = tx.Rollback() })
	defer released.Stop()
	store, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	_ = store.Close()
}
