package postgres

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// readAhead is how many items of a batch are read at once. It bounds the memory
// that a batch of many large items takes.
const readAhead = 50

// batchRun makes the writes of a batch in one transaction. It reads the items of
// many writes at once and stores all items together at the end; in between, each
// write sees what those before it made.
type batchRun struct {
	conn   *pgx.Conn
	batch  item.Batch
	now    item.Millis
	newest item.Millis
	read   map[string]*taggedItem // by uid: what the database has, for the writes ahead
	made   map[string]*taggedItem // by uid: what writes have decided on
	before item.Usage             // what the owner uses, without this batch
	used   item.Usage             // and with what was decided so far
	saves  pgx.Batch
	last   *save // not in saves yet, as the last one also stores the usage
	apart  bool  // see saveStatement
	scarce bool  // whether the disk is full

	live map[item.Parent]bool // what is known of items that decisions may look up

	// Of a batch of one write only.
	expected item.Parent  // the parent that its decision will likely look up
	earlier  *item.Record // of a write with its idempotency key
}

// save is a statement that is not complete yet.
type save struct {
	statement *saveStatement
	ref       item.Ref
	item      *item.Item
}

// taggedItem is an item with its tags, which a snapshot does not show.
type taggedItem struct {
	item item.Item
	tags []string
}

func newBatchRun(conn *pgx.Conn, batch item.Batch) *batchRun {
	return &batchRun{
		conn: conn, batch: batch, apart: isCockroach(conn),
		read: make(map[string]*taggedItem), made: make(map[string]*taggedItem), live: make(map[item.Parent]bool),
	}
}

func (r *batchRun) run(ctx context.Context) error {
	chunks := slices.Collect(slices.Chunk(r.batch.Writes, readAhead))
	if len(chunks) == 0 {
		return nil
	}
	if err := r.beginAndRead(ctx, chunks[0]); err != nil {
		return err
	}
	r.used = r.before
	for i, ahead := range chunks {
		if i > 0 {
			if err := r.readItems(ctx, ahead); err != nil {
				return err
			}
		}
		for _, write := range ahead {
			if err := r.makeWrite(ctx, write); err != nil {
				return err
			}
		}
	}
	if r.last == nil && r.saves.Len() == 0 {
		return nil // nothing to commit
	}
	if err := r.dropTombstones(ctx); err != nil {
		return err
	}
	r.saveUsage()
	return commit(ctx, r.conn, &r.saves)
}

// dropTombstones drops the oldest tombstones while the owner has more than the quota allows,
// but none that this batch made. It stores what the batch made first.
func (r *batchRun) dropTombstones(ctx context.Context) error {
	before := item.Snapshot{Now: r.now, Newest: r.newest}.NextStoredAt()
	for r.batch.Quota.NeedsRoom(r.used) {
		var dropped item.Usage
		r.flushLast()
		r.saves.Queue(sqlDropTombstones, r.batch.Tenant, r.batch.User, int64(before), item.DropAtOnce).QueryRow(func(row pgx.Row) error {
			return row.Scan(&dropped.DeletedItems, &dropped.DeletedBytes)
		})
		err := r.conn.SendBatch(ctx, &r.saves).Close()
		r.saves = pgx.Batch{}
		if err != nil || dropped.DeletedItems == 0 {
			return classify(err)
		}
		r.used = r.used.Minus(dropped)
	}
	return nil
}

// saveUsage queues what has changed of the owner's usage, with the last save if there
// is one.
func (r *batchRun) saveUsage() {
	change := r.used.Minus(r.before)
	arguments := []any{r.batch.Tenant, r.batch.User, change.Items, change.Bytes, change.DeletedItems, change.DeletedBytes}
	switch {
	case change == item.Usage{}:
		r.flushLast()
	case r.last == nil:
		r.saves.Queue(numbered(sqlAddUsage, 0), arguments...)
	default:
		r.last.statement.addPart(sqlAddUsage, arguments...)
		r.flushLast()
	}
}

// flushLast queues the save that was held back.
func (r *batchRun) flushLast() {
	if r.last == nil {
		return
	}
	text, arguments := r.last.statement.upsert(r.last.ref, r.last.item)
	r.saves.Queue(text, arguments...)
	r.last = nil
}

// beginAndRead begins the transaction, takes the owner's turn and reads the items
// of the first writes, all in one round trip. When another process wrote in
// between, it reads the clock and the items again.
func (r *batchRun) beginAndRead(ctx context.Context, ahead []item.Write) error {
	r.now = item.MillisOf(r.batch.Now())
	var epoch int64
	var fresh bool
	first := &pgx.Batch{}
	first.Queue(sqlBegin)
	first.Queue(sqlTurnAndCurrent, r.currentArguments(ahead)...).Query(func(rows pgx.Rows) error {
		return r.scanCurrent(rows, &epoch, &fresh)
	})
	err := r.conn.SendBatch(ctx, first).Close()
	switch {
	case err != nil:
		return classify(err)
	case epoch != r.batch.Epoch:
		return fault.WrongEpoch(epoch)
	case fresh:
		return nil
	}
	r.now = item.MillisOf(r.batch.Now())
	return r.readItems(ctx, ahead)
}

// readItems reads the items of some writes, except those that earlier writes made.
func (r *batchRun) readItems(ctx context.Context, ahead []item.Write) error {
	rows, err := r.conn.Query(ctx, sqlCurrent, r.currentArguments(ahead)...)
	if err != nil {
		return classify(err)
	}
	return classify(r.scanCurrent(rows))
}

// currentArguments are the arguments of sqlCurrent and sqlTurnAndCurrent.
func (r *batchRun) currentArguments(ahead []item.Write) []any {
	uids := make([]string, 0, len(ahead))
	for _, write := range ahead {
		if r.made[write.UID] == nil {
			uids = append(uids, write.UID)
		}
	}
	b, key := r.batch, any(nil)
	if len(b.Writes) == 1 {
		r.expected = b.Writes[0].Parent
	}
	if len(b.Writes) == 1 && b.Writes[0].Once != nil {
		key = b.Writes[0].Once.Key
	}
	return []any{b.Tenant, b.User, string(b.Kind), uids, int64(r.now + item.MaxAhead),
		string(r.expected.Kind), r.expected.UID, key, int64(r.now)}
}

// scanCurrent takes the rows of sqlCurrent in place of those read before, and any
// columns that follow into more.
func (r *batchRun) scanCurrent(rows pgx.Rows, more ...any) error {
	defer rows.Close()
	clear(r.read)
	clear(r.live)
	r.earlier = nil
	for rows.Next() {
		var newest int64
		var live bool
		var tags []string
		var request *string
		var earlier item.Record
		var used item.Usage
		found, err := relational.ScanItem(rows, append([]any{&newest, &tags, &live, &request, &earlier.Status, &earlier.UID, &earlier.Version, &earlier.Body,
			&used.Items, &used.Bytes, &used.DeletedItems, &used.DeletedBytes}, more...)...)
		if err != nil {
			return err
		}
		if request != nil {
			earlier.Request = *request
			r.earlier = &earlier
		}
		r.live[r.expected.Or(found.Parent)] = live
		if found.UID != "" {
			r.read[found.UID] = &taggedItem{found, tags}
		}
		// The same in every row and every chunk, as nothing is stored before the end.
		r.newest, r.before = item.Millis(newest), used
	}
	return rows.Err()
}

// makeWrite notes the item that a write decides on, if any, to be stored.
func (r *batchRun) makeWrite(ctx context.Context, write item.Write) error {
	was := r.latest(write.UID)
	seen := item.Snapshot{Now: r.now, Newest: r.newest, Used: r.used, Scarce: r.scarce, Live: r.liveItems(ctx), Earlier: r.earlier}
	if was != nil {
		shown := was.item // a copy, which the decision may change
		seen.Item = &shown
	}
	before, without := seen.Version(), r.used.Minus(item.UsageOf(seen.Item))
	next, err := write.Decide(seen)
	switch {
	case err != nil || next == nil:
		return err
	case next == seen.Item && next.Version == before:
		r.queueAnswer(write, next)
		return nil
	}
	r.used = without.Plus(item.UsageOf(next))
	r.queueSave(write, was, &taggedItem{*next, tagsOf(next)})
	return nil
}

func (r *batchRun) latest(uid string) *taggedItem {
	if made := r.made[uid]; made != nil {
		return made
	}
	return r.read[uid]
}

// queueSave queues the statement that stores an item. One in a hundred writes with
// a key also drops the answers that have expired, whichever process makes it, and
// another one those that the owner has too many of.
func (r *batchRun) queueSave(write item.Write, was, is *taggedItem) {
	r.flushLast()
	ref, statement := r.batch.Ref(write), &saveStatement{before: &r.saves, apart: r.apart}
	if was == nil {
		was = &taggedItem{}
	}
	statement.updateTags(ref, was, is)
	if write.Once != nil {
		statement.keepAnswer(ref.Owner, write.Once, &is.item, r.now, rand.IntN(100))
	}
	r.last = &save{statement, ref, &is.item}
	r.made[ref.UID] = is
}

// queueAnswer queues the statement that keeps the answer to a write which changes
// nothing, if it has a key.
func (r *batchRun) queueAnswer(write item.Write, is *item.Item) {
	if write.Once == nil {
		return
	}
	r.saves.Queue(numbered(sqlKeepAnswer, 0), relational.Kept(r.batch.Owner, write.Once, is, r.now)...)
}

// tagsOf is the tags of an item, never nil.
func tagsOf(next *item.Item) []string { return append([]string{}, next.Facets.Tags...) }

// liveItems looks up live items of the owner: among those that this batch made,
// among those already known, then in the database.
func (r *batchRun) liveItems(ctx context.Context) item.Live {
	return func(kind entity.Kind, uid string) (found bool, err error) {
		if made := r.made[uid]; made != nil && kind == r.batch.Kind {
			return !made.item.Deleted(), nil
		}
		parent := item.Parent{Kind: kind, UID: uid}
		if found, known := r.live[parent]; known {
			return found, nil
		}
		ref := item.Ref{Owner: r.batch.Owner, Kind: kind, UID: uid}
		err = r.conn.QueryRow(ctx, sqlLive, relational.Key(ref)...).Scan(&found)
		r.live[parent] = found
		return found, classify(err)
	}
}
