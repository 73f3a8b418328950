// Package item has the rules that every stored item obeys, whatever its entity:
// versions, times, parents, actions and tombstones.
package item

import (
	"cmp"
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/journal"
)

// Ref names one item. Nothing is ever read or written across owners. UID is a
// lower-case UUID with dashes.
type Ref struct {
	account.Owner
	Kind entity.Kind
	UID  string
}

// Parent names the item that another item belongs to. The zero value is no parent.
type Parent struct {
	Kind entity.Kind
	UID  string
}

// Or fills an empty kind or uid from the other parent.
func (p Parent) Or(other Parent) Parent {
	return Parent{Kind: cmp.Or(p.Kind, other.Kind), UID: cmp.Or(p.UID, other.UID)}
}

// Item is one stored item. Payload is the JSON object exactly as stored. StoredAt is
// when the API stored it, which is its place in lists. It differs from UpdatedAt only
// when a client pushed the item with a time of its own.
type Item struct {
	UID         string
	Version     int64
	CreatedAt   Millis
	UpdatedAt   Millis
	StoredAt    Millis
	DeletedAt   *Millis
	Parent      Parent
	Facets      Facets
	Payload     []byte
	Size        int64  // of a payload that a list leaves out, in bytes; otherwise 0
	Summary     []byte // JSON object: what a summary shows of the payload; read by lists of summaries only
	ParentTitle string // in lists of summaries; empty for none

	// Of an item that is to be stored.
	Text   *Text          // nil: what a search finds has not changed
	Change journal.Change // what the write does
	Seq    int64          // of its line in the journal, once it is stored
}

// Deleted reports whether the item is a tombstone.
func (i *Item) Deleted() bool { return i.DeletedAt != nil }

// ReducedBytes is what an item without its payload counts in a page.
const ReducedBytes = 300

// AppendJSON appends the item as the API sends it, its payload byte for byte. A payload
// that was left out is described by its size and a note. Bare leaves out the members of the
// payload that the server owns.
func (i *Item) AppendJSON(b []byte, bare bool) []byte {
	start := len(b)
	b = i.appendHead(b)
	head := b[start:]
	if i.Size > 0 {
		b = strconv.AppendInt(append(b, `,"size":`...), i.Size, 10)
		return append(b, `,"note":"The payload is not shown here: it is too large for this page. Read the item alone."}`...)
	}
	b = append(b, `,"payload":`...)
	if bare {
		b = i.appendBare(b, head)
	} else {
		b = append(b, i.Payload...)
	}
	return append(b, '}')
}

// AppendShortJSON appends the item without its payload: the answer to a DELETE.
func (i *Item) AppendShortJSON(b []byte) []byte {
	return append(i.appendHead(b), '}')
}

// AppendSummary appends what a list of summaries shows of an item of a kind.
func (i *Item) AppendSummary(b []byte, kind entity.Kind) []byte {
	b = append(b, `{"uid":"`...)
	b = append(b, i.UID...)
	b = append(b, `","kind":"`...)
	b = append(b, kind...)
	b = strconv.AppendInt(append(b, `","version":`...), i.Version, 10)
	b = i.CreatedAt.AppendJSON(append(b, `,"createdAt":`...))
	b = i.UpdatedAt.AppendJSON(append(b, `,"updatedAt":`...))
	if i.Deleted() {
		b = i.DeletedAt.AppendJSON(append(b, `,"deletedAt":`...))
	}
	if shown := i.Summary; len(shown) > len("{}") {
		b = append(append(b, ','), shown[1:len(shown)-1]...)
	}
	b = strconv.AppendInt(append(b, `,"bytes":`...), i.Size, 10)
	return append(i.appendParent(b), '}')
}

// appendParent appends the parent with its title, if there is one.
func (i *Item) appendParent(b []byte) []byte {
	if i.Parent.UID == "" {
		return b
	}
	b = append(b, `,"parent":{"kind":"`...)
	b = append(b, i.Parent.Kind...)
	b = append(b, `","uid":"`...)
	b = append(append(b, i.Parent.UID...), '"')
	if i.ParentTitle != "" {
		title, _ := json.Marshal(i.ParentTitle) // a string can always be encoded
		b = append(append(b, `,"title":`...), title...)
	}
	return append(b, '}')
}

// AppendDeletion appends a tombstone as a pull sends it.
func (i *Item) AppendDeletion(b []byte) []byte {
	b = append(b, `{"uid":"`...)
	b = append(b, i.UID...)
	b = append(b, `","deletedAt":`...)
	return append(i.DeletedAt.AppendJSON(b), '}')
}

func (i *Item) appendHead(b []byte) []byte {
	b = i.appendPlace(b)
	if i.DeletedAt != nil {
		b = append(b, `,"deletedAt":`...)
		b = i.DeletedAt.AppendJSON(b)
	}
	return b
}

// appendPlace appends which version of which item it is, without the end of the object.
func (i *Item) appendPlace(b []byte) []byte {
	b = append(b, `{"uid":"`...)
	b = append(b, i.UID...)
	b = append(b, `","version":`...)
	b = strconv.AppendInt(b, i.Version, 10)
	return i.UpdatedAt.AppendJSON(append(b, `,"updatedAt":`...))
}

// Millis is a moment in Unix milliseconds, the precision of every stored time.
type Millis int64

const timeLayout = "2006-01-02T15:04:05.999Z07:00"

// MillisOf cuts a time down to the stored precision.
func MillisOf(t time.Time) Millis { return Millis(t.UnixMilli()) }

// String is the moment in UTC as RFC 3339, with at most three decimals.
func (m Millis) String() string { return time.UnixMilli(int64(m)).UTC().Format(timeLayout) }

// AppendJSON appends the moment as a JSON string.
func (m Millis) AppendJSON(b []byte) []byte {
	b = append(b, '"')
	b = time.UnixMilli(int64(m)).UTC().AppendFormat(b, timeLayout)
	return append(b, '"')
}

// The first and last moment that RFC 3339 can express, with room for sums.
const (
	earliest = Millis(-62_135_596_800_000) // 0001-01-01
	latest   = Millis(253_370_764_800_000) // 9999-01-01
)

// ParseMillis reads RFC 3339, cut down to milliseconds, or decimal milliseconds.
func ParseMillis(text string) (Millis, bool) {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return 0, false
		}
		ms = parsed.UnixMilli()
	}
	return Millis(ms), Millis(ms) >= earliest && Millis(ms) <= latest
}

// nilUID is the nil UUID, which names no item.
const nilUID = "00000000-0000-0000-0000-000000000000"

// ParseUID reads a UUID in either case, with or without dashes, and returns the
// stored spelling. Braces and URNs are refused.
func ParseUID(s string) (string, bool) {
	const withDashes, without = 36, 32
	if len(s) != withDashes && len(s) != without || uuid.Validate(s) != nil {
		return "", false
	}
	parsed, err := uuid.Parse(s)
	if err != nil {
		return "", false
	}
	return parsed.String(), true
}
