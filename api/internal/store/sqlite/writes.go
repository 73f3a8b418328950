package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math/rand/v2"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/store/relational"
)

// errDryRun takes a transaction back that went well.
var errDryRun = errors.New("dry run")

// Write implements item.Store.
func (s *Store) Write(ctx context.Context, batch item.Batch) (err error) {
	if batch.Frees() {
		err = s.makeRoom(ctx, nil, s.making(ctx, batch))
	} else {
		err = s.transact(ctx, s.making(ctx, batch))
	}
	if errors.Is(err, errDryRun) {
		return nil
	}
	return err
}

// making makes the writes of a batch, until the caller leaves.
func (s *Store) making(caller context.Context, batch item.Batch) func(ctx context.Context, tx *sql.Tx) error {
	return func(ctx context.Context, tx *sql.Tx) error {
		m := &maker{Store: s, tx: tx, batch: batch, now: item.MillisOf(batch.Now()), scarce: s.space.short(ctx, tx), indexesLast: indexesLast(batch)}
		for _, write := range batch.Writes {
			if err := m.makeAll(caller, ctx, write); err != nil {
				return err
			}
		}
		if err := m.index(ctx); err != nil {
			return err
		}
		if err := m.keepJointAnswer(ctx); err != nil {
			return err
		}
		if err := m.makeWay(ctx); err != nil {
			return err
		}
		if batch.DryRun {
			return errDryRun
		}
		return nil
	}
}

// maker makes the writes of a batch in a transaction.
type maker struct {
	*Store
	tx     *sql.Tx
	batch  item.Batch
	now    item.Millis
	scarce bool // whether the disk is full

	// Of the first snapshot, and of the writes since.
	recorder *item.Recorder // nil before the first snapshot
	newest   item.Millis
	used     item.Usage

	indexesLast bool
	waiting     waiting
}

// makeAll makes a write, or those of the items that it selects.
func (m *maker) makeAll(caller, ctx context.Context, write item.Write) error {
	writes := []item.Write{write}
	if write.Where != nil {
		var err error
		if writes, err = m.choose(ctx, *write.Where); err != nil {
			return err
		}
	}
	for _, write := range writes {
		if err := caller.Err(); err != nil {
			return classify(err)
		}
		seen, err := m.snapshot(ctx, write)
		if err != nil {
			return err
		}
		if err := m.make(ctx, seen, write); err != nil {
			return err
		}
	}
	return nil
}

// choose returns the writes of the items that match. A batch that a wipe has overtaken
// is refused before.
func (m *maker) choose(ctx context.Context, where item.Selection) ([]item.Write, error) {
	if m.recorder == nil {
		if _, err := m.snapshot(ctx, item.Write{}); err != nil {
			return nil, err
		}
	}
	query := where.Query
	query.Owner = m.batch.Owner
	text, arguments := matchStatement(query)
	var uids []string
	err := runChoose.Run(ctx, func() error {
		rows, err := m.tx.QueryContext(ctx, text, arguments...)
		if err == nil {
			uids, err = texts(rows)
		}
		return classify(err)
	})
	if err != nil {
		return nil, err
	}
	more := len(uids) > query.Limit
	return where.Then(uids[:min(len(uids), query.Limit)], more)
}

// texts reads rows of one text.
func texts(rows *sql.Rows) (all []string, err error) {
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

// makeWay drops the oldest of what makes way while the owner has more than the quota
// allows, but nothing that this transaction made.
func (m *maker) makeWay(ctx context.Context) error {
	for _, what := range item.Droppables {
		for round := 0; m.batch.Quota.NeedsRoom(m.used, what) && round < item.DropRounds; round++ {
			n, err := m.drop(ctx, what)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			err = runUsage.Run(ctx, func() error {
				row := m.tx.StmtContext(ctx, m.write.usage).QueryRowContext(ctx, m.batch.Tenant, m.batch.User)
				return classify(row.Scan(usageOf(&m.used)...))
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// drop drops some of what makes way, and returns how many.
func (m *maker) drop(ctx context.Context, what item.Droppable) (int64, error) {
	switch what {
	case item.HistoryContents:
		return m.dropContents(ctx, m.tx, m.batch.Owner, item.DropAtOnce, journal.NoBound, m.recorder.First())
	case item.JournalLines:
		return m.dropLines(ctx, m.tx, m.batch.Owner, item.DropAtOnce, journal.NoBound, item.KeptLines)
	}
	before := item.Snapshot{Now: m.now, Newest: m.newest}.NextStoredAt()
	return drop(ctx, runDropTombstones, m.tx.StmtContext(ctx, m.write.dropTombstones), m.batch.Tenant, m.batch.User, int64(before), item.DropAtOnce)
}

// usageOf is where the columns of usage are read into.
func usageOf(u *item.Usage) []any {
	return []any{&u.Items, &u.Bytes, &u.DeletedItems, &u.DeletedBytes, &u.JournalLines, &u.HistoryBytes}
}

// headOf is where the newest time of a journal and its last line are read into.
func headOf(seen *item.Snapshot) []any {
	return []any{(*int64)(&seen.Newest), &seen.Head.Seq, &seen.Head.At, (*[]byte)(&seen.Head.Hash)}
}

// snapshot reads what a write is decided from, in one statement. It refuses a batch
// that a wipe has overtaken.
func (m *maker) snapshot(ctx context.Context, write item.Write) (seen item.Snapshot, err error) {
	var (
		epoch   int64
		live    bool
		request sql.NullString
		earlier item.Record
	)
	ref := m.batch.Ref(write)
	arguments := append(relational.Key(ref), int64(m.now+item.MaxAhead),
		string(write.Parent.Kind), write.Parent.UID, onceKey(m.batch.OnceOf(write)), int64(m.now))
	columns := []any{&epoch, &live, &request, &earlier.Status, &earlier.UID, &earlier.Version, &earlier.Body}
	columns = append(append(columns, usageOf(&seen.Used)...), headOf(&seen)...)
	var found item.Item
	err = runCurrent.Run(ctx, func() error {
		found, err = relational.ScanItem(m.tx.StmtContext(ctx, m.write.current).QueryRowContext(ctx, arguments...), columns...)
		return classify(err)
	})
	switch {
	case err != nil:
		return item.Snapshot{}, err
	case epoch != m.batch.Epoch:
		return item.Snapshot{}, fault.WrongEpoch(epoch)
	case found.UID != "":
		seen.Item = &found
	}
	if request.Valid {
		earlier.Request = request.String
		seen.Earlier = &earlier
	}
	if m.recorder == nil {
		m.recorder, m.newest = m.batch.Recorder(seen.Head), seen.Newest
	}
	seen.Now, seen.Newest, seen.Scarce = m.now, m.newest, m.scarce
	expected := write.Parent
	if seen.Item != nil {
		expected = expected.Or(seen.Item.Parent)
	}
	seen.Live, seen.Past = m.liveItems(ctx, expected, live), m.pastVersions(ctx, ref, seen.Item)
	seen.Trail = m.trailOf(ctx, ref)
	return seen, nil
}

// liveItems looks up live items of the owner. The expected parent is known
// already: the snapshot's statement has read it.
func (m *maker) liveItems(ctx context.Context, expected item.Parent, expectedLives bool) item.Live {
	return func(kind entity.Kind, uid string) (found bool, err error) {
		if (item.Parent{Kind: kind, UID: uid}) == expected {
			return expectedLives, nil
		}
		other := item.Ref{Owner: m.batch.Owner, Kind: kind, UID: uid}
		err = runLive.Run(ctx, func() error {
			return classify(m.tx.StmtContext(ctx, m.write.live).QueryRowContext(ctx, relational.Key(other)...).Scan(&found))
		})
		return found, err
	}
}

// pastVersions looks up what an item was. Now is what it is; nil for none.
func (m *maker) pastVersions(ctx context.Context, ref item.Ref, now *item.Item) item.Past {
	return func(version int64) (*item.Version, error) {
		if now != nil && version == now.Version {
			return &item.Version{Payload: now.Payload, Deleted: now.Deleted()}, nil
		}
		var was item.Version
		err := runPast.Run(ctx, func() error {
			row := m.tx.StmtContext(ctx, m.write.past).QueryRowContext(ctx, append(relational.Key(ref), version, m.batch.Epoch)...)
			return classify(row.Scan(&was.Payload, &was.Deleted))
		})
		if errors.Is(err, sql.ErrNoRows) || err == nil && was.Payload == nil {
			return nil, nil
		}
		return &was, err
	}
}

// make stores the item that the write decides on, if any, and its answer.
func (m *maker) make(ctx context.Context, seen item.Snapshot, write item.Write) error {
	m.used = seen.Used
	version, before := seen.Version(), item.UsageOf(seen.Item)
	line := m.usageOfLine(seen)
	next, err := write.Decide(seen)
	switch {
	case err != nil || next == nil:
		return err
	case seen.Scarce && !write.Frees:
		return diskFull()
	case next == seen.Item && next.Version == version:
		return m.keepAnswer(ctx, write.Once, next)
	}
	added := item.UsageOf(next).Minus(before).Plus(line)
	m.used = m.used.Plus(added)
	text, err := m.documentOf(ctx, m.batch.Ref(write), next)
	if err != nil {
		return err
	}
	return execute(ctx, runSave, m.tx.StmtContext(ctx, m.write.save), m.saving(seen, write, next, added, text)...)
}

// usageOfLine is what the line of a write takes. On a full disk it keeps no content.
func (m *maker) usageOfLine(seen item.Snapshot) item.Usage {
	line := item.UsageOfLine(seen.Item)
	if m.scarce {
		line.HistoryBytes = 0
	}
	return line
}

// saving is the columns of a write in saving. Text is those of document.
func (m *maker) saving(seen item.Snapshot, write item.Write, next *item.Item, added item.Usage, text []any) []any {
	const columns = 54
	values := append(make([]any, 0, columns), relational.Key(m.batch.Ref(write))...)
	values = append(values, relational.Values(next, list(next.Facets.Terms), object(next.Summary), string(next.Payload))...)
	values = append(values, relational.LineValues(m.recorder.Record(seen, write, next), !m.scarce)...)
	values = append(values, added.Items, added.Bytes, added.DeletedItems, added.DeletedBytes, added.JournalLines, added.HistoryBytes)
	values = append(values, text...)
	if write.Once == nil {
		return append(values, nil, nil, nil, nil, nil, nil, nil, nil)
	}
	answer := relational.Kept(m.batch.Owner, write.Once, next, m.now)
	return append(append(values, answer[2:]...), int64(m.now))
}

// list is texts as a JSON array.
func list(texts []string) string {
	if len(texts) == 0 {
		return "[]"
	}
	encoded, _ := json.Marshal(texts) // strings can always be encoded
	return string(encoded)
}

// object is a JSON object, empty for none.
func object(text []byte) string {
	if len(text) == 0 {
		return "{}"
	}
	return string(text)
}

// onceKey is the key that a write looks for: without one NULL, which equals nothing.
func onceKey(once *item.Once) any {
	if once == nil {
		return nil
	}
	return once.Key
}

// keepAnswer keeps the answer to a write that stores nothing else, if it has a key.
func (m *maker) keepAnswer(ctx context.Context, once *item.Once, next *item.Item) error {
	if once == nil {
		return nil
	}
	kept := append(relational.Kept(m.batch.Owner, once, next, m.now), int64(m.now))
	return execute(ctx, runKeepAnswer, m.tx.StmtContext(ctx, m.write.keepAnswer), kept...)
}

// keepJointAnswer keeps the answer to the whole batch, if it has a key. One in twenty
// also drops large answers that are too many.
func (m *maker) keepJointAnswer(ctx context.Context) error {
	if m.batch.Once == nil {
		return nil
	}
	if err := m.keepAnswer(ctx, m.batch.Once, nil); err != nil || rand.IntN(20) > 0 {
		return err
	}
	return runDropAnswers.Run(ctx, func() error {
		_, err := m.tx.ExecContext(ctx, sqlDropLargeSurplus, m.batch.Tenant, m.batch.User, item.MaxWholeBytes, item.MaxKeptWhole)
		return classify(err)
	})
}
