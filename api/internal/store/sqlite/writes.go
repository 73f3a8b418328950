package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// Write implements item.Store.
func (s *Store) Write(ctx context.Context, batch item.Batch) error {
	if batch.Frees() {
		return s.makeRoom(ctx, nil, s.making(ctx, batch))
	}
	return s.transact(ctx, s.making(ctx, batch))
}

// making makes the writes of a batch, until the caller leaves.
func (s *Store) making(caller context.Context, batch item.Batch) func(ctx context.Context, tx *sql.Tx) error {
	return func(ctx context.Context, tx *sql.Tx) error {
		short := s.space.short(ctx, tx)
		first, used := item.Snapshot{Now: item.MillisOf(batch.Now())}, item.Usage{}
		for i, write := range batch.Writes {
			if err := caller.Err(); err != nil {
				return classify(err)
			}
			seen, err := s.readSnapshot(ctx, tx, batch, write, first.Now)
			if err != nil {
				return err
			}
			if i == 0 {
				first.Newest = seen.Newest
			}
			seen.Newest, seen.Scarce = first.Newest, short
			if used, err = s.makeWrite(ctx, tx, batch.Ref(write), seen, write); err != nil {
				return err
			}
		}
		return s.dropTombstones(ctx, tx, batch, used, first.NextStoredAt())
	}
}

// dropTombstones drops the oldest tombstones while the owner has more than the quota allows,
// but none that this transaction made.
func (s *Store) dropTombstones(ctx context.Context, tx *sql.Tx, batch item.Batch, used item.Usage, before item.Millis) error {
	for batch.Quota.NeedsRoom(used) {
		dropped, err := tx.StmtContext(ctx, s.write.dropTombstones).ExecContext(ctx, batch.Tenant, batch.User, int64(before), item.DropAtOnce)
		if err != nil {
			return classify(err)
		}
		if n, err := dropped.RowsAffected(); err != nil || n == 0 {
			return classify(err)
		}
		err = tx.StmtContext(ctx, s.write.usage).QueryRowContext(ctx, batch.Tenant, batch.User).
			Scan(&used.Items, &used.Bytes, &used.DeletedItems, &used.DeletedBytes)
		if err != nil {
			return classify(err)
		}
	}
	return nil
}

// readSnapshot reads what a write is decided from, in one statement. It refuses a
// batch that a wipe has overtaken.
func (s *Store) readSnapshot(ctx context.Context, tx *sql.Tx, batch item.Batch, write item.Write, now item.Millis) (seen item.Snapshot, err error) {
	var (
		epoch, newest int64
		live          bool
		request       sql.NullString
		earlier       item.Record
	)
	arguments := append(relational.Key(batch.Ref(write)), int64(now+item.MaxAhead),
		string(write.Parent.Kind), write.Parent.UID, onceKey(write.Once), int64(now))
	row := tx.StmtContext(ctx, s.write.current).QueryRowContext(ctx, arguments...)
	found, err := relational.ScanItem(row, &epoch, &newest, &live, &request, &earlier.Status, &earlier.UID, &earlier.Version, &earlier.Body,
		&seen.Used.Items, &seen.Used.Bytes, &seen.Used.DeletedItems, &seen.Used.DeletedBytes)
	switch {
	case err != nil:
		return item.Snapshot{}, classify(err)
	case epoch != batch.Epoch:
		return item.Snapshot{}, fault.WrongEpoch(epoch)
	case found.UID != "":
		seen.Item = &found
	}
	if request.Valid {
		earlier.Request = request.String
		seen.Earlier = &earlier
	}
	expected := write.Parent
	if seen.Item != nil {
		expected = expected.Or(seen.Item.Parent)
	}
	seen.Now, seen.Newest = now, item.Millis(newest)
	seen.Live = s.liveItems(ctx, tx, batch.Owner, expected, live)
	return seen, nil
}

// liveItems looks up live items of the owner. The expected parent is known
// already: the snapshot's statement has read it.
func (s *Store) liveItems(ctx context.Context, tx *sql.Tx, owner account.Owner, expected item.Parent, expectedLives bool) item.Live {
	return func(kind entity.Kind, uid string) (found bool, err error) {
		if (item.Parent{Kind: kind, UID: uid}) == expected {
			return expectedLives, nil
		}
		other := item.Ref{Owner: owner, Kind: kind, UID: uid}
		err = tx.StmtContext(ctx, s.write.live).QueryRowContext(ctx, relational.Key(other)...).Scan(&found)
		return found, classify(err)
	}
}

// makeWrite stores the item that the write decides on, if any, and its answer. It
// returns what the owner then uses.
func (s *Store) makeWrite(ctx context.Context, tx *sql.Tx, ref item.Ref, seen item.Snapshot, write item.Write) (item.Usage, error) {
	before, without := seen.Version(), seen.Used.Minus(item.UsageOf(seen.Item))
	next, err := write.Decide(seen)
	switch {
	case err != nil || next == nil:
		return seen.Used, err
	case seen.Scarce && !write.Frees:
		return seen.Used, diskFull()
	case next == seen.Item && next.Version == before:
		return seen.Used, s.keepAnswer(ctx, tx, ref.Owner, write.Once, next, seen.Now)
	}
	save := s.write.update
	if seen.Item == nil {
		save = s.write.insert
	}
	columns := append(relational.Values(next, string(next.Payload), tagList(next)), relational.Key(ref)...)
	if _, err := tx.StmtContext(ctx, save).ExecContext(ctx, columns...); err != nil {
		return item.Usage{}, classify(err)
	}
	return without.Plus(item.UsageOf(next)), s.keepAnswer(ctx, tx, ref.Owner, write.Once, next, seen.Now)
}

// tagList is the tags of an item as a JSON array.
func tagList(next *item.Item) string {
	if len(next.Facets.Tags) == 0 {
		return "[]"
	}
	list, _ := json.Marshal(next.Facets.Tags) // strings can always be encoded
	return string(list)
}

// onceKey is the key that a write looks for: without one NULL, which equals nothing.
func onceKey(once *item.Once) any {
	if once == nil {
		return nil
	}
	return once.Key
}

// keepAnswer keeps the answer to a write, if it has a key.
func (s *Store) keepAnswer(ctx context.Context, tx *sql.Tx, owner account.Owner, once *item.Once, next *item.Item, now item.Millis) error {
	if once == nil {
		return nil
	}
	_, err := tx.StmtContext(ctx, s.write.keepAnswer).ExecContext(ctx, append(relational.Kept(owner, once, next, now), int64(now))...)
	return classify(err)
}
