package storetest

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"testing"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/login"
)

const addSecret = `INSERT INTO login_secret (tenant, name, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`

// secretsOf are the names of the rows of a table of login.
func secretsOf(t *testing.T, store Store) (names []string) {
	t.Helper()
	err := store.ReadLogin(context.Background(), func(tx login.Tx) error {
		return tx.Query(func(row login.Row) error {
			var name string
			err := row.Scan(&name)
			names = append(names, name)
			return err
		}, `SELECT name FROM login_secret WHERE tenant = ? ORDER BY name`, alice.Tenant)
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func loginTransactions(t *testing.T, store Store) {
	ctx, failure := context.Background(), errors.New("failure")
	for _, transact := range []func(context.Context, func(login.Tx) error) error{store.Login, store.EndLogin} {
		err := transact(ctx, func(tx login.Tx) error {
			if added, err := tx.Exec(addSecret, alice.Tenant, "taken back", []byte{1}); err != nil || added != 1 {
				t.Errorf("added %d, %v", added, err)
			}
			return failure
		})
		if err != failure {
			t.Errorf("got %v", err)
		}
	}
	err := store.Login(ctx, func(tx login.Tx) error {
		for _, want := range []int64{1, 0} {
			if added, err := tx.Exec(addSecret, alice.Tenant, "kept", []byte{0, 255}); err != nil || added != want {
				t.Errorf("added %d, %v", added, err)
			}
		}
		var value []byte
		if err := tx.QueryRow(`SELECT value FROM login_secret WHERE tenant = ? AND name = ?`, alice.Tenant, "kept").Scan(&value); err != nil || !slices.Equal(value, []byte{0, 255}) {
			t.Errorf("%v, %v", value, err)
		}
		if err := tx.QueryRow(`SELECT value FROM login_secret WHERE name = ?`, "?").Scan(&value); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("no row is %v", err)
		}
		return nil
	})
	if names := secretsOf(t, store); err != nil || !slices.Equal(names, []string{"kept"}) {
		t.Errorf("%v, %v", names, err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := store.Login(gone, func(tx login.Tx) error { _, err := tx.Exec(addSecret, alice.Tenant, "left", []byte{1}); return err }); err == nil {
		t.Error("a caller who has left has written")
	}
}

func parallelTakes(t *testing.T, store Store) {
	ctx := context.Background()
	if err := store.Login(ctx, func(tx login.Tx) error { _, err := tx.Exec(addSecret, alice.Tenant, "one", []byte{1}); return err }); err != nil {
		t.Fatal(err)
	}
	var won sync.Map
	var all sync.WaitGroup
	for n := range 10 {
		all.Go(func() {
			took := false
			err := store.Login(ctx, func(tx login.Tx) error {
				var name string
				err := tx.QueryRow(`DELETE FROM login_secret WHERE tenant = ? AND name = ? RETURNING name`, alice.Tenant, "one").Scan(&name)
				took = err == nil
				if errors.Is(err, sql.ErrNoRows) {
					return nil
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if took {
				won.Store(n, true)
			}
		})
	}
	all.Wait()
	count := 0
	won.Range(func(any, any) bool { count++; return true })
	if count != 1 {
		t.Errorf("%d have taken the row", count)
	}
}

// linesOfLogin writes lines about no item among those of items, all at once.
func linesOfLogin(t *testing.T, store Store) {
	ctx := context.Background()
	var all sync.WaitGroup
	for n := range 10 {
		all.Go(func() {
			err := store.Login(ctx, func(tx login.Tx) error {
				return tx.AddLine(alice, journal.Line{At: 1000, UID: "login", Change: journal.Change{Name: "signed_in"}, Origin: journal.Origin{By: "alice"}})
			})
			if err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			write := item.Write{Kind: "note", UID: uid(n), Decide: next(uid(n), `{}`)}
			if err := store.Write(ctx, item.Batch{Owner: alice, Epoch: 1, Now: fixed(1000), Writes: []item.Write{write}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if read, err := item.Verify(ctx, store); err != nil || read.Owners != 1 || read.Lines != 20 {
		t.Errorf("read %+v, %v", read, err)
	}
	checkSums(t, store, alice)
	page, err := store.Journal(ctx, item.LineQuery{Owner: alice, Limit: 100})
	if err != nil || len(page.Lines) != 10 || page.Floor != 0 {
		t.Errorf("%d lines of items from %d on, %v", len(page.Lines), page.Floor, err)
	}
	if _, _, err := store.Wipe(ctx, alice, 1, journal.Origin{}, fixed(2000)); err != nil {
		t.Fatal(err)
	}
	if err := store.Login(ctx, func(tx login.Tx) error {
		return tx.AddLine(alice, journal.Line{At: 3000, UID: "login", Change: journal.Change{Name: "signed_in"}})
	}); err != nil {
		t.Fatal(err)
	}
	lines, err := store.Lines(ctx, alice)
	if last := lines[len(lines)-1]; err != nil || last.Epoch != 2 || last.At != 3000 {
		t.Errorf("%+v, %v", last, err)
	}
	if page, err = store.Journal(ctx, item.LineQuery{Owner: alice, Limit: 100}); err != nil || page.Floor != 21 || len(page.Lines) != 0 {
		t.Errorf("%d lines, the epoch begins at %d, %v", len(page.Lines), page.Floor, err)
	}
}
