package item

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"toolbridge/api/internal/fault"
)

// FuzzEdit makes an edit of any text: it must be what its description says, or be refused
// with a short reason.
func FuzzEdit(f *testing.F) {
	for _, seed := range []struct {
		text, find, with                string
		count                           int
		appended, prepended, headedText string
	}{
		{"one two", "two", "2", 1, "", "", ""},
		{"aaaa", "aa", "b", 2, "x", "y", ""},
		{"# A\nx\n\n# B\ny", "x", "z", 1, "more", "", "A"},
		{"A\r\n===\r\nx\r\n", "x\r\n", "", 1, "more", "first", "# a"},
		{"```\n# A\n```\n- # A\n> # A\n<!-- # A", "# A", "", 4, "x", "", "A"},
		{"---\na: b\n---\n# A\n", "“b”", "c", 1, "x", "", "A"},
		{"“Hello  World” – cafe\u0301", "\"hello world\" - café", "x", 1, "", "", ""},
		{"line one\nlime two\nline three", "lines two", "x", 1, "", "", ""},
		{"\\n\\\"", "\n\"", "x", 1, "\n", "\n", ""},
		{"日本語のテキスト\n日本語のテキストです", "日本誤のテキスト", "x", 1, "", "", ""},
		{"…\u200b\ufeff\u00ad", "...", "x", 1, "", "", ""},
	} {
		f.Add(seed.text, seed.find, seed.with, seed.count, seed.appended, seed.prepended, seed.headedText)
	}
	f.Fuzz(func(t *testing.T, text, find, with string, count int, appended, prepended, heading string) {
		for _, part := range []*string{&text, &find, &with, &appended, &prepended, &heading} {
			*part = strings.ReplaceAll(strings.ToValidUTF8(*part, "?"), "\x00", "?")
		}
		want := &TextEdit{Prepend: prepended, Append: appended}
		if find != "" {
			want.Replacements = []Replacement{{find, with, 1 + (count&0xFFFF)%MaxOccurrences}}
		}
		if h, ok := readHeading(heading); ok && h.text != "" {
			want.Heading = heading
		}
		d := newDraft(text)
		if err := want.apply(d, "content", 10_000); err != nil {
			checkRefusal(t, err)
			return
		}
		checkEdit(t, text, want, d)
	})
}

func checkEdit(t *testing.T, text string, want *TextEdit, d *draft) {
	t.Helper()
	after := text
	for _, r := range want.Replacements {
		after = strings.ReplaceAll(text, r.Find, r.With)
	}
	rest, prepended := strings.CutPrefix(d.text, want.Prepend)
	at := strings.LastIndex(rest, want.Append)
	switch {
	case !prepended || at < 0:
		t.Fatalf("%q by %+v: %q", text, want, d.text)
	case want.Heading == "" && !strings.HasSuffix(d.text, want.Append):
		t.Fatalf("%q by %+v: %q does not end with it", text, want, d.text)
	case len(d.text) > len(after)+len(want.Prepend)+len(want.Append)+3*len("\r\n"):
		t.Fatalf("%q by %+v: %q has more than was added", text, want, d.text)
	case want.Heading == "" && !strings.HasPrefix(strings.TrimLeft(rest, "\r\n"), strings.TrimLeft(after, "\r\n")):
		t.Fatalf("%q by %+v: %q lacks %q", text, want, d.text, after)
	case want.Heading == "" && want.Append == "" && want.Prepend == "" && d.text != after:
		t.Fatalf("%q by %+v: %q, not %q", text, want, d.text, after)
	}
	raw, _ := json.Marshal(text)
	var stored string
	if err := json.Unmarshal(d.encode(raw), &stored); err != nil || stored != d.text {
		t.Fatalf("%q is stored as %q: %v", d.text, stored, err)
	}
	diff := d.diff()
	if (diff == "") != (d.text == text && len(d.touched()) == 0) || strings.Count(diff, "\n") > maxDiffLines || len(quoted(diff)) > maxDiffBytes+40 || !utf8.ValidString(diff) {
		t.Fatalf("%q became %q with the diff %q", text, d.text, diff)
	}
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	var f *fault.Error
	if err = explained(err); !errors.As(err, &f) || f.Code != fault.EditMismatch && f.Code != fault.BodyTooLarge {
		t.Fatal(err)
	}
	details, err := json.Marshal(f.Details)
	if err != nil || !utf8.Valid(details) || len(f.Message) > 500 {
		t.Fatalf("%s: %v", f.Message, err)
	}
	places, _ := f.Details["nearest"].([]passage)
	for _, p := range places {
		if utf8.RuneCountInString(p.Text) > maxPassageRunes || p.Line < 1 || !utf8.ValidString(p.Text) {
			t.Fatalf("%+v", p)
		}
	}
	if len(places) > maxPassages {
		t.Fatalf("%d passages", len(places))
	}
}
