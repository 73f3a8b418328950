package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

// Store has the journals.
type Store interface {
	Owners(ctx context.Context, after account.Owner, most int) ([]account.Owner, error)
	Journal(ctx context.Context, query item.LineQuery) (item.Lines, error)
}

// Selection is the lines that are wanted. Those of a user are the ones from the first line
// at Since on up to the last one before Until, without a gap.
type Selection struct {
	Owner        string // a subject, or a user's id; empty for all
	Since, Until *item.Millis
}

// How much is read at once.
const (
	ownersAtOnce = 100
	linesAtOnce  = 500
)

// ErrNobody is the error if the selection names an owner who has no journal.
var ErrNobody = errors.New("that user has no journal")

// Write writes the lines of a selection. It holds a few of them at a time, and keeps
// nobody from writing meanwhile: what is added after it has begun with a user is left out.
func Write(ctx context.Context, store Store, selected Selection, w io.Writer) error {
	out := &writer{store: store, selected: selected, to: bufio.NewWriterSize(w, 64<<10), tally: newTally()}
	found, err := out.owners(ctx)
	switch {
	case err != nil:
		return err
	case selected.Owner != "" && !found:
		return ErrNobody
	}
	out.add(exportEnd{endOfExport, out.tally.users, out.tally.lines, out.tally.sum(), selected.Owner, momentOf(selected.Since), momentOf(selected.Until)})
	return out.to.Flush()
}

// momentOf is a time as text; empty for none.
func momentOf(at *item.Millis) string {
	if at == nil {
		return ""
	}
	return at.String()
}

type writer struct {
	store    Store
	selected Selection
	to       *bufio.Writer
	tally    *tally
}

// add writes a record. A failure of the writer shows when it is flushed.
func (w *writer) add(record any) (text []byte) {
	text = encode(record)
	_, _ = w.to.Write(text)
	return text
}

// owners writes the journals of all owners who are selected, and reports whether there
// were any.
func (w *writer) owners(ctx context.Context) (found bool, err error) {
	var after account.Owner
	for {
		owners, err := w.store.Owners(ctx, after, ownersAtOnce)
		if err != nil || len(owners) == 0 {
			return found, err
		}
		for _, owner := range owners {
			if !w.selected.has(owner) {
				continue
			}
			found = true
			if err := w.journal(ctx, owner); err != nil {
				return found, err
			}
		}
		after = owners[len(owners)-1]
	}
}

func (s *Selection) has(owner account.Owner) bool {
	return s.Owner == "" || s.Owner == owner.User || account.UserID(owner.Tenant, s.Owner) == owner.User
}

// journal writes the lines of one owner, and their end.
func (w *writer) journal(ctx context.Context, owner account.Owner) error {
	from, to, err := w.span(ctx, owner)
	if err != nil {
		return err
	}
	end := journalEnd{End: endOfJournal, Tenant: owner.Tenant, User: owner.User}
	for from < to {
		page, err := w.store.Journal(ctx, item.LineQuery{Owner: owner, Whole: true, From: from, Below: to + 1, Limit: linesAtOnce})
		if err != nil {
			return err
		}
		if end.Lines > 0 && page.First > from+1 {
			return fmt.Errorf("tenant %q, user %s: old lines were dropped while they were read; export again", owner.Tenant, owner.User)
		}
		if len(page.Lines) == 0 {
			break
		}
		for _, line := range page.Lines {
			w.line(owner, line.Line, &end)
		}
		if from = end.Last; w.failed() {
			return w.to.Flush()
		}
	}
	if end.Lines > 0 {
		w.tally.end(w.add(end), end.Lines)
	}
	return nil
}

// failed reports whether nobody takes what is written any more.
func (w *writer) failed() bool {
	_, err := w.to.Write(nil)
	return err != nil
}

func (w *writer) line(owner account.Owner, line journal.Line, end *journalEnd) {
	w.add(recordOf(owner, line))
	if end.Lines == 0 {
		end.First = line.Seq
	}
	end.Lines++
	end.Last, end.Hash = line.Seq, line.Hash.String()
}

// span is the Seq behind which the wanted lines of an owner begin, and that of the last one.
func (w *writer) span(ctx context.Context, owner account.Owner) (from, to int64, err error) {
	begin, err := w.store.Journal(ctx, item.LineQuery{Owner: owner, Whole: true, Since: w.selected.Since, Limit: 1})
	if err != nil || w.selected.Until == nil {
		return begin.Start, begin.Head, err
	}
	end, err := w.store.Journal(ctx, item.LineQuery{Owner: owner, Whole: true, Until: w.selected.Until, Descending: true, Limit: 1})
	if err != nil || len(end.Lines) == 0 {
		return begin.Start, 0, err
	}
	return begin.Start, end.Lines[0].Seq, nil
}
