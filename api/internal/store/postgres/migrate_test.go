package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"toolbridge/api/internal/store/migration"
	"toolbridge/api/internal/store/postgres/postgrestest"
	"toolbridge/api/internal/store/storetest"
)

// undescribed is a database of the schema before items said what lists and search
// need: with some items, and those of storetest.
func undescribed(t *testing.T, items int) (server string) {
	t.Helper()
	return oldDatabase(t, 5, strings.ReplaceAll(storetest.OldItems, "'{}'", "CAST('{}' AS TEXT[])")+fmt.Sprintf(`;
		INSERT INTO item (tenant, owner, kind, uid, version, updated_ms, stored_ms, parent_kind, parent_uid, payload, status, archived, tags)
			SELECT 't', 'owner' || n %% 3, CASE n %% 2 WHEN 1 THEN 'note' ELSE 'task' END, gen_random_uuid(), n, n, n, '', '',
				'{"title":"Title ' || n || '","content":"' || repeat('word ', 40) || '","tags":["a","b"],"status":"open"}', 'open', FALSE, CAST('{a,b}' AS TEXT[])
			FROM generate_series(1, %d) AS s (n);
		INSERT INTO usage SELECT tenant, owner, COUNT(*), SUM(octet_length(payload)), 0, 0 FROM item GROUP BY tenant, owner`, items))
}

// content is all that a migration must keep, and all that it makes of it.
func content(t *testing.T, server string) (kept, made []string) {
	t.Helper()
	conn := postgrestest.Connect(t, server)
	defer conn.Close(context.Background())
	kept = texts(t, conn, `SELECT concat_ws('|', tenant, owner, kind, uid, version, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid, payload) AS row FROM item
		UNION ALL SELECT concat_ws('|', tenant, owner, items, bytes, deleted_items, deleted_bytes) FROM usage ORDER BY row`)
	for _, text := range []string{
		`SELECT concat_ws('|', uid, created_ms, status, archived, closed, due_ms, title, terms, summary) FROM item ORDER BY tenant, owner, kind, uid`,
		`SELECT concat_ws('|', tenant, owner, kind, term, stored_ms, uid) FROM item_term ORDER BY tenant, owner, kind, term, stored_ms, uid`,
		`SELECT concat_ws('|', tenant, owner, kind, uid, seq, terms) FROM search_doc ORDER BY tenant, owner, kind, uid`,
		`SELECT concat_ws('|', tenant, owner, seq, at_ms, epoch, kind, uid, change, fields, hash) FROM journal ORDER BY tenant, owner`,
		`SELECT concat_ws('|', tenant, owner, journal_lines, history_bytes) FROM usage ORDER BY tenant, owner`,
		`SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname`,
	} {
		made = append(append(made, text), texts(t, conn, text)...)
	}
	return kept, made
}

func texts(t *testing.T, conn *pgx.Conn, text string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return all
}

// checkMigrated checks a database whose migration was disturbed against what another
// run of it makes of the same rows.
func checkMigrated(t *testing.T, server string, items int) {
	t.Helper()
	kept, made := content(t, server)
	if len(kept) != items+6+4 {
		t.Errorf("%d rows kept", len(kept))
	}
	for _, table := range []string{"item_term", "search_doc", "journal"} {
		postgrestest.Exec(t, server, "DELETE FROM "+table)
	}
	postgrestest.Exec(t, server, `UPDATE usage SET journal_lines = 0`)
	postgrestest.Exec(t, server, `UPDATE item SET created_ms = 0, status = 'kept', archived = FALSE, closed = FALSE, due_ms = NULL, title = '', terms = '{}', summary = '{}'`)
	store := openStore(t, server)
	for _, its := range []step{describing{}, beginning{}} {
		for at, more := (&position{}), true; more; {
			err := pgx.BeginFunc(t.Context(), store.pool, func(tx pgx.Tx) (err error) {
				more, err = its.chunk(t.Context(), tx, at)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	keptAgain, again := content(t, server)
	if !slices.Equal(kept, keptAgain) {
		t.Error("not everything was kept")
	}
	for i := range max(len(made), len(again)) {
		if i >= len(made) || i >= len(again) || made[i] != again[i] {
			t.Errorf("%d rows were made, want %d; row %d differs", len(made), len(again), i)
			return
		}
	}
}

// migratorOf migrates a database on its own, with a hook before each commit.
func migratorOf(t *testing.T, server string, chunked func() error) *migrator {
	t.Helper()
	config, err := configure(server, 4, turnWait)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	files, err := migration.Files(migrations)
	if err != nil {
		t.Fatal(err)
	}
	return &migrator{pool: pool, files: files, steps: stepsOf(files, nil), chunked: chunked}
}

func TestAMigrationMakesOfOldItemsWhatTheySayThemselves(t *testing.T) {
	server := undescribed(t, 0)
	var unreadable []string
	progress := &migration.Progress{Unreadable: func(uid string) { unreadable = append(unreadable, uid) }}
	store, err := OpenWatched(t.Context(), server, 4, progress)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	storetest.CheckOldItems(t, store, unreadable)
	conn := postgrestest.Connect(t, server)
	defer conn.Close(context.Background())
	storetest.CheckOldColumns(t, texts(t, conn, `SELECT concat_ws(' ', uid, created_ms, due_ms, title, replace(CAST(to_json(terms) AS TEXT), ' ', '')) FROM item ORDER BY uid`))
}

func TestAMigrationThatIsInterruptedAtEachChunkGoesOnFromThere(t *testing.T) {
	server := undescribed(t, 2_500)
	interrupted, interruptions := errors.New("interrupted"), 0
	for done, fail := false, true; !done; fail = !fail {
		commits := 0
		m := migratorOf(t, server, func() error {
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
	}
	if interruptions < 2*(3+4+1+1) {
		t.Errorf("only %d interruptions", interruptions)
	}
	checkMigrated(t, server, 2_500)
}

func TestProcessesThatMigrateAtOnceShareTheWork(t *testing.T) {
	server := undescribed(t, 4_000)
	var wg sync.WaitGroup
	var chunks [2]int
	for i := range chunks {
		m := migratorOf(t, server, func() error {
			chunks[i]++
			return nil
		})
		wg.Go(func() {
			if err := m.run(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if chunks[0]+chunks[1] != 1+6+1+4+1+2+1+1 {
		t.Errorf("%v chunks", chunks)
	}
	checkMigrated(t, server, 4_000)
}

func TestAMigrationStopsWhenItIsToldTo(t *testing.T) {
	server := undescribed(t, 3_000)
	ctx, stop := context.WithCancel(t.Context())
	m := migratorOf(t, server, func() error {
		stop()
		return nil
	})
	if err := m.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	checkMigrated(t, openedURL(t, server), 3_000)
}

// openedURL is the URL of a database, which is migrated by then.
func openedURL(t *testing.T, server string) string {
	t.Helper()
	_ = openStore(t, server).Close()
	return server
}

func TestAMigrationSaysHowFarItIs(t *testing.T) {
	server := undescribed(t, 1_994)
	m := migratorOf(t, server, nil)
	m.progress = &migration.Progress{}
	var said []string
	for done := false; !done; {
		var err error
		if done, err = m.attempt(t.Context()); err != nil {
			t.Fatal(err)
		}
		report, _ := m.progress.Report()
		said = append(said, strings.TrimPrefix(report.String(), "the database is being migrated: "))
	}
	want := []string{"0 % of 2,000 items", "50 % of 2,000 items", "100 % of 2,000 items", "100 % of 2,000 items", "0 % of 4 indexes", "25 % of 4 indexes"}
	if len(said) < len(want) || !slices.Equal(said[:len(want)], want) || !slices.Contains(said, "0 % of 4 journals") {
		t.Errorf("said %q", said)
	}
}

func TestAProgramOfAnEarlierVersionCannotWriteOnceTheMigrationHasBegun(t *testing.T) {
	server := undescribed(t, 1)
	m := migratorOf(t, server, nil)
	if _, err := m.attempt(t.Context()); err != nil {
		t.Fatal(err)
	}
	const write = `INSERT INTO item (version, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid, payload,
			status, archived, tags, tenant, owner, kind, uid) VALUES (1, 1, 1, NULL, '', '', '{}', '', FALSE, '{}', 't', 'u', 'note', 'x')`
	if _, err := m.pool.Exec(t.Context(), write); err == nil {
		t.Error("it wrote an item that nobody would describe")
	}
	m.files = m.files[:5]
	if _, err := m.attempt(t.Context()); err == nil || !strings.Contains(err.Error(), "knows only 5: run a newer one") {
		t.Errorf("err = %v", err)
	}
}
