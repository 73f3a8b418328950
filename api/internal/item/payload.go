package item

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// The keys of a payload that the server owns.
const (
	keyUID     = "uid"
	keyUpdated = "updatedTs"
	keySync    = "sync"
)

// Payload is a JSON object whose values are kept as raw text, so that a client gets
// back what it sent, digit for digit.
type Payload struct {
	members []member
	index   map[string]int
}

type member struct {
	key   string
	name  []byte // the key as JSON text, quotes included
	value []byte
}

// Text returns the value of a key if it is a JSON string.
func (p *Payload) Text(key string) (string, bool) {
	raw, _ := p.raw(key)
	return stringIn(raw)
}

// stringIn returns a JSON value if it is a string.
func stringIn(raw []byte) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	text, err := unquote(raw)
	return text, err == nil
}

// Given reports whether the key is present with a value other than null.
func (p *Payload) Given(key string) bool {
	raw, ok := p.raw(key)
	return ok && string(raw) != "null"
}

// Object reports whether the value of a key is a JSON object.
func (p *Payload) Object(key string) bool {
	raw, _ := p.raw(key)
	return len(raw) > 0 && raw[0] == '{'
}

// Has reports whether the key is present, whatever its value.
func (p *Payload) Has(key string) bool {
	_, ok := p.index[key]
	return ok
}

func (p *Payload) raw(key string) ([]byte, bool) {
	at, ok := p.index[key]
	if !ok {
		return nil, false
	}
	return p.members[at].value, true
}

// set replaces the value of a key, or adds a new key at the end.
func (p *Payload) set(key string, name, value []byte) {
	if at, ok := p.index[key]; ok {
		p.members[at].value = value
		return
	}
	if p.index == nil {
		p.index = make(map[string]int)
	}
	p.index[key] = len(p.members)
	p.members = append(p.members, member{key, name, value})
}

// setOwn sets a key of ours, which needs no escaping, to JSON text.
func (p *Payload) setOwn(key string, value []byte) {
	p.set(key, []byte(`"`+key+`"`), value)
}

// SetUID sets a key of ours, that of the uid or of the parent's, to a uid.
func (p *Payload) SetUID(key, uid string) { p.setUID(key, uid) }

// setUID sets a key of ours to a uid.
func (p *Payload) setUID(key, uid string) { p.setOwn(key, []byte(`"`+uid+`"`)) }

// assign writes the values of an action.
func (p *Payload) assign(values map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		raw, err := json.Marshal(values[key])
		if err != nil {
			return err
		}
		p.setOwn(key, raw)
	}
	return nil
}

// merge copies the other's top-level keys, except those that the server owns.
func (p *Payload) merge(other *Payload) {
	for _, m := range other.members {
		if m.key != keyUID && m.key != keyUpdated && m.key != keySync {
			p.set(m.key, m.name, m.value)
		}
	}
}

// fill copies each named key from the other if it is missing here.
func (p *Payload) fill(other *Payload, keys ...string) {
	for _, key := range keys {
		if value, ok := other.raw(key); ok && !p.Has(key) {
			p.setOwn(key, value)
		}
	}
}

// stamp writes the keys that repeat an item's version and times.
func (p *Payload) stamp(next *Item) {
	p.setOwn(keyUpdated, next.UpdatedAt.AppendJSON(nil))
	sync := strconv.AppendInt([]byte(`{"version":`), next.Version, 10)
	sync = append(sync, `,"isDeleted":`...)
	sync = strconv.AppendBool(sync, next.Deleted())
	if next.Deleted() {
		sync = append(sync, `,"deletedAt":`...)
		sync = next.DeletedAt.AppendJSON(sync)
	}
	p.setOwn(keySync, append(sync, '}'))
}

// only is the payload with no keys but these.
func (p *Payload) only(keys []string) *Payload {
	kept := &Payload{}
	kept.fill(p, keys...)
	return kept
}

// clone is a copy whose keys can be set without changing the original.
func (p *Payload) clone() *Payload {
	return &Payload{members: slices.Clone(p.members), index: maps.Clone(p.index)}
}

// sameAs reports whether the other has the same values, in any order and spelling,
// apart from those that follow from a write.
func (p *Payload) sameAs(other *Payload) bool {
	return p.countOwn() == other.countOwn() && !slices.ContainsFunc(p.members, func(m member) bool {
		value, ok := other.raw(m.key)
		return !stamped(m.key) && !(ok && sameValue(m.value, value))
	})
}

// countOwn counts the keys that do not follow from a write.
func (p *Payload) countOwn() (count int) {
	for _, m := range p.members {
		if !stamped(m.key) {
			count++
		}
	}
	return count
}

func stamped(key string) bool { return key == keyUpdated || key == keySync }

// sameValue reports whether two JSON values mean the same. Numbers are the same only
// digit for digit, as a client gets them back.
func sameValue(a, b []byte) bool {
	switch {
	case bytes.Equal(a, b):
		return true
	case len(a) == 0 || len(b) == 0 || a[0] != b[0]:
		return false
	case a[0] == '"' && bytes.IndexByte(a, '\\') < 0 && bytes.IndexByte(b, '\\') < 0:
		return false
	}
	one, ok := meaning(a)
	other, too := meaning(b)
	return ok && too && reflect.DeepEqual(one, other)
}

func meaning(raw []byte) (value any, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	err := decoder.Decode(&value)
	return value, err == nil
}

// size is the length of what encode returns, or one more.
func (p *Payload) size() int {
	size := len("{}")
	for _, m := range p.members {
		size += len(m.name) + len(m.value) + len(":,")
	}
	return size
}

// encode returns the object as JSON text.
func (p *Payload) encode() []byte {
	b := append(make([]byte, 0, p.size()), '{')
	for i, m := range p.members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, m.name...)
		b = append(b, ':')
		b = append(b, m.value...)
	}
	return append(b, '}')
}
