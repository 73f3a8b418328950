package search

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var hostile = []string{
	"", " ", "red fox", `"red fox" -brown`, "-red", `-"`, `"`, "a* OR b", "NEAR(a b, 2)", "title : x", "^a + b", "{a b}: c",
	"' \\ '' $$ ; DROP TABLE found", "a & !b | c <-> d:*A", "\x00", "\xff\xfe", "東京 -大阪", "-京", "กิน", "don’t l'eau", "👨\u200d👩",
	"ß ẞ ﬁ ½ ﷺ ㍿", strings.Repeat("x", 100_000), strings.Repeat("e\u0301", 300), strings.Repeat("क्", 200), strings.Repeat("-x ", 32),
	strings.Repeat("京", 333), "\u1112\u1161\u11ab \u3099 \u0301", "a\u00adb\u200bc", "１２３ ＡＢＣ －ｘ", "0 00 t w k",
}

// FuzzQuery: every engine takes any query, all find the same, and a snippet is a line.
func FuzzQuery(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	all := engines(f)
	for _, e := range all {
		e.fill(f, samples)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		if err != nil {
			return
		}
		var first [][]int
		for name, e := range all {
			found := findTiers(t, e, q)
			if first == nil {
				first = found
			}
			if !slices.EqualFunc(found, first, slices.Equal) {
				t.Errorf("%s: %d, others %d", name, found, first)
			}
		}
		for _, sample := range samples {
			checkLine(t, Snippet(sample.Body, q))
		}
	})
}

// FuzzWords: a text is found by any part of it between two spaces, in quotes.
func FuzzWords(f *testing.F) {
	for i, text := range hostile {
		f.Add(text, uint(i), uint(2*i))
		f.Add("red "+text+" fox "+text, uint(0), uint(3))
	}
	all := engines(f)
	f.Fuzz(func(t *testing.T, text string, from, to uint) {
		checkLine(t, Preview(text))
		checkLine(t, Snippet(text, Query{}))
		q, possible := quotation(text, from, to)
		if !possible {
			return
		}
		checkLine(t, Snippet(text, q))
		for name, e := range all {
			e.fill(t, []Text{{Body: text}, {Title: text}})
			if found := findTiers(t, e, q); len(found[0]) != 1 || len(found[1]) != 1 {
				t.Errorf("%s: %s finds %d", name, shown(q), found)
			}
		}
	})
}

// quotation is a query for some of the words of a text.
func quotation(text string, from, to uint) (q Query, possible bool) {
	words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || isQuote(r) })
	if len(words) == 0 {
		return q, false
	}
	first := int(from % uint(len(words)))
	last := first + int(to%uint(len(words)-first))
	q, err := Parse(`"` + strings.Join(words[first:last+1], " ") + `"`)
	return q, err == nil && len(q.phrases) == 1
}

func checkLine(t *testing.T, line string) {
	t.Helper()
	if !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) || utf8.RuneCountInString(line) > maxRunes+2 {
		t.Errorf("%q", line)
	}
}
