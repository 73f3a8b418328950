package item

import (
	"bytes"
	"encoding/json"
	"strings"
)

// draft is a text that is being edited. It remembers which of its parts stand in the
// original, so that these are stored as they were, and that a diff need not search.
type draft struct {
	original string
	text     string
	parts    []part
	spare    []part // of the draft before, whose memory the next one takes
}

// part is a stretch of a draft: a stretch of the original, at a place later than that of
// the parts before it, or new text.
type part struct {
	text string
	from int // in the original; -1 for new text
}

const isNew = -1

func newDraft(original string) *draft {
	d := &draft{original: original, text: original}
	if original != "" {
		d.parts = []part{{original, 0}}
	}
	return d
}

// splice puts a text in place of the size bytes at each of the places, which ascend
// and do not overlap.
func (d *draft) splice(places []int, size int, with string) {
	var text strings.Builder
	text.Grow(len(d.text) + len(places)*(len(with)-size))
	rest, at := partReader{rest: d.parts, kept: d.spare[:0]}, 0
	for _, place := range places {
		text.WriteString(d.text[at:place])
		text.WriteString(with)
		rest.keep(place - at)
		rest.drop(size)
		rest.add(part{with, isNew})
		at = place + size
	}
	text.WriteString(d.text[at:])
	rest.keep(len(d.text) - at)
	d.text, d.parts, d.spare = text.String(), rest.kept, d.parts
}

// partReader goes through the parts of a draft and collects those of the next one.
type partReader struct {
	first part // what is left of a part that was begun
	rest  []part
	kept  []part
}

func (r *partReader) keep(n int) {
	for n > 0 {
		p := r.next(n)
		r.add(p)
		n -= len(p.text)
	}
}

func (r *partReader) drop(n int) {
	for n > 0 {
		n -= len(r.next(n).text)
	}
}

func (r *partReader) add(p part) {
	if p.text != "" {
		r.kept = append(r.kept, p)
	}
}

// next is the next part, or its first n bytes.
func (r *partReader) next(n int) part {
	if r.first.text == "" {
		r.first, r.rest = r.rest[0], r.rest[1:]
	}
	p := r.first
	if len(p.text) > n {
		r.first.text = p.text[n:]
		if p.from != isNew {
			r.first.from += n
		}
		p.text = p.text[:n]
		return p
	}
	r.first = part{}
	return p
}

// insert puts a text in front of the byte at a place.
func (d *draft) insert(at int, text string) { d.splice([]int{at}, 0, text) }

// prepend adds a text at the beginning, on a line of its own.
func (d *draft) prepend(text string) {
	if text == "" {
		return
	}
	separate := strings.HasSuffix(text, "\n") || strings.HasPrefix(d.text, "\n") || strings.HasPrefix(d.text, "\r\n")
	if d.text != "" && !separate {
		text += d.lineBreak()
	}
	d.insert(0, text)
}

// addLine adds a text at the end or in front of a line, on a line of its own.
func (d *draft) addLine(at int, text string) {
	if text == "" {
		return
	}
	text = d.breakBefore(at) + text
	if at < len(d.text) && !strings.HasSuffix(text, "\n") {
		text += d.lineBreak()
	}
	d.insert(at, text)
}

// breakBefore is the line break that is missing before a place; empty when a line
// begins there.
func (d *draft) breakBefore(at int) string {
	if at == 0 || d.text[at-1] == '\n' {
		return ""
	}
	return d.lineBreak()
}

// lineBreak is the first line break of the text, or else a line feed.
func (d *draft) lineBreak() string {
	if at := strings.IndexByte(d.text, '\n'); at > 0 && d.text[at-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// encode is the draft as JSON text. Raw is the original as it is stored, or nil: what
// stands in the original keeps its spelling.
func (d *draft) encode(raw []byte) []byte {
	source := rawText{raw: raw, at: len(`"`)}
	b := append(make([]byte, 0, len(raw)+len(d.text)-len(d.original)+16), '"')
	for _, p := range d.parts {
		if p.from == isNew {
			b = append(b, quoted(p.text)...)
			continue
		}
		source.skip(p.from)
		from := source.at
		source.skip(p.from + len(p.text))
		b = append(b, raw[from:source.at]...)
	}
	return append(b, '"')
}

// quoted is a text as it stands between the quotes of a JSON string.
func quoted(text string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string can always be encoded
	return bytes.TrimSuffix(b.Bytes()[1:], []byte("\"\n"))
}

// rawText is a reader of a JSON string that knows how many bytes of the meant text it has
// passed.
type rawText struct {
	raw    []byte
	at     int
	passed int
}

// skip goes to a place of the meant text.
func (r *rawText) skip(to int) {
	for r.passed < to {
		n := to - r.passed // at most so many bytes of JSON are without an escape
		plain := bytes.IndexByte(r.raw[r.at:min(len(r.raw), r.at+n)], '\\')
		if plain < 0 {
			plain = n
		}
		if plain > 0 {
			r.at, r.passed = r.at+plain, r.passed+plain
			continue
		}
		r.escape()
	}
}

// escape passes one escape sequence, or two that make one character.
func (r *rawText) escape() {
	s := scanner{text: r.raw, at: r.at}
	size, _ := s.escape() // there is no problem: the payload was decoded
	r.at, r.passed = s.at, r.passed+size
}
