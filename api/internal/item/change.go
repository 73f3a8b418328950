package item

import (
	"context"
	"fmt"
	"strings"

	"toolbridge/api/internal/fault"
)

// Condition is what a write demands of the stored version; nil demands nothing.
type Condition *int64

// edit is one way to change a live item. The checks run in the order in which
// the contract answers them: existence, tombstone, ready, condition, step.
type edit struct {
	condition Condition
	ready     error  // what is wrong with the request, told only about a live item
	gone      string // the sentence about a tombstone
	step      func(stored *Payload) (*Payload, error)
	deletes   bool
	parent    Parent // whom the request names, if it does
}

// Replace puts a new payload in place of the stored one. Parent keys that the
// body leaves out keep their stored values.
func (s *Service) Replace(ctx context.Context, t Target, body []byte, condition Condition) (*Item, error) {
	sent, err := DecodeWithin(body, s.MaxString)
	return s.apply(ctx, t, edit{condition: condition, ready: err, parent: named(t.Entity, sent), step: func(stored *Payload) (*Payload, error) {
		next := &Payload{}
		next.merge(sent)
		next.fill(stored, parentKeys(t.Entity)...)
		next.setOwn(keyUID, []byte(`"`+t.UID+`"`))
		return next, nil
	}})
}

// Patch puts the body's top-level keys over the stored ones. It is the one write
// that could make an item grow without end, so it may not pass MaxItemBytes.
func (s *Service) Patch(ctx context.Context, t Target, body []byte, condition Condition) (*Item, error) {
	sent, err := DecodePatch(body, s.MaxString)
	return s.apply(ctx, t, edit{condition: condition, ready: err, parent: named(t.Entity, sent), step: func(stored *Payload) (*Payload, error) {
		before := stored.size()
		stored.merge(sent)
		if after := stored.size(); after > before && int64(after) > s.MaxItemBytes {
			return nil, fault.New(fault.BodyTooLarge, "the item would be larger than %d bytes; shorten its values, or keep some in an item of their own", s.MaxItemBytes).
				With(fault.Facts{"maxBytes": s.MaxItemBytes})
		}
		return stored, nil
	}})
}

// Archive writes what the entity's row says archiving is.
func (s *Service) Archive(ctx context.Context, t Target, condition Condition) (*Item, error) {
	return s.apply(ctx, t, edit{condition: condition, step: assigning(t.Entity.Archive)})
}

// Process writes what the entity's row says the action does.
func (s *Service) Process(ctx context.Context, t Target, action string, condition Condition) (*Item, error) {
	values, known := t.Entity.Actions[action]
	e := edit{condition: condition, step: assigning(values)}
	if !known {
		e.ready = unknownAction(t.Entity.ActionNames(), action)
	}
	return s.apply(ctx, t, e)
}

func unknownAction(names []string, action string) error {
	sent := shortened(action)
	if sent == "" {
		sent = "none"
	}
	return fault.New(fault.InvalidAction, "invalid action: %s (use %s)", sent, oneOf(names)).
		With(fault.Facts{"actions": names})
}

// oneOf gives names as a sentence does: "archive, pin or unpin".
func oneOf(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// Delete makes the item a tombstone that keeps its payload.
func (s *Service) Delete(ctx context.Context, t Target, condition Condition) (*Item, error) {
	keep := func(stored *Payload) (*Payload, error) { return stored, nil }
	gone := t.Entity.Word() + " already deleted"
	return s.apply(ctx, t, edit{condition: condition, gone: gone, step: keep, deletes: true})
}

func assigning(values map[string]any) func(*Payload) (*Payload, error) {
	return func(stored *Payload) (*Payload, error) { return stored, stored.assign(values) }
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

func (s *Service) apply(ctx context.Context, t Target, e edit) (*Item, error) {
	return s.change(ctx, t, e.parent, func(seen Seen) (*Item, error) {
		current := seen.Item
		if err := e.check(t, current); err != nil {
			return nil, err
		}
		stored, err := Decode(current.Payload)
		if err != nil {
			return nil, fmt.Errorf("stored payload of %s %s cannot be read: %v", t.Entity.Kind, t.UID, err)
		}
		payload, err := e.step(stored)
		if err != nil {
			return nil, err
		}
		parent, err := parentAfter(t, e, payload, seen)
		if err != nil {
			return nil, err
		}
		following := next(seen, payload, parent, e.deletes)
		following.Facets = facetsOf(t.Entity, payload)
		return following, nil
	})
}

func (e edit) check(t Target, current *Item) error {
	switch {
	case current == nil:
		return notFound(t.Entity)
	case current.Deleted() && e.gone != "":
		return deleted(e.gone, current)
	case current.Deleted():
		return deleted(t.Entity.Word()+" deleted", current)
	case e.ready != nil:
		return e.ready
	case e.condition != nil && *e.condition != current.Version:
		return fault.New(fault.VersionMismatch, "version mismatch: expected %d, actual %d; read the item again", *e.condition, current.Version).
			With(fault.Facts{"expected": *e.condition, "actual": current.Version})
	}
	return nil
}

// parentAfter gives the parent the changed payload names, and checks it only
// when it is another one: children outlive their parent, but none moves to a
// parent that is gone.
func parentAfter(t Target, e edit, payload *Payload, seen Seen) (Parent, error) {
	if e.deletes {
		return seen.Item.Parent, nil
	}
	parent, err := parentOf(t.Entity, payload)
	if err != nil || parent == seen.Item.Parent {
		return parent, err
	}
	return parent, requireParent(t.Entity, parent, seen.Live)
}

// next gives the item's following version.
func next(seen Seen, payload *Payload, parent Parent, deletes bool) *Item {
	now := seen.Time()
	next := &Item{UID: seen.Item.UID, Version: seen.Item.Version + 1, UpdatedAt: now, StoredAt: seen.Place(), Parent: parent}
	if deletes {
		next.DeletedAt = &now
	}
	payload.stamp(next)
	next.Payload = payload.encode()
	return next
}
