package item

import (
	"context"
	"strings"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
)

// shortestPrefix is how many digits of a uid name an item, if no other uid begins so.
const shortestPrefix = 8

// maxCandidates is how many items an ambiguous uid is said to name.
const maxCandidates = 5

// UIDForm says in a sentence which uids are read.
const UIDForm = "a UUID such as 123e4567-e89b-42d3-a456-426614174000, or its first 8 or more digits"

// ParsePrefix reads the beginning of a uid: at least 8 of its digits but not all, in
// either case, with all dashes in their places or none. It returns the stored spelling.
func ParsePrefix(text string) (string, bool) {
	digits := strings.ToLower(text)
	if strings.Contains(text, "-") {
		digits = strings.ReplaceAll(digits, "-", "")
	}
	if len(digits) < shortestPrefix || len(digits) >= len(nilUID)-4 || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", false
	}
	spelled := withDashes(digits)
	lower := strings.ToLower(text)
	return spelled, lower == digits || lower == spelled || lower == spelled+"-" && nilUID[len(spelled)] == '-'
}

// withDashes puts dashes between the digits of a uid, as far as they go.
func withDashes(digits string) string {
	var b strings.Builder
	for i, digit := range digits {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			b.WriteByte('-')
		}
		b.WriteRune(digit)
	}
	return b.String()
}

// FindUID returns the uid that a text names: a whole one as it is, and for the beginning
// of one that of the only item of the kind whose uid begins so, tombstones included.
func (s *Service) FindUID(ctx context.Context, owner account.Owner, e *entity.Entity, text string) (string, error) {
	if uid, ok := ParseUID(text); ok {
		return uid, nil
	}
	prefix, ok := ParsePrefix(text)
	if !ok {
		return "", fault.New(fault.InvalidUID, "invalid UID: a uid is %s", UIDForm)
	}
	found, err := s.only(ctx, owner, []entity.Kind{e.Kind}, prefix, "uid")
	switch {
	case err != nil:
		return "", err
	case found == nil:
		return "", notFound(e)
	}
	return found.UID, nil
}

// only is the only item whose uid begins with a prefix; nil when there is none. Field
// says where the prefix stands.
func (s *Service) only(ctx context.Context, owner account.Owner, kinds []entity.Kind, prefix, field string) (*Candidate, error) {
	found, err := s.Store.Match(ctx, owner, kinds, prefix, maxCandidates+1)
	switch {
	case err != nil || len(found) == 0:
		return nil, err
	case len(found) > 1:
		return nil, ambiguous(found, prefix, field)
	}
	return &found[0], nil
}

func ambiguous(found []Candidate, prefix, field string) error {
	facts := fault.Facts{"field": field, "candidates": found[:min(len(found), maxCandidates)]}
	if len(found) > maxCandidates {
		facts["more"] = true
	}
	return fault.New(fault.AmbiguousUID, "%s is the beginning of several uids; send more digits of one of the candidates, or all", prefix).With(facts)
}

// FindParent completes the uid of the parent that a payload names by its beginning.
func (s *Service) FindParent(ctx context.Context, t Target, payload *Payload) error {
	p := t.Entity.Parent
	if p == nil {
		return nil
	}
	text, _ := payload.Text(p.UIDKey)
	prefix, short := ParsePrefix(text)
	if !short {
		return nil
	}
	kinds, err := s.kindsOfParent(ctx, t, payload)
	if err != nil {
		return err
	}
	found, err := s.only(ctx, t.Owner, kinds, prefix, p.UIDKey)
	switch {
	case err != nil:
		return err
	case found == nil:
		return fault.New(fault.ParentNotFound, "parent not found: %s", prefix).With(fault.Facts{"field": p.UIDKey})
	}
	payload.SetUID(p.UIDKey, found.UID)
	return nil
}

// kindsOfParent are the kinds of which the parent in a payload may be: one, if the
// payload or the stored item says which.
func (s *Service) kindsOfParent(ctx context.Context, t Target, payload *Payload) ([]entity.Kind, error) {
	p := t.Entity.Parent
	if kind, err := parentKind(p, payload); err == nil {
		return []entity.Kind{kind}, nil
	}
	if t.UID == "" {
		return p.Kinds, nil
	}
	stored, err := s.Store.Get(ctx, t.ref())
	if err == nil && stored != nil {
		return []entity.Kind{stored.Parent.Kind}, nil
	}
	return p.Kinds, err
}

// decodeSent reads the payload that a write sends.
func (s *Service) decodeSent(ctx context.Context, t Target, body []byte) (*Payload, error) {
	sent, err := DecodeWithin(body, s.MaxString)
	if err == nil {
		err = s.FindParent(ctx, t, sent)
	}
	return sent, err
}

// CompleteFilter completes the uid of a parent that a filter names by its beginning.
func (s *Service) CompleteFilter(ctx context.Context, owner account.Owner, e *entity.Entity, f *Filter) error {
	prefix, short := ParsePrefix(f.Parent.UID)
	if !short {
		return nil
	}
	kinds := e.Parent.Kinds
	if f.Parent.Kind != "" {
		kinds = []entity.Kind{f.Parent.Kind}
	}
	found, err := s.only(ctx, owner, kinds, prefix, e.Parent.UIDKey)
	switch {
	case err != nil:
		return err
	case found == nil:
		return fault.New(fault.NotFound, "no parent found whose uid begins with %s", prefix).With(fault.Facts{"field": e.Parent.UIDKey})
	}
	f.Parent = Parent{Kind: found.Kind, UID: found.UID}
	return nil
}
