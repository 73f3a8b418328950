package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// Bounds of the memory that a batch of many large items takes: how many items are read
// at once, and how many bytes of items wait until they are sent.
const (
	readAhead  = 50
	maxWaiting = 4 << 20
)

// batchRun makes the writes of a batch in one transaction. It reads the items of
// many writes at once and stores many together; in between, each write sees what
// those before it made.
type batchRun struct {
	conn     *pgx.Conn
	batch    item.Batch
	now      item.Millis
	newest   item.Millis
	recorder *item.Recorder
	read     map[key]*storedItem // what the transaction has stored, nil for no item
	made     map[key]*storedItem // what writes have decided on, and is not sent yet
	before   item.Usage          // what the owner uses, without this batch
	used     item.Usage          // and with what was decided so far
	saves    pgx.Batch
	waiting  int          // bytes of the items in saves
	last     *lastSave    // not in saves yet, as the last one also stores the usage
	writes   bool         // whether there is anything to commit
	apart    bool         // see saveStatement
	scarce   bool         // whether the disk is full
	live     map[key]bool // what is known of items that decisions may look up

	expected item.Parent  // of a batch of one write: the parent that its decision will likely look up
	earlier  *item.Record // with the idempotency key of the batch or of its only write
}

// key names an item of the batch's owner.
type key struct {
	kind entity.Kind
	uid  string
}

// storedItem is an item with its terms, which a snapshot does not show.
type storedItem struct {
	item  item.Item
	terms []string
}

// lastSave is a statement that is not complete yet.
type lastSave struct {
	statement *saveStatement
	item      *storedItem
}

func newBatchRun(conn *pgx.Conn, batch item.Batch) *batchRun {
	return &batchRun{
		conn: conn, batch: batch, apart: isCockroach(conn),
		read: make(map[key]*storedItem), made: make(map[key]*storedItem), live: make(map[key]bool),
	}
}

func (r *batchRun) run(ctx context.Context) error {
	if len(r.batch.Writes) == 0 {
		return nil
	}
	if err := r.beginAndRead(ctx, ahead(r.batch.Writes)); err != nil {
		return err
	}
	r.used = r.before
	if err := r.makeWrites(ctx, r.batch.Writes, true); err != nil {
		return err
	}
	r.queueJointAnswer()
	if !r.writes {
		return nil // nothing to commit
	}
	if err := r.makeWay(ctx); err != nil {
		return err
	}
	r.saveUsage()
	if r.batch.DryRun {
		return rollback(ctx, r.conn, &r.saves)
	}
	return commit(ctx, r.conn, &r.saves)
}

// makeWrites makes writes in order. The items of those ahead may have been read.
func (r *batchRun) makeWrites(ctx context.Context, writes []item.Write, haveRead bool) error {
	for len(writes) > 0 {
		next := ahead(writes)
		if !haveRead {
			clear(r.read)
			if err := r.readItems(ctx, next); err != nil {
				return err
			}
		}
		haveRead = false
		for _, write := range next {
			if err := r.makeWrite(ctx, write); err != nil {
				return err
			}
		}
		if writes = writes[len(next):]; len(next) == 0 {
			if err := r.makeSelected(ctx, *writes[0].Where); err != nil {
				return err
			}
			writes = writes[1:]
		}
	}
	return nil
}

// ahead is the first writes that are read for at once: none where a selection is next.
func ahead(writes []item.Write) []item.Write {
	for n, write := range writes {
		if write.Where != nil || n == readAhead {
			return writes[:n]
		}
	}
	return writes
}

// makeSelected makes the writes of the items that match, as the transaction has them.
func (r *batchRun) makeSelected(ctx context.Context, selection item.Selection) error {
	if err := r.send(ctx); err != nil {
		return err
	}
	selection.Query.Owner = r.batch.Owner
	uids, more, err := r.match(ctx, selection.Query)
	if err != nil {
		return err
	}
	writes, err := selection.Then(uids, more)
	if err != nil {
		return err
	}
	return r.makeWrites(ctx, writes, false)
}

// match lists the items that match a query, and reports whether there are more.
func (r *batchRun) match(ctx context.Context, query item.Query) (uids []string, more bool, err error) {
	text, arguments := matchStatement(query)
	err = runChoose.Run(ctx, func() error {
		rows, err := r.conn.Query(ctx, text, arguments...)
		if err == nil {
			uids, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return classify(err)
	})
	more = len(uids) > query.Limit
	return uids[:min(len(uids), query.Limit)], more, err
}

// makeWrite queues what stores the item that a write decides on, if any.
func (r *batchRun) makeWrite(ctx context.Context, write item.Write) error {
	was, err := r.latest(ctx, write)
	if err != nil {
		return err
	}
	seen := item.Snapshot{
		Now: r.now, Newest: r.newest, Head: r.recorder.Head, Used: r.used, Scarce: r.scarce,
		Live: r.liveItems(ctx), Past: r.pastOf(ctx, write, was), Trail: r.trailOf(ctx, write), Earlier: r.earlier,
	}
	if was != nil {
		shown := was.item // a copy, which the decision may change
		seen.Item = &shown
	}
	before := seen.Version()
	next, err := write.Decide(seen)
	switch {
	case err != nil || next == nil:
		return err
	case next == seen.Item && next.Version == before:
		r.queueAnswer(write, next)
		return nil
	}
	return r.queueSave(ctx, write, was, next)
}

// latest is the item of a write as the writes before it left it, nil for none.
func (r *batchRun) latest(ctx context.Context, write item.Write) (*storedItem, error) {
	k := key{write.Kind, write.UID}
	if made := r.made[k]; made != nil {
		return made, nil
	}
	if _, known := r.read[k]; !known { // this batch made it, and has sent it
		if err := r.readItems(ctx, []item.Write{write}); err != nil {
			return nil, err
		}
	}
	return r.read[k], nil
}

// liveItems looks up live items of the owner: among those already known, then in the
// database, which has all that is not known.
func (r *batchRun) liveItems(ctx context.Context) item.Live {
	return func(kind entity.Kind, uid string) (found bool, err error) {
		k := key{kind, uid}
		if found, known := r.live[k]; known {
			return found, nil
		}
		ref := item.Ref{Owner: r.batch.Owner, Kind: kind, UID: uid}
		err = runLive.Run(ctx, func() error {
			return classify(r.conn.QueryRow(ctx, sqlLive, relational.Key(ref)...).Scan(&found))
		})
		r.live[k] = found
		return found, err
	}
}

// pastOf looks up the versions of the item of a write. Lines that wait are sent first.
func (r *batchRun) pastOf(ctx context.Context, write item.Write, was *storedItem) item.Past {
	return func(version int64) (*item.Version, error) {
		if was != nil && was.item.Version == version {
			return &item.Version{Payload: was.item.Payload, Deleted: was.item.Deleted()}, nil
		}
		if err := r.send(ctx); err != nil {
			return nil, err
		}
		var found item.Version
		arguments := append(relational.Key(r.batch.Ref(write)), version, r.batch.Epoch)
		err := runPast.Run(ctx, func() error {
			return classify(r.conn.QueryRow(ctx, sqlPast, arguments...).Scan(&found.Payload, &found.Deleted))
		})
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return nil, nil
		case err != nil:
			return nil, err
		case found.Payload == nil:
			return nil, nil // it was dropped
		}
		return &found, nil
	}
}
