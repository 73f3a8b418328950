package item

import (
	"slices"

	"toolbridge/api/internal/journal"
)

// Trail returns lines of the journal about the item of the write, as seen inside the
// transaction: those of the batch's epoch only.
type Trail func(TrailQuery) ([]Replaced, error)

// TrailQuery names lines about one item, in the order of their Seq.
type TrailQuery struct {
	From     int64 // the first Seq
	Newest   bool  // the newest lines, in reverse order
	Limit    int
	Payloads bool // with the payloads that are kept
}

// Replaced is a line about an item, with the payload that the write replaced.
type Replaced struct {
	Seq        int64
	Name       journal.Name
	Before     int64 // the version that was replaced; 0 for none
	Now        int64 // the version that was made
	WasDeleted bool  // whether the version before was a tombstone
	Kept       bool  // whether the payload is there
	Payload    []byte
}

// maxTrail is how many lines are looked through for versions that are kept.
const maxTrail = 200

// kept is the versions of an item whose payloads can be restored, newest first.
func kept(seen Snapshot) ([]int64, error) {
	versions := []int64{}
	if seen.Item != nil && !seen.Item.Deleted() {
		versions = append(versions, seen.Item.Version)
	}
	trail, err := seen.Trail(TrailQuery{Newest: true, Limit: maxTrail})
	for _, line := range trail {
		if line.Kept && !line.WasDeleted && !slices.Contains(versions, line.Before) {
			versions = append(versions, line.Before)
		}
	}
	return versions, err
}

// newest is the last line about the item; nil when there is none.
func newest(seen Snapshot) (*Replaced, error) {
	trail, err := seen.Trail(TrailQuery{Newest: true, Limit: 1, Payloads: true})
	if err != nil || len(trail) == 0 {
		return nil, err
	}
	return &trail[0], nil
}

// lived is the payload that a tombstone had when it lived, if it is kept: in the
// journal, or as the tombstone's own.
func (t Target) lived(seen Snapshot, last *Replaced) []byte {
	switch {
	case last != nil && last.Name == journal.Deleted && !last.WasDeleted && last.Kept:
		return last.Payload
	case seen.Item != nil && t.whole(seen.Item):
		return seen.Item.Payload
	}
	return nil
}

// whole reports whether a tombstone has more than what it always keeps.
func (t Target) whole(tombstone *Item) bool {
	payload, err := tombstone.decode()
	if err != nil {
		return false
	}
	bare := append(parentKeys(t.Entity), keyUID)
	return slices.ContainsFunc(payload.members, func(m member) bool { return !stamped(m.key) && !slices.Contains(bare, m.key) })
}
