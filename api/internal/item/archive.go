package item

import (
	"context"
	"fmt"
	"io"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/journal"
)

// Archive is the journals of all owners, as the operator's tasks need them.
type Archive interface {
	// Owners returns the next owners with a journal behind one, in the order of tenant
	// and user.
	Owners(ctx context.Context, after account.Owner, most int) ([]account.Owner, error)

	// Contents calls each with the next lines of an owner behind a Seq.
	Contents(ctx context.Context, owner account.Owner, after int64, most int, each EachContent) error

	// Newest returns the lines of all owners of a tenant that were stored last, the newest
	// first, at most so many. They have no content, and nothing of the chain. What it
	// reads does not grow with the journals.
	Newest(ctx context.Context, tenant string, most int) ([]journal.Line, error)

	// Sums counts an owner's lines and contents.
	Sums(ctx context.Context, owner account.Owner) (JournalSums, error)

	// DropOld drops the oldest contents and lines of an owner that need not be kept, at
	// most so many of each, in one short transaction. It drops no line in the middle of a
	// journal, and never the last one.
	DropOld(ctx context.Context, owner account.Owner, keep Retention, most int) (Dropped, error)
}

// EachContent receives a line and what it keeps; nil for nothing. Altered names a part
// that has a form in which it was never stored.
type EachContent func(line journal.Line, content []byte, altered string) error

// JournalSums is an owner's lines and contents, counted, and as the usage has them.
type JournalSums struct {
	Lines, First, Last, Bytes int64
	UsedLines, UsedBytes      int64
	Newest, NewestItem        Millis // when the newest line, and the newest item, was stored
}

// Retention is from when on contents and lines are kept.
type Retention struct {
	Contents, Lines Millis
}

// RetentionOf is what need not be kept longer than so many days.
func RetentionOf(now time.Time, contentDays, lineDays int64) Retention {
	before := func(days int64) Millis { return MillisOf(now) - Millis(days*24*time.Hour.Milliseconds()) }
	return Retention{Contents: before(contentDays), Lines: before(lineDays)}
}

// Dropped is how many contents and lines were dropped, and the bytes of the contents;
// contents that went with their lines are not among them.
type Dropped struct {
	Contents, Lines, Bytes int64
}

// Plus is both together.
func (d Dropped) Plus(more Dropped) Dropped {
	return Dropped{d.Contents + more.Contents, d.Lines + more.Lines, d.Bytes + more.Bytes}
}

// Usage is what was dropped, as it counts in a usage.
func (d Dropped) Usage() Usage { return Usage{JournalLines: d.Lines, HistoryBytes: d.Bytes} }

// How much is done at once, so that no write waits long.
const (
	ownersAtOnce = 100
	linesAtOnce  = 200
)

// DropOld drops what need not be kept of all owners, the oldest first, in many short
// transactions. Several processes may do so at once.
func DropOld(ctx context.Context, store Archive, keep Retention) (dropped Dropped, err error) {
	err = eachOwner(ctx, store, func(owner account.Owner) error {
		for {
			more, err := store.DropOld(ctx, owner, keep, linesAtOnce)
			dropped = dropped.Plus(more)
			if err != nil || more.Contents == 0 && more.Lines == 0 {
				return err
			}
		}
	})
	return dropped, err
}

func eachOwner(ctx context.Context, store Archive, do func(account.Owner) error) error {
	var after account.Owner
	for {
		owners, err := store.Owners(ctx, after, ownersAtOnce)
		if err != nil || len(owners) == 0 {
			return err
		}
		for _, owner := range owners {
			if err := do(owner); err != nil {
				return err
			}
		}
		after = owners[len(owners)-1]
	}
}

// Verified is what Verify has read.
type Verified struct {
	Owners, Lines, Contents int64
}

// WrongLine is the first line that is not as it was written.
type WrongLine struct {
	Owner account.Owner
	Seq   int64
	Why   string
}

// Error names the line.
func (w *WrongLine) Error() string {
	return fmt.Sprintf("tenant %q, user %s, line %d: %s", w.Owner.Tenant, w.Owner.User, w.Seq, w.Why)
}

// Verify reads the journals of all owners. The error is a WrongLine for the first line
// that is not as it was written, or that is missing between others or at the end.
func Verify(ctx context.Context, store Archive) (read Verified, err error) {
	err = eachOwner(ctx, store, func(owner account.Owner) error {
		read.Owners++
		return verifyOwner(ctx, store, owner, &read)
	})
	return read, err
}

func verifyOwner(ctx context.Context, store Archive, owner account.Owner, read *Verified) error {
	sums, err := store.Sums(ctx, owner)
	if err != nil {
		return err
	}
	chain := chain{owner: owner, head: journal.Head{}, read: read}
	for chain.head.Seq < sums.Last {
		before := chain.head.Seq
		if err := store.Contents(ctx, owner, before, linesAtOnce, chain.check); err != nil {
			return err
		}
		if chain.head.Seq == before {
			break // dropped in the meantime
		}
	}
	switch {
	case sums.NewestItem > sums.Newest:
		return chain.wrong(sums.Last+1, "it is missing: an item was stored after the last line")
	case sums.Lines != sums.UsedLines:
		return chain.wrong(sums.Last, fmt.Sprintf("%d lines are there, but %d were counted when they were written", sums.Lines, sums.UsedLines))
	case sums.Bytes != sums.UsedBytes:
		return chain.wrong(sums.Last, fmt.Sprintf("%d bytes of contents are there, but %d were counted when they were written", sums.Bytes, sums.UsedBytes))
	}
	return nil
}

// chain checks the lines of an owner, one after another.
type chain struct {
	owner account.Owner
	head  journal.Head // the line before; none before the first one that is kept
	read  *Verified
}

func (c *chain) wrong(seq int64, why string) error { return &WrongLine{c.owner, seq, why} }

func (c *chain) check(line journal.Line, content []byte, altered string) error {
	first := c.head.Seq == 0
	switch {
	case !first && line.Seq != c.head.Seq+1:
		return c.wrong(c.head.Seq+1, "it is missing")
	case altered != "":
		return c.wrong(line.Seq, "its "+altered+" are not as they were written")
	case !line.Sound():
		return c.wrong(line.Seq, "its hash is not that of what it says")
	case !first && string(line.Previous) != string(c.head.Hash):
		return c.wrong(line.Seq, "it does not follow the line before")
	case first && (line.Seq == 1) != (len(line.Previous) == 0):
		return c.wrong(line.Seq, "it is not the beginning of a journal")
	case content != nil && string(journal.DigestOf(content)) != string(line.Content):
		return c.wrong(line.Seq, "the content that it keeps is not the one that was replaced")
	}
	c.head = journal.Head{Seq: line.Seq, At: line.At, Hash: line.Hash}
	c.read.Lines++
	if content != nil {
		c.read.Contents++
	}
	return nil
}

// Describe says what was read, in one line.
func (v Verified) Describe(w io.Writer) {
	fmt.Fprintf(w, "owners=%d lines=%d contents=%d\n", v.Owners, v.Lines, v.Contents)
}
