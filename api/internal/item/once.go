package item

import (
	"time"

	"toolbridge/api/internal/fault"
)

// Once makes a write happen once: a later one with the same key and the same
// request is given the answer of the first. Request tells requests apart; Answer
// renders what the client is told.
type Once struct {
	Key      string
	Request  string
	Answer   func(*Item) Answer
	Keep     time.Duration
	Replayed *Answer // set when the write had been made before
}

// Answer is what a client was told of a write.
type Answer struct {
	Status int
	Body   []byte
}

// Earlier is what a store knows of a key that is still kept.
type Earlier struct {
	Request string
	Answer  Answer
}

// around gives a change that is made only when no earlier one had the key.
func (o *Once) around(change Change) Change {
	if o == nil {
		return change
	}
	return func(seen Seen) (*Item, error) {
		switch {
		case seen.Earlier == nil:
			return change(seen)
		case seen.Earlier.Request != o.Request:
			return nil, fault.New(fault.IdempotencyKeyReused, "this Idempotency-Key was used for another request; send a new key")
		}
		o.Replayed = &seen.Earlier.Answer
		return nil, nil
	}
}
