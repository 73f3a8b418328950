package item

import (
	"fmt"
	"strconv"
	"strings"
)

// Bounds of a diff. Bytes are those of its JSON text.
const (
	maxDiffLines = 40
	maxDiffBytes = 2048
	maxDiffRunes = 200 // of a line
)

// hunk is a stretch of the original and what has taken its place.
type hunk struct {
	from, to       int // in the original
	newFrom, newTo int
}

// diff shows the lines that were touched in the manner of a unified diff without
// context. It is shortened to the bounds, and then says how many lines it leaves out.
func (d *draft) diff() string {
	w := diffWriter{draft: d, line: 1, newLine: 1}
	var open *hunk
	for _, touched := range d.touched() {
		if open != nil && d.far(*open, touched) {
			w.hunk(d.finished(*open))
			open = nil
		}
		if open == nil {
			column := touched.from - (strings.LastIndexByte(d.original[:touched.from], '\n') + 1)
			open = &hunk{from: touched.from - column, newFrom: touched.newFrom - column}
		}
		open.to, open.newTo = touched.to, touched.newTo
	}
	if open != nil {
		w.hunk(d.finished(*open))
	}
	if w.left > 0 {
		fmt.Fprintf(&w, "\n… %d more lines", w.left)
	}
	return w.String()
}

// touched is what was replaced, from left to right.
func (d *draft) touched() (all []hunk) {
	open, at := hunk{}, 0
	finish := func(to int) {
		open.to, open.newTo = to, at
		if open.from < open.to || open.newFrom < open.newTo {
			all = append(all, open)
		}
	}
	for _, p := range d.parts {
		if p.from != isNew {
			finish(p.from)
			open.from, open.newFrom = p.from+len(p.text), at+len(p.text)
		}
		at += len(p.text)
	}
	finish(len(d.original))
	return all
}

// far reports whether there are whole lines between a hunk and what was touched next.
func (d *draft) far(h, next hunk) bool {
	between := d.original[h.to:next.from]
	first := strings.IndexByte(between, '\n')
	return first >= 0 && (d.ends(h) || strings.IndexByte(between[first+1:], '\n') >= 0)
}

// ends reports whether both texts of a hunk end where a line does.
func (d *draft) ends(h hunk) bool {
	ends := func(text string, at int) bool { return at == 0 || text[at-1] == '\n' }
	return ends(d.original, h.to) && ends(d.text, h.newTo)
}

// finished is the hunk with the rest of its last line.
func (d *draft) finished(h hunk) hunk {
	if d.ends(h) {
		return h
	}
	rest := d.original[h.to:]
	size := strings.IndexByte(rest, '\n') + 1
	if size == 0 {
		size = len(rest)
	}
	h.to, h.newTo = h.to+size, h.newTo+size
	return h
}

// diffWriter writes hunks until a bound is reached, and counts the lines from there on.
type diffWriter struct {
	strings.Builder
	draft         *draft
	at, newAt     int // up to where the lines are counted
	line, newLine int
	lines, size   int // written
	left          int // lines left out
}

func (w *diffWriter) hunk(h hunk) {
	was, is := w.draft.original[h.from:h.to], w.draft.text[h.newFrom:h.newTo]
	w.line, w.at = w.line+strings.Count(w.draft.original[w.at:h.from], "\n"), h.from
	w.newLine, w.newAt = w.newLine+strings.Count(w.draft.text[w.newAt:h.newFrom], "\n"), h.newFrom
	same, wasLess, isLess := withoutSameLines(was, is)
	onlyEnds := wasLess == "" && isLess == ""
	if !onlyEnds {
		was, is = wasLess, isLess
	} else {
		same = 0
	}
	w.write("@@ -" + lineSpan(w.line+same, was) + " +" + lineSpan(w.newLine+same, is) + " @@")
	at := 0
	if countLines(was) == 1 && countLines(is) == 1 {
		at = commonPrefix(was, is)
	}
	w.side("-", was, at, onlyEnds)
	w.side("+", is, at, onlyEnds)
}

// side writes the lines of one of two texts; with their ends, if these are all that
// differs.
func (w *diffWriter) side(sign, text string, at int, ends bool) {
	for text != "" && w.left == 0 {
		line, rest, broken := strings.Cut(text, "\n")
		if !ends {
			line = lineText(line)
		}
		w.write(sign + showing(line, at, maxDiffRunes))
		if ends && !broken {
			w.write(`\ No line break at the end`)
		}
		text = rest
	}
	w.left += countLines(text)
}

// write writes a line, or counts it.
func (w *diffWriter) write(line string) {
	size := len(quoted(line)) + len(`\n`)
	if w.left > 0 || w.lines == maxDiffLines || w.size+size > maxDiffBytes {
		w.left++
		return
	}
	if w.lines > 0 {
		w.WriteByte('\n')
	}
	w.WriteString(line)
	w.lines, w.size = w.lines+1, w.size+size
}

// withoutSameLines takes away the lines with which both texts begin and end, whatever
// ends these, and says how many lines are the same at the beginning.
func withoutSameLines(was, is string) (same int, wasLess, isLess string) {
	for was != "" && is != "" {
		a, aRest, _ := strings.Cut(was, "\n")
		b, bRest, _ := strings.Cut(is, "\n")
		if lineText(a) != lineText(b) {
			break
		}
		same, was, is = same+1, aRest, bRest
	}
	for was != "" && is != "" {
		a, b := lastLine(was), lastLine(is)
		if lineText(was[a:]) != lineText(is[b:]) {
			break
		}
		was, is = was[:a], is[:b]
	}
	return same, was, is
}

// lineText is a line without what ends it.
func lineText(line string) string {
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
}

// lastLine is where the last line of a text begins.
func lastLine(text string) int { return strings.LastIndexByte(text[:len(text)-1], '\n') + 1 }

// lineSpan names the lines of a text that begins at a line, as a unified diff does.
func lineSpan(line int, text string) string {
	switch n := countLines(text); n {
	case 0:
		return strconv.Itoa(line-1) + ",0"
	case 1:
		return strconv.Itoa(line)
	default:
		return strconv.Itoa(line) + "," + strconv.Itoa(n)
	}
}

// countLines counts lines; text behind the last line break is one, too.
func countLines(text string) int {
	count := strings.Count(text, "\n")
	if text != "" && text[len(text)-1] != '\n' {
		count++
	}
	return count
}

// commonPrefix is how many bytes two texts have in common at the beginning.
func commonPrefix(a, b string) int {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	return at
}
