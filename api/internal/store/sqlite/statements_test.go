package sqlite

import (
	"path/filepath"
	"testing"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/search"
	"toolbridge/api/internal/store/relational"
	"toolbridge/api/internal/store/storetest"
)

// preparations counts how often SQLite prepares a statement anew when it runs three times
// with other parameters.
func preparations(t *testing.T, path, text string) int32 {
	t.Helper()
	tls := libc.NewTLS()
	defer tls.Close()
	name, err := libc.CString(path)
	if err != nil {
		t.Fatal(err)
	}
	defer libc.Xfree(tls, name)
	statementText, err := libc.CString(text)
	if err != nil {
		t.Fatal(err)
	}
	defer libc.Xfree(tls, statementText)
	out := libc.Xcalloc(tls, 1, 8) // a pointer
	defer libc.Xfree(tls, out)
	if rc := lib.Xsqlite3_open_v2(tls, name, out, lib.SQLITE_OPEN_READWRITE, 0); rc != lib.SQLITE_OK {
		t.Fatalf("open: %d", rc)
	}
	db := libc.AtomicLoadPUintptr(out)
	defer lib.Xsqlite3_close_v2(tls, db)
	if rc := lib.Xsqlite3_prepare_v2(tls, db, statementText, -1, out, 0); rc != lib.SQLITE_OK {
		t.Fatalf("prepare: %s: %d", text, rc)
	}
	statement := libc.AtomicLoadPUintptr(out)
	defer lib.Xsqlite3_finalize(tls, statement)
	for value := range int64(3) {
		for n := range lib.Xsqlite3_bind_parameter_count(tls, statement) {
			lib.Xsqlite3_bind_int64(tls, statement, n+1, value)
		}
		lib.Xsqlite3_step(tls, statement) // what it finds does not matter
		lib.Xsqlite3_reset(tls, statement)
	}
	return lib.Xsqlite3_stmt_status(tls, statement, lib.SQLITE_STMTSTATUS_REPREPARE, 0)
}

func TestStatementsStayPreparedWhateverTheirParameters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	openStore(t, path)
	owner := account.Owner{Tenant: "acme", User: "alice"}
	texts := map[string]string{
		"item": sqlItem, "item with state": sqlItemWithState, "state": sqlState, "current": sqlCurrent, "live": sqlLive, "past": sqlPast, "drop tombstones": sqlDropTombstones,
		"trail": relational.Trail, "newest lines": relational.NewestStored, "newest trail": relational.NewestTrail, "look up": sqlLookUp, "families": sqlFamilies, "pick": sqlPick,
	}
	for _, q := range storetest.IndexedQueries(owner) {
		q.Query.Count = true
		texts["list: "+q.Name], _ = listStatement(q.Query)
		q.Query.Summaries = true
		texts["summaries: "+q.Name], _ = listStatement(q.Query)
	}
	texts["match"], _ = dialect.Match(owner, []entity.Kind{"note", "task"}, "3f9a01bc", 6)
	texts["tally"], _ = dialect.Tally(owner, []entity.Kind{"note", "task"}, 6)
	texts["search"], _ = searchStatement(item.Matching{Search: item.Search{Owner: owner, Limit: 10}, Tiers: []search.Tier{{}, {}}})
	for name, text := range texts {
		if n := preparations(t, path, steady(text)); n > 0 {
			t.Errorf("%s: prepared %d times more:\n%s", name, n, steady(text))
		}
	}
}
