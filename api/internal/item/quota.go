package item

import "toolbridge/api/internal/fault"

// Usage is what an owner has, of all kinds: the items that live, the tombstones, and
// the bytes of their payloads; the lines of the journal, and the bytes of the payloads
// that they keep.
type Usage struct {
	Items, Bytes               int64
	DeletedItems, DeletedBytes int64
	JournalLines, HistoryBytes int64
}

// UsageOfLine is the usage of the line of a write to the item that was seen.
func UsageOfLine(seen *Item) Usage {
	if seen == nil {
		return Usage{JournalLines: 1}
	}
	return Usage{JournalLines: 1, HistoryBytes: int64(len(seen.Payload))}
}

// UsageOf is the usage of one item; none of nil.
func UsageOf(i *Item) Usage {
	switch {
	case i == nil:
		return Usage{}
	case i.Deleted():
		return Usage{DeletedItems: 1, DeletedBytes: int64(len(i.Payload))}
	}
	return Usage{Items: 1, Bytes: int64(len(i.Payload))}
}

// Plus is the usage of both together.
func (u Usage) Plus(more Usage) Usage {
	return Usage{
		u.Items + more.Items, u.Bytes + more.Bytes, u.DeletedItems + more.DeletedItems, u.DeletedBytes + more.DeletedBytes,
		u.JournalLines + more.JournalLines, u.HistoryBytes + more.HistoryBytes,
	}
}

// Minus is the usage without the other, which may be larger.
func (u Usage) Minus(less Usage) Usage {
	return u.Plus(Usage{-less.Items, -less.Bytes, -less.DeletedItems, -less.DeletedBytes, -less.JournalLines, -less.HistoryBytes})
}

// Quota bounds what an owner may have. Zero is no bound.
type Quota struct {
	Items, Bytes int64
}

// LineBytes is about what a line of the journal takes, without its content.
const LineBytes = 500

// How many of its kind a store drops at least when it needs room, and how often at most
// for one batch. The rest goes with the next ones.
const (
	DropAtOnce = 100
	DropRounds = 100
)

// KeptLines is how many of an owner's last lines are never dropped for room.
const KeptLines = 1000

// Droppable is what makes way when an owner has too much.
type Droppable int

// What can be dropped, in the order in which it is: only what the one before did not
// make room for takes the next.
const (
	HistoryContents Droppable = iota
	Tombstones
	JournalLines
)

// Droppables is all of them in order.
var Droppables = []Droppable{HistoryContents, Tombstones, JournalLines}

// NeedsRoom reports whether some of it must go: all of it counts only as long as nothing
// else needs its place.
func (q Quota) NeedsRoom(u Usage, of Droppable) bool {
	full := exceeds(u.Bytes+u.DeletedBytes+u.HistoryBytes+u.JournalLines*LineBytes, q.Bytes)
	switch of {
	case HistoryContents:
		return full && u.HistoryBytes > 0
	case Tombstones:
		return u.DeletedItems > 0 && (full || exceeds(u.Items+u.DeletedItems, q.Items))
	}
	return full && u.JournalLines > KeptLines
}

func exceeds(used, most int64) bool { return most > 0 && used > most }

// check refuses the next item when live items would exceed a bound. What does not grow
// is always allowed.
func (q Quota) check(seen Snapshot, next *Item) error {
	more := UsageOf(next).Minus(UsageOf(seen.Item))
	used := seen.Used
	switch {
	case more.Items > 0 && exceeds(used.Items+more.Items, q.Items):
		return fault.New(fault.QuotaExceeded, "you have %d items, and one user may have %d; delete items that you no longer need, then try again",
			used.Items, q.Items).With(fault.Facts{"limit": "items", "used": used.Items, "most": q.Items})
	case more.Bytes > 0 && exceeds(used.Bytes+more.Bytes, q.Bytes):
		return fault.New(fault.QuotaExceeded,
			"your items take %d bytes and this write needs %d more, but one user may have %d; delete or shorten items, then try again",
			used.Bytes, more.Bytes, q.Bytes).
			With(fault.Facts{"limit": "bytes", "used": used.Bytes, "needed": more.Bytes, "most": q.Bytes})
	}
	return nil
}
