package keyring_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"toolbridge/api/internal/keyring"
)

// inFile is a ring whose file a test changes.
type inFile struct {
	*keyring.Ring
	t    *testing.T
	file string
	log  bytes.Buffer
}

func openFile(t *testing.T, list string) *inFile {
	t.Helper()
	r := &inFile{t: t, file: filepath.Join(t.TempDir(), "keys")}
	r.write(list)
	r.open()
	return r
}

func (r *inFile) open() {
	r.t.Helper()
	ring, err := keyring.Source{File: r.file}.Open()
	if err != nil {
		r.t.Fatal(err)
	}
	r.Ring = ring
}

// write replaces the file.
func (r *inFile) write(list string) {
	r.t.Helper()
	r.put(r.file+".next", list)
	if err := os.Rename(r.file+".next", r.file); err != nil {
		r.t.Fatal(err)
	}
}

// put writes a file in place.
func (r *inFile) put(file, list string) {
	r.t.Helper()
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *inFile) look() { r.Look(slog.New(slog.NewTextHandler(&r.log, nil))) }

// settle looks as often as a change needs to count.
func (r *inFile) settle() {
	r.look()
	r.look()
}

func (r *inFile) has(ids string) {
	r.t.Helper()
	var live []string
	for _, key := range *r.Keys() {
		live = append(live, key.ID)
	}
	if got := strings.Join(live, " "); got != ids {
		r.t.Errorf("the keys are %s, want %s", got, ids)
	}
}

// logged counts the lines with these words since it was called last, and fails for others.
func (r *inFile) logged(count int, words string) {
	r.t.Helper()
	lines := strings.SplitAfter(r.log.String(), "\n")
	lines = lines[:len(lines)-1]
	r.log.Reset()
	for _, line := range lines {
		if !strings.Contains(line, words) {
			r.t.Errorf("logged %s", line)
		}
	}
	if len(lines) != count {
		r.t.Errorf("logged %d lines, want %d:\n%s", len(lines), count, strings.Join(lines, ""))
	}
}

func listOf(ids ...string) string {
	var list []string
	for _, id := range ids {
		list = append(list, id+":2026-01-31:"+strings.Repeat(id, 16))
	}
	return strings.Join(list, "\n") + "\n"
}

func TestAFileIsReadAgainWithinASecondOfAChange(t *testing.T) {
	t.Parallel()
	r := openFile(t, listOf("k1"))
	go r.Keep(t.Context(), "tenant", slog.New(slog.DiscardHandler))
	for _, ids := range [][]string{{"k1", "k2"}, {"k2", "k1"}, {"k2"}} {
		r.write(listOf(ids...))
		began := time.Now()
		for first := r.Keys(); r.Keys() == first; time.Sleep(5 * time.Millisecond) {
			if time.Since(began) > 10*time.Second {
				t.Fatal("never came")
			}
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %s", took)
		}
		r.has(strings.Join(ids, " "))
	}
}

func TestEachWayToChangeAFileIsNoticed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(r *inFile){
		"replaced": func(r *inFile) { r.write(listOf("k2")) },
		"in place": func(r *inFile) { r.put(r.file, listOf("k2")) },
		"in place, of the same size and time": func(r *inFile) {
			state, err := os.Stat(r.file)
			if err != nil {
				t.Fatal(err)
			}
			r.put(r.file, listOf("k2"))
			if err := os.Chtimes(r.file, state.ModTime(), state.ModTime()); err != nil {
				t.Fatal(err)
			}
		},
		"gone and back": func(r *inFile) {
			_ = os.Remove(r.file)
			r.settle()
			r.has("k1")
			r.write(listOf("k2"))
		},
		"a link to another file": func(r *inFile) {
			r.put(r.file+".other", listOf("k2"))
			_ = os.Remove(r.file)
			if err := os.Symlink(r.file+".other", r.file); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := openFile(t, listOf("k1"))
			change(r)
			r.has("k1")
			r.settle()
			r.has("k2")
			if r.Problem() != "" {
				t.Error(r.Problem())
			}
		})
	}
}

// Kubernetes replaces the link to a folder, of which each file is a link.
func TestAFileOfAMountedSecretIsReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	publish := func(version string, ids ...string) {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, version, "keys"), []byte(listOf(ids...)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(version, filepath.Join(dir, "..next")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..next"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	publish("..1", "k1")
	if err := os.Symlink(filepath.Join("..data", "keys"), filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	r := &inFile{t: t, file: filepath.Join(dir, "keys")}
	r.open()
	publish("..2", "k2", "k1")
	if err := os.RemoveAll(filepath.Join(dir, "..1")); err != nil {
		t.Fatal(err)
	}
	r.settle()
	r.has("k2 k1")
	r.logged(1, "read the keys again")
}

func TestAFileThatCannotBeUsedLeavesTheKnownKeysInUse(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		ruin    func(file string) error
		problem string
	}{
		{"gone", os.Remove, "no such file or directory"},
		{"empty, as a full disk leaves it", func(file string) error { return os.Truncate(file, 0) }, "has 0 keys; give it 1 to 8"},
		{"cut", func(file string) error { return os.Truncate(file, 40) }, "key 1 has a secret of 26 bytes"},
		{"a folder", func(file string) error {
			_ = os.Remove(file)
			return os.Mkdir(file, 0o700)
		}, "not a regular file"},
		{"a pipe, which nobody writes to", func(file string) error {
			_ = os.Remove(file)
			return syscall.Mkfifo(file, 0o600)
		}, "not a regular file"},
		{"a link to itself", func(file string) error {
			_ = os.Remove(file)
			return os.Symlink(file, file)
		}, "too many levels of symbolic links"},
		{"huge", func(file string) error { return os.Truncate(file, 1<<40) }, "the file is too large for a list of keys"},
		{"no text", func(file string) error { return os.WriteFile(file, []byte("\xff\xfe\x00k"), 0o600) }, "key 1 is not id:made:secret"},
		{"too many keys", func(file string) error {
			return os.WriteFile(file, []byte(listOf("k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9")), 0o600)
		}, "has 9 keys; give it 1 to 8"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := openFile(t, listOf("k1"))
			before := r.Keys()
			if err := row.ruin(r.file); err != nil {
				t.Fatal(err)
			}
			if _, err := (keyring.Source{File: r.file}).Open(); err == nil || !strings.HasPrefix(err.Error(), row.problem) {
				t.Errorf("opened anew: %v", err)
			}
			r.look()
			r.logged(0, "")
			for range 10 {
				r.look()
			}
			r.logged(1, "cannot be used")
			if r.Keys() != before || !strings.HasPrefix(r.Problem(), row.problem) {
				t.Errorf("says %q", r.Problem())
			}
			_ = os.RemoveAll(r.file)
			r.write(listOf("k1"))
			r.settle()
			r.logged(1, "read the keys again")
			if r.Keys() != before || r.Problem() != "" {
				t.Errorf("afterwards it says %q", r.Problem())
			}
		})
	}
}

func TestAListThatIsOnlyHalfWrittenIsNotUsed(t *testing.T) {
	t.Parallel()
	r := openFile(t, listOf("k1", "k2"))
	file, err := os.Create(r.file) // which empties it
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, id := range []string{"k3", "k1", "k2"} {
		r.look()
		r.has("k1 k2")
		if _, err := file.WriteString(listOf(id)); err != nil {
			t.Fatal(err)
		}
	}
	r.look()
	r.has("k1 k2")
	r.logged(0, "")
	r.look()
	r.has("k3 k1 k2")
	r.logged(1, "read the keys again")
}

func TestKeysThatStayTheSameStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	r := openFile(t, listOf("k1", "k2"))
	before := r.Keys()
	r.write("# a comment\n" + strings.ReplaceAll(listOf("k1", "k2"), "\n", ", "))
	r.settle()
	if r.Keys() != before {
		t.Error("the pointer is another one")
	}
	r.logged(0, "")
	for _, other := range []string{listOf("k2", "k1"), strings.Replace(listOf("k2", "k1"), "01-31", "01-30", 1), listOf("k2")} {
		before = r.Keys()
		r.write(other)
		r.settle()
		if r.Keys() == before {
			t.Errorf("%s changed nothing", other)
		}
	}
}

func TestAFileThatOthersMayReadIsUsedWithAWarning(t *testing.T) {
	t.Parallel()
	r := openFile(t, listOf("k1"))
	for _, row := range []struct {
		mode  os.FileMode
		warns int
	}{{0o600, 0}, {0o640, 1}, {0o644, 0}, {0o400, 0}, {0o604, 1}} {
		if err := os.Chmod(r.file, row.mode); err != nil {
			t.Fatal(err)
		}
		r.settle()
		r.logged(row.warns, "its mode should be 0600")
		r.has("k1")
	}
}

func TestAWarningIsLoggedAtTheStart(t *testing.T) {
	t.Parallel()
	r := openFile(t, listOf("k1"))
	if err := os.Chmod(r.file, 0o644); err != nil {
		t.Fatal(err)
	}
	r.open()
	lines := make(chan string, 10)
	go r.Keep(t.Context(), "tenant", slog.New(slog.NewTextHandler(lineWriter(lines), nil)))
	if line := <-lines; !strings.Contains(line, "use=tenant") || !strings.Contains(line, "level=WARN") {
		t.Errorf("logged %s", line)
	}
}

type lineWriter chan<- string

func (w lineWriter) Write(line []byte) (int, error) {
	w <- string(line)
	return len(line), nil
}
