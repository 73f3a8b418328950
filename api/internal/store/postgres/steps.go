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

// lookAhead is how many items of a batch are read at once. It bounds what a
// batch of many large items takes in memory.
const lookAhead = 50

// steps is a batch under way in its transaction. Items are read for many steps
// at once and stored all together at the end; in between, each step is shown
// what those before it made.
type steps struct {
	conn   *pgx.Conn
	batch  item.Batch
	now    item.Millis
	newest item.Millis
	read   map[string]*stored // by uid, what the database has for the steps ahead
	made   map[string]*stored // by uid, what steps have returned
	saves  pgx.Batch
	apart  bool // as of a saving

	live map[item.Parent]bool // what is known already of the items that changes ask about

	// Of a batch of one step only: whom its change will likely ask about, and the
	// answer to an earlier write with its key.
	expected item.Parent
	earlier  *item.Earlier
}

// stored is an item with its tags, which a change is not shown.
type stored struct {
	item item.Item
	tags []string
}

func newSteps(conn *pgx.Conn, batch item.Batch) *steps {
	return &steps{conn: conn, batch: batch, apart: isApart(conn), read: make(map[string]*stored), made: make(map[string]*stored), live: make(map[item.Parent]bool)}
}

func (s *steps) run(ctx context.Context) error {
	chunks := slices.Collect(slices.Chunk(s.batch.Steps, lookAhead))
	if len(chunks) == 0 {
		return nil
	}
	if err := s.begin(ctx, chunks[0]); err != nil {
		return err
	}
	for i, ahead := range chunks {
		if i > 0 {
			if err := s.look(ctx, ahead); err != nil {
				return err
			}
		}
		for _, step := range ahead {
			if err := s.change(ctx, step); err != nil {
				return err
			}
		}
	}
	if s.saves.Len() == 0 {
		return nil // nothing to commit
	}
	return commit(ctx, s.conn, &s.saves)
}

// begin begins the transaction, takes the owner's turn and reads the items of
// the first steps, all in one round trip. When another process's write came in
// between, it reads the clock and the items again.
func (s *steps) begin(ctx context.Context, ahead []item.Step) error {
	s.now = item.MillisOf(s.batch.Now())
	var epoch int64
	var fresh bool
	first := &pgx.Batch{}
	first.Queue(sqlBegin)
	first.Queue(sqlTurnAndCurrent, s.arguments(ahead)...).Query(func(rows pgx.Rows) error { return s.take(rows, &epoch, &fresh) })
	err := s.conn.SendBatch(ctx, first).Close()
	switch {
	case err != nil:
		return classify(err)
	case epoch != s.batch.Epoch:
		return fault.WrongEpoch(epoch)
	case fresh:
		return nil
	}
	s.now = item.MillisOf(s.batch.Now())
	return s.look(ctx, ahead)
}

// look reads the items of some steps that no step before them has made.
func (s *steps) look(ctx context.Context, ahead []item.Step) error {
	rows, err := s.conn.Query(ctx, sqlCurrent, s.arguments(ahead)...)
	if err != nil {
		return classify(err)
	}
	return classify(s.take(rows))
}

func (s *steps) arguments(ahead []item.Step) []any {
	uids := make([]string, 0, len(ahead))
	for _, step := range ahead {
		if s.made[step.UID] == nil {
			uids = append(uids, step.UID)
		}
	}
	b, key := s.batch, any(nil)
	if len(b.Steps) == 1 {
		s.expected = b.Steps[0].Parent
	}
	if len(b.Steps) == 1 && b.Steps[0].Once != nil {
		key = b.Steps[0].Once.Key
	}
	return []any{b.Tenant, b.User, string(b.Kind), uids, int64(s.now + item.MaxAhead),
		string(s.expected.Kind), s.expected.UID, key, int64(s.now)}
}

// take reads the rows of items in place of those read before, and any columns
// that follow into more.
func (s *steps) take(rows pgx.Rows, more ...any) error {
	defer rows.Close()
	clear(s.read)
	clear(s.live)
	s.earlier = nil
	for rows.Next() {
		var newest int64
		var live bool
		var tags []string
		var request, body *string
		var status int
		found, err := relational.ScanItem(rows, append([]any{&newest, &tags, &live, &request, &status, &body}, more...)...)
		if err != nil {
			return err
		}
		if request != nil {
			s.earlier = &item.Earlier{Request: *request, Answer: item.Answer{Status: status, Body: []byte(*body)}}
		}
		s.live[s.expected.Or(found.Parent)] = live
		if found.UID != "" {
			s.read[found.UID] = &stored{found, tags}
		}
		s.newest = item.Millis(newest) // the same in every row, as nothing is stored before the end
	}
	return rows.Err()
}

// change runs one change and notes what it returns.
func (s *steps) change(ctx context.Context, step item.Step) error {
	was := s.current(step.UID)
	seen := item.Seen{Now: s.now, Newest: s.newest, Live: s.isLive(ctx), Earlier: s.earlier}
	if was != nil {
		shown := was.item // a copy, as the change may do with it what it likes
		seen.Item = &shown
	}
	next, err := step.Change(seen)
	if err != nil || next == nil {
		return err
	}
	s.save(step, was, &stored{*next, tagsOf(next)})
	return nil
}

func (s *steps) current(uid string) *stored {
	if made := s.made[uid]; made != nil {
		return made
	}
	return s.read[uid]
}

// save stores what a step returned in one statement. A hundredth of the writes
// with a key drops the answers that have expired, whichever process makes it.
func (s *steps) save(step item.Step, was, is *stored) {
	ref, one := s.batch.Ref(step), &saving{saves: &s.saves, apart: s.apart}
	if was == nil {
		was = &stored{}
	}
	one.retag(ref, was, is)
	if step.Once != nil {
		one.keepAnswer(ref.Owner, step.Once, &is.item, s.now, rand.IntN(100) == 0)
	}
	text, arguments := one.item(ref, &is.item)
	s.saves.Queue(text, arguments...)
	s.made[ref.UID] = is
}

// tagsOf gives the tags of an item, never nil.
func tagsOf(next *item.Item) []string { return append([]string{}, next.Facets.Tags...) }

func (s *steps) isLive(ctx context.Context) item.Live {
	return func(kind entity.Kind, uid string) (found bool, err error) {
		if made := s.made[uid]; made != nil && kind == s.batch.Kind {
			return !made.item.Deleted(), nil
		}
		parent := item.Parent{Kind: kind, UID: uid}
		if found, known := s.live[parent]; known {
			return found, nil
		}
		ref := item.Ref{Owner: s.batch.Owner, Kind: kind, UID: uid}
		err = s.conn.QueryRow(ctx, sqlLive, relational.Key(ref)...).Scan(&found)
		s.live[parent] = found
		return found, classify(err)
	}
}
