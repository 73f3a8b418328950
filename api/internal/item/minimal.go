package item

import (
	"encoding/json"

	"toolbridge/api/internal/journal"
)

// unchanged is the name of the change of a write that wrote nothing.
const unchanged journal.Name = "none"

// Written is what the write that made the item did, as its line of the journal says it.
func (i *Item) Written() journal.Change {
	if i.Seq == 0 {
		return journal.Change{Name: unchanged}
	}
	return journal.Change{Name: i.Change.Name, Fields: fieldsOfLine(i.Change.Fields)}
}

// AppendMinimal appends what a write did, without the item. The line of a trial has no id.
func (i *Item) AppendMinimal(b []byte, trial bool) []byte {
	return append(i.appendWritten(b, trial), '}')
}

// appendWritten is AppendMinimal without the end, for more members.
func (i *Item) appendWritten(b []byte, trial bool) []byte {
	change := i.Written()
	fields, _ := json.Marshal(change.Names()) // strings can always be encoded
	b = i.appendPlace(b)
	b = append(append(b, `,"change":"`...), change.Name...)
	b = append(append(b, `","fields":`...), fields...)
	if i.Seq > 0 && !trial {
		b = append(append(append(b, `,"change_id":"`...), journal.ChangeID(i.Seq)...), '"')
	}
	return b
}
