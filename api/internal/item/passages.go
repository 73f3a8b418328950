package item

import (
	"strings"
	"unicode/utf8"
)

// passage is a stretch of a text as a refusal quotes it: exactly, without a mark where
// it is cut.
type passage struct {
	Line int    `json:"line"` // where it begins, counted from 1
	Text string `json:"text"`
}

// Bounds of the passages of a refusal.
const (
	maxPassages     = 3
	maxPassageRunes = 200
	usualLead       = 50 // characters before the place in question
)

// passageAt is the lines from one place to another, shortened to what is between the
// places and around them.
func passageAt(text string, from, to int) passage {
	begin := strings.LastIndexByte(text[:from], '\n') + 1
	end := len(text)
	if next := strings.IndexByte(text[to:], '\n'); next >= 0 {
		end = to + next
	}
	room := max(0, maxPassageRunes-utf8.RuneCountInString(text[from:to]))
	left, right := around(text[begin:end], from-begin, min(room/2, usualLead), maxPassageRunes)
	line := 1 + strings.Count(text[:begin+left], "\n")
	return passage{line, strings.TrimSuffix(text[begin+left:begin+right], "\r")}
}

// around is the stretch of a line, of at most so many characters, that shows a place and
// some of what is before it, or more if the line ends early.
func around(line string, at, lead, most int) (from, to int) {
	at = min(at, len(line))
	for at > 0 && at < len(line) && !utf8.RuneStart(line[at]) {
		at--
	}
	from = runesBack(line, at, lead)
	to, shown := runesOn(line, from, most)
	return runesBack(line, from, most-shown), to
}

// runesBack goes back from a place by so many characters, or to the beginning.
func runesBack(line string, at, runes int) int {
	for ; runes > 0 && at > 0; runes-- {
		_, size := utf8.DecodeLastRuneInString(line[:at])
		at -= size
	}
	return at
}

// runesOn goes on from a place by so many characters, or to the end.
func runesOn(line string, at, runes int) (to, gone int) {
	for gone < runes && at < len(line) {
		_, size := utf8.DecodeRuneInString(line[at:])
		at, gone = at+size, gone+1
	}
	return at, gone
}

// beginning is the first characters of a line, with a mark when that is not all of it.
func beginning(line string, most int) string { return showing(line, 0, most) }

// showing is a line shortened to what is around a place, with marks where it is cut.
func showing(line string, at, most int) string {
	from, to := around(line, at, usualLead, most)
	shown := line[from:to]
	if from > 0 {
		shown = "…" + shown
	}
	if to < len(line) {
		shown += "…"
	}
	return shown
}
