package search

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func parsed(t testing.TB, text string) Query {
	t.Helper()
	q, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestASnippetShowsTheBestMatch(t *testing.T) {
	filler := strings.Repeat("some other words that nobody looks for ", 20)
	for name, c := range map[string]struct{ text, query, want string }{
		"short":          {"Hello  \n\tWorld", "world", "Hello World"},
		"empty":          {"", "world", ""},
		"no match":       {"Hello World", "nothing", "Hello World"},
		"no query":       {"Hello World", "", "Hello World"},
		"in the middle":  {filler + "the red fox " + filler, "fox ", "…words that nobody looks for the red fox"},
		"most words":     {"fox " + filler + "red fox " + filler, "red fox ", "…some other words that nobody looks for red fox"},
		"a phrase":       {"fox red " + filler + "red fox " + filler, `"red fox"`, "…some other words that nobody looks for red fox"},
		"a repeated one": {"red x " + filler + "red red fox " + filler, `"red red fox"`, "…some other words that nobody looks for red red fox"},
		"a beginning":    {filler + "foxes " + filler, "fox", "…some other words that nobody looks for foxes"},
		"accents":        {filler + "la Crème " + filler, "creme ", "…other words that nobody looks for la Crème"},
		"Chinese":        {strings.Repeat("中", 300) + "北京" + strings.Repeat("中", 300), "北京", "…" + strings.Repeat("中", 40) + "北京中"},
		"controls":       {"a\x00b\u2028c\u0085d", "a", "a b c d"},
		"not UTF-8":      {"a\xffb", "b", "a\ufffdb"},
	} {
		got := Snippet(c.text, parsed(t, c.query))
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if chars := utf8.RuneCountInString(got); chars > excerptChars+2 {
			t.Errorf("%s: %d characters", name, chars)
		}
	}
}

func TestAMatchFarBehindIsNotLookedFor(t *testing.T) {
	text := strings.Repeat("x ", maxLookedAt) + "fox"
	if got := Snippet(text, parsed(t, "fox")); !strings.HasPrefix(got, "x x") {
		t.Errorf("%q", got)
	}
}

func TestACutKeepsWhatIsShownAsOneCharacter(t *testing.T) {
	for _, character := range []string{"e\u0301", "กิ่", "👨\u200d👩\u200d👧", "👍🏽", "हिं", "\u1112\u1161\u11ab"} {
		text := strings.Repeat(character, 500) + " fox " + strings.Repeat(character, 500)
		for _, got := range []string{Snippet(text, parsed(t, "fox ")), Preview(text)} {
			for _, part := range strings.FieldsFunc(got, func(r rune) bool { return r == ' ' || r == '…' }) {
				if part = strings.ReplaceAll(part, character, ""); part != "" && part != "fox" {
					t.Errorf("%q is cut: %q", character, got)
				}
			}
		}
	}
}

func TestAnExcerptIsBounded(t *testing.T) {
	text := "e" + strings.Repeat("\u0301", 100_000)
	for _, got := range []string{Snippet(text, Query{}), Preview(text)} {
		if utf8.RuneCountInString(got) > maxRunes+1 || !strings.HasSuffix(got, cutMark) {
			t.Errorf("%d characters", utf8.RuneCountInString(got))
		}
	}
}

func TestAPreviewIsTheBeginningWithoutMarkdown(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "",
		"# Title\n\n- one\n* two\n> three":  "Title one two three",
		"---\nfoo\n***\n```go\nx := 1\n```": "foo x := 1",
		"#tag -x a # b":                     "#tag -x a # b",
		strings.Repeat("word ", 100):        strings.TrimSpace(strings.Repeat("word ", 32)) + "…",
		strings.Repeat("京", 200):            strings.Repeat("京", 160) + "…",
	} {
		if got := Preview(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
