package item

import (
	"bytes"
	"context"
	"encoding/json"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
)

// Acknowledgement reports the stored state of one pushed item. A refused item has
// an Error; an item older than the stored one has the stored version.
type Acknowledgement struct {
	UID       string `json:"uid"`
	Version   int64  `json:"version"`
	UpdatedAt string `json:"updatedAt"`
	Error     string `json:"error,omitempty"`
}

func acknowledge(stored *Item) Acknowledgement {
	return Acknowledgement{UID: stored.UID, Version: stored.Version, UpdatedAt: stored.UpdatedAt.String()}
}

// Push stores the items of a batch that are later than the stored ones, all in one
// transaction, and acknowledges every item in the order of the batch. First is the line
// of the first item that was stored; 0 for none.
func (s *Service) Push(ctx context.Context, t Target, body []byte) (answers []Acknowledgement, first int64, err error) {
	items, err := readBatch(body, s.MaxPushItems)
	if err != nil {
		return nil, 0, err
	}
	made := make([]*Item, len(items))
	answers = make([]Acknowledgement, len(items))
	batch := s.batch(t)
	batch.Joint = true
	for i, raw := range items {
		sent, refusal := readPushed(t.Entity, raw, s.MaxString)
		if refusal != "" {
			answers[i] = sent.refuse(refusal)
			continue
		}
		batch.Writes = append(batch.Writes, Write{Kind: t.Entity.Kind, UID: sent.uid, Parent: sent.parent, Frees: sent.deletes, Decide: func(seen Snapshot) (next *Item, err error) {
			next, answers[i], err = sent.decide(t.Entity, s.Quota, seen)
			made[i] = next
			return next, err
		}})
	}
	if len(batch.Writes) == 0 {
		return answers, 0, nil
	}
	err = s.Store.Write(ctx, batch)
	return answers, firstLine(made), err
}

// firstLine is the line of the first item that was stored; 0 for none.
func firstLine(made []*Item) int64 {
	for _, next := range made {
		if next != nil && next.Seq > 0 {
			return next.Seq
		}
	}
	return 0
}

// Pull returns the page that the query asks for. Only an empty page has no next
// cursor: a client that has read everything pulls again from its last cursor.
func (s *Service) Pull(ctx context.Context, query Query) (Page, error) {
	query.IncludeDeleted = true
	listed, err := s.Store.List(ctx, query)
	if err != nil || len(listed.Items) == 0 {
		return Page{}, err
	}
	return Page{Items: listed.Items, Next: listed.Items[len(listed.Items)-1].cursor(query)}, nil
}

// readBatch splits {"items":[…]} into its items, each an object or null.
func readBatch(body []byte, most int) ([]json.RawMessage, error) {
	var batch map[string]json.RawMessage // not a struct, which would take any case of the key
	if err := json.Unmarshal(body, &batch); err != nil {
		return nil, unreadableBatch(err)
	}
	if batch == nil {
		return nil, noBatch("null")
	}
	if _, sent := batch[memberDryRun]; sent {
		return nil, dryRunInBody([]string{"items"})
	}
	var items []json.RawMessage
	if sent, ok := batch["items"]; ok {
		if err := json.Unmarshal(sent, &items); err != nil {
			return nil, unreadableBatch(err)
		}
		if items == nil {
			return nil, noBatch("null as the items").With(fault.Facts{"field": "items"})
		}
	}
	if len(items) > most {
		return nil, fault.New(fault.BatchTooLarge, "a push takes %d items at most, this one has %d; send them in several", most, len(items)).
			With(fault.Facts{"maxItems": most})
	}
	for i, raw := range items {
		if raw[0] != '{' && raw[0] != 'n' {
			return nil, invalidJSON("items must be objects").With(fault.Facts{"field": "items", "index": i})
		}
	}
	return items, nil
}

func unreadableBatch(err error) error {
	if _, wrongType := err.(*json.UnmarshalTypeError); wrongType {
		return noBatch("another value")
	}
	return invalidJSON(err.Error())
}

func noBatch(found string) *fault.Error {
	return invalidJSON(`expected an object such as {"items":[…]}, not ` + found)
}

// pushed is one item of a batch, checked as far as it can be checked alone.
type pushed struct {
	uid       string
	version   int64
	updatedAt *Millis // nil: the time at which it is stored
	deletes   bool
	deletedAt *Millis // nil: the update time
	parent    Parent
	decoded   *Payload
	payload   []byte
}

// readPushed reads one item. The refusal is empty when the item is fine; otherwise
// the item has only what the acknowledgement needs.
func readPushed(e *entity.Entity, raw []byte, maxString int) (sent pushed, refusal string) {
	if raw[0] == 'n' {
		raw = []byte("{}") // null has no uid, either
	}
	payload, err := DecodeWithin(raw, maxString)
	if err != nil {
		return pushed{}, err.Error()
	}
	text, _ := payload.Text(keyUID)
	uid, ok := ParseUID(text)
	if !ok || uid == nilUID {
		return pushed{}, "missing or invalid uid"
	}
	parent, refusal := pushedParent(e, payload)
	if refusal != "" && parent.UID == "" {
		return pushed{}, refusal
	}
	sent = pushed{
		uid: uid, version: 1, updatedAt: timeOf(payload, keyUpdated, "updatedAt", "updateTime"),
		parent: parent, decoded: payload, payload: bytes.Clone(raw),
	}
	if spellUIDs(e, payload) {
		sent.payload = payload.encode()
	}
	sent.readSync(payload)
	return sent, refusal
}

// readSync reads the item's "sync" object.
func (p *pushed) readSync(payload *Payload) {
	if !payload.Object(keySync) {
		return
	}
	raw, _ := payload.raw(keySync)
	sync, err := Decode(raw)
	if err != nil {
		return // not reached: the object has passed as part of the payload
	}
	p.version = versionOf(sync)
	deleted, _ := sync.raw("isDeleted")
	if p.deletes = string(deleted) == "true"; p.deletes {
		p.deletedAt = timeOf(sync, "deletedAt")
	}
}

// maxVersion leaves room for increments, and is exact as a double.
const maxVersion = 1 << 53

// versionOf is the version that a client knows, 1 when it is no version.
func versionOf(sync *Payload) int64 {
	var version int64
	raw, _ := sync.raw("version")
	if json.Unmarshal(raw, &version) != nil || version < 1 || version > maxVersion {
		return 1
	}
	return version
}

// timeOf is the first of the keys' values that is a time, if any.
func timeOf(payload *Payload, keys ...string) *Millis {
	for _, key := range keys {
		text, _ := payload.Text(key)
		if at, ok := ParseMillis(text); ok {
			return &at
		}
	}
	return nil
}

// pushedParent reads the parent of a pushed item. Refusals use the words that
// clients of the sync protocol know. A refusal of the kind alone comes with the uid.
func pushedParent(e *entity.Entity, payload *Payload) (parent Parent, refusal string) {
	for _, key := range parentKeys(e) {
		if _, ok := payload.Text(key); !ok {
			return Parent{}, "missing " + key
		}
	}
	if e.Parent == nil {
		return Parent{}, ""
	}
	text, _ := payload.Text(e.Parent.UIDKey)
	uid, ok := ParseUID(text)
	switch {
	case !ok && e.Parent.TypeKey != "":
		return Parent{}, "invalid " + e.Parent.UIDKey
	case !ok:
		return Parent{}, "invalid " + e.Parent.UIDKey + ": " + shortened(text)
	}
	kind, err := parentKind(e.Parent, payload)
	if err != nil {
		text, _ := payload.Text(e.Parent.TypeKey)
		return Parent{UID: uid}, "invalid parent_type: " + shortened(text) + " (must be " + quotedKinds(e.Parent) + ")"
	}
	return Parent{Kind: kind, UID: uid}, ""
}

func quotedKinds(p *entity.Parent) string {
	names := make([]string, len(p.Kinds))
	for i, kind := range p.Kinds {
		names[i] = "'" + string(kind) + "'"
	}
	return oneOf(names)
}

// refuse acknowledges an item that cannot be stored. Without a uid it has no
// version, either.
func (p pushed) refuse(reason string) Acknowledgement {
	answer := Acknowledgement{UID: p.uid, Error: reason}
	if p.uid != "" {
		answer.Version = 1
	}
	if p.updatedAt != nil {
		answer.UpdatedAt = p.updatedAt.String()
	}
	return answer
}

// decide returns the item to store, nil when the stored one is as new, the parent is
// missing or the quota is used up, and the acknowledgement.
func (p pushed) decide(e *entity.Entity, quota Quota, seen Snapshot) (*Item, Acknowledgement, error) {
	updatedAt := seen.Now
	if p.updatedAt != nil {
		updatedAt = *p.updatedAt
	}
	if seen.Item != nil && (updatedAt <= seen.Item.UpdatedAt || p.updatedAt == nil && bytes.Equal(p.payload, seen.Item.Payload)) {
		return nil, acknowledge(seen.Item), nil
	}
	if !p.deletes && (seen.Item == nil || seen.Item.Parent != p.parent) {
		err := requireParent(e, p.parent, seen.Live)
		if refused, ok := err.(*fault.Error); ok && refused.Code == fault.ParentNotFound {
			return nil, p.refuse(refused.Message), nil
		}
		if err != nil {
			return nil, Acknowledgement{}, err
		}
	}
	next, err := p.item(e, seen, updatedAt)
	if err != nil {
		return nil, Acknowledgement{}, err
	}
	if err := quota.check(seen, next); err != nil {
		return nil, p.refuse(err.Error()), nil
	}
	return next, acknowledge(next), nil
}

func (p pushed) item(e *entity.Entity, seen Snapshot, updatedAt Millis) (*Item, error) {
	next := &Item{
		UID: p.uid, Version: p.version, UpdatedAt: updatedAt, StoredAt: seen.NextStoredAt(),
		Parent: p.parent, Payload: p.payload,
	}
	next.CreatedAt = next.StoredAt
	var before *Payload
	if seen.Item != nil {
		var err error
		if before, err = seen.Item.decode(); err != nil {
			return nil, err
		}
		next.Version, next.CreatedAt = seen.Item.Version+1, seen.Item.CreatedAt
	}
	if p.deletes {
		next.DeletedAt = &updatedAt
	}
	if p.deletes && p.deletedAt != nil {
		next.DeletedAt = p.deletedAt
	}
	next.describe(e, before, p.decoded, seen.Item)
	return next, nil
}
