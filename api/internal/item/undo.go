package item

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
)

// Bounds of what a refusal shows.
const (
	maxShownFields = 20
	maxShownRunes  = 200 // of a value
)

// minUndone is how many lines of one batch can be undone at least.
const minUndone = 1000

// UndoRequest says which change to take back, of one write or a batch.
type UndoRequest struct {
	Seq   int64
	Batch bool
}

// ReadUndo reads the body of an undo.
func ReadUndo(body []byte) (UndoRequest, error) {
	const keyChange, keyBatch = "change_id", "batch_id"
	sent, err := Decode(body)
	if err != nil {
		return UndoRequest{}, err
	}
	if err := sent.RequireOnly(keyChange, keyBatch); err != nil {
		return UndoRequest{}, err
	}
	if sent.Given(keyChange) == sent.Given(keyBatch) {
		return UndoRequest{}, invalidJSON("send either change_id or batch_id").With(fault.Facts{"field": keyChange})
	}
	key := keyChange
	if sent.Given(keyBatch) {
		key = keyBatch
	}
	text, _ := sent.Text(key)
	seq, batch, ok := journal.ParseID(text)
	if !ok || batch != (key == keyBatch) {
		example := map[string]string{keyChange: "c12", keyBatch: "b12"}[key]
		return UndoRequest{}, invalidJSON(key + " must be one that a write, the changes or a history named, such as " + example).
			With(fault.Facts{"field": key})
	}
	return UndoRequest{seq, batch}, nil
}

func (r UndoRequest) String() string {
	if r.Batch {
		return journal.BatchID(r.Seq)
	}
	return journal.ChangeID(r.Seq)
}

// query is the lines to undo. More of them than most are too many.
func (r UndoRequest) query(owner account.Owner, most int) LineQuery {
	query := LineQuery{Owner: owner, Whole: true, From: r.Seq - 1, Below: r.Seq + 1, Limit: 1}
	if r.Batch {
		query.Batch, query.Below, query.Limit = r.Seq, 0, most+1
	}
	return query
}

// Undone is what became of one change: the item that took it back, or nil when there
// was nothing left to take back.
type Undone struct {
	Line    journal.Line
	Item    *Item
	Version int64 // of the item as it is; 0 when there is none any more
}

// Fields are the payload keys that got their values back, as many as a line of the journal
// names; never nil.
func (u Undone) Fields() []string {
	return journal.Change{Fields: fieldsOfLine(u.Item.Change.Fields)}.Names()
}

// Undo takes back a write or a batch, the last change first, all or nothing. It sets the
// values back that the change wrote and refuses when one of them has changed since;
// other values are left as they are.
func (s *Service) Undo(ctx context.Context, t Target, r UndoRequest) ([]Undone, error) {
	most := max(minUndone, s.MaxPushItems)
	found, err := s.Store.Journal(ctx, r.query(t.Owner, most))
	if err != nil {
		return nil, err
	}
	if err := r.check(found, t, most); err != nil {
		return nil, err
	}
	slices.Reverse(found.Lines)
	undo := undoing{made: make([]Undone, len(found.Lines)), quota: s.Quota, most: s.MaxItemBytes, revives: map[Parent]bool{}}
	batch := s.batch(t)
	batch.Joint = true
	for i, line := range found.Lines {
		if line.Name == journal.Deleted {
			undo.revives[Parent{entity.Kind(line.Kind), line.UID}] = true
		}
		one := t
		one.Entity, one.UID = entity.Of(entity.Kind(line.Kind)), line.UID
		batch.Writes = append(batch.Writes, Write{Kind: entity.Kind(line.Kind), UID: line.UID, Decide: func(seen Snapshot) (*Item, error) {
			return undo.decide(i, one, line.Line, seen)
		}})
	}
	return undo.made, s.Store.Write(ctx, batch)
}

// check refuses lines that cannot be undone, whatever has been written since.
func (r UndoRequest) check(found Lines, t Target, most int) error {
	switch lines := found.Lines; {
	case len(lines) == 0:
		return fault.New(fault.ChangeNotFound, "your journal has no change %s; GET /v1/changes names those it has", r)
	case len(lines) > most:
		return fault.New(fault.BatchTooLarge, "%s has more than %d changes; undo them one by one", r, most).With(fault.Facts{"maxItems": most})
	case entity.Of(entity.Kind(lines[0].Kind)) == nil:
		return fault.New(fault.NotUndoable, "%s is the beginning of the journal or a wipe, which cannot be undone", r)
	case lines[0].Epoch != t.Epoch:
		return changeNotKept(r.String())
	}
	return nil
}

func changeNotKept(id string) error {
	return fault.New(fault.ChangeNotKept, "%s cannot be undone: the contents before it are not kept any more", id)
}

// undoing is an undo under way.
type undoing struct {
	made    []Undone
	quota   Quota
	most    int64           // bytes up to which an item may grow
	bytes   int             // of the payloads made
	revives map[Parent]bool // items whose deletion is among what is undone
}

// decide takes back one line.
func (u *undoing) decide(i int, t Target, line journal.Line, seen Snapshot) (*Item, error) {
	if u.made[i] = (Undone{Line: line, Version: seen.Version()}); i == 0 {
		u.bytes = 0 // of an attempt that collided with another write
	}
	around, err := seen.Trail(TrailQuery{From: line.Seq, Limit: 2, Payloads: true})
	if err != nil {
		return nil, err
	}
	if len(around) == 0 || around[0].Seq != line.Seq {
		return nil, changeNotKept(journal.ChangeID(line.Seq))
	}
	step := undoStep{undoing: u, Target: t, line: line, seen: seen, around: around}
	next, err := step.next()
	if err != nil || next == nil {
		return nil, err
	}
	if err := u.quota.check(seen, next); err != nil {
		return nil, err
	}
	if u.bytes += len(next.Payload); u.bytes > maxBatchBytes {
		return nil, fault.New(fault.BatchTooLarge, "an undo writes %d bytes at most; undo the changes of this batch one by one", maxBatchBytes).
			With(fault.Facts{"maxBytes": maxBatchBytes})
	}
	u.made[i].Item, u.made[i].Version = next, next.Version
	return next, nil
}

// undoStep takes back one line of an item as it is now. Around is the line, and the next
// one about the item if there is one.
type undoStep struct {
	*undoing
	Target
	line   journal.Line
	seen   Snapshot
	around []Replaced
}

// next is the item that takes the line back; nil when there is nothing to take back.
func (u undoStep) next() (*Item, error) {
	lived, lives := u.line.Before > 0 && !u.line.Revived, u.line.Name != journal.Deleted
	living := u.seen.Item != nil && !u.seen.Item.Deleted()
	switch {
	case lived && lives && !living:
		return nil, u.conflict(nil, "the item was deleted since; undo or restore that first")
	case lived && lives:
		return u.setBack()
	case lived && !living:
		return u.revive()
	case lives && living:
		return u.remove()
	}
	return nil, nil
}

// before is the payload that the line replaced.
func (u undoStep) before() (*Payload, error) {
	return u.decoded(u.around[0].Payload, u.around[0].Kept)
}

// after is the payload that the line left.
func (u undoStep) after() (*Payload, error) {
	switch present := u.seen.Item; {
	case len(u.around) > 1:
		next := u.around[1]
		return u.decoded(next.Payload, next.Kept && next.Before == u.line.Now)
	case present != nil && present.Version == u.line.Now:
		return u.decoded(present.Payload, true)
	}
	return u.decoded(nil, false)
}

func (u undoStep) decoded(payload []byte, kept bool) (*Payload, error) {
	if !kept {
		return nil, changeNotKept(journal.ChangeID(u.line.Seq))
	}
	decoded, err := Decode(payload)
	if err != nil {
		return nil, unreadable(u.UID, err)
	}
	return decoded, nil
}

// afterAndPresent is the payload that the line left, and the one that the item has now.
func (u undoStep) afterAndPresent() (after, present *Payload, err error) {
	if after, err = u.after(); err == nil {
		present, err = u.decoded(u.seen.Item.Payload, true)
	}
	return after, present, err
}

// setBack writes the values from before the line in place of those that it wrote.
func (u undoStep) setBack() (*Item, error) {
	before, err := u.before()
	if err != nil {
		return nil, err
	}
	after, present, err := u.afterAndPresent()
	if err != nil {
		return nil, err
	}
	var inTheWay, back []string
	for _, key := range changedKeys(before, after) {
		switch {
		case sameMember(present, after, key):
			back = append(back, key)
		case !sameMember(present, before, key):
			inTheWay = append(inTheWay, key)
		}
	}
	if len(inTheWay) > 0 {
		return nil, u.changedSince(inTheWay, after, present)
	}
	if len(back) == 0 {
		return nil, nil
	}
	return u.written(present, present.with(before, back))
}

// sameMember reports whether both have the same value of a key, or both none.
func sameMember(a, b *Payload, key string) bool {
	one, has := a.raw(key)
	other, too := b.raw(key)
	return has == too && (!has || sameValue(one, other))
}

// with is the payload with what the other has under some keys: a value, or none.
func (p *Payload) with(other *Payload, keys []string) *Payload {
	next := &Payload{}
	for _, m := range p.members {
		if other.Has(m.key) || !slices.Contains(keys, m.key) {
			next.set(m.key, m.name, m.value)
		}
	}
	for _, m := range other.members {
		if slices.Contains(keys, m.key) {
			next.set(m.key, m.name, m.value)
		}
	}
	return next
}

// written is the next version of the item with another payload.
func (u undoStep) written(present, payload *Payload) (*Item, error) {
	if size := payload.size(); size > present.size() && int64(size) > u.most {
		return nil, itemTooLarge(u.most)
	}
	parent, err := parentOf(u.Entity, payload)
	if err != nil {
		return nil, err
	}
	if err := u.checkParent(parent); err != nil {
		return nil, err
	}
	next := following(u.seen, nil, u.UID)
	next.Parent = parent
	next.describe(u.Entity, present, payload, u.seen.Item)
	payload.stamp(next)
	next.Payload = payload.encode()
	return next, nil
}

// checkParent refuses a parent that is gone, unless the item has it anyway, or the same
// undo revives it.
func (u undoStep) checkParent(parent Parent) error {
	if u.seen.Item != nil && u.seen.Item.Parent == parent || u.revives[parent] {
		return nil
	}
	return requireParent(u.Entity, parent, u.seen.Live)
}

// revive brings the item back as it was before its last deletion.
func (u undoStep) revive() (*Item, error) {
	last := &u.around[0]
	if len(u.around) > 1 {
		var err error
		if last, err = newest(u.seen); err != nil {
			return nil, err
		}
	}
	payload, err := u.decoded(nil, false)
	if raw := u.lived(u.seen, last); raw != nil {
		payload, err = u.decoded(raw, true)
	}
	if err != nil {
		return nil, err
	}
	return u.restored(u.seen, last, payload, u.checkParent)
}

// remove makes the item the tombstone that it was, or that stands for none, unless it
// has changed since.
func (u undoStep) remove() (*Item, error) {
	after, present, err := u.afterAndPresent()
	if err != nil {
		return nil, err
	}
	if changed := changedKeys(after, present); len(changed) > 0 {
		return nil, u.changedSince(changed, after, present)
	}
	next := following(u.seen, nil, u.UID)
	next.Parent, next.DeletedAt = u.seen.Item.Parent, &next.UpdatedAt
	next.describe(u.Entity, present, present, u.seen.Item)
	present.stamp(next)
	next.Payload = present.encode()
	return next, nil
}

// valueInTheWay is a field that was written since. Was is what the change wrote, Now
// what the field has; without one, the field was or is not there.
type valueInTheWay struct {
	Field string `json:"field"`
	Was   any    `json:"was,omitempty"`
	Now   any    `json:"now,omitempty"`
}

func (u undoStep) shown(keys []string, was, now *Payload) (fields []valueInTheWay) {
	for _, key := range keys[:min(len(keys), maxShownFields)] {
		fields = append(fields, valueInTheWay{shortened(key), shownValue(was, key), shownValue(now, key)})
	}
	return fields
}

// shownValue is a value as it is, if it is short, or else the beginning of its text.
func shownValue(payload *Payload, key string) any {
	raw, ok := payload.raw(key)
	if !ok {
		return nil
	}
	if utf8.RuneCount(raw) <= maxShownRunes {
		return json.RawMessage(raw)
	}
	text, isText := payload.Text(key)
	if !isText {
		text = string(raw)
	}
	if runes := []rune(text); len(runes) > maxShownRunes {
		text = string(runes[:maxShownRunes-1]) + "…"
	}
	return text
}

// firstNames are the names of some fields, short enough for a sentence.
func firstNames(keys []string) []string {
	const most = 5
	names := make([]string, 0, most)
	for _, key := range keys[:min(len(keys), most)] {
		names = append(names, shortened(key))
	}
	if len(keys) > most {
		names = append(names, "…")
	}
	return names
}

// changedSince is the refusal because of fields that later writes changed.
func (u undoStep) changedSince(keys []string, after, present *Payload) error {
	return u.conflict(u.shown(keys, after, present), "changed since: "+strings.Join(firstNames(keys), ", "))
}

func (u undoStep) conflict(fields []valueInTheWay, why string) error {
	if fields == nil {
		fields = []valueInTheWay{}
	}
	id := journal.ChangeID(u.line.Seq)
	return fault.New(fault.UndoConflict, "%s cannot be undone, as a later write of this %s is in the way: %s", id, u.Entity.Word(), why).
		With(fault.Facts{
			"change_id": id, "kind": u.Entity.Kind, "uid": u.UID,
			"version": u.line.Now, "now": u.seen.Version(), "fields": fields,
		})
}
