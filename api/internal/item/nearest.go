package item

import (
	"cmp"
	"slices"
	"strings"
)

// Bounds of the search for what resembles a text.
const (
	maxAnchorRunes = 160 // of the text that are looked at
	maxCompared    = 8   // that are compared exactly
	leastAlike     = 0.5 // of a passage that is worth quoting
)

// nearest quotes the passages of a text that come nearest to what was sought, best
// first: those that differ only in what a folding overlooks, with the names of the
// differences, or else lines that resemble one of its lines. The time it takes grows
// with the text only.
func nearest(text, sought string) (places []passage, names []string) {
	if found := foldAll.apart(text, sought, maxPassages); len(found) > 0 {
		for _, f := range found {
			places = append(places, passageAt(text, f[0], f[1]))
		}
		return places, differences(text[found[0][0]:found[0][1]], sought)
	}
	return alike(text, sought), nil
}

// candidate is a place of a text and how much of the anchor it has.
type candidate struct {
	from, to int
	score    float64
}

// alike quotes the passages that resemble the longest line of what was sought.
func alike(text, sought string) (places []passage) {
	line, before, after := longestLine(sought)
	s := newSearch(line)
	if s == nil {
		return nil
	}
	for from := 0; from < len(text); {
		size := strings.IndexByte(text[from:], '\n')
		if size < 0 {
			size = len(text) - from
		}
		s.line(text, from, from+size)
		from += size + 1
	}
	for _, c := range s.best(text) {
		places = append(places, passageAt(text, linesBack(text, c.from, before), linesForth(text, c.to, after)))
	}
	return places
}

// longestLine is the longest line of a text, and how many lines are before and after it.
func longestLine(text string) (longest string, before, after int) {
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > len(longest) {
			longest, before = line, n
		}
		n++
	}
	return strings.TrimSpace(longest), before, n - before - 1
}

func linesBack(text string, at, lines int) int {
	for ; lines > 0 && at > 0; lines-- {
		begin := strings.LastIndexByte(text[:at], '\n')
		if begin < 0 {
			return at
		}
		at = begin
	}
	return at
}

func linesForth(text string, at, lines int) int {
	for ; lines > 0 && at < len(text); lines-- {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			return len(text)
		}
		at += end + 1
	}
	return at
}

// likeSearch finds stretches of text that have many of an anchor's short sequences of
// characters.
type likeSearch struct {
	anchor     []rune
	length     int           // of a sequence
	known      [1 << 14]bool // by the hash of a sequence
	candidates []candidate   // the best ones so far, in order
	folded     []byte        // of one character
}

const foldAlike = foldQuotes | foldCase | foldAccents

// newSearch prepares the search for a line; nil if it is too short to resemble anything.
func newSearch(line string) *likeSearch {
	size, _ := runesOn(line, 0, maxAnchorRunes)
	anchor := []rune(string(foldAlike.fold(line[:size])))
	s := &likeSearch{anchor: anchor[:min(len(anchor), maxAnchorRunes)], length: maxSequence}
	if len(s.anchor) < 8 {
		s.length--
	}
	if len(s.anchor) <= s.length {
		return nil
	}
	for i := range s.sequences() {
		s.known[sequenceHash(s.anchor[i:i+s.length])] = true
	}
	return s
}

// sequences is how many there are in the anchor.
func (s *likeSearch) sequences() int { return len(s.anchor) - s.length + 1 }

func sequenceHash(sequence []rune) int {
	h := uint32(0)
	for _, r := range sequence {
		h = (h + uint32(r)) * 2654435761
		h ^= h >> 15
	}
	return int(h & (1<<14 - 1))
}

// line looks at one line of the text, and keeps its best stretches that do not overlap.
func (s *likeSearch) line(text string, from, to int) {
	w := likeWindow{likeSearch: s}
	best := candidate{to: to}
	f := folder{folding: foldAlike, text: text[:to], at: from, out: s.folded}
	for f.at < to {
		begin := f.at
		f.out = f.out[:0]
		f.step()
		for _, r := range string(f.out) {
			c, ok := w.next(r, begin, f.at)
			switch {
			case ok && c.from > best.to:
				s.add(best)
				best = c
			case ok && c.score > best.score:
				best = c
			}
		}
	}
	s.folded = f.out
	s.add(best)
}

// maxSequence is the length of the sequences that are compared, in characters.
const maxSequence = 3

// likeWindow is as many sequences of a line as the anchor has, up to the last character that
// was read.
type likeWindow struct {
	*likeSearch
	last   [maxSequence]rune
	begins [maxSequence]int // of the last characters
	runes  int
	n, sum int                  // sequences read, and those in the window that are known
	starts [maxAnchorRunes]int  // of the sequences in the window, a ring
	hits   [maxAnchorRunes]bool // whether they are known
}

// next reads a character, and returns the stretch that ends with it.
func (w *likeWindow) next(r rune, begin, end int) (c candidate, ok bool) {
	copy(w.last[:], w.last[1:])
	copy(w.begins[:], w.begins[1:])
	w.last[maxSequence-1], w.begins[maxSequence-1] = r, begin
	if w.runes++; w.runes < w.length {
		return candidate{}, false
	}
	size := w.sequences()
	slot := w.n % size
	if w.hits[slot] {
		w.sum--
	}
	w.hits[slot], w.starts[slot] = w.known[sequenceHash(w.last[maxSequence-w.length:])], w.begins[maxSequence-w.length]
	if w.hits[slot] {
		w.sum++
	}
	w.n++
	return candidate{w.starts[max(0, w.n-size)%size], end, float64(w.sum) / float64(size)}, true
}

// add keeps a candidate if it is among the best.
func (s *likeSearch) add(c candidate) {
	const least = 0.2
	if c.score < least {
		return
	}
	at, _ := slices.BinarySearchFunc(s.candidates, c, func(a, b candidate) int {
		if order := cmp.Compare(b.score, a.score); order != 0 {
			return order
		}
		return cmp.Compare(a.from, b.from)
	})
	if at == maxCompared {
		return
	}
	s.candidates = slices.Insert(s.candidates, at, c)
	s.candidates = s.candidates[:min(len(s.candidates), maxCompared)]
}

// best compares the candidates exactly, and returns those that are alike enough, best
// first.
func (s *likeSearch) best(text string) []candidate {
	compared := []candidate{}
	for _, c := range s.candidates {
		margin := len(s.anchor) / 4
		from, to := runesBack(text, c.from, margin), c.to
		to, _ = runesOn(text, to, margin)
		c.score = s.likeness([]rune(string(foldAlike.fold(text[from:to]))))
		if c.score >= leastAlike {
			compared = append(compared, c)
		}
	}
	slices.SortStableFunc(compared, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	return compared[:min(len(compared), maxPassages)]
}

// likeness is how much of the anchor is left when it is changed, character by character,
// into the nearest stretch of a text: 1 for all.
func (s *likeSearch) likeness(text []rune) float64 {
	costs := make([]int, len(s.anchor)+1)
	for i := range costs {
		costs[i] = i
	}
	least := len(s.anchor)
	for _, r := range text {
		diagonal := 0 // a stretch may begin anywhere
		for i, want := range s.anchor {
			change := diagonal
			if r != want {
				change++
			}
			diagonal = costs[i+1]
			costs[i+1] = min(change, costs[i+1]+1, costs[i]+1)
		}
		least = min(least, costs[len(s.anchor)])
	}
	return 1 - float64(least)/float64(len(s.anchor))
}
