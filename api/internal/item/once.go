package item

import (
	"time"

	"toolbridge/api/internal/fault"
)

// Once makes a write happen once: a later write with the same key and the same
// request gets the answer to the first. Request is a digest that distinguishes
// requests; Answer makes what the client receives.
type Once struct {
	Key      string
	Request  string
	Answer   func(*Item) Answer
	Keep     time.Duration // of the answer
	Replayed *Answer       // set when the write had been made before
}

// Answer is the response to a write.
type Answer struct {
	Status int
	Body   []byte
}

// Earlier is an earlier write whose answer is still kept.
type Earlier struct {
	Request string
	Answer  Answer
}

// replay takes over the answer to an earlier write with the key, if there is one.
func (o *Once) replay(earlier *Earlier) (replayed bool, err error) {
	switch {
	case o == nil || earlier == nil:
		return false, nil
	case earlier.Request != o.Request:
		return false, fault.New(fault.IdempotencyKeyReused, "this Idempotency-Key was used for another request; send a new key")
	}
	o.Replayed = &earlier.Answer
	return true, nil
}
