package item

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// diffOf is the diff of edits of a text.
func diffOf(t *testing.T, before string, edits ...Replacement) (diff, after string) {
	t.Helper()
	d := newDraft(before)
	if err := (&TextEdit{Replacements: edits}).apply(d, "content", 1<<20); err != nil {
		t.Fatal(explained(err))
	}
	return d.diff(), d.text
}

func TestADiffShowsTheTouchedLines(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		before     string
		find, with string
		count      int
		diff       string
	}{
		{"a\nb\nc\n", "b", "x", 1, "@@ -2 +2 @@\n-b\n+x"},
		{"a\nb\nc\n", "b\n", "", 1, "@@ -2 +1,0 @@\n-b"},
		{"a\nb\nc", "b\nc", "b\nx\ny\nc", 1, "@@ -2,0 +3,2 @@\n+x\n+y"},
		{"a\nb\nc", "a\n", "", 1, "@@ -1 +0,0 @@\n-a"},
		{"a\nb\nc", "\nb\n", " ", 1, "@@ -1,3 +1 @@\n-a\n-b\n-c\n+a c"},
		{"x a x b x", "x", "y", 3, "@@ -1 +1 @@\n-x a x b x\n+y a y b y"},
		{"x\nx\na\nx\n", "x", "y", 3, "@@ -1,2 +1,2 @@\n-x\n-x\n+y\n+y\n@@ -4 +4 @@\n-x\n+y"},
		{"a", "a", "a\n", 1, "@@ -1 +1 @@\n-a\n\\ No line break at the end\n+a"},
		{"a\r\nb\r\n", "\r\n", "\n", 2, "@@ -1,2 +1,2 @@\n-a\r\n-b\r\n+a\n+b"},
		{"a\r\nb", "b", "c", 1, "@@ -2 +2 @@\n-b\n+c"},
		{"one", "one", "", 1, "@@ -1 +0,0 @@\n-one"},
	} {
		if got, _ := diffOf(t, row.before, Replacement{row.find, row.with, row.count}); got != row.diff {
			t.Errorf("%q: %q by %q:\n%s\nwant\n%s", row.before, row.find, row.with, got, row.diff)
		}
	}
}

func TestADiffIsShort(t *testing.T) {
	t.Parallel()
	words := strings.Repeat("wörd ", 200)
	got, _ := diffOf(t, words+"old"+words, Replacement{"old", "new", 1})
	if lines := strings.Split(got, "\n"); len(lines) != 3 || !strings.Contains(lines[1], "old") || !strings.Contains(lines[2], "new") || len([]rune(lines[1])) > maxDiffRunes+3 {
		t.Errorf("a long line: %s", got)
	}
	got, _ = diffOf(t, strings.Repeat("a\nb\n", 500), Replacement{"a", "x", 500})
	lines := strings.Split(got, "\n")
	if len(lines) != maxDiffLines+1 || lines[maxDiffLines] != fmt.Sprintf("… %d more lines", 3*500-maxDiffLines) {
		t.Errorf("many lines: %d, then %s", len(lines), lines[len(lines)-1])
	}
	got, _ = diffOf(t, strings.Repeat(strings.Repeat("\u0001", 150)+"\n", 30), Replacement{"\u0001\n", "\n", 30})
	if size := len(quoted(got)); size > maxDiffBytes+40 || !strings.HasSuffix(got, " more lines") {
		t.Errorf("%d bytes of JSON", size)
	}
}

// The diff of a random edit leads from the text before to the text after.
func TestADiffLeadsToTheNewText(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(4, 2))
	for range *rounds {
		text := plainly(randomText(random, 40))
		edits := randomEdits(random, text)
		if _, ok := modelled(text, edits); !ok {
			continue
		}
		diff, after := diffOf(t, meant(text), edits...)
		if strings.HasSuffix(diff, " more lines") || strings.Contains(diff, "No line break") {
			continue
		}
		if got := patched(t, contents(meant(text)), diff); !slices.Equal(got, contents(after)) {
			t.Fatalf("%q by %+v: %q, but the diff leads to %q:\n%s", meant(text), edits, contents(after), got, diff)
		}
	}
}

// contents are the lines of a text without what ends them.
func contents(text string) (lines []string) {
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(line, "\r\n"))
	}
	return lines
}

// patched applies a diff.
func patched(t *testing.T, lines []string, diff string) (after []string) {
	t.Helper()
	at := 0
	for _, line := range strings.Split(diff, "\n") {
		switch {
		case strings.HasPrefix(line, "@@ -"):
			var from, size int
			if _, err := fmt.Sscanf(line, "@@ -%d,%d", &from, &size); err != nil {
				size = 1
			}
			if size == 0 {
				from++
			}
			after = append(after, lines[at:from-1]...)
			at = from - 1
		case strings.HasPrefix(line, "-"):
			if lines[at] != strings.TrimRight(line[1:], "\r") {
				t.Fatalf("line %d is %q, not %q", at+1, lines[at], line[1:])
			}
			at++
		case strings.HasPrefix(line, "+"):
			after = append(after, strings.TrimRight(line[1:], "\r"))
		}
	}
	return append(after, lines[at:]...)
}
