package search

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// shown is a query in a form that a test can compare: words, "phrases", -excluded, and
// beginnings with a star.
func shown(q Query) string {
	var all []string
	add := func(mark string, phrases []phrase) {
		for _, p := range phrases {
			all = append(all, fmt.Sprintf(mark, p.key()))
		}
	}
	add("%s", q.words)
	add("%q", q.phrases)
	add("-%s", q.excluded)
	return strings.Join(all, ", ")
}

func TestAQueryIsRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		" \t\n":                  "",
		"!!! ... \" - -- \"\"":   "",
		"Foo BAR":                "foo, bar *",
		"foo bar ":               "foo, bar",
		"foo bar.":               "foo, bar",
		"foo foo foo":            "foo, foo *",
		`"Foo bar" baz`:          `baz *, "foo bar"`,
		`"foo bar"`:              `"foo bar"`,
		`"foo ba`:                `"foo ba *"`,
		`„foo bar“ «baz x» “y”`:  `"foo bar", "baz x", "y"`,
		`「東京」`:                   `"東京"`,
		`foo"bar baz"qux`:        `foo, qux *, "bar baz"`,
		"foo -bar":               "foo, -bar",
		`foo -"bar baz" qux`:     "foo, qux *, -bar baz",
		"-foo":                   "-foo",
		"－foo":                   "-foo",
		"foo - bar":              "foo, bar *",
		"--force -- x":           "force, x *",
		"foo-bar foo_bar -a-b":   "foo bar, -a b",
		"don't l’eau ":           "don t, l eau",
		"C++":                    "c",
		"a.b.c 2026-11-2":        "a b c, 2026 11 2 *",
		"AND OR NOT NEAR(x, 2)":  "and, or, not, near x, 2",
		"a* ^b title:c | d & !e": "a, b, title c, d, e *",
		"a <-> b:* ' ''":         "a, b",
		"東":                      "東 *",
		"東 ":                     "東 *",
		"東京":                     "東京 *",
		"東京都 ":                   "東京 京都",
		"東京tower":                "東京 京 tower *",
		"x\x00y \xff\xfe":        "x y",
		"-東":                     "-東 *",
	} {
		q, err := Parse(text)
		if got := shown(q); err != nil || got != want {
			t.Errorf("%q: %s (%v), want %s", text, got, err, want)
		}
	}
}

func TestALongQueryIsRefused(t *testing.T) {
	for text, long := range map[string]bool{
		strings.Repeat("x", MaxQueryBytes):                  false,
		strings.Repeat("x", MaxQueryBytes+1):                true,
		strings.Repeat("x ", MaxQueryWords):                 false,
		strings.Repeat("x ", MaxQueryWords+1):               true,
		`"` + strings.Repeat("x ", MaxQueryWords+1) + `"`:   true,
		strings.Repeat("x.", MaxQueryWords+1):               true,
		strings.Repeat("-x ", MaxQueryWords+1):              true,
		strings.Repeat("京", MaxQueryBytes/3):                false,
		strings.Repeat(".", MaxQueryBytes):                  false,
		strings.Repeat(`" `, MaxQueryBytes/2):               false,
		strings.Repeat("東京 大阪 ", MaxQueryWords/2) + "x":     true,
		strings.Repeat("東京 大阪 ", MaxQueryWords/2) + "- !!!": false,
	} {
		if _, err := Parse(text); errors.Is(err, ErrTooLong) != long {
			t.Errorf("%.40q, %d bytes: %v", text, len(text), err)
		}
	}
}
