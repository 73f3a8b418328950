package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// Get implements item.Store.
func (s *Store) Get(ctx context.Context, ref item.Ref) (*item.Item, error) {
	return one(s.read.item.QueryRowContext(ctx, relational.Key(ref)...))
}

// List implements item.Store.
func (s *Store) List(ctx context.Context, query item.Query) (items []item.Item, more bool, err error) {
	text, arguments := listStatement(query)
	statement, err := s.read.list(ctx, s.reader, text)
	if err != nil {
		return nil, false, classify(err)
	}
	rows, err := statement.QueryContext(ctx, arguments...)
	if err != nil {
		return nil, false, classify(err)
	}
	defer rows.Close()
	for size := 0; rows.Next(); {
		found, err := relational.ScanItem(rows)
		if err != nil {
			return nil, false, classify(err)
		}
		size += len(found.Payload)
		if len(items) == query.Limit || len(items) > 0 && size > query.MaxBytes {
			return items, true, nil
		}
		items = append(items, found)
	}
	return items, false, classify(rows.Err())
}

// ApplyAll implements item.Store.
func (s *Store) ApplyAll(ctx context.Context, batch item.Batch) error {
	caller := ctx
	return s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		first := item.Seen{Now: item.MillisOf(batch.Now())}
		for i, step := range batch.Steps {
			if err := caller.Err(); err != nil {
				return classify(err)
			}
			seen, err := s.look(ctx, tx, batch, step, first.Now)
			if err != nil {
				return err
			}
			if i == 0 {
				first.Newest = seen.Newest
			}
			seen.Newest = first.Newest
			if err := s.change(ctx, tx, batch.Ref(step), seen, step); err != nil {
				return err
			}
		}
		return nil
	})
}

// change runs one change and stores what it returns.
func (s *Store) change(ctx context.Context, tx *sql.Tx, ref item.Ref, seen item.Seen, step item.Step) error {
	expected := step.Parent
	if seen.Item != nil {
		expected = expected.Or(seen.Item.Parent)
	}
	seen.Live = s.live(ctx, tx, ref.Owner, expected, seen.Live)
	next, err := step.Change(seen)
	if err != nil || next == nil {
		return err
	}
	save := s.write.update
	if seen.Item == nil {
		save = s.write.insert
	}
	columns := append(relational.Values(next, string(next.Payload), tagList(next)), relational.Key(ref)...)
	if _, err := tx.StmtContext(ctx, save).ExecContext(ctx, columns...); err != nil || step.Once == nil {
		return classify(err)
	}
	return classify(s.keepAnswer(ctx, tx, ref.Owner, step.Once, next, seen.Now))
}

// live asks about any item but the expected parent, whom look has seen already.
func (s *Store) live(ctx context.Context, tx *sql.Tx, owner item.Owner, expected item.Parent, known item.Live) item.Live {
	return func(kind entity.Kind, uid string) (found bool, err error) {
		if (item.Parent{Kind: kind, UID: uid}) == expected {
			return known(kind, uid)
		}
		other := item.Ref{Owner: owner, Kind: kind, UID: uid}
		err = tx.StmtContext(ctx, s.write.live).QueryRowContext(ctx, relational.Key(other)...).Scan(&found)
		return found, classify(err)
	}
}

// tagList gives the tags of an item as a JSON array.
func tagList(next *item.Item) string {
	if len(next.Facets.Tags) == 0 {
		return "[]"
	}
	list, _ := json.Marshal(next.Facets.Tags) // strings can always be encoded
	return string(list)
}

// one gives the item of a row, nil when there is none.
func one(r relational.Row) (*item.Item, error) {
	found, err := relational.ScanItem(r)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, classify(err)
	}
	return &found, nil
}

// look reads what a change is made from, unless a wipe has overtaken the write.
func (s *Store) look(ctx context.Context, tx *sql.Tx, batch item.Batch, step item.Step, now item.Millis) (seen item.Seen, err error) {
	var (
		epoch, newest int64
		live          bool
		request       sql.NullString
		answer        item.Answer
	)
	arguments := append(relational.Key(batch.Ref(step)), int64(now+item.MaxAhead), string(step.Parent.Kind), step.Parent.UID, keyOf(step.Once), int64(now))
	row := tx.StmtContext(ctx, s.write.current).QueryRowContext(ctx, arguments...)
	found, err := relational.ScanItem(row, &epoch, &newest, &live, &request, &answer.Status, &answer.Body)
	switch {
	case err != nil:
		return item.Seen{}, classify(err)
	case epoch != batch.Epoch:
		return item.Seen{}, fault.WrongEpoch(epoch)
	case found.UID != "":
		seen.Item = &found
	}
	if request.Valid {
		seen.Earlier = &item.Earlier{Request: request.String, Answer: answer}
	}
	seen.Now, seen.Newest = now, item.Millis(newest)
	seen.Live = func(entity.Kind, string) (bool, error) { return live, nil }
	return seen, nil
}
