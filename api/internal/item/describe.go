package item

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/search"
)

// Bounds of what is kept of a payload beside it.
const (
	maxTitleRunes = 200 // in a summary
	maxTitleKey   = 100 // bytes of the title by which lists are sorted
)

const (
	keyStatus = "status"
	keyTags   = "tags"
)

// Text is what a search finds of an item.
type Text struct {
	Title string
	Body  string
}

// Description is what a store keeps of a payload beside it.
type Description struct {
	Facets  Facets
	Summary []byte // JSON object
	Text    Text
	Created *Millis // when the payload says that it was created; nil if it does not
}

// Describe reads a payload as it was stored.
func Describe(e *entity.Entity, payload []byte) (Description, error) {
	decoded, err := Decode(payload)
	if err != nil {
		return Description{}, err
	}
	title, preview := titleOf(e, decoded)
	return Description{
		Facets: facetsOf(e, decoded, title), Summary: summaryOf(e, decoded, title, preview),
		Text: *textOf(e, decoded), Created: createdIn(decoded),
	}, nil
}

// createdIn reads the time under the keys that clients use for it.
func createdIn(payload *Payload) *Millis {
	for _, key := range []string{"createdAt", "createdTs"} {
		raw, _ := payload.raw(key)
		text, isText := payload.Text(key)
		if !isText {
			text = string(raw)
		}
		if created, ok := ParseMillis(text); ok {
			return &created
		}
		if created, ok := ParseTime(text); ok {
			return &created
		}
	}
	return nil
}

// describe completes an item that is to be stored with what follows from its payload.
// Before is the payload that it replaces; nil for none.
func (i *Item) describe(e *entity.Entity, before, payload *Payload, seen *Item) {
	title, preview := titleOf(e, payload)
	i.Facets = facetsOf(e, payload, title)
	i.Summary = summaryOf(e, payload, title, preview)
	i.Change = changeOf(e, before, payload, seen, i)
	if !i.Deleted() && (seen == nil || seen.Deleted() || slices.ContainsFunc(i.Change.Fields, isText(e))) {
		i.Text = textOf(e, payload)
	}
}

// titleOf is the title and the beginning of the text of a payload.
func titleOf(e *entity.Entity, payload *Payload) (title, preview string) {
	text := firstText(e, payload)
	if e.Title != "" {
		title, _ = payload.Text(e.Title)
		return oneLine(title, maxTitleRunes), search.Preview(text)
	}
	first, rest, _ := strings.Cut(text, "\n")
	return oneLine(first, maxTitleRunes), search.Preview(rest)
}

// firstText is the first text of a payload that is not empty.
func firstText(e *entity.Entity, payload *Payload) (text string) {
	for _, key := range e.Text {
		if found, ok := payload.Text(key); ok && text == "" {
			text = strings.TrimSpace(found)
		}
	}
	return text
}

// oneLine is the beginning of a text, its white space collapsed. It looks at no more of
// the text than it needs.
func oneLine(text string, most int) string {
	const perRune = 8 // bytes, white space included
	if len(text) > most*perRune {
		text = strings.ToValidUTF8(text[:most*perRune], "")
	}
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:most-1])) + "…"
}

// sortKey is a title by which lists are sorted, whatever its case.
func sortKey(title string) string {
	key := strings.ToLower(title)
	if len(key) > maxTitleKey {
		key = strings.ToValidUTF8(key[:maxTitleKey], "")
	}
	return key
}

// The member of a summary that has the due date, whatever its key in the payload.
const summaryDue = "dueDate"

// summaryOf is what a summary shows of a payload: only what the payload has.
func summaryOf(e *entity.Entity, payload *Payload, title, preview string) []byte {
	shown := &Payload{}
	show := func(name, key string) {
		text, _ := payload.Text(key)
		shown.setText(name, oneLine(text, MaxFacetBytes))
	}
	shown.setText("title", title)
	shown.setText("preview", preview)
	show(keyStatus, keyStatus)
	for _, f := range e.Filters {
		if !f.Flag {
			show(f.Name, f.Key)
		}
	}
	if e.Due != "" {
		show(summaryDue, e.Due)
	}
	if tags := tagsOf(payload); len(tags) > 0 {
		list, _ := json.Marshal(tags) // strings can always be encoded
		shown.setOwn(keyTags, list)
	}
	return shown.encode()
}

// setText sets a key of ours to a text, unless that is empty.
func (p *Payload) setText(key, text string) {
	if text == "" {
		return
	}
	raw, _ := json.Marshal(text) // a string can always be encoded
	p.setOwn(key, raw)
}

// isText reports whether a search finds what stands under a payload key: all but the
// keys of the server, the parent, and those that lists are filtered by.
func isText(e *entity.Entity) func(key string) bool {
	others := append(parentKeys(e), keyUID, keyUpdated, keySync, keyStatus, e.Due)
	for _, f := range e.Filters {
		others = append(others, f.Key)
	}
	return func(key string) bool { return !slices.Contains(others, key) }
}

// textOf is every string of a payload that a search finds, those in lists and objects
// included.
func textOf(e *entity.Entity, payload *Payload) *Text {
	var text Text
	if e.Title != "" {
		text.Title, _ = payload.Text(e.Title)
	}
	var body bytes.Buffer
	found := isText(e)
	for _, m := range payload.members {
		if found(m.key) && m.key != e.Title || m.key == e.Title && m.value[0] != '"' {
			appendStrings(&body, m.value)
		}
	}
	text.Body = body.String()
	return &text
}

// appendStrings appends the strings of a JSON value, each on a line of its own.
func appendStrings(b *bytes.Buffer, raw []byte) {
	if bytes.IndexByte(raw, '"') < 0 {
		return
	}
	if text, isText := stringIn(raw); isText {
		b.WriteString(text)
		b.WriteByte('\n')
		return
	}
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return // not reached: the payload was decoded
	}
	walkStrings(value, func(text string) {
		b.WriteString(text)
		b.WriteByte('\n')
	})
}

func walkStrings(value any, visit func(string)) {
	switch value := value.(type) {
	case string:
		visit(value)
	case []any:
		for _, inner := range value {
			walkStrings(inner, visit)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			walkStrings(value[key], visit)
		}
	}
}

// changeOf says what a write does to an item. Seen is nil for a new one.
func changeOf(e *entity.Entity, before, after *Payload, seen, next *Item) journal.Change {
	if before == nil {
		before = &Payload{}
	}
	change := journal.Change{Name: journal.Updated, Fields: changedKeys(before, after)}
	was, is := hasValues(before, e.Archive), next.Facets.Archived
	switch {
	case seen == nil:
		change.Name = journal.Created
	case next.Deleted():
		change.Name, change.Fields = journal.Deleted, nil
	case seen.Deleted():
		change.Name = journal.Restored
	case seen.Parent != next.Parent:
		change.Name = journal.Moved
	case was != is && is:
		change.Name = journal.Archived
	case was != is:
		change.Name = journal.Unarchived
	}
	return change
}

// changedKeys are the keys whose values differ, sorted, apart from those that follow
// from a write.
func changedKeys(before, after *Payload) []string {
	keys := []string{}
	for _, m := range after.members {
		value, ok := before.raw(m.key)
		if !stamped(m.key) && !(ok && sameValue(m.value, value)) {
			keys = append(keys, m.key)
		}
	}
	for _, m := range before.members {
		if !stamped(m.key) && !after.Has(m.key) {
			keys = append(keys, m.key)
		}
	}
	slices.Sort(keys)
	return keys
}
