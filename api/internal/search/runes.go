package search

import (
	"sync/atomic"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// class is what a character is for the division into words.
type class uint8

const (
	separator class = iota // ends a word
	invisible              // does nothing, even inside a word
	letter                 // of a word; digits are letters, too
	accented               // a letter whose marks do not matter
	inside                 // of a script without spaces, whose text is found inside words
	joining                // a part of a Hangul syllable that belongs to the character before it
	mark                   // belongs to the letter before it
	symbol                 // a word of its own
)

// folded is one character, after its case and its accents are gone.
type folded struct {
	char  rune
	class class
}

// fold returns what stands for a character: most often one character, sometimes
// several ("ß" is "ss"), or none.
func fold(r rune) []folded {
	if r < 0 || r > maxTable {
		return foldAnew(r)
	}
	block := &foldedBlocks[r/blockSize]
	known := block.Load()
	if known == nil {
		known = foldBlock(r / blockSize)
		block.Store(known)
	}
	return known[r%blockSize]
}

// What was folded once is kept, for the characters of the first plane.
const (
	blockSize = 256
	maxTable  = 0xFFFF
)

var foldedBlocks [(maxTable + 1) / blockSize]atomic.Pointer[[blockSize][]folded]

func foldBlock(number rune) *[blockSize][]folded {
	var block [blockSize][]folded
	for i := range block {
		block[i] = foldAnew(number*blockSize + rune(i))
	}
	return &block
}

// foldAnew folds a character by the tables of Unicode.
func foldAnew(r rune) []folded {
	const firstSyllable, lastSyllable = '가', '힣'
	_, special := specials[r]
	switch {
	case special:
		return classified(string(r))
	case r >= firstSyllable && r <= lastSyllable:
		return []folded{{r, inside}} // stays whole
	}
	return classified(norm.NFKD.String(string(r)))
}

// specials are the characters whose decomposition is not what people type instead.
// Signs of trademarks stand beside a word and are no part of it. Apostrophes are
// letters in some spellings of a word and punctuation in others, so they are always
// punctuation.
var specials = map[rune]string{
	'ß': "ss", 'ẞ': "ss", 'ø': "o", 'Ø': "o", 'ł': "l", 'Ł': "l", 'đ': "d", 'Đ': "d", 'ð': "d", 'Ð': "d",
	'þ': "th", 'Þ': "th", 'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe", 'ħ': "h", 'Ħ': "h", 'ŧ': "t", 'Ŧ': "t",
	'ı': "i", 'ĸ': "k", 'ŋ': "n", 'Ŋ': "n", '™': " ", '℠': " ", 'ʼ': " ", 'ʻ': " ",
}

func classified(text string) (chars []folded) {
	for _, r := range text {
		if special, known := specials[r]; known {
			chars = append(chars, classified(special)...)
			continue
		}
		if c := classOf(r); c != invisible {
			chars = append(chars, folded{lower(r), c})
		}
	}
	return chars
}

// lower goes by way of the upper case, so that both small sigmas are the same.
func lower(r rune) rune {
	if unicode.Is(unicode.Nd, r) {
		return '0' + digit(r)
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

// digit is the value of a decimal digit of any script. Digits stand in rows of ten.
func digit(r rune) rune {
	for _, row := range unicode.Nd.R16 {
		if r >= rune(row.Lo) && r <= rune(row.Hi) {
			return (r - rune(row.Lo)) % 10
		}
	}
	for _, row := range unicode.Nd.R32 {
		if r >= rune(row.Lo) && r <= rune(row.Hi) {
			return (r - rune(row.Lo)) % 10
		}
	}
	return 0
}

func classOf(r rune) class {
	switch {
	case unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, optional):
		return invisible
	case unicode.Is(unicode.M, r):
		return mark
	case r >= firstVowelJamo && r <= lastTailJamo:
		return joining
	case unicode.In(r, unspaced...) || r == longVowel:
		return inside
	case unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Nd):
		return accented
	case unicode.In(r, unicode.L, unicode.N):
		return letter
	case isEmoji(r):
		return symbol
	}
	return separator
}

// A Hangul syllable may be written as two or three parts: the first is an ordinary
// character here, the vowel and the tail join it.
const firstVowelJamo, lastTailJamo = 0x1160, 0x11FF

const longVowel = 'ー' // of Japanese; belongs to no script

// unspaced are the scripts that are written without spaces, or whose words are
// searched for by their parts.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Hangul,
	unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// optional are the vowel points of Hebrew and Arabic and the signs above and below an
// alif, which most texts leave out, and the stroke that only stretches an Arabic word.
var optional = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x0591, Hi: 0x05BD, Stride: 1}, {Lo: 0x05BF, Hi: 0x05BF, Stride: 1}, {Lo: 0x05C1, Hi: 0x05C2, Stride: 1},
	{Lo: 0x05C4, Hi: 0x05C5, Stride: 1}, {Lo: 0x05C7, Hi: 0x05C7, Stride: 1}, {Lo: 0x0610, Hi: 0x061A, Stride: 1},
	{Lo: 0x0640, Hi: 0x0640, Stride: 1}, {Lo: 0x064B, Hi: 0x0655, Stride: 1}, {Lo: 0x0670, Hi: 0x0670, Stride: 1},
}}

// isEmoji leaves out the signs of other blocks, such as those that draw boxes.
func isEmoji(r rune) bool {
	const firstSign, lastSign, firstPicture = 0x2600, 0x2BFF, 0x1F000
	return unicode.Is(unicode.So, r) && (r >= firstSign && r <= lastSign || r >= firstPicture)
}
