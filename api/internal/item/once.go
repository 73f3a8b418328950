package item

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"io"
	"math"
	"strings"
	"time"

	"toolbridge/api/internal/fault"
)

// Bounds of what is kept of writes with an idempotency key. An answer above
// MaxKeptBytes is made again from its item; one that cannot be made again in full is
// kept up to MaxWholeBytes, and that to a batch, or one of a few kB at most, whatever its size. A store drops the
// oldest records of an owner that are beyond the first MaxKept, and of those above
// MaxWholeBytes the ones beyond the first MaxKeptWhole, not with every write.
const (
	MaxKeptBytes  = 1024
	MaxWholeBytes = 4096
	MaxKept       = 10_000
	MaxKeptWhole  = 1000
)

// Once makes a write happen once: a later write with the same key and the same
// request gets the answer to the first. Request is a digest that distinguishes
// requests; Answer makes what the client receives.
type Once struct {
	Key      string
	Request  string
	Answer   func(*Item) Answer
	Whole    bool          // the answer says more than follows from the item
	Small    bool          // so does this answer, and it is kept whatever its size
	Joint    func() Answer // in place of Answer: to all writes of a batch, once they are made
	Keep     time.Duration // of the record
	Replayed *Answer       // set when the write had been made before
}

// Answer is the response to a write.
type Answer struct {
	Status int
	Body   []byte
}

// Record is what a store keeps of a write with a key. Body is empty when the answer
// is large: it follows from the item.
type Record struct {
	Request string
	Status  int
	UID     string
	Version int64
	Body    string
}

// Record is what to keep of the write that made the item; of a batch, where it is nil.
func (o *Once) Record(made *Item) Record {
	if o.Joint != nil {
		answer := o.Joint()
		return Record{Request: o.Request, Status: answer.Status, Body: packed(answer.Body)}
	}
	record := Record{Request: o.Request, UID: made.UID, Version: made.Version}
	if len(made.Payload) > MaxKeptBytes && !made.Deleted() && !o.Whole && !o.Small { // the answer about a tombstone has no payload
		record.Status = o.Answer(&Item{UID: made.UID}).Status
		return record
	}
	answer := o.Answer(made)
	record.Status = answer.Status
	if len(answer.Body) <= o.most() {
		record.Body = string(answer.Body)
	}
	return record
}

// most is up to how many bytes an answer is kept.
func (o *Once) most() int {
	switch {
	case o.Small:
		return math.MaxInt
	case o.Whole:
		return MaxWholeBytes
	}
	return MaxKeptBytes
}

// check refuses the key of another request.
func (o *Once) check(earlier *Record) error {
	if earlier.Request != o.Request {
		return fault.New(fault.IdempotencyKeyReused, "this Idempotency-Key was used for another request; send a new key")
	}
	return nil
}

// packed is the answer to a batch as it is kept: about 30 bytes an item, since most of
// what it says of one it says of all.
func packed(answer []byte) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // the level is one that there is
	_, _ = w.Write(answer)                             // a buffer takes everything
	_ = w.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// Whole is the answer to a batch, as it was.
func (r *Record) Whole() ([]byte, error) {
	return io.ReadAll(flate.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(r.Body))))
}

// repeat answers a batch that was made before.
func (o *Once) repeat(earlier *Record) error {
	body, err := earlier.Whole()
	o.Replayed = &Answer{Status: earlier.Status, Body: body}
	return err
}

// replay answers a write that was made before. When the answer was not kept and the
// item has changed since, the answer shows the item as it is now, with its version.
func (s *Service) replay(ctx context.Context, t Target, earlier *Record) error {
	t.Once.Replayed = &Answer{Status: earlier.Status, Body: []byte(earlier.Body)}
	if earlier.Body != "" {
		return nil
	}
	t.UID = earlier.UID
	found, err := s.Store.Get(ctx, t.ref())
	switch {
	case err != nil:
		return err
	case found == nil:
		return notFound(t.Entity)
	}
	t.Once.Replayed.Body = t.Once.Answer(found).Body
	return nil
}
