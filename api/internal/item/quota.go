package item

import "toolbridge/api/internal/fault"

// Usage is what an owner has, of all kinds: the items that live, the tombstones, and
// the bytes of their payloads.
type Usage struct {
	Items, Bytes               int64
	DeletedItems, DeletedBytes int64
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
	return Usage{u.Items + more.Items, u.Bytes + more.Bytes, u.DeletedItems + more.DeletedItems, u.DeletedBytes + more.DeletedBytes}
}

// Minus is the usage without the other, which may be larger.
func (u Usage) Minus(less Usage) Usage {
	return u.Plus(Usage{-less.Items, -less.Bytes, -less.DeletedItems, -less.DeletedBytes})
}

// Quota bounds what an owner may have. Zero is no bound.
type Quota struct {
	Items, Bytes int64
}

// DropAtOnce is how many tombstones a store drops at least when it needs room.
const DropAtOnce = 100

// NeedsRoom reports whether tombstones must go: they count only as long as nothing
// else needs their place.
func (q Quota) NeedsRoom(u Usage) bool {
	return u.DeletedItems > 0 && (exceeds(u.Items+u.DeletedItems, q.Items) || exceeds(u.Bytes+u.DeletedBytes, q.Bytes))
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
