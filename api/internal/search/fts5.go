package search

import (
	"strings"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
)

// Row is a text as a row of an FTS5 table has it, one string for each column. The table
// has the tokenizer "ascii", which leaves the terms as they are.
type Row struct {
	Scope string // the owner and the kind
	Title string
	Body  string // all of the text, that is the title, too
}

// NewRow divides a text of an owner's item into words.
func NewRow(owner account.Owner, kind entity.Kind, text Text) Row {
	w := rowWriter{code: code(owner)}
	place(text, &w)
	return Row{
		Scope: w.code + kindTerm + " " + w.code + kindTerm + kindOf(kind),
		Title: w.title.String(),
		Body:  w.body.String(),
	}
}

// rowWriter writes the columns. In a column, the place of a term is its number, so the
// places without a term are filled.
type rowWriter struct {
	code        string
	title, body strings.Builder
	last        int // the place that was written last
	seen        map[string]struct{}
}

func (w *rowWriter) add(p placed) {
	if p.inTitle {
		w.write(&w.title, titleTerm, p.term)
	}
	if p.at == 0 || p.at > w.last+1 {
		w.write(&w.body, gap, nil)
	}
	w.write(&w.body, wordTerm, p.term)
	w.last = p.at
	if p.at == 0 {
		w.seen[string(p.term)] = struct{}{}
	}
}

func (w *rowWriter) write(column *strings.Builder, class string, term []byte) {
	if column.Len() > 0 {
		column.WriteByte(' ')
	}
	column.WriteString(w.code)
	column.WriteString(class)
	column.Write(term)
}

// has reads back the column when it is called first, as most texts end before that.
func (w *rowWriter) has(term []byte) bool {
	if w.seen == nil {
		w.seen = map[string]struct{}{}
		for written := range strings.SplitSeq(w.body.String(), " ") {
			w.seen[strings.TrimPrefix(written, w.code+wordTerm)] = struct{}{}
		}
	}
	_, seen := w.seen[string(term)]
	return seen
}
