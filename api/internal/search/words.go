package search

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxWord  = 64 // characters; a longer word is a row of pieces
	maxMarks = 8  // behind one letter; more are ignored
)

// scanner divides a text into words. In scripts without spaces, each character is a
// word.
type scanner struct {
	text string
	at   int
	rest []folded // of the character before at

	// The word that next found. It is folded, and valid until the next call.
	word       []byte
	start, end int  // its place in the text
	single     bool // one character of a script without spaces
	joins      bool // single, and directly behind another one

	chars, marks int // in the word, and behind its last letter
	class        class
	apart        bool // the next character does not join the word before it
	compose      bool // the word has parts that may make one character together
}

func newScanner(text string) *scanner {
	return &scanner{text: text, word: make([]byte, 0, 2*maxWord), apart: true}
}

// next finds the next word, and returns false at the end of the text.
func (s *scanner) next() bool {
	s.begin()
	for s.more() {
		if s.take(s.rest[0]) {
			break
		}
		s.rest = s.rest[1:]
	}
	s.finish()
	return len(s.word) > 0
}

func (s *scanner) begin() {
	s.word, s.chars, s.marks, s.class = s.word[:0], 0, 0, separator
	s.compose, s.joins = false, false
}

// more makes sure that there is a character to take, and returns false at the end of
// the text.
func (s *scanner) more() bool {
	for len(s.rest) == 0 {
		s.takeASCII()
		if s.at >= len(s.text) {
			return false
		}
		r, size := utf8.DecodeRuneInString(s.text[s.at:])
		s.at += size
		s.rest = fold(r)
	}
	return true
}

// takeASCII takes what most texts consist of, without the general rules: letters and
// digits of ASCII that continue the word or begin one.
func (s *scanner) takeASCII() {
	if s.class != separator && s.class != accented {
		return
	}
	for s.at < len(s.text) && s.chars < maxWord {
		c := asciiLetters[s.text[s.at]]
		if c == 0 {
			return
		}
		if s.chars == 0 {
			s.start = s.at
		}
		s.at++
		s.word = append(s.word, c)
		s.chars++
		s.class, s.end = accented, s.at
	}
}

// asciiLetters are the folded letters and digits of ASCII, 0 for other bytes.
var asciiLetters = func() (letters [256]byte) {
	for c := range byte(utf8.RuneSelf) {
		if f := fold(rune(c)); f[0].class == accented {
			letters[c] = byte(f[0].char)
		}
	}
	return letters
}()

// take adds a character to the word, unless the word ends before it.
func (s *scanner) take(f folded) (ended bool) {
	switch f.class {
	case separator:
		s.apart = s.apart || len(s.word) == 0
		return len(s.word) > 0
	case mark:
		s.takeMark(f)
		return false
	case joining:
		if s.class == inside {
			s.takeMark(f)
			return false
		}
		f.class = inside
	}
	if len(s.word) > 0 && s.endsBefore(f.class) {
		return true
	}
	s.takeLetter(f)
	return false
}

func (s *scanner) endsBefore(next class) bool {
	return s.chars >= maxWord || s.class == inside || s.class == symbol || next == inside || next == symbol
}

func (s *scanner) takeLetter(f folded) {
	if len(s.word) == 0 {
		s.start, s.joins = s.at-s.width(), !s.apart
	}
	s.word = utf8.AppendRune(s.word, f.char)
	s.chars++
	s.marks, s.class, s.end = 0, f.class, s.at
}

// width is the size of the character before at.
func (s *scanner) width() int {
	_, size := utf8.DecodeLastRuneInString(s.text[:s.at])
	return size
}

// takeMark adds a mark to the letter before it. The accents of Latin, Greek and
// Cyrillic do not matter; in other scripts marks are vowels, or another sound.
func (s *scanner) takeMark(f folded) {
	if len(s.word) == 0 {
		return
	}
	s.end = s.at
	if s.class == letter || s.class == inside {
		s.compose = true
		if s.marks++; s.marks <= maxMarks {
			s.word = utf8.AppendRune(s.word, f.char)
		}
	}
}

func (s *scanner) finish() {
	if s.compose {
		s.word = append(s.word[:0], norm.NFC.Bytes(s.word)...)
	}
	s.single = s.class == inside
	s.joins = s.joins && s.single
	s.apart = !s.single
}

// terms divides a text into the terms of the index: words, and overlapping pairs of
// characters in scripts without spaces, so that each part of a text is a row of pairs.
// The last character of such a text is a term, too. "東京都" is 東京, 京都, 都.
type terms struct {
	words *scanner
	more  bool // the scanner is at a word that is not used up

	// The term that next found, valid until the next call.
	term       []byte
	start, end int
	alone      bool // one character of a script without spaces
	follows    bool // alone, and also the end of the pair before
}

func newTerms(text string) *terms {
	words := newScanner(text)
	return &terms{words: words, more: words.next()}
}

// next finds the next term, and returns false at the end of the text.
func (t *terms) next() bool {
	if !t.more {
		return false
	}
	w := t.words
	t.term = append(t.term[:0], w.word...)
	t.start, t.end, t.alone, t.follows = w.start, w.end, w.single, w.joins
	t.more = w.next()
	if t.alone && t.more && w.joins {
		t.term = append(t.term, w.word...)
		t.end, t.alone = w.end, false
	}
	return true
}
