package httpapi_test

import (
	"context"
	"database/sql"
	"testing"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/login"
	"toolbridge/api/internal/store/postgres"
	"toolbridge/api/internal/store/postgres/postgrestest"
	"toolbridge/api/internal/store/sqlite"
	"toolbridge/api/internal/store/sqlite/sqlitetest"
	"toolbridge/api/internal/telemetry"
)

// database is what the processes of a test share.
type database struct {
	open func(ctx context.Context) (store, error)
	lock func(t *testing.T) (release func()) // against every write, as another process may
}

type store interface {
	item.Store
	item.Archive
	account.Store
	login.Store
	Ready(ctx context.Context) error
	Sizes(ctx context.Context) telemetry.Sizes
	Close() error
}

func onSQLite(t *testing.T) database {
	t.Helper()
	path := sqlitetest.New(t)
	return database{
		open: func(ctx context.Context) (store, error) { return sqlite.Open(ctx, path) },
		lock: func(t *testing.T) func() {
			t.Helper()
			db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
			if err != nil {
				t.Fatal(err)
			}
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			return func() {
				_ = tx.Rollback()
				_ = db.Close()
			}
		},
	}
}

func onPostgres(t *testing.T) database {
	url := postgrestest.New(t)
	return database{
		open: func(ctx context.Context) (store, error) { return postgres.Open(ctx, url, 10) },
		lock: func(t *testing.T) func() {
			t.Helper()
			conn := postgrestest.Connect(t, url)
			if _, err := conn.PgConn().Exec(t.Context(), "BEGIN; LOCK TABLE account IN EXCLUSIVE MODE").ReadAll(); err != nil {
				t.Fatal(err)
			}
			return func() { _ = conn.Close(context.Background()) }
		},
	}
}

// starter starts an API on a new database of one kind.
type starter func(t *testing.T, options ...func(*httpapi.API)) *process

// onEachStore runs a test once for every kind of database, where they may differ.
func onEachStore(t *testing.T, test func(t *testing.T, start starter)) {
	for name, fresh := range map[string]func(*testing.T) database{"SQLite": onSQLite, "PostgreSQL": onPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, func(t *testing.T, options ...func(*httpapi.API)) *process {
				t.Helper()
				return startOn(t, fresh(t), newClock(), options...)
			})
		})
	}
}

// forEachEntityAndStore runs a test once for every row of the table on every
// kind of database.
func forEachEntityAndStore(t *testing.T, test func(t *testing.T, u user, e *entity.Entity)) {
	onEachStore(t, func(t *testing.T, start starter) {
		for _, e := range entity.Table {
			t.Run(string(e.Kind), func(t *testing.T) { test(t, start(t).user("alice"), e) })
		}
	})
}
