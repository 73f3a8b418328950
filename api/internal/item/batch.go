package item

import (
	"context"
	"errors"
	"fmt"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
)

// Bounds of a batch.
const (
	MaxOperations   = 100
	MaxBatchItems   = 1000
	maxBatchBytes   = 64 << 20 // of the payloads that it makes
	maxBatchNames   = 64 << 10 // bytes of the names of fields that its outcomes have
	maxMatchCounted = 10_000
)

// Operation is one operation of a batch: a change of one item, or of all that match.
type Operation struct {
	Name    string // as in "patch"
	Entity  *entity.Entity
	UID     string  // of the one item
	Creates bool    // whether the operation makes the item
	Where   *Filter // in place of UID
	AtMost  int     // items that may match
	Writing Writing
}

// Outcome is what an operation did. Items is in the order in which they were changed.
type Outcome struct {
	Items []Changed
}

// Changed is an item as an operation left it.
type Changed struct {
	UID     string
	Version int64
	Wrote   bool           // whether the item changed
	Seq     int64          // of the line of the change; 0 for none
	Change  journal.Change // as the line has it; without fields where those before have too many
}

// Batch makes all operations in one transaction, each on what those before it left, or
// none. The outcomes are nil when the batch was made before: the target's Once has its
// answer then.
func (s *Service) Batch(ctx context.Context, t Target, operations []Operation, render func([]Outcome) Answer) ([]Outcome, error) {
	if t.DryRun {
		t.Once = nil // no key is spent
	}
	run := &batchRun{service: s, target: t, operations: operations}
	batch := s.batch(t)
	batch.Joint = true
	if t.Once != nil {
		once := *t.Once
		once.Joint = func() Answer { return render(run.made()) }
		batch.Once = &once
	}
	batch.Writes = run.writes()
	err := s.Store.Write(ctx, batch)
	var made *madeBefore
	switch {
	case errors.As(err, &made):
		return nil, t.Once.repeat(made.record)
	case err != nil:
		return nil, explained(s.conflicted(ctx, t, err))
	}
	return run.made(), nil
}

// batchRun is a batch under way. A store may begin it anew, when it has collided with
// another write.
type batchRun struct {
	service    *Service
	target     Target
	operations []Operation
	outcomes   []Outcome
	items      int // of all outcomes
	bytes      int // of the payloads made
	names      int // bytes of the fields' names

	// What the last write stores, and where its outcome is: a line gets its Seq only
	// after the decision. No item is kept for longer, as they may be large.
	last    *Item
	lastOne *Changed
}

// made is the outcomes of the writes that were decided on.
func (r *batchRun) made() []Outcome {
	if r.last != nil {
		r.lastOne.Seq, r.last = r.last.Seq, nil
	}
	return r.outcomes
}

// madeBefore ends a transaction whose batch has been made before.
type madeBefore struct{ record *Record }

func (*madeBefore) Error() string { return "the batch was made before" }

// writes are those of all operations, and before them one that looks whether they have
// been made.
func (r *batchRun) writes() []Write {
	begin := Write{Kind: r.operations[0].Entity.Kind, UID: nilUID, Frees: true, Decide: r.begin}
	writes := []Write{begin}
	for i, operation := range r.operations {
		writes = append(writes, r.write(i, operation))
	}
	return writes
}

// begin is the decision of no write. It forgets what an attempt before it has done.
func (r *batchRun) begin(seen Snapshot) (*Item, error) {
	r.outcomes, r.items, r.bytes, r.names, r.last = make([]Outcome, len(r.operations)), 0, 0, 0, nil
	if seen.Earlier == nil {
		return nil, nil
	}
	if err := r.target.Once.check(seen.Earlier); err != nil {
		return nil, err
	}
	return nil, &madeBefore{seen.Earlier}
}

// write is the write of an operation, or stands for those of the items that match.
func (r *batchRun) write(i int, operation Operation) Write {
	if operation.Where == nil {
		return r.writeTo(i, operation, operation.UID)
	}
	query := Query{Owner: r.target.Owner, Kind: operation.Entity.Kind, Filter: *operation.Where, Sort: operation.Where.Sort(), Limit: maxMatchCounted}
	frees := r.writeTo(i, operation, nilUID).Frees
	return Write{Kind: operation.Entity.Kind, Frees: frees, Where: &Selection{Query: query, Then: func(uids []string, more bool) ([]Write, error) {
		if err := checkMatches(len(uids), more, operation.AtMost); err != nil {
			return nil, atOperation(i, operation, "", err)
		}
		writes := make([]Write, len(uids))
		for n, uid := range uids {
			writes[n] = r.writeTo(i, operation, uid)
		}
		return writes, nil
	}}}
}

func checkMatches(count int, more bool, most int) error {
	if count <= most && !more {
		return nil
	}
	counted := fmt.Sprint(count)
	if more {
		counted = "more than " + counted
	}
	return fault.New(fault.TooManyMatches, "%s items match, and atMost is %d; narrow the filter, or raise atMost up to %d", counted, most, MaxBatchItems).
		With(fault.Facts{"matched": count, "more": more, "atMost": most})
}

// writeTo is the write of an operation to one item.
func (r *batchRun) writeTo(i int, operation Operation, uid string) Write {
	t := r.target
	t.Entity, t.UID = operation.Entity, uid
	w := operation.Writing(t)
	decide := w.Decide
	w.Decide = func(seen Snapshot) (*Item, error) {
		before := seen.Version()
		next, err := decide(seen)
		if err == nil {
			err = r.service.Quota.check(seen, next)
		}
		if err == nil {
			err = r.note(i, next, next.Version != before)
		}
		if err != nil {
			return nil, atOperation(i, operation, uid, err)
		}
		return next, nil
	}
	return w
}

// note adds an item to the outcome of its operation, as long as the batch is not too
// large.
func (r *batchRun) note(i int, next *Item, wrote bool) error {
	r.items++
	if wrote {
		r.bytes += len(next.Payload)
	}
	switch {
	case r.items > MaxBatchItems:
		return fault.New(fault.BatchTooLarge, "a batch changes %d items at most; do the rest in another batch", MaxBatchItems).
			With(fault.Facts{"maxItems": MaxBatchItems})
	case r.bytes > maxBatchBytes:
		return fault.New(fault.BatchTooLarge, "a batch writes %d bytes at most; do the rest in another batch", maxBatchBytes).
			With(fault.Facts{"maxBytes": maxBatchBytes})
	}
	outcome := &r.made()[i]
	outcome.Items = append(outcome.Items, Changed{UID: next.UID, Version: next.Version, Wrote: wrote})
	if wrote {
		r.last, r.lastOne = next, &outcome.Items[len(outcome.Items)-1]
		r.lastOne.Change = r.change(next.Change)
	}
	return nil
}

// change is a change with its fields as the line has them, as long as there is room for
// their names.
func (r *batchRun) change(made journal.Change) journal.Change {
	made.Fields = fieldsOfLine(made.Fields)
	for _, name := range made.Fields {
		r.names += len(name)
	}
	if r.names > maxBatchNames {
		made.Fields = nil
	} else if made.Fields == nil {
		made.Fields = []string{}
	}
	return made
}

// atOperation says which operation fails, where a client can do something about it.
func atOperation(i int, operation Operation, uid string, err error) error {
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Code != fault.QuotaExceeded && fault.Codes[refused.Code].Status >= 500 {
		return err
	}
	if operation.Creates {
		uid = "" // there is no such item
	}
	return refusedLater(err, refused, func(refused *fault.Error) *fault.Error {
		return AtOperation(refused, i+1, operation.Name, string(operation.Entity.Kind), uid)
	})
}

// AtOperation is the refusal of an operation, counted from 1. What is not known of it is
// empty.
func AtOperation(refused *fault.Error, number int, name, kind, uid string) *fault.Error {
	facts := fault.Facts{"index": number}
	for key, value := range map[string]string{"op": name, "kind": kind, "uid": uid} {
		if value != "" {
			facts[key] = value
		}
	}
	return refused.Within(fmt.Sprintf("operation %d: ", number), facts)
}
