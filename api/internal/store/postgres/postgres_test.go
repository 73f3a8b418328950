package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/store/migration"
	"toolbridge/api/internal/store/postgres/postgrestest"
	"toolbridge/api/internal/store/storetest"
)

func openStore(t testing.TB, url string) *Store {
	t.Helper()
	store, err := Open(t.Context(), url, 20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// openHurried opens a store that waits for half a second at most.
func openHurried(t *testing.T, url string, connections int32) *Store {
	t.Helper()
	const wait = 500 * time.Millisecond
	config, err := configure(url, connections, wait)
	if err != nil {
		t.Fatal(err)
	}
	store, err := open(t.Context(), config, wait, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func writing(user, uid string) storetest.Single {
	ref := item.Ref{Owner: account.Owner{Tenant: "t", User: user}, Kind: "note", UID: uid}
	return storetest.Single{Ref: ref, Epoch: 1, Now: time.Now}
}

func writeNote(ctx context.Context, store *Store, user, uid string) error {
	err := writing(user, uid).Decide(ctx, store, func(seen item.Snapshot) (*item.Item, error) {
		return &item.Item{UID: uid, Version: 1, StoredAt: seen.NextStoredAt(), Payload: []byte(`{}`)}, nil
	})
	return err
}

func isUnavailable(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code == fault.Unavailable
}

// oldDatabase is a schema of an earlier version, with rows.
func oldDatabase(t *testing.T, version int, rows string) (server string) {
	t.Helper()
	server = postgrestest.New(t)
	conn := postgrestest.Connect(t, server)
	defer conn.Close(context.Background())
	text := fmt.Sprintf(`CREATE TABLE schema_version (id BIGINT PRIMARY KEY, version BIGINT NOT NULL); INSERT INTO schema_version VALUES (1, %d);`, version)
	files, err := migration.Files(migrations)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files[:version] {
		text += file.Text
	}
	if _, err := conn.PgConn().Exec(t.Context(), text+rows).ReadAll(); err != nil {
		t.Fatal(err)
	}
	return server
}

func TestAPayloadOfAnEarlierVersionGetsTheSpellingOfItsUIDs(t *testing.T) {
	storetest.CheckSpellings(t, openStore(t, oldDatabase(t, 2, strings.ReplaceAll(storetest.OldSpellings, "'{}'", "CAST('{}' AS TEXT[])"))))
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return readable{openStore(t, postgrestest.New(t))} })
}

// readable is a store whose journal can be read.
type readable struct{ *Store }

func (s readable) Lines(ctx context.Context, owner account.Owner) ([]storetest.Line, error) {
	rows, err := s.pool.Query(ctx, storetest.LinesOf, owner.Tenant, owner.User)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (storetest.Line, error) { return storetest.ScanLine(row) })
}

func TestProcessesThatStartAtOnceShareOneNewDatabase(t *testing.T) {
	server := postgrestest.New(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			store, err := Open(context.Background(), server, 2)
			if err != nil {
				t.Error(err)
				return
			}
			if err := store.Ready(context.Background()); err != nil {
				t.Error(err)
			}
			_ = store.Close()
		})
	}
	wg.Wait()
}

func TestADatabaseThatCannotBeUsedIsAClearErrorWithoutThePassword(t *testing.T) {
	newer := postgrestest.New(t)
	_ = openStore(t, newer).Close()
	postgrestest.Exec(t, newer, `UPDATE schema_version SET version = 999`)
	for _, row := range []struct{ name, url, says string }{
		{"a newer schema", newer, "schema version 999, but this program knows only"},
		{"nobody there", "postgres://user:pass-word@127.0.0.1:1/name", "127.0.0.1:1/name"},
		{"a port that is none", "postgres://user:pass-word@db:port/name", "cannot be read"},
		{"a broken escape", "postgres://user:pass-word%zz@db/name", "cannot be read"},
		{"an option that is none", "postgres://user:pass-word@db/name?sslmode=pass-word", "cannot be read"},
		{"no such database", strings.Replace(newer, "/postgres?", "/pass-word-not?", 1), "does not exist"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Open(t.Context(), row.url, 2)
			if err == nil || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), "DATABASE_URL") {
				t.Fatalf("err = %v", err)
			}
			if strings.Contains(err.Error(), "pass-word@") || strings.Contains(err.Error(), "\n") {
				t.Errorf("tells too much: %v", err)
			}
		})
	}
}

func TestAnOwnersRowThatAnotherProcessHoldsIsWaitedForAndThenUnavailable(t *testing.T) {
	server := postgrestest.New(t)
	store := openHurried(t, server, 5)
	if err := writeNote(t.Context(), store, "u", "x"); err != nil {
		t.Fatal(err)
	}
	other := postgrestest.Connect(t, server)
	defer other.Close(t.Context())
	if _, err := beginInTurn(t.Context(), other, account.Owner{Tenant: "t", User: "u"}); err != nil {
		t.Fatal(err)
	}
	if err := writeNote(t.Context(), store, "u", "y"); !isUnavailable(err) {
		t.Errorf("err = %v", err)
	}
	if err := writeNote(t.Context(), store, "v", "y"); err != nil {
		t.Errorf("another owner: %v", err)
	}
	if _, err := store.Get(t.Context(), writing("u", "x").Ref); err != nil {
		t.Errorf("a read: %v", err)
	}
	undo(t.Context(), other)
	if err := writeNote(t.Context(), store, "u", "y"); err != nil {
		t.Errorf("once it was free: %v", err)
	}
}

func TestAClientThatLeavesWhileAnotherProcessWritesStopsWaitingAndWritesNothing(t *testing.T) {
	server := postgrestest.New(t)
	store := openStore(t, server)
	if err := writeNote(t.Context(), store, "u", "x"); err != nil {
		t.Fatal(err)
	}
	other := postgrestest.Connect(t, server)
	defer other.Close(t.Context())
	if _, err := beginInTurn(t.Context(), other, account.Owner{Tenant: "t", User: "u"}); err != nil {
		t.Fatal(err)
	}
	connected := store.pool.Stat().NewConnsCount()
	ctx, leave := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() { answered <- writeNote(ctx, store, "u", "y") }()
	waitForALock(t, server)
	leave()
	err := <-answered
	var said *pgconn.PgError
	if !isUnavailable(err) || !errors.As(err, &said) || said.Code != "57014" || !strings.Contains(said.Message, "user request") {
		t.Errorf("err = %v", err)
	}
	undo(t.Context(), other)
	if found, err := store.Get(t.Context(), writing("u", "y").Ref); found != nil || err != nil {
		t.Errorf("stored %v, %v", found, err)
	}
	if err := writeNote(t.Context(), store, "u", "z"); err != nil {
		t.Errorf("the next writer: %v", err)
	}
	if lost := store.pool.Stat().NewConnsCount() - connected; lost != 0 {
		t.Errorf("%d connections were lost", lost)
	}
}

func TestAWriteSeesTheWriteOfAnotherProcessThatItWaitedFor(t *testing.T) {
	server := postgrestest.New(t)
	first, second := openStore(t, server), openStore(t, server)
	if err := writeNote(t.Context(), first, "u", "before"); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		uid := fmt.Sprint("new", n)
		inside, finish, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		var placed item.Millis
		go func() {
			err := writing("u", uid).Decide(t.Context(), first, func(seen item.Snapshot) (*item.Item, error) {
				close(inside)
				<-finish
				placed = seen.NextStoredAt() + 1000
				return &item.Item{UID: uid, Version: 1, StoredAt: placed, Payload: []byte(`{}`)}, nil
			})
			done <- err
		}()
		<-inside
		go func() {
			waitForALock(t, server)
			close(finish)
		}()
		err := writing("u", uid).Decide(t.Context(), second, func(seen item.Snapshot) (*item.Item, error) {
			if seen.Item == nil || seen.Newest != placed {
				t.Errorf("saw %+v, newest %d, want %d", seen.Item, seen.Newest, placed)
			}
			return nil, nil
		})
		if err := errors.Join(err, <-done); err != nil {
			t.Error(err)
		}
	}
}

// waitForALock returns once a statement on the server waits for one.
func waitForALock(t *testing.T, server string) {
	conn := postgrestest.Connect(t, server)
	defer conn.Close(context.Background())
	for waiting := false; !waiting; {
		const ask = `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%turn%')`
		if err := conn.QueryRow(context.Background(), ask).Scan(&waiting); err != nil {
			t.Error(err)
			return
		}
	}
}

func TestWaitingForAConnectionHasAnEnd(t *testing.T) {
	store := openHurried(t, postgrestest.New(t), 1)
	taken, err := store.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := writeNote(t.Context(), store, "u", "x"); !isUnavailable(err) {
		t.Errorf("a write: %v", err)
	}
	if _, err := store.Get(t.Context(), writing("u", "x").Ref); !isUnavailable(err) {
		t.Errorf("a read: %v", err)
	}
	taken.Release()
	if err := writeNote(t.Context(), store, "u", "x"); err != nil {
		t.Error(err)
	}
}

func TestWritersOfOneOwnerLeaveConnectionsToOthers(t *testing.T) {
	store := openHurried(t, postgrestest.New(t), 2)
	inside, finish := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := writing("u", "x").Decide(t.Context(), store, func(item.Snapshot) (*item.Item, error) {
			close(inside)
			<-finish
			return nil, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	var others sync.WaitGroup
	for range 10 {
		others.Go(func() {
			if err := writeNote(t.Context(), store, "u", "y"); !isUnavailable(err) {
				t.Errorf("err = %v", err)
			}
		})
	}
	if err := writeNote(t.Context(), store, "v", "x"); err != nil {
		t.Errorf("another owner: %v", err)
	}
	others.Wait()
	close(finish)
	wg.Wait()
	if len(store.turns.of) != 0 {
		t.Errorf("turns left over: %v", store.turns.of)
	}
}

func TestACollisionRunsTheChangeAnewAFewTimes(t *testing.T) {
	store := openStore(t, postgrestest.New(t))
	for _, row := range []struct {
		name     string
		code     string
		failures int
		want     int
	}{
		{"a serialization failure", "40001", 2, 3},
		{"a deadlock", "40P01", 1, 2},
		{"one after the other", "40001", 100, attempts},
		{"another error", "42601", 100, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			runs := 0
			err := writing("u", row.name).Decide(t.Context(), store, func(item.Snapshot) (*item.Item, error) {
				if runs++; runs <= row.failures {
					return nil, classify(&pgconn.PgError{Code: row.code})
				}
				return &item.Item{UID: row.name, Version: 1, Payload: []byte(`{}`)}, nil
			})
			if runs != row.want || (err == nil) != (row.failures < row.want) {
				t.Errorf("%d runs, %v", runs, err)
			}
		})
	}
}

func TestWhatBecameOfACommitIsSaidOnlyWhenItIsKnown(t *testing.T) {
	for _, row := range []struct {
		err  error
		code fault.Code
	}{
		{&pgconn.PgError{Code: "40001"}, fault.Unavailable},
		{&pgconn.PgError{Code: "57014"}, fault.Unavailable},
		{&pgconn.PgError{Code: "53200"}, fault.Unavailable},
		{&pgconn.PgError{Code: "53300"}, fault.Unavailable},
		{&pgconn.PgError{Code: "53100"}, fault.DiskFull},
		{&pgconn.PgError{Code: "40003"}, fault.OutcomeUnknown},
		{&pgconn.PgError{Code: "57P01"}, fault.OutcomeUnknown},
		{context.DeadlineExceeded, fault.OutcomeUnknown},
	} {
		var f *fault.Error
		if err := classifyCommit(row.err); !errors.As(err, &f) || f.Code != row.code {
			t.Errorf("%v: %v", row.err, err)
		}
	}
	for _, err := range []error{&pgconn.PgError{Code: "23505"}, errors.New("of our own")} {
		if classified := classifyCommit(err); isUnavailable(classified) || !errors.Is(classified, err) {
			t.Errorf("%v: %v", err, classified)
		}
	}
	if err := classifyCommit(nil); err != nil {
		t.Error(err)
	}
}

func TestALostDatabaseIsUnavailableUntilItIsBack(t *testing.T) {
	server := postgrestest.New(t)
	line := newLine(t, server)
	store := openHurried(t, line.url, 3)
	if err := writeNote(t.Context(), store, "u", "x"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		line.cut()
		if err := store.Ready(t.Context()); !isUnavailable(err) {
			t.Errorf("ready: %v", err)
		}
		if _, err := store.Get(t.Context(), writing("u", "x").Ref); !isUnavailable(err) {
			t.Errorf("a read: %v", err)
		}
		if _, err := store.List(t.Context(), item.Query{Owner: account.Owner{Tenant: "t", User: "u"}, Kind: "note", Limit: 1}); !isUnavailable(err) {
			t.Errorf("a list: %v", err)
		}
		if err := writeNote(t.Context(), store, "u", "y"); !isUnavailable(err) {
			t.Errorf("a write: %v", err)
		}
		line.restore()
		if err := writeNote(t.Context(), store, "u", "x"); err != nil {
			t.Errorf("once it is back: %v", err)
		}
		if err := store.Ready(t.Context()); err != nil {
			t.Errorf("ready again: %v", err)
		}
	}
}

func TestAServerThatClosesItsConnectionsIsConnectedToAnew(t *testing.T) {
	server := postgrestest.New(t)
	store := openStore(t, postgrestest.With(t, server, "application_name", t.Name()[:40]))
	for range 3 {
		if err := writeNote(t.Context(), store, "u", "x"); err != nil {
			t.Fatal(err)
		}
		postgrestest.Exec(t, server, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, t.Name()[:40])
		if err := store.Ready(t.Context()); err != nil && !isUnavailable(err) {
			t.Error(err)
		}
	}
}

func TestTheDatabaseSeesFewStatements(t *testing.T) {
	counted := &counter{}
	store, err := OpenTraced(t.Context(), postgrestest.New(t), 5, counted)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ctx, owner := t.Context(), account.Owner{Tenant: "t", User: "u"}
	for _, row := range []struct {
		name string
		most int
		call func() error
	}{
		{"state", 1, func() error { _, err := store.State(ctx, owner, "x"); return err }},
		{"first write", 2, func() error { return writeNote(ctx, store, "u", "x") }},
		{"write", 2, func() error { return writeNote(ctx, store, "u", "x") }},
		{"get", 1, func() error { _, err := store.Get(ctx, writing("u", "x").Ref); return err }},
		{"list", 1, func() error {
			_, err := store.List(ctx, item.Query{Owner: owner, Kind: "note", Limit: 9, MaxBytes: 9})
			return err
		}},
		{"end of a session", 2, func() error { return store.EndSession(ctx, owner, "x", time.Now(), time.Now()) }},
		{"wipe", 5, func() error { _, _, err := store.Wipe(ctx, owner, 1, journal.Origin{}, time.Now); return err }},
		{"ready", 1, func() error { return store.Ready(ctx) }},
	} {
		counted.texts = nil
		if err := row.call(); err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		if len(counted.texts) != row.most {
			t.Errorf("%s: %d statements, want %d: %q", row.name, len(counted.texts), row.most, counted.texts)
		}
	}
}

// counter notes the statements beside BEGIN, COMMIT and ROLLBACK.
type counter struct{ texts []string }

func (c *counter) note(text string) {
	if text != sqlBegin && text != sqlCommit && text != sqlRollback {
		c.texts = append(c.texts, text)
	}
}

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	c.note(data.SQL)
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (c *counter) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	c.note(data.SQL)
}

func (c *counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// A clock that stands still and a place that stays are what a batch has that
// names one item often, and where old tags and new ones may be the same rows.
func TestAWipeOfALongHistoryIsMadeInParts(t *testing.T) {
	server := postgrestest.New(t)
	counted := &counter{}
	store, err := OpenTraced(t.Context(), server, 5, counted)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := writeNote(t.Context(), store, "u", "x"); err != nil {
		t.Fatal(err)
	}
	const kept = 2*forgetAtOnce + 5
	postgrestest.Exec(t, server, `INSERT INTO journal SELECT 't', 'u', n, n, 1, 'note', 'x', 'updated', '[]', n - 1, n, 0,
		'a', '', '', '', '', '', '', FALSE, '{}' FROM generate_series(2, $1::INT) n`, kept+1)
	postgrestest.Exec(t, server, `UPDATE usage SET journal_lines = $1, history_bytes = $2`, kept+1, 2*kept)
	owner := account.Owner{Tenant: "t", User: "u"}
	if _, _, err := store.Wipe(t.Context(), owner, 2, journal.Origin{}, time.Now); err != account.ErrNoSession {
		t.Fatalf("at another epoch: %v", err)
	}
	counted.texts = nil
	state, deleted, err := store.Wipe(t.Context(), owner, 1, journal.Origin{}, time.Now)
	if err != nil || state.Epoch != 2 || deleted["note"] != 1 {
		t.Fatalf("%+v, %v, %v", state, deleted, err)
	}
	if steps := len(counted.texts); steps != 2*(2+2)+5 { // twice two to look and two to drop, then the wipe
		t.Errorf("%d statements", steps)
	}
	var lines, contents, usedLines, usedBytes int64
	err = store.pool.QueryRow(t.Context(), `SELECT COUNT(*), COUNT(content), (SELECT journal_lines FROM usage), (SELECT history_bytes FROM usage) FROM journal`).
		Scan(&lines, &contents, &usedLines, &usedBytes)
	if err != nil || lines != kept+2 || contents != 0 || usedLines != lines || usedBytes != 0 {
		t.Errorf("%d lines with %d contents, usage of %d lines and %d bytes, %v", lines, contents, usedLines, usedBytes, err)
	}
}

func TestTermsFollowTheirItemInOneStatementOrTwo(t *testing.T) {
	server := postgrestest.New(t)
	store := openStore(t, server)
	conn := postgrestest.Connect(t, server)
	defer conn.Close(context.Background())
	for name, apart := range map[string]bool{"together": false, "apart": true} {
		owner := account.Owner{Tenant: "t", User: name}
		for n, row := range []struct {
			place item.Millis
			tags  []string
		}{
			{1, []string{"a", "b"}}, {1, []string{"b", "c"}}, {2, []string{"b", "c"}}, {3, []string{"c", "d", "e"}},
			{3, []string{"c", "d", "e"}}, {4, nil}, {5, nil}, {6, []string{"a"}}, {6, nil}, {7, []string{"x"}}, {8, []string{"y"}},
		} {
			once := &item.Once{Key: "k", Keep: time.Hour, Answer: func(*item.Item) item.Answer { return item.Answer{Body: []byte(name)} }}
			b := item.Batch{Owner: owner, Epoch: 1, Now: time.Now, Writes: []item.Write{{Kind: "note", UID: "x", Once: once,
				Decide: func(item.Snapshot) (*item.Item, error) {
					return &item.Item{UID: "x", Version: int64(n + 1), StoredAt: row.place, Payload: []byte(`{}`), Facets: item.Facets{Terms: row.tags}}, nil
				}}}}
			err := store.transact(t.Context(), owner, func(ctx context.Context, conn *pgx.Conn) error {
				r := newBatchRun(conn, b)
				r.apart = apart
				return r.run(ctx)
			})
			if err != nil {
				t.Fatalf("%s, write %d: %v", name, n, err)
			}
			var tags []string
			const kept = `SELECT COALESCE(array_agg(term ORDER BY term), '{}') FROM item_term WHERE owner = $1 AND stored_ms = $2
				AND NOT EXISTS (SELECT 1 FROM item_term WHERE owner = $1 AND stored_ms <> $2)`
			if err := conn.QueryRow(t.Context(), kept, name, int64(row.place)).Scan(&tags); err != nil || !slices.Equal(tags, row.tags) {
				t.Errorf("%s, write %d: tags %q, want %q, %v", name, n, tags, row.tags, err)
			}
		}
	}
}

func TestExpiredAnswersAreDroppedWithTheOneThatIsKept(t *testing.T) {
	server := postgrestest.New(t)
	openStore(t, server)
	conn := postgrestest.Connect(t, server)
	defer conn.Close(context.Background())
	for name, apart := range map[string]bool{"together": false, "apart": true} {
		postgrestest.Exec(t, server, `DELETE FROM idempotency`)
		postgrestest.Exec(t, server, `INSERT INTO idempotency (tenant, owner, key, request, status, body, expires_ms) SELECT 't', o, k, 'r', 200, '{}', 10
			FROM unnest(ARRAY['u', 'v']) o, unnest(ARRAY['same', 'other']) k`)
		saves := &pgx.Batch{}
		once := &item.Once{Key: "same", Request: "new", Keep: time.Second, Answer: func(*item.Item) item.Answer { return item.Answer{} }}
		save := newSaveStatement(writing("u", "x").Ref, saves, apart)
		next := &item.Item{UID: "x", Version: 1, Payload: []byte(`{}`)}
		save.keepAnswer(once, next, 10, 0)
		text, arguments := save.upsert(next)
		saves.Queue(text, arguments...)
		if err := conn.SendBatch(t.Context(), saves).Close(); err != nil {
			t.Fatal(err)
		}
		var left string
		if err := conn.QueryRow(t.Context(), `SELECT string_agg(owner || key || request || expires_ms, ' ') FROM idempotency`).Scan(&left); err != nil || left != "usamenew1010" {
			t.Errorf("%s: left %q, %v", name, left, err)
		}
	}
}

func TestAnOwnerHasSoManyAnswersKeptAndNoMore(t *testing.T) {
	server := postgrestest.New(t)
	openStore(t, server)
	conn := postgrestest.Connect(t, server)
	defer conn.Close(context.Background())
	postgrestest.Exec(t, server, `INSERT INTO idempotency (tenant, owner, key, request, status, body, expires_ms)
		SELECT 't', o, n, 'r', 200, '{}', n FROM unnest(ARRAY['u', 'v']) o, generate_series(1, 10100) n`)
	saves := &pgx.Batch{}
	save := newSaveStatement(writing("u", "x").Ref, saves, false)
	once := &item.Once{Key: "new", Keep: time.Hour, Answer: func(*item.Item) item.Answer { return item.Answer{} }}
	next := &item.Item{UID: "x", Version: 1, Payload: []byte(`{}`)}
	save.keepAnswer(once, next, 10, 1)
	text, arguments := save.upsert(next)
	saves.Queue(text, arguments...)
	if err := conn.SendBatch(t.Context(), saves).Close(); err != nil {
		t.Fatal(err)
	}
	var left string
	const count = `SELECT string_agg(owner || ' ' || n || ' ' || oldest, ', ' ORDER BY owner)
		FROM (SELECT owner, COUNT(*) AS n, MIN(expires_ms) AS oldest FROM idempotency GROUP BY owner) AS counted`
	if err := conn.QueryRow(t.Context(), count).Scan(&left); err != nil || left != "u 10002 100, v 10100 1" {
		t.Errorf("left %s, %v", left, err)
	}
}

func TestALargeAnswerOfAnEarlierVersionIsKeptAsAReference(t *testing.T) {
	storetest.CheckAnswers(t, openStore(t, oldDatabase(t, 3, storetest.OldAnswers)))
}

func BenchmarkScale(b *testing.B) {
	server := postgrestest.New(b)
	store := openStore(b, server)
	const terms = `CASE n % 2 WHEN 0 THEN ARRAY['tag:even'] ELSE ARRAY['tag:odd'] END`
	storetest.Scale(b, store, terms, func(statement string) {
		postgrestest.Exec(b, server, statement)
		postgrestest.Exec(b, server, `INSERT INTO item_term SELECT tenant, owner, kind, term, stored_ms, uid FROM item, unnest(terms) term ON CONFLICT DO NOTHING`)
		postgrestest.Exec(b, server, "VACUUM ANALYZE")
	})
}

func TestOnAFullDiskWhatMakesRoomIsTriedWithLess(t *testing.T) {
	store := openStore(t, postgrestest.New(t))
	if err := writeNote(t.Context(), store, "u", "x"); err != nil {
		t.Fatal(err)
	}
	if err := store.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	for _, frees := range []bool{false, true} {
		var scarce []bool
		b := item.Batch{Owner: account.Owner{Tenant: "t", User: "u"}, Epoch: 1, Now: time.Now}
		b.Writes = []item.Write{{Kind: "note", UID: "x", Frees: frees, Decide: func(seen item.Snapshot) (*item.Item, error) {
			scarce = append(scarce, seen.Scarce)
			if !seen.Scarce {
				return nil, classify(&pgconn.PgError{Code: "53100"})
			}
			return &item.Item{UID: "x", Version: 2, DeletedAt: &seen.Now, Payload: []byte(`{}`)}, nil
		}}}
		err := store.Write(t.Context(), b)
		if isDiskFull(err) == frees || len(scarce) > 1 != frees {
			t.Errorf("frees %v: tried with %v, %v", frees, scarce, err)
		}
		if err := store.Ready(t.Context()); !isDiskFull(err) {
			t.Errorf("ready: %v", err)
		}
	}
	store.fullAt.Store(time.Now().Add(-fullFor).UnixNano())
	if err := store.Ready(t.Context()); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestAChangedByteOfAJournalIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	store := openStore(t, postgrestest.New(t))
	storetest.CheckAltered(t, readable{store}, storetest.Cells{
		Get: func(t *testing.T, column, where string) (value any) {
			t.Helper()
			if err := store.pool.QueryRow(t.Context(), "SELECT "+column+" FROM journal WHERE "+where).Scan(&value); err != nil {
				t.Fatal(err)
			}
			return value
		},
		Set: func(t *testing.T, column, where string, value any) {
			t.Helper()
			if _, err := store.pool.Exec(t.Context(), "UPDATE journal SET "+column+" = $1 WHERE "+where, value); err != nil {
				t.Fatal(err)
			}
		},
	})
}

func TestAMissingLineOfAJournalIsNamed(t *testing.T) {
	t.Parallel()
	store := openStore(t, postgrestest.New(t))
	storetest.CheckMissing(t, readable{store}, func(where string) {
		if _, err := store.pool.Exec(t.Context(), "DELETE FROM journal WHERE "+where); err != nil {
			t.Fatal(err)
		}
	})
}
