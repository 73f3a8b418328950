package main

import (
	"database/sql"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"toolbridge/api/internal/store/postgres/postgrestest"
)

// onData runs a command on the database and returns its exit code and its output.
func onData(t *testing.T, database string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = []string{"DATABASE_URL=" + database}
	said, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(said)
}

// done stops the test unless the command succeeds.
func done(t *testing.T, database string, args ...string) string {
	t.Helper()
	code, said := onData(t, database, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, said)
	}
	return said
}

// rows is every item of a database file, oldest write first.
func rows(t *testing.T, file string) (all []string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found, err := db.Query(`SELECT stored_ms || ' ' || uid || ' ' || version || ' ' || payload FROM item ORDER BY stored_ms, uid`)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var row string
		if err := found.Scan(&row); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	return all
}

func TestABackupUnderLoadIsRestoredAfterAWipeAsItWasAtItsMoment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, backup := filepath.Join(dir, "data"), filepath.Join(dir, "backup.db")
	database := filepath.Join(data, "api.db")
	api := launch(t, environment("127.0.0.1:0", database))
	var created atomic.Int64
	enough, stop := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, _, err := api.call("POST", "/v1/notes", `{"title":"kept","tags":["a"]}`); err != nil || status != http.StatusCreated {
					t.Errorf("status %d, %v", status, err)
					return
				}
				if created.Add(1) == 500 {
					once.Do(func() { close(enough) })
				}
			}
		})
	}
	<-enough
	before := created.Load()
	said := done(t, "sqlite://"+database, "backup", backup)
	during := created.Load()
	close(stop)
	writers.Wait()
	api.signal(syscall.SIGTERM)
	api.exit()
	if during == before {
		t.Error("nothing was written during the backup")
	}
	live := rows(t, database)
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}

	done(t, "sqlite://"+database, "restore", backup)
	restored := rows(t, database)
	if n := int64(len(restored)); n < before || n > during+4 {
		t.Errorf("%d items, but %d were there before the backup and %d after it", n, before, during)
	}
	// Each write of a kind has a later time than the one before.
	if !slices.Equal(restored, live[:len(restored)]) {
		t.Error("the backup is not what was there at one moment")
	}
	t.Logf("%s%d items before the backup, %d after it, %d in it, %d at the end", said, before, during, len(restored), len(live))
	again := launch(t, environment("127.0.0.1:0", database))
	if status, _, err := again.call("GET", "/v1/notes?tag=a", ""); err != nil || status != http.StatusOK {
		t.Errorf("status %d, %v", status, err)
	}
}

func TestADatabaseInUseIsNotReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database, backup := filepath.Join(dir, "api.db"), filepath.Join(dir, "backup.db")
	api := launch(t, environment("127.0.0.1:0", database))
	api.expect(http.StatusCreated, "POST", "/v1/notes", "{}")
	done(t, "sqlite://"+database, "backup", backup)
	api.expect(http.StatusCreated, "POST", "/v1/notes", "{}")
	code, said := onData(t, "sqlite://"+database, "restore", "-replace", "api.db", backup)
	if code != 1 || !strings.Contains(said, "in use") {
		t.Errorf("exit code %d: %s", code, said)
	}
	api.expect(http.StatusCreated, "POST", "/v1/notes", "{}")
	api.signal(syscall.SIGTERM)
	api.exit()
	if n := len(rows(t, database)); n != 3 {
		t.Errorf("%d items", n)
	}
	done(t, "sqlite://"+database, "restore", "-replace", "api.db", backup)
	if n := len(rows(t, database)); n != 1 {
		t.Errorf("%d items after the restore", n)
	}
	kept, err := filepath.Glob(database + ".replaced-*")
	if err != nil || len(kept) != 1 || len(rows(t, kept[0])) != 3 {
		t.Errorf("what was replaced is not kept: %v, %v", kept, err)
	}
}

func TestACommandOnTheDataThatCannotWorkSaysWhy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	database := "sqlite://" + file("api.db")
	done(t, database, "migrate")
	done(t, database, "backup", file("good"))
	newer := file("newer")
	done(t, database, "backup", newer)
	change(t, newer, `UPDATE schema_version SET version = 1000`)
	other := file("other")
	change(t, other, `CREATE TABLE x (y)`)
	whole, err := os.ReadFile(file("good"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, file("half"), whole[:len(whole)/2])
	write(t, file("live"), whole)
	write(t, file("live-wal"), nil)
	fresh := "sqlite://" + file("fresh/api.db")
	for _, row := range []struct {
		name, database string
		args           []string
		code           int
		says           string
	}{
		{"a file that exists", database, []string{"backup", file("good")}, 1, "exists"},
		{"nothing to back up", "sqlite://" + file("none.db"), []string{"backup", file("x")}, 1, "no database to back up"},
		{"no name", database, []string{"backup"}, 2, "one file"},
		{"no folder", database, []string{"backup", file("none/x")}, 1, "no such file"},
		{"a database is there", database, []string{"restore", file("good")}, 1, "-replace api.db"},
		{"the wrong name", database, []string{"restore", "-replace", "x.db", file("good")}, 1, `"api.db"`},
		{"no backup", fresh, []string{"restore", file("none")}, 1, "no such file"},
		{"half a backup", fresh, []string{"restore", file("half")}, 1, "not a whole SQLite database"},
		{"another program's", fresh, []string{"restore", other}, 1, "not a database of this program"},
		{"a newer program's", fresh, []string{"restore", newer}, 1, "run a newer one"},
		{"a database in use as backup", fresh, []string{"restore", file("live")}, 1, "log beside it"},
		{"PostgreSQL", "postgres://user:hidden@host/x", []string{"backup", file("x")}, 1, "pg_dump"},
		{"an unknown command", database, []string{"drop"}, 2, "unknown command"},
		{"a migration with an argument", database, []string{"migrate", "x"}, 2, "no argument"},
		{"a wrong setting", "mysql://x", []string{"migrate"}, 1, "DATABASE_URL"},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, said := onData(t, row.database, row.args...)
			if code != row.code || !strings.Contains(said, row.says) || strings.Contains(said, "hidden") {
				t.Errorf("exit code %d: %s", code, said)
			}
		})
	}
	leftovers, err := filepath.Glob(file("*/.toolbridge-*"))
	if err != nil || len(leftovers) > 0 {
		t.Errorf("left behind: %v, %v", leftovers, err)
	}
	if _, err := os.Stat(file("fresh/api.db")); !os.IsNotExist(err) {
		t.Errorf("a refused restore made a database: %v", err)
	}
}

func TestAMigrationOnPostgreSQLMayBeRepeated(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t)
	for range 2 {
		done(t, url, "migrate")
	}
	api := launch(t, append(environment("127.0.0.1:0", ""), "DATABASE_URL="+url)) // the later one counts
	api.expect(http.StatusCreated, "POST", "/v1/notes", "{}")
}

func TestADamagedDatabaseCanBeReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database, backup := filepath.Join(dir, "api.db"), filepath.Join(dir, "backup.db")
	done(t, "sqlite://"+database, "migrate")
	done(t, "sqlite://"+database, "backup", backup)
	write(t, database, []byte(strings.Repeat("damaged ", 1000)))
	write(t, database+"-wal", []byte("damaged"))
	done(t, "sqlite://"+database, "restore", "-replace", "api.db", backup)
	intact(t, database)
	if _, err := os.Stat(database + "-wal"); !os.IsNotExist(err) {
		t.Errorf("the old log is still beside the new database: %v", err)
	}
}

func change(t *testing.T, file, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
