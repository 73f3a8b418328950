package item

import (
	"context"
	"slices"
	"strconv"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
)

// Bounds of what a refusal shows.
const (
	maxShownFields = 20
	maxShownRunes  = 200 // of a value
)

// minUndone is how many lines of one batch can be undone at least.
const minUndone = 1000

// UndoMark begins the tool of each line that an undo wrote. No request can name such a
// tool, since the header has no spaces.
const UndoMark = "undo "

// UndoRequest says which change to take back, of one write or a batch: that of a Seq, or
// the caller's last.
type UndoRequest struct {
	Seq   int64
	Batch bool
	Last  bool
}

// The members of the body of an undo.
const (
	keyChange = "change_id"
	keyBatch  = "batch_id"
	keyLast   = "last"
)

// ReadUndo reads the body of an undo.
func ReadUndo(body []byte) (UndoRequest, error) {
	sent, err := Decode(body)
	if err != nil {
		return UndoRequest{}, err
	}
	names := []string{keyChange, keyBatch, keyLast}
	if err := sent.RequireOnly(names...); err != nil {
		return UndoRequest{}, err
	}
	given := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !sent.Given(name) })
	if len(given) != 1 {
		return UndoRequest{}, invalidJSON("send one of " + allOf(names)).With(fault.Facts{"field": keyChange})
	}
	if given[0] == keyLast {
		return readLast(sent)
	}
	return readChangeID(sent, given[0])
}

func readLast(sent *Payload) (UndoRequest, error) {
	if raw, _ := sent.raw(keyLast); string(raw) != "true" {
		return UndoRequest{}, invalidJSON(keyLast + " must be true; leave it out to name a change").With(fault.Facts{"field": keyLast})
	}
	return UndoRequest{Last: true}, nil
}

func readChangeID(sent *Payload, key string) (UndoRequest, error) {
	text, _ := sent.Text(key)
	seq, batch, ok := journal.ParseID(text)
	if !ok || batch != (key == keyBatch) {
		example := map[string]string{keyChange: "c12", keyBatch: "b12"}[key]
		return UndoRequest{}, invalidJSON(key + " must be one that a write, the changes or a history named, such as " + example).
			With(fault.Facts{"field": key})
	}
	return UndoRequest{Seq: seq, Batch: batch}, nil
}

func (r UndoRequest) String() string {
	if r.Batch {
		return journal.BatchID(r.Seq)
	}
	return journal.ChangeID(r.Seq)
}

// query is the lines to undo. More of them than most are too many.
func (r UndoRequest) query(owner account.Owner, most int) LineQuery {
	query := LineQuery{Owner: owner, Whole: true, From: r.Seq - 1, Below: r.Seq + 1, Limit: 1}
	if r.Batch {
		query.Batch, query.Below, query.Limit = r.Seq, 0, most+1
	}
	return query
}

// Undone is what became of one change: the item that took it back, or nil when there
// was nothing left to take back.
type Undone struct {
	Line    journal.Line
	Item    *Item
	Version int64 // of the item as it is; 0 when there is none any more
}

// Fields are the payload keys that got their values back, as many as a line of the journal
// names; never nil.
func (u Undone) Fields() []string {
	return journal.Change{Fields: fieldsOfLine(u.Item.Change.Fields)}.Names()
}

// Undo takes back a write or a batch, the last change first, all or nothing. It sets the
// values back that the change wrote and refuses when one of them has changed since;
// other values are left as they are.
func (s *Service) Undo(ctx context.Context, t Target, r UndoRequest) ([]Undone, error) {
	most := max(minUndone, s.MaxPushItems)
	r, found, err := s.toUndo(ctx, t, r, most)
	if err != nil {
		return nil, err
	}
	if err := r.check(found, t, most); err != nil {
		return nil, err
	}
	slices.Reverse(found.Lines)
	t.Origin.Tool = UndoMark + r.String()
	undo := undoing{made: make([]Undone, len(found.Lines)), quota: s.Quota, most: s.MaxItemBytes, revives: map[Parent]bool{}}
	batch := s.batch(t)
	batch.Joint = true
	for i, line := range found.Lines {
		if line.Name == journal.Deleted {
			undo.revives[Parent{entity.Kind(line.Kind), line.UID}] = true
		}
		one := t
		one.Entity, one.UID = entity.Of(entity.Kind(line.Kind)), line.UID
		batch.Writes = append(batch.Writes, Write{Kind: entity.Kind(line.Kind), UID: line.UID, Decide: func(seen Snapshot) (*Item, error) {
			return undo.decide(i, one, line.Line, seen)
		}})
	}
	return undo.made, s.Store.Write(ctx, batch)
}

// toUndo finds the lines to undo, and names the write or batch that they are. The caller's
// last write, once undone, stays the last: an undo is none.
func (s *Service) toUndo(ctx context.Context, t Target, r UndoRequest, most int) (UndoRequest, Lines, error) {
	if !r.Last {
		found, err := s.Store.Journal(ctx, r.query(t.Owner, most))
		return r, found, err
	}
	found, err := s.Store.Journal(ctx, LineQuery{Owner: t.Owner, Writer: &t.Origin, Descending: true, Limit: 1})
	switch {
	case err != nil:
		return r, Lines{}, err
	case len(found.Lines) == 0:
		return r, Lines{}, nothingLast(t.Origin.Client)
	}
	last := found.Lines[0]
	if last.Batch == 0 {
		return UndoRequest{Seq: last.Seq}, found, nil
	}
	return s.toUndo(ctx, t, UndoRequest{Seq: last.Batch, Batch: true}, most)
}

func nothingLast(client string) error {
	with := "without a client's name"
	if client != "" {
		name, _ := ClientName(client)
		with = "with the client " + strconv.Quote(name)
	}
	const sentence = "there is nothing to take back: none of the newest %d changes of your journal is a write of yours %s; GET /v1/changes names all changes, and one is undone by its change_id"
	return fault.New(fault.ChangeNotFound, sentence, MaxLooked, with)
}

// check refuses lines that cannot be undone, whatever has been written since.
func (r UndoRequest) check(found Lines, t Target, most int) error {
	switch lines := found.Lines; {
	case len(lines) == 0:
		return fault.New(fault.ChangeNotFound, "your journal has no change %s; GET /v1/changes names those it has", r)
	case len(lines) > most:
		return fault.New(fault.BatchTooLarge, "%s has more than %d changes; undo them one by one", r, most).With(fault.Facts{"maxItems": most})
	case entity.Of(entity.Kind(lines[0].Kind)) == nil:
		return fault.New(fault.NotUndoable, "%s is about no item, so it cannot be undone", r)
	case lines[0].Epoch != t.Epoch:
		return changeNotKept(r.String())
	}
	return nil
}

func changeNotKept(id string) error {
	return fault.New(fault.ChangeNotKept, "%s cannot be undone: the contents before it are not kept any more", id)
}

// undoing is an undo under way.
type undoing struct {
	made    []Undone
	quota   Quota
	most    int64           // bytes up to which an item may grow
	bytes   int             // of the payloads made
	revives map[Parent]bool // items whose deletion is among what is undone
}

// decide takes back one line.
func (u *undoing) decide(i int, t Target, line journal.Line, seen Snapshot) (*Item, error) {
	if u.made[i] = (Undone{Line: line, Version: seen.Version()}); i == 0 {
		u.bytes = 0 // of an attempt that collided with another write
	}
	around, err := seen.Trail(TrailQuery{From: line.Seq, Limit: 2, Payloads: true})
	if err != nil {
		return nil, err
	}
	if len(around) == 0 || around[0].Seq != line.Seq {
		return nil, changeNotKept(journal.ChangeID(line.Seq))
	}
	step := undoStep{undoing: u, Target: t, line: line, seen: seen, around: around}
	next, err := step.next()
	if err != nil || next == nil {
		return nil, err
	}
	if err := u.quota.check(seen, next); err != nil {
		return nil, err
	}
	if u.bytes += len(next.Payload); u.bytes > maxBatchBytes {
		return nil, fault.New(fault.BatchTooLarge, "an undo writes %d bytes at most; undo the changes of this batch one by one", maxBatchBytes).
			With(fault.Facts{"maxBytes": maxBatchBytes})
	}
	u.made[i].Item, u.made[i].Version = next, next.Version
	return next, nil
}
