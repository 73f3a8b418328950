package item

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folding is a set of differences between texts that are overlooked.
type folding uint8

const (
	foldBreaks folding = 1 << iota
	foldSpace
	foldQuotes
	foldCase
	foldAccents
	foldEscapes
)

// foldings are those that can explain why a text is not found, with their names.
var foldings = []struct {
	folding
	name string
}{
	{foldBreaks, "line endings (CRLF or LF)"},
	{foldSpace, "white space"},
	{foldQuotes, "quotation marks or dashes"},
	{foldCase, "case"},
	{foldAccents, "accents or their encoding"},
	{foldEscapes, `backslashes (such as \n for a line break)`},
}

const foldAll = foldSpace | foldQuotes | foldCase | foldAccents | foldEscapes

// plainSigns are characters that stand for others when quotation marks and dashes are folded.
var plainSigns = map[rune]string{
	'“': `"`, '”': `"`, '„': `"`, '‟': `"`, '«': `"`, '»': `"`, '″': `"`, '＂': `"`,
	'‘': "'", '’': "'", '‚': "'", '‛': "'", '‹': "'", '›': "'", '′': "'", '`': "'", '´': "'", '＇': "'",
	'‐': "-", '‑': "-", '‒': "-", '–': "-", '—': "-", '―': "-", '−': "-", '…': "...",
}

// escapeMeanings are the escape sequences that are taken for what they mean.
var escapeMeanings = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\'': '\'', '\\': '\\', '/': '/'}

// folder reads a text and writes it without the differences that it overlooks.
type folder struct {
	folding
	text string
	at   int // up to where the text is folded
	out  []byte
}

func (f folding) fold(text string) []byte {
	r := folder{folding: f, text: text, out: make([]byte, 0, len(text))}
	r.until(len(text) * len("..."))
	return r.out
}

// until folds until so many bytes are written, or the text ends.
func (f *folder) until(size int) {
	for f.at < len(f.text) && len(f.out) < size {
		f.step()
	}
}

// step folds one character.
func (f *folder) step() {
	r, size := rune(f.text[f.at]), 1
	switch {
	case r >= utf8.RuneSelf:
		r, size = utf8.DecodeRuneInString(f.text[f.at:])
	case r == '\\' && f.folding&foldEscapes != 0 && f.at+1 < len(f.text) && escapeMeanings[f.text[f.at+1]] != 0:
		r, size = rune(escapeMeanings[f.text[f.at+1]]), 2
	}
	from := f.at
	f.at += size
	switch {
	case r == '\r' && f.folding&(foldBreaks|foldSpace) != 0 && strings.HasPrefix(f.text[f.at:], "\n"):
	case f.folding&foldSpace != 0 && isSpace(r):
		if len(f.out) == 0 || f.out[len(f.out)-1] != ' ' {
			f.out = append(f.out, ' ')
		}
	case f.folding&foldSpace != 0 && invisible(r):
	default:
		f.letter(r, f.text[from:f.at])
	}
}

// letter folds what is no white space.
func (f *folder) letter(r rune, as string) {
	if f.folding&foldQuotes != 0 && (r >= utf8.RuneSelf || r == '`') {
		if other, ok := plainSigns[r]; ok {
			f.out = append(f.out, other...)
			return
		}
	}
	if f.folding&foldAccents != 0 && r >= utf8.RuneSelf {
		if unicode.Is(unicode.Mn, r) {
			return
		}
		if base := norm.NFD.PropertiesString(as).Decomposition(); len(base) > 0 {
			r, _ = utf8.DecodeRune(base)
		}
	}
	if f.folding&foldCase != 0 {
		r = unicode.ToLower(r)
	}
	f.out = utf8.AppendRune(f.out, r)
}

func isSpace(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || r == '\n' || r == '\t' || r == '\r'
	}
	return unicode.IsSpace(r)
}

// invisible reports whether a character has no width, such as a soft hyphen.
func invisible(r rune) bool {
	return r == '\u00ad' || r == '\ufeff' || r >= '\u200b' && r <= '\u200f' || r == '\u2060'
}

// key is the folded text; white space around it counts only if white space counts.
func (f folding) key(text string) []byte {
	if f&foldSpace != 0 {
		return bytes.Trim(f.fold(text), " ")
	}
	return f.fold(text)
}

// apart looks for a text apart from the differences of a folding, and returns the first
// places, as stretches of the text.
func (f folding) apart(text, sought string, most int) (found [][2]int) {
	needle := f.key(sought)
	if len(needle) == 0 {
		return nil
	}
	folded := f.fold(text)
	place := folder{folding: f, text: text, out: make([]byte, 0, len(text))}
	for at := 0; len(found) < most; at += len(needle) {
		next := bytes.Index(folded[at:], needle)
		if next < 0 {
			break
		}
		at += next
		place.until(at)
		place.skip()
		begin := place.at
		place.until(at + len(needle))
		found = append(found, [2]int{begin, place.at})
	}
	return found
}

// skip passes what is folded to nothing.
func (f *folder) skip() {
	for f.at < len(f.text) {
		at, size := f.at, len(f.out)
		if f.step(); len(f.out) > size {
			f.at, f.out = at, f.out[:size]
			return
		}
	}
}

// differences names what two texts differ in that are the same apart from all foldings.
func differences(a, b string) (names []string) {
	same := func(f folding) bool { return bytes.Equal(f.key(a), f.key(b)) }
	for _, f := range foldings {
		if same(f.folding) {
			return []string{f.name}
		}
	}
	for _, f := range foldings {
		if f.folding != foldBreaks && !same(foldAll&^f.folding) {
			names = append(names, f.name)
		}
	}
	return names
}
