// Package journal is the record of what was written, by whom and with which client:
// one line a write, chained by hash for each owner.
package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Origin is who wrote, and with what. By is the subject of the token; the other
// fields are what the request says of itself, and may be empty.
type Origin struct {
	By          string `json:"by"`
	Client      string `json:"client,omitempty"`
	Tool        string `json:"tool,omitempty"`
	Correlation string `json:"correlation_id,omitempty"`
}

// Name says what a write did to an item.
type Name string

// The names of changes. Began and Wiped are about all of an owner's items: their lines
// have neither kind nor uid.
const (
	Created    Name = "created"
	Updated    Name = "updated"
	Archived   Name = "archived"
	Unarchived Name = "unarchived"
	Moved      Name = "moved"
	Deleted    Name = "deleted"
	Restored   Name = "restored"
	Began      Name = "began"
	Wiped      Name = "wiped"
)

// Change is what a write did, and the payload keys whose values it changed, sorted.
type Change struct {
	Name   Name
	Fields []string
}

// Digest is a SHA-256.
type Digest []byte

// Line is one line of an owner's journal. Times are Unix milliseconds.
type Line struct {
	Seq     int64 // 1 for the owner's first line, and then without a gap
	At      int64 // never less than that of the line before, unless a clock was far ahead
	Epoch   int64
	Kind    string // with UID: the item
	UID     string
	Before  int64 // the version that the write replaced; 0 for none
	Now     int64 // the version that it made
	Batch   int64 // Seq of the first line of the same batch; 0 for none
	Revived bool  // whether the version before was a tombstone
	Change
	Origin
	Content  Digest // of the payload that was replaced; empty for none
	Previous Digest // Hash of the line before; empty for the first
	Hash     Digest
}

// NoBound is above the Seq of every line.
const NoBound = math.MaxInt64

// Head is the last line of a journal, as far as the next one needs it. The zero value
// is an empty journal.
type Head struct {
	Seq  int64
	At   int64
	Hash Digest
}

// Append numbers a line and chains it to the head. The head moves on to it.
func (h *Head) Append(line Line) Line {
	line.Seq, line.Previous = h.Seq+1, h.Hash
	line.Hash = line.digest()
	*h = Head{Seq: line.Seq, At: line.At, Hash: line.Hash}
	return line
}

// Sound reports whether the line is as it was written.
func (l Line) Sound() bool { return string(l.digest()) == string(l.Hash) }

// digest is the hash of everything but the hash itself. Its text is JSON, so that no
// two lines have the same.
func (l Line) digest() Digest {
	text, _ := json.Marshal([]any{ // numbers and strings can always be encoded
		l.Seq, l.At, l.Epoch, l.Kind, l.UID, l.Before, l.Now, l.Batch, l.Revived, l.Name, l.Names(),
		l.By, l.Client, l.Tool, l.Correlation, l.Content.String(), l.Previous.String(),
	})
	return DigestOf(text)
}

// Names is the Fields, never nil.
func (c Change) Names() []string {
	if c.Fields == nil {
		return []string{}
	}
	return c.Fields
}

// String is the digest in hexadecimal; empty for none.
func (d Digest) String() string { return hex.EncodeToString(d) }

// DigestOf is the digest of a content.
func DigestOf(content []byte) Digest {
	sum := sha256.Sum256(content)
	return sum[:]
}

// ChangeID names a write by its line.
func ChangeID(seq int64) string { return "c" + strconv.FormatInt(seq, 10) }

// BatchID names a batch by its first line.
func BatchID(seq int64) string { return "b" + strconv.FormatInt(seq, 10) }

// ParseID reads what ChangeID or BatchID returned.
func ParseID(text string) (seq int64, batch, ok bool) {
	if len(text) < 2 || text[0] != 'c' && text[0] != 'b' {
		return 0, false, false
	}
	seq, err := strconv.ParseInt(text[1:], 10, 64)
	batch = text[0] == 'b'
	return seq, batch, err == nil && seq > 0 && fmt.Sprintf("%c%d", text[0], seq) == text
}
