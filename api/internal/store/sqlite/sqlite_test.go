package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/search"
	"toolbridge/api/internal/store/migration"
	"toolbridge/api/internal/store/relational"
	"toolbridge/api/internal/store/storetest"
)

func openStore(t testing.TB, path string) *Store {
	t.Helper()
	store, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		return journaled{openStore(t, filepath.Join(t.TempDir(), "test.db"))}
	})
}

// journaled is a store that shows its journal.
type journaled struct{ *Store }

func (s journaled) Lines(ctx context.Context, owner account.Owner) (all []storetest.Line, err error) {
	rows, err := s.reader.QueryContext(ctx, storetest.LinesOf, owner.Tenant, owner.User)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		line, err := storetest.ScanLine(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, line)
	}
	return all, rows.Err()
}

func TestTheHotStatementsNeitherScanNorSort(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	for name, text := range map[string]string{
		"item": sqlItem, "item with state": sqlItemWithState, "current": sqlCurrent, "live": sqlLive, "past": sqlPast, "head": sqlHead,
		"state": sqlState, "purge": sqlPurgeEnded, "count": sqlCountByKind, "delete": sqlDeleteOwners, "raise": sqlRaiseEpoch,
		"delete answers": sqlDeleteAnswers, "delete usage": sqlDeleteUsage, "unindex": sqlUnindexOwners, "delete texts": sqlDeleteDocs,
		"drop contents": sqlDropContents, "delete some": sqlDeleteSome, "drop some contents": sqlDropSomeContents,
		"unindex some": sqlUnindexSome, "delete some texts": sqlDeleteSomeDocs,
	} {
		t.Run(name, func(t *testing.T) {
			plan := explain(t, store.writer, text)
			for _, bad := range []string{"SCAN item", "SCAN i", "SCAN a", "SCAN e", "SCAN j", "SCAN search_doc", "SCAN search_index VIRTUAL TABLE INDEX 0:\n", "SCAN u", "TEMP B-TREE"} {
				if strings.Contains(plan, bad) {
					t.Errorf("plan has %q:\n%s", bad, plan)
				}
			}
			if name == "current" && !strings.Contains(plan, "COVERING INDEX journal_by_time (tenant=? AND owner=? AND at_ms<?)") {
				t.Errorf("the newest time is not the end of an index:\n%s", plan)
			}
		})
	}
}

func TestTheNewestLinesAreTheLastRows(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	plan := explain(t, store.reader, relational.NewestStored)
	if strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "USING") || !strings.Contains(plan, "SCAN journal") {
		t.Errorf("the lines are sorted, or not walked in the order of rows:\n%s", plan)
	}
}

func TestASearchFindsTextsByTheirWords(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	archived := true
	for _, filter := range []item.Filter{{}, {Archived: &archived, Tags: []string{"red"}}} {
		m := item.Matching{Search: item.Search{Filter: filter, Limit: 10}, Tiers: []search.Tier{{}, {}, {}}}
		text, _ := searchStatement(m)
		plan := explain(t, store.reader, text)
		for _, step := range []string{
			"SCAN s VIRTUAL TABLE INDEX 192:M3<", "SEARCH d USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH i USING INDEX item_by_key (tenant=? AND owner=? AND kind=? AND uid=?)",
		} {
			if strings.Count(plan, step) != len(m.Tiers) {
				t.Errorf("%s is not in each tier:\n%s", step, plan)
			}
		}
		if strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("texts are sorted:\n%s", plan)
		}
	}
}

// filters is every combination of filter, order and tombstones.
func filters() (queries []item.Query) {
	archived, since := true, item.Millis(5)
	for bits := range 1 << 7 {
		q := item.Query{Owner: account.Owner{Tenant: "t", User: "u"}, Kind: "comment", Limit: 1}
		set := func(bit int, apply func()) {
			if bits&(1<<bit) != 0 {
				apply()
			}
		}
		set(0, func() { q.Filter.Parent = item.Parent{Kind: "note", UID: "x"} })
		set(1, func() { q.Filter.Status = []string{"open"} })
		set(2, func() { q.Filter.Archived = &archived })
		set(3, func() { q.Filter.Tags = []string{"red"} })
		set(4, func() { q.Filter.Since = &since })
		set(5, func() { q.Descending = true })
		set(6, func() { q.IncludeDeleted = true })
		queries = append(queries, q)
	}
	return queries
}

func TestEveryListWalksAnIndexFromItsCursorOn(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	texts := map[string]bool{}
	for _, query := range filters() {
		text, _ := listStatement(query)
		texts[text] = true
		plan := explain(t, store.reader, text)
		walk, rest, _ := strings.Cut(plan, "\n")
		if !strings.HasPrefix(walk, "SEARCH ") || strings.Contains(walk, "item_by_key") ||
			!strings.Contains(walk, "(stored_ms,uid)") || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\n%s", text, plan)
		}
		if len(query.Filter.Tags) > 0 && rest != "SEARCH i USING INDEX item_by_key (tenant=? AND owner=? AND kind=? AND uid=?)\n" {
			t.Errorf("%s\n%s", text, plan)
		}
		if query.Descending && query.Filter.Since != nil && !strings.Contains(walk, "stored_ms>? AND") {
			t.Errorf("walks on beyond the first moment: %s\n%s", text, plan)
		}
	}
	if len(texts) != 1<<7-1<<5 {
		t.Errorf("%d texts", len(texts)) // an ascending walk puts its first moment into the cursor
	}
}

func TestWhatIndexesServeIsNeitherScannedNorSorted(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	owner := account.Owner{Tenant: "t", User: "u"}
	check := func(name, text string, walks int) {
		t.Helper()
		plan := explain(t, store.reader, text)
		for _, table := range []string{"i", "g", "p", "item", "item_term"} {
			if strings.Contains(plan+"\n", "SCAN "+table+"\n") || strings.Contains(plan, "SCAN "+table+" ") {
				t.Errorf("%s: %s is scanned\n%s\n%s", name, table, text, plan)
			}
		}
		if walks == 1 && strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s is sorted\n%s\n%s", name, text, plan)
		}
		if bare := "(tenant=? AND owner=? AND kind=?)\n"; strings.Contains(plan, bare) && !strings.HasPrefix(name, "count") && !strings.Contains(name, "cursor false") {
			t.Errorf("%s reads all of a kind\n%s\n%s", name, text, plan)
		}
	}
	for _, row := range storetest.IndexedQueries(owner) {
		if walks := dialect.Walks(row.Query); len(walks) != row.Walks {
			t.Errorf("%s: %d walks, want %d", row.Name, len(walks), row.Walks)
		}
		text, _ := listStatement(row.Query)
		check(row.Name, text, row.Walks)
		row.Query.Summaries = true
		text, _ = listStatement(row.Query)
		check("summaries: "+row.Name, text, row.Walks)
		text, _ = dialect.Count(row.Query)
		check("count: "+row.Name, text, 1)
	}
	text, _ := dialect.Tally(owner, []entity.Kind{"note", "task"}, 9)
	check("count by state", text, 1)
	for _, wanted := range []string{"item_by_status (tenant=? AND owner=? AND kind=? AND status=?)", "item_by_status (tenant=? AND owner=? AND kind=? AND status>?)", "item_live_by_time (tenant=? AND owner=? AND kind=?)"} {
		if plan := explain(t, store.reader, text); !strings.Contains(plan, wanted) {
			t.Errorf("no %s:\n%s", wanted, plan)
		}
	}
	for text, searches := range map[string][]string{
		sqlLookUp:   {"item_by_key (tenant=? AND owner=? AND kind=? AND uid>? AND uid<?)", "item_by_title (tenant=? AND owner=? AND kind=? AND title=?)"},
		sqlFamilies: {"item_by_parent (tenant=? AND owner=? AND kind=? AND parent_uid=?)"},
		sqlPick:     {"item_by_key (tenant=? AND owner=? AND kind=? AND uid=?)"},
	} {
		check("items by name", text, strings.Count(text, "DESC LIMIT")+1)
		for _, wanted := range searches {
			if plan := explain(t, store.reader, text); !strings.Contains(plan, wanted) {
				t.Errorf("no %s:\n%s", wanted, plan)
			}
		}
	}
	text, _ = dialect.Match(owner, []entity.Kind{"note"}, "3f9a01bc", 6)
	if plan := explain(t, store.reader, text); !strings.Contains(plan, "item_by_key (tenant=? AND owner=? AND kind=? AND uid>? AND uid<?)") || strings.Contains(plan, "SCAN p") {
		t.Errorf("short uids:\n%s", plan)
	}
}

func explain(t *testing.T, db *sql.DB, text string) string {
	t.Helper()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+steady(text), make([]any, parameters(text))...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "\n")
	}
	return plan.String()
}

// parameters counts the parameters of a statement, numbered or not.
func parameters(text string) int {
	for n := 9; n > 0; n-- {
		if strings.Contains(text, "?"+strconv.Itoa(n)) {
			return n
		}
	}
	return strings.Count(text, "?")
}

// instruction is one of a prepared statement, and the trigger that has it.
type instruction struct {
	trigger, name string
	cursor        int
	text          string
}

// instructions are those of a statement and of all triggers that it can run.
func instructions(t *testing.T, db *sql.DB, text string) (all []instruction) {
	t.Helper()
	rows, err := db.Query("EXPLAIN "+text, make([]any, parameters(text))...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	trigger := ""
	for rows.Next() {
		var i instruction
		var skip any
		var text sql.NullString
		if err := rows.Scan(&skip, &i.name, &i.cursor, &skip, &skip, &text, &skip, &skip); err != nil {
			t.Fatal(err)
		}
		if i.name == "Init" {
			trigger = strings.TrimPrefix(text.String, "-- TRIGGER ")
		}
		i.trigger, i.text = trigger, text.String
		all = append(all, i)
	}
	return all
}

func TestAWriteWithAllItsTriggersNeitherScansNorSorts(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	ran, own := map[string]bool{}, map[instruction]bool{}
	for _, i := range append(instructions(t, store.writer, sqlSave), instructions(t, store.writer, sqlIndex)...) {
		ran[i.trigger] = true
		at := instruction{trigger: i.trigger, cursor: i.cursor}
		switch {
		case i.name == "OpenEphemeral": // the few rows of this write
			own[at] = true
		case strings.HasPrefix(i.name, "Sorter"), i.name == "OpenAutoindex":
			t.Errorf("%s sorts", i.trigger)
		case (i.name == "Rewind" || i.name == "Last") && !own[at] && i.trigger != "idempotency_drops_expired": // which begins at the oldest
			t.Errorf("%s scans", i.trigger)
		case i.name == "VFilter" && strings.HasSuffix(i.trigger, "indexes") && i.text != "=":
			t.Errorf("%s looks for a text by %q", i.trigger, i.text)
		}
	}
	for _, name := range []string{"saving_creates", "saving_updates", "saving_counts", "saving_indexes", "indexing_reindexes", "saving_unindexes", "saving_keeps_answers",
		"item_terms_of_insert", "item_terms_of_update", "idempotency_drops_expired", "idempotency_drops_surplus"} {
		if !ran[name] {
			t.Errorf("%s does not belong to a write", name)
		}
	}
}

func TestProcessesThatStartAtOnceShareOneNewDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "dir", "test.db")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			store, err := Open(context.Background(), path)
			if err != nil {
				t.Error(err)
				return
			}
			if err := store.Ready(context.Background()); err != nil {
				t.Error(err)
			}
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestWhatWasStoredIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd name %20 ?#.db")
	write := writing("00000000-0000-4000-8000-000000000001")
	first := openStore(t, path)
	err := write.Decide(t.Context(), first, func(item.Snapshot) (*item.Item, error) {
		return &item.Item{UID: write.UID, Version: 1, Payload: []byte(`{}`)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	found, err := openStore(t, path).Get(t.Context(), write.Ref)
	if err != nil || found == nil {
		t.Errorf("%v, %v", found, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is open to others, or elsewhere: %v, %v", info, err)
	}
}

func TestADatabaseThatCannotBeUsedIsAClearError(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	store := openStore(t, newer)
	if _, err := store.writer.Exec(`UPDATE schema_version SET version = 999`); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, path, says string }{
		{"a directory", dir, "is a directory"},
		{"below a file", filepath.Join(garbage, "x.db"), "not a directory"},
		{"another kind of file", garbage, "not a database"},
		{"a newer schema", newer, "schema version 999, but this program knows only"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Open(t.Context(), row.path)
			if err == nil || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), row.path) {
				t.Errorf("err = %v", err)
			}
		})
	}
}

// locked opens a store whose file another process is writing until release is called.
func locked(t *testing.T) (store *Store, release func()) {
	t.Helper()
	store = openStore(t, filepath.Join(t.TempDir(), "test.db"))
	if _, err := store.writer.Exec(`PRAGMA busy_timeout = 0`); err != nil { // SQLite would wait in real time
		t.Fatal(err)
	}
	other, err := connect("sqlite", databasePath(t, store), 1, 0, "_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return store, func() { _ = tx.Rollback() }
}

func TestAFileThatAnotherProcessWritesToIsWaitedForAndThenUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, release := locked(t)
		begin := time.Now()
		err := writing("x").Decide(t.Context(), store, nil)
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.Unavailable || time.Since(begin) != lockWait {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
		answered := make(chan error, 1)
		go func() { answered <- writeNote(t.Context(), store, "x") }()
		synctest.Wait()
		release()
		if err := <-answered; err != nil {
			t.Errorf("once it was free: %v", err)
		}
	})
}

func TestAClientThatLeavesWhileAnotherProcessWritesStopsWaitingAndWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, release := locked(t)
		ctx, leave := context.WithCancel(t.Context())
		answered := make(chan error, 1)
		go func() { answered <- writeNote(ctx, store, "x") }()
		synctest.Wait() // until it waits
		begin := time.Now()
		leave()
		if err := <-answered; !errors.Is(err, context.Canceled) || time.Since(begin) != 0 {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
		release()
		if got := stored(t, store); len(got) != 0 {
			t.Errorf("stored %v", got)
		}
		if err := writeNote(t.Context(), store, "y"); err != nil {
			t.Errorf("the next writer: %v", err)
		}
	})
}

func databasePath(t *testing.T, store *Store) (path string) {
	t.Helper()
	if err := store.writer.QueryRow(`SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAWriteIsSyncedBeforeItIsAcknowledged(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	var synchronous int
	var journal string
	if err := store.writer.QueryRow(`PRAGMA synchronous`).Scan(&synchronous); err != nil {
		t.Fatal(err)
	}
	if err := store.writer.QueryRow(`PRAGMA journal_mode`).Scan(&journal); err != nil {
		t.Fatal(err)
	}
	const full = 2
	if synchronous != full || journal != "wal" {
		t.Errorf("synchronous %d, journal %s", synchronous, journal)
	}
}

// oldDatabase is a database of an earlier version of the schema, with rows.
func oldDatabase(t *testing.T, version int, rows string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "old.db")
	db, err := connect("sqlite", path, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files, err := migration.Files(migrations)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT; INSERT INTO schema_version VALUES (%d);`, version)
	for _, file := range files[:version] {
		text += file.Text
	}
	if _, err := db.Exec(text + rows); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAPayloadOfAnEarlierVersionGetsTheSpellingOfItsUIDs(t *testing.T) {
	store := openStore(t, oldDatabase(t, 5, storetest.OldSpellings))
	storetest.CheckSpellings(t, store)
}

func TestALargeAnswerOfAnEarlierVersionIsKeptAsAReference(t *testing.T) {
	storetest.CheckAnswers(t, openStore(t, oldDatabase(t, 6, storetest.OldAnswers)))
}

func TestAnOwnerHasSoManyAnswersKeptAndNoMore(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	for _, owner := range []string{"u", "v"} {
		const text = `WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?2)
			INSERT INTO idempotency (tenant, owner, key, request, status, body, expires_ms) SELECT 't', ?1, n, 'r', 200, '{}', n FROM s`
		if _, err := store.writer.Exec(text, owner, map[string]int{"u": 13_000, "v": 100}[owner]); err != nil {
			t.Fatal(err)
		}
	}
	var left, oldest int
	if err := store.writer.QueryRow(`SELECT COUNT(*), MIN(expires_ms) FROM idempotency WHERE owner = 'u'`).Scan(&left, &oldest); err != nil {
		t.Fatal(err)
	}
	if left < item.MaxKept || left > item.MaxKept+2000 || oldest != 13_000-left+1 {
		t.Errorf("%d answers are kept, the oldest is %d", left, oldest)
	}
	if err := store.writer.QueryRow(`SELECT COUNT(*) FROM idempotency WHERE owner = 'v'`).Scan(&left); err != nil || left != 100 {
		t.Errorf("%d of another owner, %v", left, err)
	}
}

func TestARowOfTheFirstSchemaKeepsItsPlaceAndIsFoundByFilters(t *testing.T) {
	const old = `INSERT INTO item VALUES ('t', 'u', 'note', 'x', 3, 1000, NULL, '', '', '{"status":"archived","tags":["b","a","b",5,""]}'),
			('t', 'u', 'note', 'y', 1, 1001, NULL, '', '', '{"status":5,"archived":true,"tags":"a"}'),
			('t', 'u', 'chat', 'z', 1, 1002, NULL, '', '', '{"status":"archived","archived":true}')`
	store := openStore(t, oldDatabase(t, 1, old))
	found, err := store.Get(t.Context(), writing("x").Ref)
	if err != nil || found.Version != 3 || found.UpdatedAt != 1000 || found.StoredAt != 1000 {
		t.Errorf("%+v, %v", found, err)
	}
	archived := true
	for _, row := range []struct {
		kind   entity.Kind
		filter item.Filter
		want   string
	}{
		{"note", item.Filter{Tags: []string{"a"}}, "x"},
		{"note", item.Filter{Tags: []string{"b"}}, "x"},
		{"note", item.Filter{Status: []string{"archived"}}, "x"},
		{"note", item.Filter{Archived: &archived}, "x"},
		{"chat", item.Filter{Archived: &archived}, "z"},
	} {
		query := item.Query{Owner: account.Owner{Tenant: "t", User: "u"}, Kind: row.kind, Filter: row.filter, Limit: 9, MaxBytes: 1}
		found, err := store.List(t.Context(), query)
		if err != nil || len(found.Items) != 1 || found.Items[0].UID != row.want {
			t.Errorf("%+v: %v, %v", row, found, err)
		}
	}
	if err := writeNote(t.Context(), store, "x"); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := store.writer.QueryRow(`SELECT COUNT(*) FROM item_term WHERE term LIKE 'tag:%'`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d tags left of an item that has none now, %v", left, err)
	}
}

func TestTagsFollowTheirItemByThemselves(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	changes := func() (count int) {
		if err := store.writer.QueryRow(`SELECT total_changes()`).Scan(&count); err != nil {
			t.Fatal(err)
		}
		return count
	}
	for n, row := range []struct {
		place   item.Millis
		tags    []string
		changes int // of rows: the item's own, its line in the journal and its owner's usage among them
	}{
		{1, nil, 3}, {2, nil, 3}, {3, []string{"a", "b"}, 5}, {3, []string{"a", "b"}, 3}, {3, []string{"b", "c"}, 7},
		{4, []string{"b", "c"}, 7}, {5, []string{"c", "d", "e"}, 8}, {6, nil, 6}, {7, nil, 3}, {7, []string{"x"}, 4},
	} {
		before := changes()
		write := writing("x")
		err := write.Decide(t.Context(), store, func(item.Snapshot) (*item.Item, error) {
			return &item.Item{UID: write.UID, Version: int64(n + 1), StoredAt: row.place, Payload: []byte(`{}`), Facets: item.Facets{Terms: row.tags}}, nil
		})
		if got := changes() - before; err != nil || got != row.changes {
			t.Errorf("write %d: %d rows changed, want %d, %v", n, got, row.changes, err)
		}
		if got, want := indexedTags(t, store), strings.Join(row.tags, " "); got != want {
			t.Errorf("write %d: tags %q, want %q", n, got, want)
		}
	}
	if _, _, err := store.Wipe(t.Context(), writing("x").Owner, 1, journal.Origin{}, time.Now); err != nil {
		t.Fatal(err)
	}
	if got := indexedTags(t, store); got != "" {
		t.Errorf("the wipe left %q", got)
	}
}

// indexedTexts is the ids of the texts of an owner that are in the index, and checks that
// the index has no others.
func indexedTexts(t *testing.T, store *Store, owner string) (ids []int64) {
	t.Helper()
	const check = `INSERT INTO search_index (search_index) VALUES ('integrity-check')`
	if _, err := store.writer.Exec(check); err != nil {
		t.Fatal(err)
	}
	var others int
	const strays = `SELECT COUNT(*) FROM search_index FULL JOIN search_doc ON id = search_index.rowid WHERE id IS NULL OR search_index.rowid IS NULL`
	if err := store.writer.QueryRow(strays).Scan(&others); err != nil || others != 0 {
		t.Errorf("%d rows without another, %v", others, err)
	}
	rows, err := store.writer.Query(`SELECT id FROM search_doc WHERE owner = ? ORDER BY id`, owner)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func TestTheIndexOfTextsFollowsItsItems(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	save := func(owner, uid string, deleted bool, text *item.Text) {
		t.Helper()
		write := writing(uid)
		write.User = owner
		err := write.Decide(t.Context(), store, func(seen item.Snapshot) (*item.Item, error) {
			next := &item.Item{UID: uid, Version: seen.Version() + 1, StoredAt: seen.NextStoredAt(), Payload: []byte(`{}`), Text: text}
			if deleted {
				next.DeletedAt = &next.StoredAt
			}
			return next, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	text := &item.Text{Title: "A title", Body: "and a text"}
	save("u", "x", false, text)
	save("v", "x", false, text)
	save("u", "y", false, text)
	first := indexedTexts(t, store, "u")
	save("u", "x", false, nil)
	if again := indexedTexts(t, store, "u"); len(first) != 2 || !slices.Equal(again, first) {
		t.Errorf("%v became %v by a write of no text", first, again)
	}
	save("u", "x", false, &item.Text{Body: "another text"})
	if again := indexedTexts(t, store, "u"); len(again) != 2 || again[0] != first[1] || again[1] <= first[1] {
		t.Errorf("%v became %v by a new text of the first", first, again)
	}
	save("u", "x", true, text)
	if left := indexedTexts(t, store, "u"); !slices.Equal(left, first[1:]) {
		t.Errorf("%v became %v by a deletion", first, left)
	}
	save("u", "x", false, text)
	if again := indexedTexts(t, store, "u"); len(again) != 2 || again[1] <= first[1] {
		t.Errorf("after it came back: %v", again)
	}
	if _, _, err := store.Wipe(t.Context(), writing("x").Owner, 1, journal.Origin{}, time.Now); err != nil {
		t.Fatal(err)
	}
	if mine, other := indexedTexts(t, store, "u"), indexedTexts(t, store, "v"); len(mine) != 0 || len(other) != 1 {
		t.Errorf("the wipe left %v, and of another %v", mine, other)
	}
}

// indexedTags gives the tags in the index, those at another place than their
// item's marked.
func indexedTags(t *testing.T, store *Store) (tags string) {
	t.Helper()
	const text = `SELECT COALESCE(group_concat(term || CASE WHEN i.uid IS NULL THEN '!' ELSE '' END, ' '), '')
		FROM item_term LEFT JOIN item i USING (tenant, owner, kind, uid, stored_ms)`
	if err := store.writer.QueryRow(text).Scan(&tags); err != nil {
		t.Fatal(err)
	}
	return tags
}

func TestTriggersSearchTheIndexOfTags(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	const remove = `DELETE FROM item_term WHERE tenant = ? AND owner = ? AND kind = ?
		AND term IN (SELECT value FROM json_each(?)) AND stored_ms = ? AND uid = ?`
	for text, want := range map[string]string{
		remove: "SEARCH item_term USING PRIMARY KEY (tenant=? AND owner=? AND kind=? AND term=? AND stored_ms=? AND uid=?)",
		`DELETE FROM idempotency WHERE expires_ms <= ?`: "INDEX idempotency_by_expiry (expires_ms<?)",
	} {
		if plan := explain(t, store.writer, text); !strings.Contains(plan, want) {
			t.Errorf("%s\n%s", text, plan)
		}
	}
}

func BenchmarkScale(b *testing.B) {
	store := openStore(b, filepath.Join(b.TempDir(), "bench.db"))
	const terms = `CASE n % 2 WHEN 0 THEN '["tag:even"]' ELSE '["tag:odd"]' END`
	storetest.Scale(b, store, terms, func(statement string) {
		if _, err := store.writer.Exec(statement); err != nil {
			b.Fatal(err)
		}
	})
}

func TestExpiredAnswersAreDroppedInPassing(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	kept := func() (count int) {
		if err := store.writer.QueryRow(`SELECT COUNT(*) FROM idempotency`).Scan(&count); err != nil {
			t.Fatal(err)
		}
		return count
	}
	begin := time.UnixMilli(1763600000123)
	for n, row := range []struct {
		after time.Duration
		kept  int
	}{{0, 1}, {time.Second, 2}, {time.Minute, 3}, {61 * time.Minute, 1}, {61*time.Minute + time.Second, 2}} {
		write := writing(strconv.Itoa(n))
		write.Now = func() time.Time { return begin.Add(row.after) }
		write.Once = &item.Once{Key: strconv.Itoa(n), Keep: time.Hour, Answer: func(*item.Item) item.Answer { return item.Answer{} }}
		err := write.Decide(t.Context(), store, func(item.Snapshot) (*item.Item, error) {
			return &item.Item{UID: write.UID, Version: 1, Payload: []byte(`{}`)}, nil
		})
		if got := kept(); err != nil || got != row.kept {
			t.Errorf("after %s: %d answers, want %d, %v", row.after, got, row.kept, err)
		}
	}
}

func TestAChangedByteOfAJournalIsFoundAndNamed(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	storetest.CheckAltered(t, journaled{store}, storetest.Cells{
		Get: func(t *testing.T, column, where string) (value any) {
			t.Helper()
			if err := store.writer.QueryRow("SELECT " + column + " FROM journal WHERE " + where).Scan(&value); err != nil {
				t.Fatal(err)
			}
			return value
		},
		Set: func(t *testing.T, column, where string, value any) {
			t.Helper()
			if _, err := store.writer.Exec("UPDATE journal SET "+column+" = ? WHERE "+where, value); err != nil {
				t.Fatal(err)
			}
		},
	})
}

func TestAMissingLineOfAJournalIsNamed(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	storetest.CheckMissing(t, journaled{store}, func(where string) {
		if _, err := store.writer.Exec("DELETE FROM journal WHERE " + where); err != nil {
			t.Fatal(err)
		}
	})
}

func TestStatementsOfTheJournalNeitherScanNorSort(t *testing.T) {
	store := openStore(t, filepath.Join(t.TempDir(), "test.db"))
	texts := map[string]string{
		"trail": relational.Trail, "newest trail": relational.NewestTrail, "owners": relational.Owners, "contents": relational.Contents,
		"due": relational.Due, "drop contents": sqlDropOldest, "drop lines": sqlDropLines,
	}
	for name, query := range storetest.LineQueries(account.Owner{Tenant: "t", User: "u"}) {
		texts[name], _ = relational.LinesStatement(query)
	}
	for name, text := range texts {
		plan := explain(t, store.writer, text)
		for _, bad := range []string{"SCAN journal", "SCAN item", "SCAN i", "SCAN p ", "TEMP B-TREE", "AUTOMATIC"} {
			if strings.Contains(plan, bad) {
				t.Errorf("%s: plan has %q:\n%s", name, bad, plan)
			}
		}
	}
}
