package item

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/search"
)

// Search is one page of what a query finds. After is nil for the first page.
type Search struct {
	account.Owner
	Text   string // see search.Query
	Kinds  []entity.Kind
	Filter Filter
	After  *Rank
	Limit  int
}

// Matching is a search as a store makes it.
type Matching struct {
	Search
	Tiers   []search.Tier // the best first
	Excerpt int           // characters of the beginning of a payload that come with it
}

// MaxExcerpted is how many characters of a payload a search returns, in which the
// snippet is looked for.
const MaxExcerpted = 64_000

// Found is an item that a search has found, as in a list of summaries.
type Found struct {
	Kind      entity.Kind
	Item      Item
	Rank      Rank
	Beginning []byte // of the payload, as long as the excerpt
	Snippet   string
}

// Rank is the place of a found item: in a tier, by when its text changed, and then by
// uid.
type Rank struct {
	Tier    int
	Changed int64
	UID     string
}

// Results is a page of a search. Next is empty on the last one.
type Results struct {
	Found []Found
	Next  string
}

// Search returns the owner's items that a query finds, the best first.
func (s *Service) Search(ctx context.Context, wanted Search) (Results, error) {
	query, err := search.Parse(wanted.Text)
	if err != nil {
		return Results{}, fault.New(fault.InvalidSearch, "invalid q: send at most %d bytes and %d words", search.MaxQueryBytes, search.MaxQueryWords).
			With(fault.Facts{"field": "q", "maxBytes": search.MaxQueryBytes, "maxWords": search.MaxQueryWords})
	}
	m := Matching{wanted, query.Tiers(wanted.Owner, restricted(wanted.Kinds)...), MaxExcerpted}
	if len(m.Tiers) == 0 {
		return Results{}, nil
	}
	found, more, err := s.Store.Search(ctx, m)
	if err != nil {
		return Results{}, err
	}
	for i := range found {
		found[i].Snippet = search.Snippet(textIn(entity.Of(found[i].Kind), found[i].Beginning), query)
	}
	results := Results{Found: found}
	if more {
		results.Next = found[len(found)-1].Rank.cursor(wanted.binding())
	}
	return results, nil
}

// restricted is the kinds, or none when they are all.
func restricted(kinds []entity.Kind) []entity.Kind {
	if len(kinds) == len(entity.Table) {
		return nil
	}
	return kinds
}

// AppendJSON appends the item as a search shows it: its summary and the snippet.
func (f *Found) AppendJSON(b []byte) []byte {
	b = f.Item.AppendSummary(b, f.Kind)
	snippet, _ := json.Marshal(f.Snippet) // a string can always be encoded
	b = append(append(b[:len(b)-1], `,"snippet":`...), snippet...)
	return append(b, '}')
}

// binding names the search that cursors belong to.
func (s Search) binding() string {
	all, _ := json.Marshal([]any{[]byte(s.Text), s.Kinds, s.Filter}) // can always be encoded
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:8])
}

// cursor is the opaque text by which a client goes on behind a place.
func (r Rank) cursor(binding string) string {
	plain := strings.Join([]string{strconv.Itoa(r.Tier), strconv.FormatInt(r.Changed, 10), r.UID, binding}, "|")
	return base64.RawURLEncoding.EncodeToString([]byte(plain))
}

// ReadCursor goes on behind the place that a cursor names.
func (s *Search) ReadCursor(text string) error {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.Split(string(plain), "|")
	if err != nil || len(parts) != 4 {
		return fault.New(fault.InvalidCursor, "invalid cursor: send the nextCursor of the page before, unchanged")
	}
	tier, _ := strconv.Atoi(parts[0])
	changed, _ := strconv.ParseInt(parts[1], 10, 64)
	rank := Rank{tier, changed, parts[2]}
	uid, ok := ParseUID(rank.UID)
	switch {
	case parts[3] != s.binding():
		return fault.New(fault.InvalidCursor, "invalid cursor: it belongs to another search; send it with the query, the kinds and the filters it came with")
	case !ok || uid != rank.UID || tier < 0 || rank.cursor(parts[3]) != text:
		return fault.New(fault.InvalidCursor, "invalid cursor: send the nextCursor of the page before, unchanged")
	}
	s.After = &rank
	return nil
}

// textIn is the text in the beginning of a payload, the main text first. The title is
// left out, as it is shown anyway.
func textIn(e *entity.Entity, beginning []byte) string {
	texts := make(map[string]string)
	var others strings.Builder
	decoder, found := json.NewDecoder(bytes.NewReader(ended(beginning))), isText(e)
	_, _ = decoder.Token() // the bracket that opens the object
	for decoder.More() {
		key, _ := decoder.Token()
		var value any
		if decoder.Decode(&value) != nil {
			break
		}
		name, _ := key.(string)
		if text, isString := value.(string); isString && slices.Contains(e.Text, name) {
			texts[name] = text
			continue
		}
		if found(name) && name != e.Title {
			walkStrings(value, func(text string) { others.WriteString(text + "\n") })
		}
	}
	var main strings.Builder
	for _, key := range e.Text {
		if texts[key] != "" {
			main.WriteString(texts[key] + "\n")
		}
	}
	return main.String() + others.String()
}

// ended ends the string in which the beginning of a JSON text may end.
func ended(beginning []byte) []byte {
	const longest = len(`\u0000`)
	whole := bytes.ToValidUTF8(beginning, nil)
	if at := bytes.LastIndexByte(whole, '\\'); at >= 0 && len(whole)-at < longest {
		backslashes := len(whole[:at+1]) - len(bytes.TrimRight(whole[:at+1], `\`))
		if odd := backslashes%2 == 1; odd && (at == len(whole)-1 || whole[at+1] == 'u') {
			whole = whole[:at]
		}
	}
	return append(whole, '"')
}
