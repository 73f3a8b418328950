package item

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"toolbridge/api/internal/entity"
)

// Bounds of a change of tags, for each of its lists.
const (
	MaxTagChanges = 100
	MaxTagBytes   = MaxFacetBytes
)

// TagChange adds tags to an item and removes others; all its other tags stay as they are.
type TagChange struct {
	Add, Remove []string
}

// TagChangeFields are the fields of a request for a change of tags.
var TagChangeFields = []string{"add", "remove"}

// ReadTagChange reads a change of tags from a decoded request.
func ReadTagChange(sent *Payload) (*TagChange, error) {
	if err := sent.RequireOnly(TagChangeFields...); err != nil {
		return nil, err
	}
	if !sent.Given("add") && !sent.Given("remove") {
		return nil, invalidField("add", "is required, or remove")
	}
	var want TagChange
	var err error
	if want.Add, err = readTags(sent, "add"); err != nil {
		return nil, err
	}
	if want.Remove, err = readTags(sent, "remove"); err != nil {
		return nil, err
	}
	for _, tag := range want.Add {
		if slices.Contains(want.Remove, tag) {
			return nil, invalidField("add", "must not have a tag that remove has, too")
		}
	}
	return &want, nil
}

func readTags(sent *Payload, key string) ([]string, error) {
	if !sent.Given(key) {
		return nil, nil
	}
	list, err := sent.list(key)
	if err != nil {
		return nil, err
	}
	if len(list) > MaxTagChanges {
		return nil, invalidField(key, "must have at most "+strconv.Itoa(MaxTagChanges)+" tags")
	}
	tags := make([]string, len(list))
	for i, raw := range list {
		place := key + "[" + strconv.Itoa(i) + "]"
		if raw[0] != '"' || json.Unmarshal(raw, &tags[i]) != nil {
			return nil, wrongType(place, "a string")
		}
		if len(tags[i]) < 1 || len(tags[i]) > MaxTagBytes {
			return nil, invalidField(place, "must have 1 to "+strconv.Itoa(MaxTagBytes)+" bytes")
		}
	}
	return tags, nil
}

// Tagged is what a change of tags has done, besides making the next version.
type Tagged struct {
	Changed bool
	tags    []byte // as they are stored; nil if this process has not made the change
}

// AppendJSON appends the answer to a change of tags that made the item. When the answer
// is made again later, it does not say whether there was a change.
func (d *Tagged) AppendJSON(b []byte, made *Item) []byte {
	b = append(made.appendHead(b), `,"tags":`...)
	if d.tags == nil {
		b = append(b, storedTags(made.Payload)...)
	} else {
		b = append(b, d.tags...)
		b = strconv.AppendBool(append(b, `,"changed":`...), d.Changed)
	}
	return append(b, '}')
}

// AppendMinimal is the item's own, with all tags.
func (d *Tagged) AppendMinimal(b []byte, made *Item, trial bool) []byte {
	b = append(made.appendWritten(b, trial), `,"tags":`...)
	return append(append(b, d.tags...), '}')
}

// storedTags is the array of tags of an encoded payload.
func storedTags(payload []byte) []byte {
	decoded, err := Decode(payload)
	if err != nil {
		return noTags // not reached: it is stored
	}
	return decoded.tagsOrNone()
}

var noTags = []byte("[]")

// tagsOrNone is the array of tags; an empty one if there are none.
func (p *Payload) tagsOrNone() []byte {
	if raw, _ := p.raw(keyTags); len(raw) > 0 && raw[0] == '[' {
		return raw
	}
	return noTags
}

// ChangeTags makes the change of tags that a body asks for, and notes what it did. A
// change after which the tags are the stored ones writes nothing.
func (s *Service) ChangeTags(ctx context.Context, t Target, body []byte, condition Condition, did *Tagged) (*Item, error) {
	sent, err := DecodeWithin(body, s.MaxString)
	want := &TagChange{}
	if err == nil {
		want, err = ReadTagChange(sent)
	}
	if t.Once != nil {
		t.Once.Whole = true
	}
	return s.make(ctx, t, s.ChangingTags(want, err, condition, did))
}

// ChangingTags makes the write of ChangeTags. The problem is that of the body, if it has one.
func (s *Service) ChangingTags(want *TagChange, problem error, condition Condition, did *Tagged) Writing {
	return func(t Target) Write {
		return edit{condition: condition, problem: problem, rewrite: s.tagRewrite(t.Entity, want, did)}.of(t)
	}
}

// tagRewrite is what a change of tags does to a payload.
func (s *Service) tagRewrite(e *entity.Entity, want *TagChange, did *Tagged) func(*Payload) (*Payload, error) {
	return func(stored *Payload) (*Payload, error) {
		*did = Tagged{tags: stored.tagsOrNone()}
		var tags []json.RawMessage
		if stored.Given(keyTags) {
			var err error
			if tags, err = stored.list(keyTags); err != nil {
				return nil, invalidField(keyTags, "of this "+e.Word()+" is no array; write it anew with PATCH")
			}
		}
		after, changed := want.apply(tags)
		if !changed {
			return stored, nil
		}
		next := stored.clone()
		next.setOwn(keyTags, slices.Concat([]byte("["), bytes.Join(after, []byte(",")), []byte("]")))
		*did = Tagged{Changed: true, tags: next.tagsOrNone()}
		return next, s.checkGrowth(stored.size(), next.size())
	}
}

// apply returns the elements of the array after the change, and whether it has others
// than before.
func (c *TagChange) apply(tags []json.RawMessage) (after [][]byte, changed bool) {
	remove, has := setOf(c.Remove), map[string]bool{}
	for _, raw := range tags {
		var tag string
		if raw[0] == '"' && json.Unmarshal(raw, &tag) == nil {
			if remove[tag] {
				continue
			}
			has[tag] = true
		}
		after = append(after, raw)
	}
	changed = len(after) < len(tags)
	for _, tag := range c.Add {
		if !has[tag] {
			has[tag], changed = true, true
			after = append(after, slices.Concat([]byte{'"'}, quoted(tag), []byte{'"'}))
		}
	}
	return after, changed
}

func setOf(words []string) map[string]bool {
	set := make(map[string]bool, len(words))
	for _, word := range words {
		set[word] = true
	}
	return set
}
