package keyring_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/keyring"
)

const secret = "0123456789abcdef0123456789abcdef"

// list is a text on which the gateway decides the same: its tests read the file, too.
type list struct {
	Name, Text, Error string
	Keys              [][3]string
}

func readLists(t testing.TB) (lists []list) {
	t.Helper()
	text, err := os.ReadFile("testdata/keys.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &lists); err != nil || len(lists) == 0 {
		t.Fatal(err)
	}
	return lists
}

func TestListsAreReadAsTheGatewayReadsThem(t *testing.T) {
	for _, row := range readLists(t) {
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

// FuzzParse checks that what is taken is a list of keys, and that no error quotes a secret.
func FuzzParse(f *testing.F) {
	for _, row := range readLists(f) {
		f.Add(row.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := keyring.Parse(text)
		if err != nil {
			for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,", r) }) {
				if parts := strings.SplitN(word, ":", 3); len(parts) == 3 && len(parts[2]) > 32 && strings.Contains(err.Error(), parts[2]) {
					t.Errorf("quotes a secret: %v", err)
				}
			}
			return
		}
		var list []string
		seen := map[string]bool{}
		for _, key := range keys {
			if len(key.Secret) < keyring.MinSecretBytes || seen[key.ID] || key.ID == "" || len(key.ID) > 32 {
				t.Errorf("took %q", text)
			}
			seen[key.ID] = true
			list = append(list, key.ID+":"+key.Made.Format(time.DateOnly)+":"+string(key.Secret))
		}
		if len(keys) < 1 || len(keys) > 8 {
			t.Errorf("took %d keys", len(keys))
		}
		again, err := keyring.Parse(strings.Join(list, "\n"))
		if err != nil || !slices.EqualFunc(keys, again, keyring.Key.Equal) {
			t.Errorf("%q is not what was read: %v", list, err)
		}
	})
}

func TestTheAgeOfAKeyIsKnownFromItsDay(t *testing.T) {
	keys, err := keyring.Parse("k1:2026-01-31:" + secret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	if age, known := keys[0].Age(now); !known || age != 36*time.Hour {
		t.Errorf("%s, %v", age, known)
	}
	if _, known := (*keyring.OfSecret(secret).Keys())[0].Age(now); known {
		t.Error("knows the age of a bare secret")
	}
}

func TestAKeyDoesNotShowItsSecret(t *testing.T) {
	keys, err := keyring.Parse("k1:2026-01-31:" + secret)
	if err != nil {
		t.Fatal(err)
	}
	if shown := fmt.Sprintf("%v %+v %s %#v %v", keys, keys[0], keys[0], keys, &keys[0]); strings.Contains(shown, secret[:8]) || !strings.Contains(shown, "k1") {
		t.Error(shown)
	}
}
