package httpapi_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/store/postgres"
	"toolbridge/api/internal/store/postgres/postgrestest"
	"toolbridge/api/internal/store/sqlite"
)

// counting is a driver that counts the statements that are run through it; begin
// and commit are none.
type counting struct {
	driver.Driver
	ran *atomic.Int64
}

type rawConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type rawStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type countingConn struct {
	rawConn
	ran *atomic.Int64
}

type countingStmt struct {
	rawStmt
	ran *atomic.Int64
}

func (d counting) Open(name string) (driver.Conn, error) {
	conn, err := d.Driver.Open(name)
	if err != nil {
		return nil, err
	}
	return countingConn{conn.(rawConn), d.ran}, nil
}

func (c countingConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	statement, err := c.rawConn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return countingStmt{statement.(rawStmt), c.ran}, nil
}

func (c countingConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	c.ran.Add(1)
	return c.rawConn.ExecContext(ctx, text, args)
}

func (c countingConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	c.ran.Add(1)
	return c.rawConn.QueryContext(ctx, text, args)
}

func (s countingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.ran.Add(1)
	return s.rawStmt.ExecContext(ctx, args)
}

func (s countingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.ran.Add(1)
	return s.rawStmt.QueryContext(ctx, args)
}

// tracing counts the statements that a pool of PostgreSQL connections runs.
type tracing struct{ ran *atomic.Int64 }

func (c tracing) note(text string) {
	switch word, _, _ := strings.Cut(text, " "); word {
	case "BEGIN", "COMMIT", "ROLLBACK":
	default:
		c.ran.Add(1)
	}
}

func (c tracing) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	c.note(data.SQL)
	return ctx
}

func (c tracing) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c tracing) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (c tracing) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	c.note(data.SQL)
}

func (c tracing) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// countedSQLite is a store whose statements are counted.
func countedSQLite(t *testing.T) (s store, ran *atomic.Int64) {
	t.Helper()
	plain, err := sql.Open("sqlite", "")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	ran = &atomic.Int64{}
	name := "counting " + t.TempDir() // a name is registered once only
	sql.Register(name, counting{plain.Driver(), ran})
	s, err = sqlite.OpenWith(t.Context(), name, filepath.Join(t.TempDir(), "counted.db"))
	if err != nil {
		t.Fatal(err)
	}
	return s, ran
}

func countedPostgres(t *testing.T) (s store, ran *atomic.Int64) {
	t.Helper()
	ran = &atomic.Int64{}
	s, err := postgres.OpenTraced(t.Context(), postgrestest.New(t), 10, tracing{ran})
	if err != nil {
		t.Fatal(err)
	}
	return s, ran
}

func TestARequestKeepsToItsStatements(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		s, ran := countedSQLite(t)
		keepsToItsStatements(t, s, ran, budget{plain: 3, keyed: 3, push: 5, childPush: 5, children: 5})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		s, ran := countedPostgres(t)
		keepsToItsStatements(t, s, ran, budget{plain: 3, keyed: 3, push: 4, childPush: 6, children: 5})
	})
}

// budget is how many statements a write takes, without and with a key; more than
// four are too many; a push of one is a plain write. A push of two takes more, of
// two children of different parents yet more, and of two of one parent less again.
type budget struct{ plain, keyed, push, childPush, children int64 }

func keepsToItsStatements(t *testing.T, s store, ran *atomic.Int64, write budget) {
	t.Cleanup(func() { _ = s.Close() })
	u := start(t, func(api *httpapi.API) { api.Items.Store, api.Accounts.Store = s, s }).user("alice")
	count := func(name, method, path, body, key string, want int64) {
		t.Helper()
		before := ran.Load()
		var with header
		if key != "" {
			with = keyed(strings.ReplaceAll(key, " ", "-"))
		}
		got := u.call(method, path, body, with)
		if got.status/100 != 2 {
			t.Fatalf("%s: %d %s", name, got.status, got.body)
		}
		if n := ran.Load() - before; n != want {
			t.Errorf("%s takes %d statements, with key %q, want %d", name, n, key, want)
		}
	}
	count("the state", "GET", "/v1/sync/state", "", "", 2)
	count("an overview", "GET", "/v1/overview", "", "", 9)
	namingCosts(u, count)
	for _, e := range entity.Table {
		item := func(members string) string { return path(e) + "/" + u.has(e, members).UID }
		for _, row := range []struct{ name, method, path, body string }{
			{"a list", "GET", path(e), ""},
			{"a filtered list", "GET", path(e) + "?tag=a&archived=false&order=desc", ""},
			{"a list of several values", "GET", path(e) + "?tag=a,b&order=desc&total=true", ""},
			{"a list of summaries", "GET", path(e) + "?sort=title&view=summary&total=true", ""},
			{"a search", "GET", "/v1/search?q=red+fox+-dog&tag=a&kinds=" + string(e.Kind), ""},
			{"a pull", "GET", syncPath(e, "pull"), ""},
		} {
			count(string(e.Kind)+": "+row.name, row.method, row.path, row.body, "", 2)
		}
		count(string(e.Kind)+": a read", "GET", item(""), "", "", 1)
		count(string(e.Kind)+": a read by the beginning of a uid", "GET", item("")[:len(path(e))+9], "", "", 3)
		const tags, others = `"tags":["a","b"]`, `{"tags":["b","c","d"]}`
		action := `{"action":"` + e.ActionNames()[0] + `"}`
		for _, row := range []struct {
			name, has, method, under string
			body                     func() string
		}{
			{"a replacement", "", "PUT", "", text(`{"a":1}`)},
			{"a replacement of tags", tags, "PUT", "", text(others)},
			{"a replacement without the tags", tags, "PUT", "", text(`{}`)},
			{"a patch", "", "PATCH", "", text(`{"a":1}`)},
			{"a patch of a tagged item", tags, "PATCH", "", text(`{"a":1}`)},
			{"the first tags", "", "PATCH", "", text(others)},
			{"other tags", tags, "PATCH", "", text(others)},
			{"no more tags", tags, "PATCH", "", text(`{"tags":null}`)},
			{"a move to another parent", "", "PATCH", "", func() string { return u.body(e, `"a":1`) }},
			{"a move of a tagged item", tags, "PATCH", "", func() string { return u.body(e, `"tags":["z"]`) }},
			{"archiving", "", "POST", "/archive", text("")},
			{"archiving a tagged item", tags, "POST", "/archive", text("")},
			{"an action", "", "POST", "/process", text(action)},
			{"an action on a tagged item", tags, "POST", "/process", text(action)},
			{"an edit", `"` + e.Text[0] + `":"x"`, "POST", "/edit", text(`{"edits":[{"find":"x","replace":"y"}]}`)},
			{"a change of tags", tags, "POST", "/tags", text(`{"add":["z"],"remove":["a"]}`)},
			{"a deletion", "", "DELETE", "", text("")},
			{"a deletion of a tagged item", tags, "DELETE", "", text("")},
		} {
			name := string(e.Kind) + ": " + row.name
			count(name, row.method, item(row.has)+row.under, row.body(), "", write.plain)
			path, body := item(row.has)+row.under, row.body()
			count(name, row.method, path, body, name, write.keyed)
			count(name+" again", row.method, path, body, name, write.plain-1) // the answer of before
		}
		for version, want := range map[string]int64{"0": write.plain, "7": write.plain - 1} {
			refused := item("")
			before := ran.Load()
			u.call("PATCH", refused, `{"a":1}`, set("If-Match", version)).fails(412, "version_mismatch")
			if n := ran.Load() - before; n != want {
				t.Errorf("%s: a write at version %s takes %d statements, want %d", e.Kind, version, n, want)
			}
		}
		unchanged := path(e) + "/" + u.has(e, tags).UID
		count(string(e.Kind)+": a patch that changes nothing", "PATCH", unchanged, "{"+tags+"}", "", write.plain-1)
		count(string(e.Kind)+": the same with a key", "PATCH", unchanged, "{"+tags+"}", string(e.Kind)+"same", write.plain)
		if e.Parent != nil {
			halves(u, e, func(name, has, half string) {
				for _, method := range []string{"PATCH", "PUT"} {
					name := string(e.Kind) + ": " + method + " of " + name
					count(name, method, item(has), half, "", write.plain)
					count(name, method, item(has), half, name, write.keyed)
				}
			})
		}
		pastCosts(u, e, count)
		for name, members := range map[string]string{"a creation": "", "a creation with tags": tags} {
			name, body := string(e.Kind)+": "+name, u.body(e, members)
			count(name, "POST", path(e), body, "", write.plain)
			count(name, "POST", path(e), body, name, write.keyed)
			count(name+" again", "POST", path(e), body, name, write.plain-1)
		}
		push := func(name string, want int64, items ...string) {
			count(string(e.Kind)+": a push of "+name, "POST", syncPath(e, "push"), `{"items":[`+strings.Join(items, ",")+`]}`, "", want)
		}
		push("a new one", write.plain, u.pushable(e, 1, "1000", ""))
		push("one with other tags", write.plain, u.pushable(e, 1, "2000", tags))
		push("one again", write.plain-1, u.pushable(e, 1, "2000", tags))
		if e.Parent == nil {
			push("two", write.push, u.pushable(e, 2, "1000", ""), u.pushable(e, 3, "1000", ""))
			continue
		}
		push("two", write.childPush, u.pushable(e, 2, "1000", ""), u.pushable(e, 3, "1000", ""))
		parent := u.parentKeys(e, e.Parent.Kinds[0])
		push("two of one parent", write.children, u.pushable(e, 4, "1000", parent), u.pushable(e, 5, "1000", parent))
	}
}

// namingCosts counts what reading items by references takes: two statements beside the one
// of the session, one more with children, and one for each reference that is neither a uid nor a title.
func namingCosts(u user, count func(name, method, path, body, key string, want int64)) {
	note, task := u.has(find("note"), `"title":"Milk"`).UID, u.has(find("task"), `"title":"Crème"`).UID
	found := []string{"Milk", "milk", note, "task:" + task, note[:8], "task:" + task[:8], "tasks:crème"}
	count("an item by its uid", "GET", namedPath(found[2:3]), "", "", 3)
	count("items by uids and titles", "GET", namedPath(found), "", "", 3)
	count("twenty items", "GET", namedPath(strings.Split(strings.Repeat("Milk,", 19)+"milk", ",")), "", "", 3)
	for _, e := range entity.Table {
		if e.Parent != nil {
			u.has(e, "")
		}
	}
	count("items with their children", "GET", namedPath(found, "children=50"), "", "", 4)
	count("how many children items have", "GET", namedPath(found, "children=0"), "", "", 4)
	count("a title without its accent", "GET", namedPath(append(found, "creme")), "", "", 4)
	count("a title that is not there", "GET", namedPath(append(found, "Butter")), "", "", 4)
	count("a uid that is not there", "GET", namedPath(append(found, someUID, "note:"+someUID)), "", "", 3)
	count("twenty titles that are not there", "GET", namedPath(strings.Split(strings.Repeat("Butter,", 19)+"Oil", ",")), "", "", 22)
}

// pastCosts counts what reading and bringing back what was written takes.
func pastCosts(u user, e *entity.Entity, count func(name, method, path, body, key string, want int64)) {
	uid, kind := u.has(e, "").UID, string(e.Kind)
	path := path(e) + "/" + uid
	change := u.call("PATCH", path, `{"a":1}`).change()
	u.call("PATCH", path, `{"b":1}`).is(200)
	count(kind+": changes", "GET", "/v1/changes?since=2026-01-01", "", "", 2)
	count(kind+": changes of a kind", "GET", "/v1/changes?kinds="+kind, "", "", 2)
	count(kind+": the journal", "GET", "/v1/journal", "", "", 2)
	count(kind+": a history", "GET", path+"/history", "", "", 2)
	count(kind+": an undo", "POST", "/v1/undo", `{"change_id":"`+change+`"}`, "", 5)
	count(kind+": an undo of the last write", "POST", "/v1/undo", `{"last":true}`, "", 5)
	count(kind+": a restoration", "POST", path+"/restore", `{"version":2}`, "", 4)
	u.call("DELETE", path, "").is(200)
	count(kind+": a revival", "POST", path+"/restore", "", "", 4)
}

// halves calls each with a body that names half of another parent, and with the
// members that the item has before.
func halves(u user, e *entity.Entity, each func(name, has, half string)) {
	kinds := e.Parent.Kinds
	first, other := u.has(find(kinds[0]), "").UID, u.has(find(kinds[0]), "").UID
	has := namedParent(e, kinds[0], first)
	each("the parent's uid alone", has, `{"`+e.Parent.UIDKey+`":"`+other+`"}`)
	if len(kinds) > 1 {
		u.call("POST", path(find(kinds[1])), `{"uid":"`+first+`"}`).is(201)
		each("the parent's type alone", has, `{"`+e.Parent.TypeKey+`":"`+string(kinds[1])+`"}`)
	}
}

// text is a body that is always the same.
func text(body string) func() string { return func() string { return body } }
