package keyring_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/keyring"
)

const secret = "0123456789abcdef0123456789abcdef"

func TestListsAreReadAsTheGatewayReadsThem(t *testing.T) {
	text, err := os.ReadFile("testdata/keys.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Name, Text, Error string
		Keys              [][3]string
	}
	if err := json.Unmarshal(text, &rows); err != nil || len(rows) == 0 {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			keys, err := keyring.Parse(row.Text)
			if said := ""; err != nil || row.Error != "" {
				if err != nil {
					said = err.Error()
				}
				if said != row.Error {
					t.Fatalf("says %q, want %q", said, row.Error)
				}
				return
			}
			var got [][3]string
			for _, key := range keys {
				got = append(got, [3]string{key.ID, key.Made.Format(time.DateOnly), string(key.Secret)})
			}
			if !slices.Equal(got, row.Keys) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// inFile opens a ring whose file a test changes.
func inFile(t *testing.T, list string) (ring *keyring.Ring, write func(string)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	write = func(list string) {
		next := file + ".next"
		if err := os.WriteFile(next, []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, file); err != nil {
			t.Fatal(err)
		}
	}
	write(list)
	ring, err := keyring.Source{File: file}.Open()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	go ring.Keep(t.Context(), "tenant", log)
	return ring, write
}

func first(ring *keyring.Ring) string { return (*ring.Keys())[0].ID }

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("never came")
		}
	}
}

func TestAFileIsReadAgainWhenItChanges(t *testing.T) {
	ring, write := inFile(t, "k1:2026-01-31:"+secret)
	before := ring.Keys()
	write("k2:2026-02-01:" + strings.ToUpper(secret) + "\nk1:2026-01-31:" + secret)
	eventually(t, func() bool { return first(ring) == "k2" })
	if len(*ring.Keys()) != 2 || len(*before) != 1 {
		t.Error("the keys are not those of the file")
	}
}

func TestAFileThatIsWrongLeavesTheKnownKeysInUse(t *testing.T) {
	ring, write := inFile(t, "k1:2026-01-31:"+secret)
	write("k2:2026-02-01:short")
	eventually(t, func() bool { return ring.Problem() != "" })
	if first(ring) != "k1" || strings.Contains(ring.Problem(), "short") {
		t.Errorf("%s, %s", first(ring), ring.Problem())
	}
	write("k3:2026-02-01:" + secret)
	eventually(t, func() bool { return first(ring) == "k3" })
	if ring.Problem() != "" {
		t.Error(ring.Problem())
	}
}

func TestAFileThatIsMissingAtTheStartIsRefused(t *testing.T) {
	if _, err := (keyring.Source{File: filepath.Join(t.TempDir(), "none")}).Open(); err == nil {
		t.Error("opened")
	}
}
