package search

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a query. Text of a script without spaces counts as one word up to the next
// space or other script.
const (
	MaxQueryBytes = 1_000
	MaxQueryWords = 32
)

// ErrTooLong says that a query exceeds MaxQueryBytes or MaxQueryWords.
var ErrTooLong = errors.New("the query is too long")

// Query is what somebody looks for: words, "phrases", and both with a minus sign in
// front for what must not be there. Nothing else has a meaning, and every text is a
// query. The zero Query finds nothing.
type Query struct {
	words    []phrase // a word with punctuation in it is the phrase of its parts
	phrases  []phrase
	excluded []phrase
}

// phrase is terms that follow each other. If begins, the last term is the beginning of
// a term of the text.
type phrase struct {
	terms  []string
	begins bool
}

// Parse reads a query, which need not be valid UTF-8.
func Parse(text string) (Query, error) {
	if len(text) > MaxQueryBytes {
		return Query{}, ErrTooLong
	}
	var q Query
	words := 0
	for rest := text; ; {
		var p piece
		if p, rest = nextPiece(rest); p == (piece{}) {
			return q, nil
		}
		words += countWords(p.text)
		if words > MaxQueryWords {
			return Query{}, ErrTooLong
		}
		q.add(p)
	}
}

// Words reads a text as words only: nothing in it makes a phrase, or is excluded.
func Words(text string) (Query, error) {
	return Parse(strings.Map(func(r rune) rune {
		if isMinus(r) || isQuote(r) {
			return ' '
		}
		return r
	}, text))
}

// Empty reports whether the query finds nothing, whatever there is.
func (q *Query) Empty() bool { return len(q.words)+len(q.phrases)+len(q.excluded) == 0 }

func (q *Query) add(p piece) {
	parts := phraseOf(p)
	switch {
	case len(parts.terms) == 0:
	case p.excluded:
		q.excluded = addNew(q.excluded, parts)
	case p.quoted:
		q.phrases = addNew(q.phrases, parts)
	default:
		q.words = addNew(q.words, parts)
	}
}

// addNew adds a phrase that is not there yet.
func addNew(phrases []phrase, added phrase) []phrase {
	for _, p := range phrases {
		if p.key() == added.key() {
			return phrases
		}
	}
	return append(phrases, added)
}

func (p phrase) key() string {
	key := strings.Join(p.terms, " ")
	if p.begins {
		key += " *"
	}
	return key
}

// piece is a part of a query: a word, or the text between quotes.
type piece struct {
	text             string
	excluded, quoted bool
	last             bool // nothing follows, not even the end of the quotes
}

// nextPiece cuts the first piece off a query. It is the zero piece at the end.
func nextPiece(query string) (p piece, rest string) {
	rest = strings.TrimLeftFunc(query, unicode.IsSpace)
	if r, size := utf8.DecodeRuneInString(rest); isMinus(r) && beginsPiece(rest[size:]) {
		p.excluded, rest = true, rest[size:]
	}
	end := isSpaceOrQuote
	if r, size := utf8.DecodeRuneInString(rest); isQuote(r) {
		p.quoted, rest, end = true, rest[size:], isQuote
	}
	length := strings.IndexFunc(rest, end)
	if length < 0 {
		p.text, p.last = rest, rest != ""
		return p, ""
	}
	p.text, rest = rest[:length], rest[length:]
	if p.quoted {
		_, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
	}
	return p, rest
}

// beginsPiece reports whether a minus sign before the text excludes it: "- x" and "--x"
// are no exclusions.
func beginsPiece(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return text != "" && !isMinus(r) && !unicode.IsSpace(r)
}

func isMinus(r rune) bool { return r == '-' || r == '－' }

func isSpaceOrQuote(r rune) bool { return unicode.IsSpace(r) || isQuote(r) }

// isQuote: each quotation mark opens and closes, as languages use them both ways.
func isQuote(r rune) bool { return strings.ContainsRune("\"“”„‟«»「」『』＂", r) }

func countWords(text string) (count int) {
	for words := newScanner(text); words.next(); {
		if !words.joins {
			count++
		}
	}
	return count
}

// phraseOf are the terms of a piece as they follow each other in a text.
func phraseOf(p piece) phrase {
	var found phrase
	last := newTerms(p.text)
	for last.next() {
		found.terms = append(found.terms, string(last.term))
	}
	found.begins = p.last && !p.excluded && endsInWord(p.text)
	switch {
	case last.follows: // the pair before it has it already
		found.terms = found.terms[:len(found.terms)-1]
	case last.alone: // in a text, it may be the first of a pair
		found.begins = true
	}
	return found
}

// endsInWord reports whether a text ends with its last word.
func endsInWord(text string) bool {
	end := 0
	for words := newScanner(text); words.next(); {
		end = words.end
	}
	return end == len(text) && end > 0
}
