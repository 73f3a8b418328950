package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/store/relational"
)

// current is what sqlCurrent returns beside the items, the same in every row.
type current struct {
	newest  int64
	head    journal.Head
	used    item.Usage
	request *string // of the earlier write; nil for none
	earlier item.Record
}

func (c *current) columns() []any {
	u, e := &c.used, &c.earlier
	return []any{
		&c.newest, &c.head.Seq, &c.head.At, (*[]byte)(&c.head.Hash), &c.request, &e.Status, &e.UID, &e.Version, &e.Body,
		&u.Items, &u.Bytes, &u.DeletedItems, &u.DeletedBytes, &u.JournalLines, &u.HistoryBytes,
	}
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
	text, again := sqlTurnAndCurrentOfMany, sqlCurrentOfMany
	if r.single() {
		text, again = sqlTurnAndCurrent, sqlCurrent
	}
	first.Queue(text, r.currentArguments(ahead)...).Query(func(rows pgx.Rows) error {
		return r.scanCurrent(rows, &epoch, &fresh)
	})
	err := runBeginAndRead.Run(ctx, func() error { return classify(r.conn.SendBatch(ctx, first).Close()) })
	switch {
	case err != nil:
		return err
	case epoch != r.batch.Epoch:
		return fault.WrongEpoch(epoch)
	case fresh:
		return nil
	}
	r.now = item.MillisOf(r.batch.Now())
	return runCurrent.Run(ctx, func() error {
		rows, err := r.conn.Query(ctx, again, r.currentArguments(ahead)...)
		if err != nil {
			return classify(err)
		}
		return classify(r.scanCurrent(rows))
	})
}

// single reports whether the batch is one write of one item.
func (r *batchRun) single() bool {
	return len(r.batch.Writes) == 1 && r.batch.Writes[0].Where == nil
}

// currentArguments are the arguments of sqlCurrent and sqlTurnAndCurrent, or of those
// of many.
func (r *batchRun) currentArguments(ahead []item.Write) []any {
	var kind, uid any
	kind, uid = r.unmade(ahead)
	b, once := r.batch, any(nil)
	if r.single() {
		r.expected = b.Writes[0].Parent
		kind, uid = string(b.Writes[0].Kind), b.Writes[0].UID
	}
	if with := b.OnceOf(b.Writes[0]); with != nil {
		once = with.Key
	}
	return []any{b.Tenant, b.User, kind, uid, int64(r.now + item.MaxAhead), string(r.expected.Kind), r.expected.UID, once, int64(r.now)}
}

// unmade is the items of some writes, each once, without those that wait to be stored.
func (r *batchRun) unmade(ahead []item.Write) (kinds, uids []string) {
	kinds, uids = make([]string, 0, len(ahead)), make([]string, 0, len(ahead))
	named := make(map[key]bool, len(ahead))
	for _, write := range ahead {
		k := key{write.Kind, write.UID}
		if r.made[k] == nil && !named[k] {
			kinds, uids = append(kinds, string(k.kind)), append(uids, k.uid)
			named[k] = true
		}
	}
	return kinds, uids
}

// scanCurrent takes the rows of sqlCurrent in place of those read before, and any
// columns that follow into more.
func (r *batchRun) scanCurrent(rows pgx.Rows, more ...any) error {
	defer rows.Close()
	clear(r.read)
	clear(r.live)
	r.earlier = nil
	for rows.Next() {
		var c current
		if err := r.scanItem(rows, append(c.columns(), more...)...); err != nil {
			return err
		}
		if c.request != nil {
			c.earlier.Request = *c.request
			r.earlier = &c.earlier
		}
		r.newest, r.before, r.recorder = item.Millis(c.newest), c.used, r.batch.Recorder(c.head)
	}
	return rows.Err()
}

// readItems reads the items of some writes, except those that wait to be stored.
func (r *batchRun) readItems(ctx context.Context, ahead []item.Write) error {
	kinds, uids := r.unmade(ahead)
	if len(uids) == 0 {
		return nil
	}
	return runItems.Run(ctx, func() error {
		rows, err := r.conn.Query(ctx, sqlItems, r.batch.Tenant, r.batch.User, kinds, uids)
		if err != nil {
			return classify(err)
		}
		defer rows.Close()
		for rows.Next() {
			if err := r.scanItem(rows); err != nil {
				return classify(err)
			}
		}
		return classify(rows.Err())
	})
}

// scanItem takes one item, and any columns that follow into more. The row may stand for
// an item that is not there.
func (r *batchRun) scanItem(rows pgx.Rows, more ...any) error {
	var kind, uid string
	var terms []string
	var live bool
	found, err := relational.ScanItem(rows, append([]any{&kind, &uid, &terms, &live}, more...)...)
	if err != nil {
		return err
	}
	k := key{entity.Kind(kind), uid}
	switch {
	case found.UID != "":
		r.read[k] = &storedItem{found, terms}
	case uid != "":
		r.read[k] = nil
	}
	parent := r.expected.Or(found.Parent)
	if k := (key{parent.Kind, parent.UID}); r.made[k] == nil {
		r.live[k] = live
	}
	return nil
}
