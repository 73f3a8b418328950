package item

import (
	"context"
	"strings"

	"toolbridge/api/internal/fault"
)

// Condition is the version that a write demands of the stored item; nil demands
// none.
type Condition *int64

// edit is what a request does to a live item. The checks run in the order of the
// contract: existence, tombstone, problem, condition, rewrite.
type edit struct {
	condition Condition
	problem   error    // of the request, reported only when the item is live
	gone      string   // the sentence about a tombstone
	sent      *Payload // nil: none
	rewrite   func(stored *Payload) (*Payload, error)
	deletes   bool
	always    bool   // writes the next version even when the payload stays the same
	parent    Parent // named by the request, if it names one
}

// Writing makes the write of the item that a target names. A route for one item and an
// operation of a batch have the same ones, and so the same rules.
type Writing func(t Target) Write

// Replace puts a new payload in place of the stored one. Parent keys that the
// body leaves out keep their stored values.
func (s *Service) Replace(ctx context.Context, t Target, body []byte, condition Condition) (*Item, error) {
	sent, err := s.decodeSent(ctx, t, body)
	return s.make(ctx, t, s.Replacing(sent, err, condition))
}

// Replacing makes the write of Replace. The problem is that of the body, if it has one.
func (s *Service) Replacing(sent *Payload, problem error, condition Condition) Writing {
	return func(t Target) Write {
		rewrite := func(stored *Payload) (*Payload, error) {
			next := &Payload{}
			next.merge(sent)
			next.fill(stored, parentKeys(t.Entity)...)
			next.setUID(keyUID, t.UID)
			return next, nil
		}
		return edit{condition: condition, problem: problem, sent: sent, rewrite: rewrite, parent: named(t.Entity, sent)}.of(t)
	}
}

// Patch puts the body's top-level keys over the stored ones. Like every write of a
// part it could make an item grow without end, so the item may not exceed
// MaxItemBytes.
func (s *Service) Patch(ctx context.Context, t Target, body []byte, condition Condition) (*Item, error) {
	sent, err := s.decodeSent(ctx, t, body)
	return s.make(ctx, t, s.Patching(sent, err, condition))
}

// Patching makes the write of Patch. The problem is that of the body, if it has one.
func (s *Service) Patching(sent *Payload, problem error, condition Condition) Writing {
	rewrite := func(stored *Payload) (*Payload, error) {
		before := stored.size()
		stored.merge(sent)
		return stored, s.checkGrowth(before, stored.size())
	}
	return func(t Target) Write {
		return edit{condition: condition, problem: problem, sent: sent, rewrite: rewrite, parent: named(t.Entity, sent)}.of(t)
	}
}

// checkGrowth refuses a payload that grows beyond MaxItemBytes.
func (s *Service) checkGrowth(before, after int) error {
	if after <= before || int64(after) <= s.MaxItemBytes {
		return nil
	}
	return itemTooLarge(s.MaxItemBytes)
}

func itemTooLarge(most int64) error {
	const sentence = "the item would be larger than %d bytes; shorten its values, or keep some in an item of their own"
	return fault.New(fault.BodyTooLarge, sentence, most).With(fault.Facts{"maxBytes": most})
}

// Archive writes what the entity's row says archiving is.
func (s *Service) Archive(ctx context.Context, t Target, condition Condition) (*Item, error) {
	return s.make(ctx, t, Archiving(condition))
}

// Archiving makes the write of Archive.
func Archiving(condition Condition) Writing {
	return func(t Target) Write {
		return edit{condition: condition, rewrite: assigning(t.Entity.Archive)}.of(t)
	}
}

// Process writes what the entity's row says the action does.
func (s *Service) Process(ctx context.Context, t Target, action string, condition Condition) (*Item, error) {
	return s.make(ctx, t, Processing(action, condition))
}

// Processing makes the write of Process.
func Processing(action string, condition Condition) Writing {
	return func(t Target) Write {
		values, known := t.Entity.Actions[action]
		e := edit{condition: condition, rewrite: assigning(values)}
		if !known {
			e.problem = unknownAction(t.Entity.ActionNames(), action)
		}
		return e.of(t)
	}
}

// Delete makes the item a tombstone that keeps its payload, unless the disk is full.
func (s *Service) Delete(ctx context.Context, t Target, condition Condition) (*Item, error) {
	return s.make(ctx, t, Deleting(condition))
}

// Deleting makes the write of Delete.
func Deleting(condition Condition) Writing {
	keep := func(stored *Payload) (*Payload, error) { return stored, nil }
	return func(t Target) Write {
		gone := t.Entity.Word() + " already deleted"
		return edit{condition: condition, gone: gone, rewrite: keep, deletes: true}.of(t)
	}
}

func assigning(values map[string]any) func(*Payload) (*Payload, error) {
	return func(stored *Payload) (*Payload, error) { return stored, stored.assign(values) }
}

func unknownAction(names []string, action string) error {
	sent := shortened(action)
	if sent == "" {
		sent = "none"
	}
	return fault.New(fault.InvalidAction, "invalid action: %s (use %s)", sent, oneOf(names)).
		With(fault.Facts{"actions": names})
}

// oneOf lists names as a sentence does: "archive, pin or unpin".
func oneOf(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// shortened keeps an echoed word from being as long as a request body.
func shortened(word string) string {
	const most = 100
	runes := []rune(word)
	if len(runes) <= most {
		return word
	}
	return string(runes[:most]) + "…"
}

// of writes the next version of a live item. An edit that changes nothing writes
// nothing: the item keeps its version, its times and its place in lists.
func (e edit) of(t Target) Write {
	return Write{Kind: t.Entity.Kind, UID: t.UID, Parent: e.parent, Frees: e.deletes, Decide: func(seen Snapshot) (*Item, error) {
		current := seen.Item
		if err := e.check(t, current); err != nil {
			return nil, err
		}
		stored, err := current.decode()
		if err != nil {
			return nil, err
		}
		payload, err := e.payloadAfter(t, stored)
		switch {
		case err != nil:
			return nil, err
		case !e.always && !e.deletes && payload.sameAs(stored):
			return current, nil
		}
		parent, err := e.parentAfter(t, payload, seen)
		if err != nil {
			return nil, err
		}
		if e.deletes && seen.Scarce {
			payload = payload.only(append(parentKeys(t.Entity), keyUID))
		}
		next := e.nextVersion(seen, payload, parent)
		next.describe(t.Entity, stored, payload, current)
		return next, nil
	}}
}

// decode reads the payload of a stored item.
func (i *Item) decode() (*Payload, error) {
	payload, err := Decode(i.Payload)
	if err != nil {
		return nil, unreadable(i.UID, err)
	}
	return payload, nil
}

func (e edit) check(t Target, current *Item) error {
	switch {
	case current == nil:
		return notFound(t.Entity)
	case current.Deleted() && e.gone != "":
		return deleted(e.gone, current)
	case current.Deleted():
		return deleted(t.Entity.Word()+" deleted", current)
	case e.problem != nil:
		return e.problem
	}
	return checkVersion(e.condition, current.Version)
}

// payloadAfter returns the payload that follows from the stored one, which it leaves
// as it is.
func (e edit) payloadAfter(t Target, stored *Payload) (*Payload, error) {
	if e.sent != nil {
		if err := checkFormats(t.Entity, e.sent, stored); err != nil {
			return nil, err
		}
	}
	payload, err := e.rewrite(stored.clone())
	if err == nil {
		spellUIDs(t.Entity, payload)
	}
	return payload, err
}

// parentAfter returns the parent that the new payload names. It is checked only
// when it changes: children outlive their parent, but no item moves to a parent
// that is gone.
func (e edit) parentAfter(t Target, payload *Payload, seen Snapshot) (Parent, error) {
	if e.deletes {
		return seen.Item.Parent, nil
	}
	parent, err := parentOf(t.Entity, payload)
	if err != nil || parent == seen.Item.Parent {
		return parent, err
	}
	return parent, requireParent(t.Entity, parent, seen.Live)
}

func (e edit) nextVersion(seen Snapshot, payload *Payload, parent Parent) *Item {
	now := seen.NextUpdatedAt()
	next := &Item{
		UID: seen.Item.UID, Version: seen.Item.Version + 1, Parent: parent,
		CreatedAt: seen.Item.CreatedAt, UpdatedAt: now, StoredAt: seen.NextStoredAt(),
	}
	if e.deletes {
		next.DeletedAt = &now
	}
	payload.stamp(next)
	next.Payload = payload.encode()
	return next
}
