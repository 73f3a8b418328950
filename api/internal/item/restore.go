package item

import (
	"context"
	"encoding/json"
	"fmt"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
)

// keyVersion names the version in the body of a restoration.
const keyVersion = "version"

// Restore makes the payload that an item had at a version the newest version, and
// revives a tombstone. Without a version in the body, a tombstone gets what it was
// before its deletion.
func (s *Service) Restore(ctx context.Context, t Target, body []byte, condition Condition) (*Item, error) {
	version, err := ReadRestoration(body, s.MaxString)
	return s.make(ctx, t, Restoring(version, err, condition))
}

// Restoring makes the write of Restore. The problem is that of the body, if it has one.
func Restoring(version *int64, problem error, condition Condition) Writing {
	return func(t Target) Write {
		return Write{Kind: t.Entity.Kind, UID: t.UID, Decide: restoration{t, version, condition, problem}.decide}
	}
}

// ReadRestoration reads the version of a body; nil when it has none.
func ReadRestoration(body []byte, maxString int) (*int64, error) {
	if len(body) == 0 {
		return nil, nil
	}
	sent, err := DecodeWithin(body, maxString)
	if err != nil {
		return nil, err
	}
	if err := sent.RequireOnly(keyVersion); err != nil {
		return nil, err
	}
	if !sent.Given(keyVersion) {
		return nil, nil
	}
	raw, _ := sent.raw(keyVersion)
	var version int64
	if json.Unmarshal(raw, &version) != nil || version < 1 {
		return nil, invalidJSON("version must be a whole number from 1").With(fault.Facts{"field": keyVersion})
	}
	return &version, nil
}

// restoration is a request to restore one item.
type restoration struct {
	target    Target
	version   *int64 // nil: the one before the deletion
	condition Condition
	problem   error // of the request, reported only when there is such an item
}

func (r restoration) decide(seen Snapshot) (*Item, error) {
	var last *Replaced
	if seen.Item == nil || seen.Item.Deleted() {
		var err error
		if last, err = newest(seen); err != nil {
			return nil, err
		}
	}
	if err := r.check(seen, last); err != nil {
		return nil, err
	}
	raw, err := r.payload(seen, last)
	if err != nil {
		return nil, err
	}
	payload, err := Decode(raw)
	if err != nil {
		return nil, unreadable(r.target.UID, err)
	}
	return r.target.restored(seen, last, payload, func(parent Parent) error {
		if seen.Item != nil && !seen.Item.Deleted() && seen.Item.Parent == parent {
			return nil // children outlive their parent
		}
		return requireParent(r.target.Entity, parent, seen.Live)
	})
}

// check makes the checks of every edit, in their order. Of an item whose tombstone was
// dropped, the journal's last line is left.
func (r restoration) check(seen Snapshot, last *Replaced) error {
	present := seen.Version()
	if seen.Item == nil {
		if last == nil {
			return notFound(r.target.Entity)
		}
		present = last.Now
	}
	if r.problem != nil {
		return r.problem
	}
	return checkVersion(r.condition, present)
}

// payload is what the item had at the version that is asked for.
func (r restoration) payload(seen Snapshot, last *Replaced) ([]byte, error) {
	dead := seen.Item == nil || seen.Item.Deleted()
	switch {
	case r.version == nil && !dead:
		return nil, invalidField(keyVersion, "is required, since the item is not deleted: name the version to restore")
	case dead && (r.version == nil || *r.version == beforeDeletion(seen, last)):
		if payload := r.target.lived(seen, last); payload != nil {
			return payload, nil
		}
		return nil, r.notKept(seen, beforeDeletion(seen, last))
	}
	if dead && *r.version == beforeDeletion(seen, last)+1 {
		return nil, noContent()
	}
	found, err := seen.Past(*r.version)
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, r.notKept(seen, *r.version)
	case found.Deleted:
		return nil, noContent()
	}
	return found.Payload, nil
}

func noContent() error {
	return invalidField(keyVersion, "is that of a deletion, which has no content: name the one before")
}

// beforeDeletion is the version before the deletion of a tombstone, of which only the
// last line may be left.
func beforeDeletion(seen Snapshot, last *Replaced) int64 {
	if seen.Item != nil {
		return seen.Item.Version - 1
	}
	return last.Before
}

func (r restoration) notKept(seen Snapshot, version int64) error {
	versions, err := kept(seen)
	if err != nil {
		return err
	}
	const sentence = "version %d of this %s is not kept; its history says which versions are"
	return fault.New(fault.VersionNotKept, sentence, version, r.target.Entity.Word()).
		With(fault.Facts{"version": version, "kept": versions})
}

// restored is the next version of an item that gets a payload back. The check is for its
// parent. When that changes nothing, it is the stored item.
func (t Target) restored(seen Snapshot, last *Replaced, payload *Payload, check func(Parent) error) (*Item, error) {
	payload.setUID(keyUID, t.UID)
	stored := &Payload{}
	if seen.Item != nil {
		var err error
		if stored, err = seen.Item.decode(); err != nil {
			return nil, err
		}
		if !seen.Item.Deleted() && payload.sameAs(stored) {
			return seen.Item, nil
		}
	}
	parent, err := parentOf(t.Entity, payload)
	if err != nil {
		return nil, err
	}
	if err := check(parent); err != nil {
		return nil, err
	}
	next := following(seen, last, t.UID)
	next.Parent = parent
	next.describe(t.Entity, stored, payload, seen.Item)
	next.Change.Name = journal.Restored
	payload.stamp(next)
	next.Payload = payload.encode()
	return next, nil
}

// following is the head of the next version of an item, of which only the last line may
// be left.
func following(seen Snapshot, last *Replaced, uid string) *Item {
	next := &Item{UID: uid, Version: seen.Version() + 1, UpdatedAt: seen.NextUpdatedAt(), StoredAt: seen.NextStoredAt()}
	switch {
	case seen.Item != nil:
		next.CreatedAt = seen.Item.CreatedAt
	default:
		next.Version, next.CreatedAt = last.Now+1, next.StoredAt
	}
	return next
}

// checkVersion refuses another version than the condition demands.
func checkVersion(c Condition, actual int64) error {
	if c == nil || *c == actual {
		return nil
	}
	return fault.New(fault.VersionMismatch, "version mismatch: expected %d, actual %d; read the item again", *c, actual).
		With(fault.Facts{"expected": *c, "actual": actual})
}

func unreadable(uid string, err error) error {
	return fmt.Errorf("stored payload of %s cannot be read: %v", uid, err)
}
