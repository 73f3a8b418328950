package search

import (
	"strconv"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
)

// maxOccurrences is how many places PostgreSQL keeps of a word. Those behind them are
// places of another word, the word with a number behind moreMark.
const (
	maxOccurrences = 255
	moreMark       = "~"
)

// NewTSVector divides a text of an owner's item into words, and returns them as
// PostgreSQL reads a tsvector.
func NewTSVector(owner account.Owner, kind entity.Kind, text Text) string {
	w := vectorWriter{code: code(owner), known: map[string]int{}}
	place(text, &w)
	return w.String(kind)
}

type vectorWriter struct {
	code  string
	known map[string]int // word to its number in words
	words []vectorWord
}

type vectorWord struct {
	term    string
	inTitle int   // how many of the places are in the title
	places  []int // in order
}

func (w *vectorWriter) add(p placed) {
	number, known := w.known[string(p.term)]
	if !known {
		number = len(w.words)
		term := string(p.term)
		w.known[term] = number
		w.words = append(w.words, vectorWord{term: term})
	}
	word := &w.words[number]
	if p.at > 0 {
		word.places = append(word.places, p.at)
	}
	if p.inTitle {
		word.inTitle = len(word.places)
	}
}

func (w *vectorWriter) has(term []byte) bool {
	_, known := w.known[string(term)]
	return known
}

// String is the vector. No term has a character that must be escaped.
func (w *vectorWriter) String(kind entity.Kind) string {
	b := make([]byte, 0, 64+24*len(w.words))
	b = append(b, "'"+w.code+kindTerm+"' '"+w.code+kindTerm+kindOf(kind)+"'"...)
	for _, word := range w.words {
		b = w.appendWord(b, wordTerm, word.term, word.places)
		if word.inTitle > 0 {
			b = w.appendWord(b, titleTerm, word.term, word.places[:word.inTitle])
		}
	}
	return string(b)
}

func (w *vectorWriter) appendWord(b []byte, class, term string, places []int) []byte {
	b = w.appendPlaces(b, class+term, places[:min(len(places), maxOccurrences)])
	for number := 1; len(places) > maxOccurrences; number++ {
		places = places[maxOccurrences:]
		more := class + term + moreMark + strconv.Itoa(number)
		b = w.appendPlaces(b, more, places[:min(len(places), maxOccurrences)])
	}
	return b
}

func (w *vectorWriter) appendPlaces(b []byte, term string, places []int) []byte {
	b = append(b, " '"+w.code+term+"'"...)
	separator := byte(':')
	for _, place := range places {
		b = strconv.AppendInt(append(b, separator), int64(place), 10)
		separator = ','
	}
	return b
}
