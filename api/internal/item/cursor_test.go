package item_test

import (
	"strings"
	"testing"

	"toolbridge/api/internal/item"
)

func TestACursorHasTheContractsFormat(t *testing.T) {
	cursor := item.Cursor{At: 1700000000123, UID: "11111111-2222-3333-4444-555555555555"}
	const want = "MTcwMDAwMDAwMDEyM3wxMTExMTExMS0yMjIyLTMzMzMtNDQ0NC01NTU1NTU1NTU1NTU"
	if got := cursor.String(); got != want {
		t.Errorf("got %s", got)
	}
	if back, err := item.ParseCursor(want); err != nil || back != cursor {
		t.Errorf("read back %v, %v", back, err)
	}
}

func TestACursorOfAnySortIsReadAsItWasWritten(t *testing.T) {
	const uid, list = "11111111-2222-3333-4444-555555555555", "0123456789abcdef"
	for _, cursor := range []item.Cursor{
		{At: -5, UID: uid, List: list},
		{NoDue: true, UID: uid, List: list},
		{Title: "milk | bread|", UID: uid, List: list},
		{Title: "äöü 漢字", UID: uid, List: list},
	} {
		if back, err := item.ParseCursor(cursor.String()); err != nil || back != cursor {
			t.Errorf("%+v: read back %+v, %v", cursor, back, err)
		}
	}
	for _, title := range []string{"a\x00b", "\xff", strings.Repeat("x", 101)} {
		if _, err := item.ParseCursor(item.Cursor{Title: title, UID: uid, List: list}.String()); err == nil {
			t.Errorf("a title %q is taken", title)
		}
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
