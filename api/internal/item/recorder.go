package item

import (
	"toolbridge/api/internal/journal"
)

// Bounds of the payload keys that a line of the journal names, so that a line takes little
// more than it counts.
const (
	maxFields     = 100
	maxFieldBytes = 1000
)

// Recorder makes the lines that a batch adds to its owner's journal.
type Recorder struct {
	Head  journal.Head // the last line, those of the batch included
	batch Batch
	first int64 // Seq of the batch's first line
}

// Recorder continues the journal behind its head.
func (b Batch) Recorder(head journal.Head) *Recorder {
	return &Recorder{Head: head, batch: b, first: head.Seq + 1}
}

// First is the Seq of the batch's first line, whether it has one or not.
func (r *Recorder) First() int64 { return r.first }

// Record makes the line of an item that is stored in place of the one that was seen, and
// sets the item's Seq.
func (r *Recorder) Record(seen Snapshot, write Write, next *Item) journal.Line {
	line := journal.Line{
		At: int64(next.StoredAt), Epoch: r.batch.Epoch, Kind: string(write.Kind), UID: next.UID,
		Before: seen.Version(), Now: next.Version, Origin: r.batch.Origin,
		Change: journal.Change{Name: next.Change.Name, Fields: fieldsOfLine(next.Change.Fields)},
	}
	if seen.Item != nil {
		line.Revived, line.Content = seen.Item.Deleted(), journal.DigestOf(seen.Item.Payload)
	}
	if r.batch.Joint {
		line.Batch = r.first
	}
	line = r.Head.Append(line)
	next.Seq = line.Seq
	return line
}

// fieldsOfLine is as many of the names as a line takes.
func fieldsOfLine(names []string) (fields []string) {
	bytes := 0
	for _, name := range names[:min(maxFields, len(names))] {
		name = shortened(name)
		if bytes += len(name); bytes > maxFieldBytes {
			break
		}
		fields = append(fields, name)
	}
	return fields
}
