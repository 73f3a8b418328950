package item

import (
	"strings"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
)

// parentOf reads the parent that a payload names: the zero Parent for an entity
// without parents, an invalid_field fault for keys that name no item.
func parentOf(e *entity.Entity, payload *Payload) (Parent, error) {
	if e.Parent == nil {
		return Parent{}, nil
	}
	kind, err := parentKind(e.Parent, payload)
	if err != nil {
		return Parent{}, err
	}
	text, err := requiredText(payload, e.Parent.UIDKey)
	if err != nil {
		return Parent{}, err
	}
	uid, ok := ParseUID(text)
	if !ok {
		return Parent{}, invalidField(e.Parent.UIDKey, "must be "+UIDForm)
	}
	return Parent{Kind: kind, UID: uid}, nil
}

// named is parentOf for a body that may be missing or lack parent keys. A key that
// is missing or wrong leaves its part of the Parent empty.
func named(e *entity.Entity, sent *Payload) (parent Parent) {
	if e.Parent == nil || sent == nil {
		return Parent{}
	}
	parent.Kind, _ = parentKind(e.Parent, sent)
	text, _ := sent.Text(e.Parent.UIDKey)
	parent.UID, _ = ParseUID(text)
	return parent
}

func parentKind(p *entity.Parent, payload *Payload) (entity.Kind, error) {
	if p.TypeKey == "" {
		return p.Kinds[0], nil
	}
	text, err := requiredText(payload, p.TypeKey)
	if err != nil {
		return "", err
	}
	names := make([]string, len(p.Kinds))
	for i, kind := range p.Kinds {
		if text == string(kind) {
			return kind, nil
		}
		names[i] = string(kind)
	}
	return "", invalidField(p.TypeKey, "must be "+strings.Join(names, " or "))
}

func requiredText(payload *Payload, key string) (string, error) {
	if !payload.Has(key) {
		return "", invalidField(key, "is required")
	}
	text, ok := payload.Text(key)
	if !ok {
		return "", invalidField(key, "must be a string")
	}
	return text, nil
}

func invalidField(key, rule string) error {
	return fault.New(fault.InvalidField, "%s %s", key, rule).With(fault.Facts{"field": key})
}

// requireParent refuses a parent that is unknown, deleted or another user's.
func requireParent(e *entity.Entity, parent Parent, live Live) error {
	if e.Parent == nil {
		return nil
	}
	found, err := live(parent.Kind, parent.UID)
	if err != nil {
		return err
	}
	if !found {
		return fault.New(fault.ParentNotFound, "parent %s not found: %s", parent.Kind, parent.UID).
			With(fault.Facts{"field": e.Parent.UIDKey})
	}
	return nil
}

// parentKeys are the payload keys that name the parent.
func parentKeys(e *entity.Entity) []string {
	switch {
	case e.Parent == nil:
		return nil
	case e.Parent.TypeKey == "":
		return []string{e.Parent.UIDKey}
	}
	return []string{e.Parent.TypeKey, e.Parent.UIDKey}
}

// spellUIDs gives the uids of a payload the stored spelling, and reports whether one
// had another.
func spellUIDs(e *entity.Entity, payload *Payload) (changed bool) {
	keys := []string{keyUID}
	if e.Parent != nil {
		keys = append(keys, e.Parent.UIDKey)
	}
	for _, key := range keys {
		text, _ := payload.Text(key)
		if uid, ok := ParseUID(text); ok && uid != text {
			payload.setUID(key, uid)
			changed = true
		}
	}
	return changed
}
