package item

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
)

// Bounds of a text edit.
const (
	MaxReplacements = 100
	MaxOccurrences  = 1000   // of what one replacement finds
	maxReplaced     = 10_000 // of all that the replacements find
)

// TextEdit changes parts of one string of a payload; every other byte stays as it is.
// The replacements are made in order, each in the result of the one before, then comes
// Prepend and then Append.
type TextEdit struct {
	Field        string // payload key; empty for the entity's text
	Replacements []Replacement
	Prepend      string
	Append       string
	Heading      string // of the Markdown section at whose end Append goes; empty for the text's end
}

// Replacement puts a text in place of another that must occur exactly Count times, from
// left to right without overlap.
type Replacement struct {
	Find, With string
	Count      int
}

// TextEditFields are the fields of a request for a text edit.
var (
	TextEditFields    = []string{"field", "edits", "append", "prepend", "heading"}
	replacementFields = []string{"find", "replace", "count"}
)

// ReadTextEdit reads a text edit from a decoded request.
func ReadTextEdit(sent *Payload) (*TextEdit, error) {
	if err := sent.RequireOnly(TextEditFields...); err != nil {
		return nil, err
	}
	var want TextEdit
	texts := []*string{&want.Field, &want.Append, &want.Prepend, &want.Heading}
	for i, key := range []string{"field", "append", "prepend", "heading"} {
		if err := sent.readText(key, key, texts[i]); err != nil {
			return nil, err
		}
	}
	var err error
	if want.Replacements, err = readReplacements(sent); err != nil {
		return nil, err
	}
	return &want, want.check(sent)
}

// check refuses a request that cannot be meant.
func (w *TextEdit) check(sent *Payload) error {
	heading, ok := readHeading(w.Heading)
	switch {
	case !sent.Given("edits") && !sent.Given("append") && !sent.Given("prepend"):
		return invalidField("edits", "is required, or append, or prepend")
	case sent.Given("field") && (w.Field == "" || len(w.Field) > MaxKeyBytes):
		return invalidField("field", "must have 1 to "+strconv.Itoa(MaxKeyBytes)+" bytes")
	case sent.Given("heading") && !sent.Given("append"):
		return invalidField("heading", "says where append goes: send append too")
	case sent.Given("heading") && (!ok || heading.text == ""):
		return invalidField("heading", "must be one line with the text of a Markdown heading")
	}
	return nil
}

func readReplacements(sent *Payload) ([]Replacement, error) {
	if !sent.Given("edits") {
		return nil, nil
	}
	list, err := sent.list("edits")
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || len(list) > MaxReplacements {
		return nil, invalidField("edits", "must have 1 to "+strconv.Itoa(MaxReplacements)+" elements")
	}
	replacements, count := make([]Replacement, len(list)), 0
	for i, raw := range list {
		if replacements[i], err = readReplacement("edits["+strconv.Itoa(i)+"]", raw); err != nil {
			return nil, err
		}
		count += replacements[i].Count
	}
	if count > maxReplaced {
		return nil, invalidField("edits", "must have counts of "+strconv.Itoa(maxReplaced)+" together at most")
	}
	return replacements, nil
}

func readReplacement(place string, raw []byte) (r Replacement, err error) {
	sent, err := Decode(raw)
	if err != nil {
		return r, wrongType(place, `an object such as {"find":"old","replace":"new"}`)
	}
	for _, m := range sent.members {
		if !slices.Contains(replacementFields, m.key) {
			return r, UnknownMember(place+"."+m.key, replacementFields)
		}
	}
	for _, key := range []string{"find", "replace"} {
		if !sent.Given(key) {
			return r, invalidField(place+"."+key, "is required")
		}
	}
	if err := sent.readText("find", place+".find", &r.Find); err != nil {
		return r, err
	}
	if err := sent.readText("replace", place+".replace", &r.With); err != nil {
		return r, err
	}
	if r.Find == "" {
		return r, invalidField(place+".find", "must not be empty")
	}
	r.Count, err = readCount(sent, place+".count")
	return r, err
}

// readCount reads how often a text must occur: once unless it says otherwise.
func readCount(sent *Payload, place string) (int, error) {
	if !sent.Given("count") {
		return 1, nil
	}
	raw, _ := sent.raw("count")
	if raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, wrongType(place, "a number")
	}
	count, err := strconv.Atoi(string(raw))
	if err != nil || count < 1 || count > MaxOccurrences {
		return 0, invalidField(place, "must be a whole number from 1 to "+strconv.Itoa(MaxOccurrences))
	}
	return count, nil
}

// Edited is what an edit has done, besides making the next version.
type Edited struct {
	Field   string // the payload key of the text
	Changed bool
	Diff    string // of the text, shortened; empty when nothing changed
	done    bool   // this process has made the edit
}

// AppendJSON appends the answer to an edit that made the item. Without an edit, as when
// the answer is made again later, it says only which item there is.
func (d *Edited) AppendJSON(b []byte, made *Item) []byte {
	b = made.appendHead(b)
	if d.done {
		b = append(append(b, `,"field":"`...), quoted(d.Field)...)
		b = strconv.AppendBool(append(b, `","changed":`...), d.Changed)
		b = append(append(b, `,"diff":"`...), quoted(d.Diff)...)
		b = append(b, '"')
	}
	return append(b, '}')
}

// AppendMinimal is the item's own, with the field and the diff.
func (d *Edited) AppendMinimal(b []byte, made *Item, trial bool) []byte {
	b = made.appendWritten(b, trial)
	b = append(append(b, `,"field":"`...), quoted(d.Field)...)
	b = append(append(b, `","diff":"`...), quoted(d.Diff)...)
	return append(b, `"}`...)
}

// EditText makes the text edit that a body asks for, and notes what it did. An edit
// whose outcome is the stored text writes nothing.
func (s *Service) EditText(ctx context.Context, t Target, body []byte, condition Condition, did *Edited) (*Item, error) {
	sent, err := DecodeWithin(body, s.MaxString)
	want := &TextEdit{}
	if err == nil {
		want, err = ReadTextEdit(sent)
	}
	if t.Once != nil {
		t.Once.Whole = true
	}
	next, err := s.make(ctx, t, s.EditingText(want, err, condition, did))
	return next, explained(err)
}

// EditingText makes the write of EditText. The problem is that of the body, if it has one.
func (s *Service) EditingText(want *TextEdit, problem error, condition Condition, did *Edited) Writing {
	return func(t Target) Write {
		return edit{condition: condition, problem: problem, rewrite: s.textRewrite(t.Entity, want, did)}.of(t)
	}
}

// textRewrite is what a text edit does to a payload. The errors it returns become
// complete only by explained, which takes longer than a transaction should.
func (s *Service) textRewrite(e *entity.Entity, want *TextEdit, did *Edited) func(*Payload) (*Payload, error) {
	return func(stored *Payload) (*Payload, error) {
		*did = Edited{}
		field, err := want.fieldOf(e, stored)
		if err != nil {
			return nil, err
		}
		text, err := editable(stored, field)
		if err != nil {
			return nil, err
		}
		d := newDraft(text)
		if err := want.apply(d, field, max(len(text), s.MaxString)); err != nil {
			return nil, err
		}
		*did = Edited{Field: field, done: true}
		if d.text == text {
			return stored, nil
		}
		next := stored.clone()
		next.setDraft(field, d)
		did.Changed, did.Diff = true, d.diff()
		return next, s.checkPart(e, stored, next, field)
	}
}

// checkPart refuses a payload that grew too large, or whose key lost its format.
func (s *Service) checkPart(e *entity.Entity, stored, next *Payload, key string) error {
	if err := checkFormats(e, next.only([]string{key}), stored); err != nil {
		return err
	}
	return s.checkGrowth(stored.size(), next.size())
}

// fieldOf is the payload key of the text to edit: the one that is named, or else the
// first of the entity's text that the item has.
func (w *TextEdit) fieldOf(e *entity.Entity, stored *Payload) (string, error) {
	switch protected := append(parentKeys(e), keyUID, keyUpdated, keySync); {
	case slices.Contains(protected, w.Field):
		return "", invalidField(w.Field, "cannot be edited as a text")
	case w.Field != "":
		return w.Field, nil
	case len(e.Text) == 0:
		return "", invalidField("field", "is required: a "+e.Word()+" has no text of its own")
	}
	if at := slices.IndexFunc(e.Text, stored.Given); at >= 0 {
		return e.Text[at], nil
	}
	return e.Text[0], nil
}

// editable is the text of a payload key. A key that is missing or null has none.
func editable(stored *Payload, field string) (string, error) {
	if !stored.Given(field) {
		return "", nil
	}
	text, ok := stored.Text(field)
	if !ok {
		return "", invalidField(shortened(field), "is no string, so it cannot be edited as a text")
	}
	return text, nil
}

// apply makes the edit. At no time has the draft more than most bytes.
func (w *TextEdit) apply(d *draft, field string, most int) error {
	for i, r := range w.Replacements {
		places, found := occurrences(d.text, r.Find, r.Count)
		if found != r.Count {
			return &mismatch{index: i, sought: r, field: field, text: d.text, found: found}
		}
		if len(d.text)+found*(len(r.With)-len(r.Find)) > most {
			return tooLong(field, most)
		}
		if r.With != r.Find {
			d.splice(places, len(r.Find), r.With)
		}
	}
	d.prepend(w.Prepend)
	end := len(d.text)
	if w.Heading != "" {
		var err error
		if end, err = sectionEnd(d.text, field, w.Heading); err != nil {
			return err
		}
	}
	d.addLine(end, w.Append)
	if len(d.text) > most {
		return tooLong(field, most)
	}
	return nil
}

func tooLong(field string, most int) error {
	const sentence = "%s would be longer than %d bytes; keep a part of it in an item of its own"
	return fault.New(fault.BodyTooLarge, sentence, shortened(field), most).With(fault.Facts{"field": shortened(field), "maxBytes": most})
}

// occurrences counts how often a text occurs, from left to right without overlap, and
// returns the first places, at most so many.
func occurrences(text, sought string, most int) (places []int, count int) {
	at := 0
	for len(places) < most {
		next := strings.Index(text[at:], sought)
		if next < 0 {
			return places, len(places)
		}
		places = append(places, at+next)
		at += next + len(sought)
	}
	return places, len(places) + strings.Count(text[at:], sought)
}

// setDraft sets a key to an edited text, in the spelling in which it is stored.
func (p *Payload) setDraft(key string, d *draft) {
	raw, _ := p.raw(key)
	name := append(append([]byte{'"'}, quoted(key)...), '"')
	p.set(key, name, d.encode(raw))
}
