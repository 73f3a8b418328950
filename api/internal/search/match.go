package search

import (
	"slices"
	"strings"
	"unicode/utf8"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
)

// Tier is the texts that match a query equally well. No text is in two tiers.
type Tier struct {
	FTS5    string // the right side of MATCH
	TSQuery string // casts to a tsquery
	titled  bool   // whether a word is in the title
}

// Tiers are the tiers of a query over an owner's items, the best first: all words in
// the title; all words; all long words; two long words; a long word; any word. Each but the
// first and the last is two, of which one has a word in the title. Phrases in quotes are in
// every text, excluded words in none. No kinds are all kinds.
func (q *Query) Tiers(owner account.Owner, kinds ...entity.Kind) []Tier {
	if q.Empty() {
		return nil
	}
	m := matcher{code(owner)}
	tiers := m.tiers(q)
	for i, tier := range tiers {
		if len(kinds) > 0 {
			tiers[i] = and(tiers[i], m.ofKinds(kinds))
		}
		if len(q.excluded) > 0 {
			tiers[i] = without(tiers[i], or(m.each(q.excluded, wordTerm)...))
		}
		tiers[i].titled = tier.titled
	}
	return tiers
}

// TitleTiers are those of the tiers in which words are in the title.
func (q *Query) TitleTiers(owner account.Owner, kinds ...entity.Kind) []Tier {
	return slices.DeleteFunc(q.Tiers(owner, kinds...), func(t Tier) bool { return !t.titled })
}

// matcher writes the expressions of one owner.
type matcher struct{ code string }

func (m matcher) tiers(q *Query) []Tier {
	wanted := slices.Concat(q.words, q.phrases)
	if len(wanted) == 0 {
		return []Tier{m.single(kindTerm, "", false)} // every item, less what is excluded
	}
	anywhere, inTitle := m.each(wanted, wordTerm), m.each(wanted, titleTerm)
	all, allInTitle := and(anywhere...), and(inTitle...)
	if len(wanted) == 1 {
		return []Tier{titled(allInTitle), without(all, allInTitle)}
	}
	oneInTitle := or(inTitle...)
	tiers := append([]Tier{titled(allInTitle)}, split(all, allInTitle, oneInTitle)...)
	switch {
	case len(q.words) == 0:
		return tiers
	case len(q.phrases) > 0:
		return append(tiers, split(and(m.each(q.phrases, wordTerm)...), all, oneInTitle)...)
	}
	return append(tiers, m.partly(q.words, all)...)
}

// partly are the tiers of texts that lack a word: those with all long words, with two of
// them, with one, and with any word. A tier has what those before it have not.
func (m matcher) partly(words []phrase, all Tier) (tiers []Tier) {
	long := longWords(words)
	anywhere, oneInTitle := m.each(long, wordTerm), or(m.each(long, titleTerm)...)
	var levels []Tier
	if len(long) > 1 && len(long) < len(words) {
		levels = append(levels, and(anywhere...))
	}
	if len(long) > 2 {
		levels = append(levels, two(anywhere))
	}
	last := all
	for _, level := range append(levels, or(anywhere...)) {
		tiers = append(tiers, split(level, last, oneInTitle)...)
		last = level
	}
	if len(long) < len(words) {
		tiers = append(tiers, without(or(m.each(words, wordTerm)...), last))
	}
	return tiers
}

// split divides a tier, less what was found before, by whether a word is in the title.
func split(tier, before, oneInTitle Tier) []Tier {
	return []Tier{titled(without(and(tier, oneInTitle), before)), without(without(tier, before), oneInTitle)}
}

// two matches what two of the tiers match. Of many, it looks at the first only: each pair
// is a part of the expression.
func two(tiers []Tier) Tier {
	const most = 5
	tiers = tiers[:min(len(tiers), most)]
	var pairs []Tier
	for i, one := range tiers {
		for _, other := range tiers[i+1:] {
			pairs = append(pairs, and(one, other))
		}
	}
	return or(pairs...)
}

// longWords are the words that say most, the longest first: those of four letters or more,
// and those of scripts without spaces. Where there are none, they are all words.
func longWords(words []phrase) []phrase {
	const letters = 4
	long := slices.DeleteFunc(slices.Clone(words), func(p phrase) bool {
		return p.length() < letters && strings.IndexFunc(p.terms[0], func(r rune) bool { return r >= firstUnspaced }) < 0
	})
	if len(long) == 0 {
		return words
	}
	slices.SortStableFunc(long, func(a, b phrase) int { return b.length() - a.length() })
	return long
}

// firstUnspaced is where the scripts without spaces begin: Thai is the first of them.
const firstUnspaced = '\u0e00'

func (p phrase) length() (letters int) {
	for _, term := range p.terms {
		letters += utf8.RuneCountInString(term)
	}
	return letters
}

func titled(t Tier) Tier {
	t.titled = true
	return t
}

func (m matcher) ofKinds(kinds []entity.Kind) Tier {
	terms := make([]Tier, len(kinds))
	for i, kind := range kinds {
		terms[i] = m.single(kindTerm, kindOf(kind), false)
	}
	return or(terms...)
}

func (m matcher) each(phrases []phrase, class string) []Tier {
	found := make([]Tier, len(phrases))
	for i, p := range phrases {
		found[i] = m.phrase(p, class)
	}
	return found
}

func (m matcher) single(class, term string, begins bool) Tier {
	text := m.code + class + term
	if begins {
		return Tier{FTS5: `"` + text + `" *`, TSQuery: "'" + text + "':*"}
	}
	return Tier{FTS5: `"` + text + `"`, TSQuery: "'" + text + "'"}
}

// phrase matches terms that follow each other. In a tsvector, some places of a term may
// be under the term with a number behind it.
func (m matcher) phrase(p phrase, class string) Tier {
	last := len(p.terms) - 1
	if last == 0 {
		return m.single(class, p.terms[0], p.begins)
	}
	fts5, tsquery := make([]string, len(p.terms)), make([]string, len(p.terms))
	for i, term := range p.terms {
		fts5[i] = m.code + class + term
		tsquery[i] = "('" + fts5[i] + "'|'" + fts5[i] + moreMark + "':*)"
	}
	end := ""
	if p.begins {
		end, tsquery[last] = " *", "'"+fts5[last]+"':*"
	}
	return Tier{FTS5: `"` + strings.Join(fts5, " ") + `"` + end, TSQuery: "(" + strings.Join(tsquery, "<->") + ")"}
}

func and(tiers ...Tier) Tier { return joined(tiers, " AND ", " & ") }

func or(tiers ...Tier) Tier { return joined(tiers, " OR ", " | ") }

func without(tier, other Tier) Tier { return joined([]Tier{tier, other}, " NOT ", " & !") }

func joined(tiers []Tier, fts5, tsquery string) Tier {
	if len(tiers) == 1 {
		return tiers[0]
	}
	var texts, queries []string
	for _, t := range tiers {
		texts, queries = append(texts, t.FTS5), append(queries, t.TSQuery)
	}
	return Tier{FTS5: "(" + strings.Join(texts, fts5) + ")", TSQuery: "(" + strings.Join(queries, tsquery) + ")"}
}
