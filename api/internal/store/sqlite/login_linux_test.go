package sqlite

import (
	"path/filepath"
	"testing"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/login"
)

func TestOnAFullDiskAccessIsTakenAwayAndNotGiven(t *testing.T) {
	withSmallDisks(t, func(t *testing.T) {
		folder := smallDisk(t)
		store := openStore(t, filepath.Join(folder, "test.db"))
		put := func(name string) func(login.Tx) error {
			return func(tx login.Tx) error {
				_, err := tx.Exec(`INSERT INTO login_secret (tenant, name, value) VALUES ('t', ?, ?)`, name, []byte{1})
				return err
			}
		}
		if err := store.Login(t.Context(), put("one")); err != nil {
			t.Fatal(err)
		}
		fill(t, store, "alice", 1_000_000)
		if err := store.Login(t.Context(), put("two")); !isDiskFull(err) {
			t.Errorf("access was given: %v", err)
		}
		fillFromOutside(t, folder)
		if err := store.Login(t.Context(), put("two")); !isDiskFull(err) {
			t.Errorf("access was given: %v", err)
		}
		alice := account.Owner{Tenant: "t", User: "alice"}
		err := store.EndLogin(t.Context(), func(tx login.Tx) error {
			if _, err := tx.Exec(`DELETE FROM login_secret WHERE tenant = 't'`); err != nil {
				return err
			}
			return tx.AddLine(alice, journal.Line{At: 1, UID: "login", Change: journal.Change{Name: "disabled"}})
		})
		var left int
		if err == nil {
			err = store.ReadLogin(t.Context(), func(tx login.Tx) error { return tx.QueryRow(`SELECT COUNT(*) FROM login_secret`).Scan(&left) })
		}
		if err != nil || left != 0 {
			t.Errorf("%d rows are left, %v", left, err)
		}
		if _, err := item.Verify(t.Context(), store); err != nil {
			t.Error(err)
		}
	})
}
