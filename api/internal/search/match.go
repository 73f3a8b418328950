package search

import (
	"slices"
	"strings"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
)

// Tier is the texts that match a query equally well. No text is in two tiers.
type Tier struct {
	FTS5    string // the right side of MATCH
	TSQuery string // casts to a tsquery
}

// Tiers are the tiers of a query over an owner's items, the best first: all words in
// the title; all words, some in the title; all words; some words, one in the title; some
// words. Phrases in quotes are in every text, excluded words in none. Tiers that have no
// text are left out. No kinds are all kinds.
func (q *Query) Tiers(owner account.Owner, kinds ...entity.Kind) []Tier {
	if q.Empty() {
		return nil
	}
	m := matcher{code(owner)}
	tiers := m.tiers(q)
	for i := range tiers {
		if len(kinds) > 0 {
			tiers[i] = and(tiers[i], m.ofKinds(kinds))
		}
		if len(q.excluded) > 0 {
			tiers[i] = without(tiers[i], or(m.each(q.excluded, wordTerm)...))
		}
	}
	return tiers
}

// TitleTiers are those of the tiers in which words are in the title.
func (q *Query) TitleTiers(owner account.Owner, kinds ...entity.Kind) []Tier {
	switch tiers := q.Tiers(owner, kinds...); len(tiers) {
	case 0, 1: // one has what is not excluded
		return nil
	case 2, 3:
		return tiers[:len(tiers)-1]
	default:
		return []Tier{tiers[0], tiers[1], tiers[3]}
	}
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
		return []Tier{allInTitle, without(all, allInTitle)}
	}
	oneInTitle := or(inTitle...)
	tiers := []Tier{allInTitle, without(and(all, oneInTitle), allInTitle), without(all, oneInTitle)}
	if len(q.words) == 0 {
		return tiers
	}
	some := or(anywhere...)
	if len(q.phrases) > 0 {
		some = and(m.each(q.phrases, wordTerm)...)
	}
	some = without(some, all)
	return append(tiers, and(some, oneInTitle), without(some, oneInTitle))
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
	return Tier{"(" + strings.Join(texts, fts5) + ")", "(" + strings.Join(queries, tsquery) + ")"}
}
