package journal_test

import (
	"encoding/hex"
	"testing"

	"toolbridge/api/internal/journal"
)

// two is a journal of two lines.
func two() (first, second journal.Line, head journal.Head) {
	first = head.Append(journal.Line{
		At: 1763600000123, Epoch: 1, Kind: "note", UID: "u1", Now: 1,
		Change: journal.Change{Name: journal.Created, Fields: []string{"title"}}, Origin: journal.Origin{By: "ann"},
	})
	second = head.Append(journal.Line{
		At: 1763600000124, Epoch: 1, Kind: "note", UID: "u1", Before: 1, Now: 2, Batch: 2, Content: journal.DigestOf([]byte(`{"title":"Milk"}`)),
		Change: journal.Change{Name: journal.Updated, Fields: []string{"title"}}, Origin: journal.Origin{By: "ann", Client: "c/1", Tool: "t", Correlation: "x"},
	})
	return first, second, head
}

// Stored lines are checked by this hash for a year, so it may not change.
func TestTheHashOfALineStaysTheSame(t *testing.T) {
	first, second, head := two()
	for line, want := range map[*journal.Line]string{&first: "417bac702adbe971146bd29ea2feafc2ab27001af5cef127f6cb090a0ac90a51", &second: "22f1eda3a565bb52b2aad3e3370e3083bdfe36066e173a405c6e74f1daaa0a70"} {
		if got := hex.EncodeToString(line.Hash); got != want {
			t.Errorf("line %d: %s", line.Seq, got)
		}
	}
	if string(second.Previous) != string(first.Hash) || string(head.Hash) != string(second.Hash) || head.Seq != 2 || head.At != second.At {
		t.Errorf("the chain is %+v, %+v, %+v", first, second, head)
	}
}

func TestALineIsSoundOnlyAsItWasWritten(t *testing.T) {
	for name, change := range map[string]func(*journal.Line){
		"nothing":  nil,
		"author":   func(l *journal.Line) { l.By = "bob" },
		"fields":   func(l *journal.Line) { l.Fields = []string{"titles"} },
		"time":     func(l *journal.Line) { l.At++ },
		"content":  func(l *journal.Line) { l.Content = nil },
		"previous": func(l *journal.Line) { l.Previous = journal.DigestOf(nil) },
	} {
		_, line, _ := two()
		if change != nil {
			change(&line)
		}
		if line.Sound() != (change == nil) {
			t.Errorf("%s changed: sound is %v", name, line.Sound())
		}
	}
}

func TestOnlyIDsThatWereGivenOutAreRead(t *testing.T) {
	for text, want := range map[string]struct {
		seq       int64
		batch, ok bool
	}{
		journal.ChangeID(41): {41, false, true},
		journal.BatchID(7):   {7, true, true},
	} {
		if seq, batch, ok := journal.ParseID(text); seq != want.seq || batch != want.batch || ok != want.ok {
			t.Errorf("%s: %d, %v, %v", text, seq, batch, ok)
		}
	}
	for _, text := range []string{"", "c", "c0", "c-1", "c01", "c1 ", "C1", "d1", "c99999999999999999999", "41"} {
		if _, _, ok := journal.ParseID(text); ok {
			t.Errorf("%q was read", text)
		}
	}
}
