package item_test

import (
	"testing"

	"toolbridge/api/internal/item"
)

func TestACursorHasTheContractsFormat(t *testing.T) {
	cursor := item.Cursor{StoredAt: 1700000000123, UID: "11111111-2222-3333-4444-555555555555"}
	const want = "MTcwMDAwMDAwMDEyM3wxMTExMTExMS0yMjIyLTMzMzMtNDQ0NC01NTU1NTU1NTU1NTU"
	if got := cursor.String(); got != want {
		t.Errorf("got %s", got)
	}
	if back, err := item.ParseCursor(want); err != nil || back != cursor {
		t.Errorf("read back %v, %v", back, err)
	}
}

// FuzzCursor: a cursor is read only from exactly the text it is written as.
func FuzzCursor(f *testing.F) {
	f.Add("MTcwMDAwMDAwMDEyM3wxMTExMTExMS0yMjIyLTMzMzMtNDQ0NC01NTU1NTU1NTU1NTU")
	f.Add("MTcwMDAwMDAwMDEyM3wxMTExMTExMS0yMjIyLTMzMzMtNDQ0NC01NTU1NTU1NTU1NTU=")
	f.Add("")
	f.Add("x|y")
	f.Fuzz(func(t *testing.T, text string) {
		cursor, err := item.ParseCursor(text)
		if err == nil && cursor.String() != text {
			t.Fatalf("%q was read as %q", text, cursor)
		}
	})
}
