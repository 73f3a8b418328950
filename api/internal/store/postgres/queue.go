package postgres

import (
	"context"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/store/relational"
)

// queueSave queues the statement that stores the next item with its line of the
// journal. One in a hundred writes with a key also drops the answers that have expired,
// whichever process makes it, and another one those that the owner has too many of.
func (r *batchRun) queueSave(ctx context.Context, write item.Write, was *storedItem, next *item.Item) error {
	r.flushLast()
	var seen item.Snapshot
	var terms []string
	if was != nil {
		seen.Item, terms = &was.item, was.terms
	}
	line := r.recorder.Record(seen, write, next)
	is := &storedItem{*next, termsOf(next)}
	statement := newSaveStatement(r.batch.Ref(write), &r.saves, r.apart)
	statement.addLine(line, seen.Item != nil)
	r.waiting += len(next.Payload) + statement.updateWords(seen.Item, next)
	statement.updateTerms(seen.Item, next, terms, is.terms)
	if write.Once != nil {
		statement.keepAnswer(write.Once, next, r.now, rand.IntN(100))
	}
	r.used = r.used.Minus(item.UsageOf(seen.Item)).Plus(item.UsageOf(next)).Plus(item.UsageOfLine(seen.Item))
	r.note(write, statement, is)
	if r.waiting > maxWaiting {
		return r.send(ctx)
	}
	return nil
}

// note makes a save the last one, and its item what the writes after it see.
func (r *batchRun) note(write item.Write, statement *saveStatement, is *storedItem) {
	k := key{write.Kind, write.UID}
	r.last, r.writes = &lastSave{statement, is}, true
	r.made[k], r.live[k] = is, !is.item.Deleted()
	delete(r.read, k)
}

// lines is how many lines the batch has added to the journal.
func (r *batchRun) lines() int64 {
	if r.recorder == nil || r.batch.DryRun {
		return 0
	}
	return r.recorder.Head.Seq + 1 - r.recorder.First()
}

// termsOf is the terms of an item, never nil.
func termsOf(next *item.Item) []string { return append([]string{}, next.Facets.Terms...) }

// queueAnswer queues the statement that keeps the answer to a write which changes
// nothing, if it has a key.
func (r *batchRun) queueAnswer(write item.Write, is *item.Item) {
	if write.Once == nil {
		return
	}
	r.writes = true
	kept := relational.Kept(r.batch.Owner, write.Once, is, r.now)
	r.saves.Queue(numbered(sqlKeepAnswer, ownerArguments), kept...)
}

// queueJointAnswer queues the statement that keeps the answer to the whole batch, if it
// has a key. One in twenty also drops answers that are too many.
func (r *batchRun) queueJointAnswer() {
	once, owner := r.batch.Once, r.batch.Owner
	if once == nil {
		return
	}
	r.writes = true
	r.saves.Queue(numbered(sqlKeepAnswer, ownerArguments), relational.Kept(owner, once, nil, r.now)...)
	switch rand.IntN(20) {
	case 0:
		r.saves.Queue(numbered(sqlPurgeAnswers, ownerArguments), owner.Tenant, owner.User, once.Key, int64(r.now))
	case 1:
		r.saves.Queue(numbered(sqlDropSurplus, ownerArguments), owner.Tenant, owner.User, once.Key, item.MaxKept)
	case 2:
		r.saves.Queue(numbered(sqlDropLargeSurplus, ownerArguments), owner.Tenant, owner.User, once.Key, item.MaxWholeBytes, item.MaxWholeBytes, item.MaxKeptWhole)
	}
}

// flushLast queues the save that was held back.
func (r *batchRun) flushLast() {
	if r.last == nil {
		return
	}
	text, arguments := r.last.statement.upsert(&r.last.item.item)
	r.saves.Queue(text, arguments...)
	r.last = nil
}

// send sends what is queued. What writes have made is read again where it is needed.
func (r *batchRun) send(ctx context.Context) error {
	r.flushLast()
	if r.saves.Len() == 0 {
		return nil
	}
	err := runSave.Run(ctx, func() error { return classify(r.conn.SendBatch(ctx, &r.saves).Close()) })
	r.saves, r.waiting = pgx.Batch{}, 0
	clear(r.made)
	return err
}

// makeWay drops the oldest of what makes way while the owner has more than the quota
// allows, but nothing that this batch made. It stores what the batch made first.
func (r *batchRun) makeWay(ctx context.Context) error {
	for _, what := range item.Droppables {
		for round := 0; r.batch.Quota.NeedsRoom(r.used, what) && round < item.DropRounds; round++ {
			if err := r.send(ctx); err != nil {
				return err
			}
			dropped, err := r.drop(ctx, what)
			if err != nil {
				return err
			}
			if dropped == (item.Usage{}) {
				break
			}
			r.used = r.used.Minus(dropped)
		}
	}
	return nil
}

// drop drops some of what makes way, and returns what it took.
func (r *batchRun) drop(ctx context.Context, what item.Droppable) (item.Usage, error) {
	owner := r.batch.Owner
	switch what {
	case item.HistoryContents:
		gone, err := dropContents(ctx, r.conn, owner, item.DropAtOnce, journal.NoBound, r.recorder.First())
		return gone.Usage(), err
	case item.JournalLines:
		gone, err := dropLines(ctx, r.conn, owner, item.DropAtOnce, journal.NoBound, item.KeptLines)
		return gone.Usage(), err
	}
	var gone item.Usage
	before := item.Snapshot{Now: r.now, Newest: r.newest}.NextStoredAt()
	err := runDropTombstones.Run(ctx, func() error {
		row := r.conn.QueryRow(ctx, sqlDropTombstones, owner.Tenant, owner.User, int64(before), item.DropAtOnce)
		return classify(row.Scan(&gone.DeletedItems, &gone.DeletedBytes))
	})
	return gone, err
}

// saveUsage queues what has changed of the owner's usage, with the last save if there
// is one.
func (r *batchRun) saveUsage() {
	c := r.used.Minus(r.before)
	change := []any{c.Items, c.Bytes, c.DeletedItems, c.DeletedBytes, c.JournalLines, c.HistoryBytes}
	switch {
	case c == item.Usage{}:
		r.flushLast()
	case r.last == nil:
		r.saves.Queue(numbered(sqlAddUsage, ownerArguments), append([]any{r.batch.Tenant, r.batch.User}, change...)...)
	default:
		r.last.statement.addPart(sqlAddUsage, change...)
		r.flushLast()
	}
}
