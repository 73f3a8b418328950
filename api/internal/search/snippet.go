package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	excerptChars = 160    // of a snippet or preview, about
	excerptLead  = 40     // characters in front of the match, at most
	maxPartial   = 20     // characters of a word that are left out rather than show a part of it
	maxRunes     = 1_000  // of an excerpt, marks and parts of emoji included
	maxLookedAt  = 64_000 // bytes of a text in which the best match is looked for
	cutMark      = "…"
)

// Snippet is the part of a text, in one line, in which most of the words of a query
// stand close together. It is the beginning when none of them is in the first 64 kB.
func Snippet(text string, q Query) string {
	first, last := bestSpan(findAll(text[:safeCut(text, maxLookedAt)], q))
	width := utf8.RuneCountInString(text[first:last])
	from := cutBefore(text, first, min(excerptLead, max(0, excerptChars-width)/2))
	if strings.TrimSpace(text[:from]) == "" {
		return clip(text)
	}
	return cutMark + clip(text[from:])
}

// Preview is the beginning of a text in one line, without the signs that begin headings,
// quotations and items of lists in Markdown.
func Preview(text string) string {
	var lines []string
	bytes := 0
	for line := range strings.Lines(text) {
		const enough = maxRunes * utf8.UTFMax
		if line = unmarked(line[:safeCut(line, enough)]); line != "" {
			lines, bytes = append(lines, line), bytes+len(line)
		}
		if bytes > enough {
			break
		}
	}
	return clip(strings.Join(lines, " "))
}

// unmarked is a line without the Markdown at its beginning. Lines that only divide, such
// as "---" and the fences of code, are empty.
func unmarked(line string) string {
	line = strings.TrimSpace(line)
	if strings.Trim(line, "-*_= ") == "" || strings.HasPrefix(line, "```") {
		return ""
	}
	mark, rest, found := strings.Cut(line, " ")
	if found && (strings.Trim(mark, "#") == "" || strings.Trim(mark, ">") == "" || strings.Contains("-*+", mark)) {
		return strings.TrimSpace(rest)
	}
	return line
}

// safeCut is the largest length up to n that splits no character.
func safeCut(text string, n int) int {
	if len(text) <= n {
		return len(text)
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}

// cutBefore is a place in front of at, by up to so many characters, where a word begins
// if there is such a place, and else a character with its marks.
func cutBefore(text string, at, chars int) int {
	from := at
	for ; chars > 0 && from > 0; chars-- {
		_, size := utf8.DecodeLastRuneInString(text[:from])
		from -= size
	}
	if from == 0 {
		return 0
	}
	if space := strings.IndexFunc(text[from:at], isBlank); space >= 0 && utf8.RuneCountInString(text[from:from+space]) <= maxPartial {
		return from + space
	}
	for previous, _ := utf8.DecodeLastRuneInString(text[:from]); from < at; {
		r, size := utf8.DecodeRuneInString(text[from:])
		if !extends(previous, r) {
			break
		}
		previous, from = r, from+size
	}
	return from
}

// clip is the beginning of a text, in one line.
func clip(text string) string {
	var b []byte
	var previous rune
	chars, runes, space, charsAtSpace, blank := 0, 0, 0, 0, false
	for _, r := range text {
		if isBlank(r) {
			blank = len(b) > 0
			continue
		}
		if blank {
			space, charsAtSpace = len(b), chars
			b, chars, blank, previous = append(b, ' '), chars+1, false, ' '
		}
		if joined := extends(previous, r); chars >= excerptChars && !joined || runes >= maxRunes {
			if chars-charsAtSpace <= maxPartial+1 && space > 0 {
				b = b[:space]
			}
			return string(b) + cutMark
		} else if !joined {
			chars++
		}
		b, previous, runes = utf8.AppendRune(b, r), r, runes+1
	}
	return string(b)
}

// isBlank: control characters are spaces, since they have no place in a line.
func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// extends reports whether a character is shown as one with the character before it.
func extends(previous, r rune) bool {
	const zeroWidthJoiner, firstSkin, lastSkin = '\u200D', 0x1F3FB, 0x1F3FF
	return unicode.Is(unicode.M, r) || r == zeroWidthJoiner || previous == zeroWidthJoiner && previous != r ||
		r >= firstSkin && r <= lastSkin || r >= firstVowelJamo && r <= lastTailJamo
}
