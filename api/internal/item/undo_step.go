package item

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
)

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
	return u.conflict(u.shown(keys, after, present), "changed since: "+strings.Join(firstNames(keys), ", "), keys...)
}

// conflict is the refusal because of what was written since, to some fields or to the item.
func (u undoStep) conflict(fields []valueInTheWay, why string, keys ...string) error {
	if fields == nil {
		fields = []valueInTheWay{}
	}
	id := journal.ChangeID(u.line.Seq)
	details := fault.Facts{
		"change_id": id, "kind": u.Entity.Kind, "uid": u.UID,
		"version": u.line.Now, "now": u.seen.Version(), "fields": fields,
	}
	present := &Payload{}
	if u.seen.Item != nil {
		if decoded, err := Decode(u.seen.Item.Payload); err == nil {
			present = decoded
		}
	}
	if title := wholeTitle(u.Entity, present); title != "" {
		details["title"] = shortened(title)
	}
	later, err := u.inTheWay(keys, present)
	if err != nil {
		return err
	}
	if later > 0 {
		details["later"] = journal.ChangeID(later)
	}
	return fault.New(fault.UndoConflict, "%s cannot be undone, as a later write of this %s is in the way: %s", id, u.Entity.Word(), why).
		With(details)
}

// inTheWay is the newest of the last writes of the item that changed one of the fields; any,
// when there are no fields. It is 0 when none of those looked at did.
func (u undoStep) inTheWay(keys []string, present *Payload) (int64, error) {
	trail, err := u.seen.Trail(TrailQuery{Newest: true, Limit: maxLater, Payloads: true})
	if err != nil {
		return 0, err
	}
	after := present
	for _, line := range trail {
		if line.Seq <= u.line.Seq || len(keys) > 0 && !line.Kept {
			return 0, nil
		}
		if len(keys) == 0 {
			return line.Seq, nil
		}
		before, err := Decode(line.Payload)
		if err != nil {
			return 0, unreadable(u.UID, err)
		}
		changed := slices.ContainsFunc(keys, func(key string) bool { return !sameMember(before, after, key) })
		if changed && !u.takesBack(line.Seq) {
			return line.Seq, nil
		}
		after = before
	}
	return 0, nil
}

// takesBack reports whether a line is among those that were undone just now.
func (u undoStep) takesBack(seq int64) bool {
	return slices.ContainsFunc(u.made, func(one Undone) bool { return one.Line.Seq == seq })
}
