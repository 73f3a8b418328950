package httpapi_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
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

// counted is an API whose statements are counted.
func counted(t *testing.T) (p *process, ran *atomic.Int64) {
	t.Helper()
	plain, err := sql.Open("sqlite", "")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	ran = &atomic.Int64{}
	name := "counting " + t.Name()
	sql.Register(name, counting{plain.Driver(), ran})
	store, err := sqlite.OpenWith(t.Context(), name, filepath.Join(t.TempDir(), "counted.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return start(t, func(api *httpapi.API) { api.Items.Store, api.Accounts.Store = store, store }), ran
}

func TestARequestKeepsToItsStatements(t *testing.T) {
	p, ran := counted(t)
	u := p.user("alice")
	u.call("POST", "/v1/notes", "{}", keyed("purges-as-nobody-has-for-a-minute")).is(201)
	type row struct {
		name                string
		method, path, body  string
		statements, ofKeyed int64 // without and with a key
	}
	check := func(e *entity.Entity, row row, key string, want int64) {
		t.Helper()
		before := ran.Load()
		var with header
		if key != "" {
			with = keyed(strings.ReplaceAll(key, " ", "-"))
		}
		got := u.call(row.method, row.path, row.body, with)
		if got.status/100 != 2 {
			t.Fatalf("%s %s: %d %s", e.Kind, row.name, got.status, got.body)
		}
		if n := ran.Load() - before; n != want {
			t.Errorf("%s: %s takes %d statements, with key %q, want %d", e.Kind, row.name, n, key, want)
		}
	}
	for _, e := range entity.Table {
		one, two := path(e)+"/"+u.has(e, "").UID, path(e)+"/"+u.has(e, "").UID
		tagged := path(e) + "/" + u.has(e, `"tags":["a"]`).UID
		body := u.body(e, "")
		rows := []row{
			{"a read", "GET", one, "", 2, 2},
			{"a list", "GET", path(e), "", 2, 2},
			{"a filtered list", "GET", path(e) + "?tag=a&archived=false&order=desc", "", 2, 2},
			{"a pull", "GET", syncPath(e, "pull"), "", 2, 2},
			{"a creation", "POST", path(e), body, 3, 4},
			{"a replacement", "PUT", one, `{}`, 3, 4},
			{"a patch", "PATCH", one, `{"a":1}`, 3, 4},
			{"a move to another parent", "PATCH", one, body, 3, 4},
			{"archiving", "POST", one + "/archive", "", 3, 4},
			{"an action", "POST", one + "/process", `{"action":"` + e.ActionNames()[0] + `"}`, 3, 4},
			{"a patch of a tagged item", "PATCH", tagged, `{"a":1}`, 4, 5},
			{"the first tags", "PATCH", two, `{"tags":["a","b","c"]}`, 4, 4},
			{"a creation with tags", "POST", path(e), u.body(e, `"tags":["a","b"]`), 4, 5},
		}
		for _, row := range rows {
			check(e, row, "", row.statements)
			if row.name != "the first tags" {
				check(e, row, string(e.Kind)+row.name, row.ofKeyed)
				check(e, row, string(e.Kind)+row.name, 2) // the answer again
			}
		}
		check(e, row{name: "other tags", method: "PATCH", path: two, body: `{"tags":["x"]}`}, "", 5)
		check(e, row{name: "other tags", method: "PATCH", path: two, body: `{"tags":["y"]}`}, string(e.Kind)+"tags", 6)
		check(e, row{name: "a deletion", method: "DELETE", path: one}, "", 3)
		third := path(e) + "/" + u.has(e, "").UID
		check(e, row{name: "a deletion", method: "DELETE", path: third}, string(e.Kind)+"deletion", 4)
		push := `{"items":[` + u.pushable(e, 1, "1000", "") + "," + u.pushable(e, 2, "1000", "") + `]}`
		check(e, row{name: "a push of two", method: "POST", path: syncPath(e, "push"), body: push}, "", 5)
	}
}
