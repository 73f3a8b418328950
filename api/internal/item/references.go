package item

import (
	"strings"

	"toolbridge/api/internal/entity"
)

// Bounds of the references of one request.
const (
	MaxReferences     = 20
	MaxReferenceBytes = 300
)

// Lookup is one look into an index: for the items of a kind whose uids begin with a
// prefix, tombstones included; or without a prefix for the live ones of a title.
type Lookup struct {
	Kind   entity.Kind
	Prefix string
	Title  string // as in Facets
}

// LookedUp is an item that a lookup has found.
type LookedUp struct {
	Candidate
	Lookup int   // its number, from 0
	Size   int64 // of the payload, in bytes
}

// reading is one thing that a reference may mean: items of some kinds with a uid that
// begins so, or with a title.
type reading struct {
	kinds  []entity.Kind
	prefix string
	title  string // whole; its white space is joined
}

// reference is what a client calls an item, and what that may mean: the first reading
// that finds anything counts.
type reference struct {
	text     string // its white space is joined
	kinds    []entity.Kind
	title    string // without the kind; empty where no title can be meant
	readings []reading
}

// readReference reads `kind:uid`, `kind:title`, a uid or a title. A text with a colon may
// also be a title as a whole.
func readReference(text string) reference {
	r := reference{text: strings.Join(strings.Fields(text), " "), kinds: kindsOf(entity.Table)}
	r.title = r.text
	name, rest, _ := strings.Cut(r.text, ":")
	if e := entityCalled(strings.TrimSpace(name)); e != nil && strings.TrimSpace(rest) != "" {
		r.kinds, r.title = []entity.Kind{e.Kind}, strings.TrimSpace(rest)
		r.read([]*entity.Entity{e}, r.title)
	}
	r.read(entity.Table, r.text)
	if _, whole := ParseUID(r.title); whole {
		r.title = ""
	}
	return r
}

// entityCalled is the entity of a kind, or of a name in URLs; nil for none.
func entityCalled(name string) *entity.Entity {
	for _, e := range entity.Table {
		if strings.EqualFold(name, string(e.Kind)) || strings.EqualFold(name, e.Segment) {
			return e
		}
	}
	return nil
}

// read adds what a text may mean. Titles of their own go before the first lines that
// other kinds show as a title.
func (r *reference) read(entities []*entity.Entity, text string) {
	if prefix, ok := parseBeginning(text); ok {
		r.readings = append(r.readings, reading{kinds: kindsOf(entities), prefix: prefix})
	}
	for _, own := range []bool{true, false} {
		named := reading{title: text}
		for _, e := range entities {
			if (e.Title != "") == own {
				named.kinds = append(named.kinds, e.Kind)
			}
		}
		if len(named.kinds) > 0 {
			r.readings = append(r.readings, named)
		}
	}
}

// parseBeginning reads a uid or the beginning of one.
func parseBeginning(text string) (string, bool) {
	if uid, ok := ParseUID(text); ok {
		return uid, true
	}
	return ParsePrefix(text)
}

// lookups are those of a reading, one for each kind.
func (r reading) lookups() []Lookup {
	all := make([]Lookup, len(r.kinds))
	for i, kind := range r.kinds {
		all[i] = Lookup{Kind: kind, Prefix: r.prefix}
		if r.prefix == "" {
			all[i].Title = sortKey(r.shown())
		}
	}
	return all
}

// shown is the title as a summary shows it.
func (r reading) shown() string { return oneLine(r.title, maxTitleRunes) }

// cut reports whether a summary does not show the whole title.
func (r reading) cut() bool { return r.shown() != r.title }

// of keeps of what the lookups have found what the reading means: titles that are the
// same to the letter, or else those that differ in case only.
func (r reading) of(found []LookedUp) []LookedUp {
	if r.prefix != "" {
		return found
	}
	shown := r.shown()
	var same, folded []LookedUp
	for _, each := range found {
		switch {
		case each.Title == shown:
			same = append(same, each)
		case strings.EqualFold(each.Title, shown):
			folded = append(folded, each)
		}
	}
	if len(same) > 0 {
		return same
	}
	return folded
}

// names reports whether a payload has the title of a reading, apart from case.
func (r reading) names(e *entity.Entity, payload []byte) bool {
	decoded, err := Decode(payload)
	if err != nil {
		return false
	}
	return strings.EqualFold(wholeTitle(e, decoded), r.title)
}

// wholeTitle is the title of a payload in one line, however long it is.
func wholeTitle(e *entity.Entity, payload *Payload) string {
	title := firstText(e, payload)
	if e.Title != "" {
		title, _ = payload.Text(e.Title)
	} else {
		title, _, _ = strings.Cut(title, "\n")
	}
	return strings.Join(strings.Fields(title), " ")
}
