package search

import "bytes"

// hit is a place in a text where a word or phrase of a query is.
type hit struct {
	wanted     int // its number in the query
	start, end int
}

// finder finds the words and phrases of a query in the terms of a text.
type finder struct {
	wanted []phrase
	exact  map[string][]step // by the term
	begins []step            // whose term is a beginning
	under  []progress        // by the number of the phrase
}

// step is one term of a phrase.
type step struct{ wanted, number int }

// progress is how much of a phrase was found, up to which term of the text.
type progress struct{ steps, term, start int }

// findAll finds what a query wants in a text, in order of where it ends.
func findAll(text string, q Query) (hits []hit) {
	f := newFinder(q)
	if len(f.wanted) == 0 {
		return nil
	}
	t := newTerms(text)
	for number := 1; t.next(); number++ {
		for _, s := range f.begins {
			if bytes.HasPrefix(t.term, []byte(f.wanted[s.wanted].terms[s.number])) {
				hits = f.advance(hits, s, number, t)
			}
		}
		for _, s := range f.exact[string(t.term)] {
			hits = f.advance(hits, s, number, t)
		}
	}
	return hits
}

func newFinder(q Query) *finder {
	f := &finder{exact: map[string][]step{}}
	f.wanted = append(append(f.wanted, q.words...), q.phrases...)
	f.under = make([]progress, len(f.wanted))
	for i, p := range f.wanted {
		for number := len(p.terms) - 1; number >= 0; number-- { // backwards: a term may be in a phrase twice
			s := step{i, number}
			if p.begins && number == len(p.terms)-1 {
				f.begins = append(f.begins, s)
				continue
			}
			f.exact[p.terms[number]] = append(f.exact[p.terms[number]], s)
		}
	}
	return f
}

func (f *finder) advance(hits []hit, s step, number int, t *terms) []hit {
	under := &f.under[s.wanted]
	switch {
	case s.number == 0 && under.term == number: // the term is a later step already
		return hits
	case s.number == 0:
		*under = progress{1, number, t.start}
	case under.steps == s.number && under.term == number-1:
		under.steps, under.term = under.steps+1, number
	default:
		return hits
	}
	if under.steps == len(f.wanted[s.wanted].terms) {
		hits = append(hits, hit{s.wanted, under.start, t.end})
	}
	return hits
}

// bestSpan is the shortest part of a text with the most different hits, of those that
// an excerpt has room for. Without a hit it is empty.
func bestSpan(hits []hit) (start, end int) {
	const room = excerptChars - excerptLead // in bytes, which is less where characters are large
	counts, distinct, best, first := map[int]int{}, 0, 0, 0
	for _, h := range hits {
		if counts[h.wanted]++; counts[h.wanted] == 1 {
			distinct++
		}
		for out := hits[first]; out != h && (counts[out.wanted] > 1 || h.end-out.start > room); out = hits[first] {
			if counts[out.wanted]--; counts[out.wanted] == 0 {
				distinct--
			}
			first++
		}
		from := hits[first].start
		if distinct > best || distinct == best && h.end-from < end-start {
			best, start, end = distinct, from, h.end
		}
	}
	return start, end
}
