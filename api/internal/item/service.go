package item

import (
	"context"
	"time"

	"github.com/google/uuid"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
)

// MaxPageBytes ends a page of large items early, so that memory need not hold the
// largest limit times the largest item. A page has at least one item.
const MaxPageBytes = 4 << 20

// Service reads and writes items. It applies every rule, whatever the store.
type Service struct {
	Store        Store
	Now          func() time.Time
	MaxItemBytes int64         // up to which PATCH may grow a payload; a body bounds the other writes
	MaxPushItems int           // of one push
	MaxString    int           // bytes of a string in what is sent
	Quota        Quota         // of each user
	KeepAnswers  time.Duration // how long answers to writes with an idempotency key are kept
}

// Target is the item that a request is about.
type Target struct {
	Owner  account.Owner
	Entity *entity.Entity
	UID    string // empty for a creation, whose body may name one

	// For writes only.
	Origin journal.Origin
	Epoch  int64 // the owner's, as the request's session knows it
	Once   *Once // nil: the write has no idempotency key
	DryRun bool  // the answer is that of the write, but nothing is stored
}

func (t Target) ref() Ref { return Ref{Owner: t.Owner, Kind: t.Entity.Kind, UID: t.UID} }

// make makes a write in a transaction of its own.
func (s *Service) make(ctx context.Context, t Target, writing Writing) (*Item, error) {
	return s.write(ctx, t, writing(t))
}

// write makes one write in a transaction of its own, and returns the item that
// was stored. It returns nil where an earlier write had the idempotency key. The
// decision will likely look up the parent.
func (s *Service) write(ctx context.Context, t Target, w Write) (*Item, error) {
	var next *Item
	var earlier *Record
	decide := w.Decide
	if t.DryRun {
		t.Once = nil // no key is spent
	}
	w.Kind, w.UID, w.Once = t.Entity.Kind, t.UID, t.Once
	w.Decide = func(seen Snapshot) (_ *Item, err error) {
		next = nil // of an attempt that collided with another write
		if earlier = seen.Earlier; earlier != nil {
			return nil, t.Once.check(earlier)
		}
		if next, err = decide(seen); err == nil {
			err = s.Quota.check(seen, next)
		}
		return next, err
	}
	batch := s.batch(t)
	batch.Writes = []Write{w}
	if err := s.Store.Write(ctx, batch); err != nil {
		return nil, s.conflicted(ctx, t, err)
	}
	if earlier != nil {
		return nil, s.replay(ctx, t, earlier)
	}
	return next, nil
}

// batch is an empty batch of the target's owner.
func (s *Service) batch(t Target) Batch {
	return Batch{Owner: t.Owner, Origin: t.Origin, Quota: s.Quota, Epoch: t.Epoch, Now: s.Now, DryRun: t.DryRun}
}

// Page is one page of a list. Next is nil on the last one.
type Page struct {
	Items []Item
	Next  *Cursor
	Total int // that of the listing
}

// Get returns an item, which may have been read already. A tombstone is a deleted fault
// unless it is included.
func (s *Service) Get(ctx context.Context, t Target, found *Item, includeDeleted bool) (_ *Item, err error) {
	if found == nil {
		if found, err = s.Store.Get(ctx, t.ref()); err != nil {
			return nil, err
		}
	}
	switch {
	case found == nil:
		return nil, notFound(t.Entity)
	case found.Deleted() && !includeDeleted:
		return nil, deleted(t.Entity.Word()+" deleted", found)
	}
	return found, nil
}

// List returns the page that the query asks for. When its items are very large, the
// page is shorter and has a next cursor; an item that is too large for any page comes
// without its payload.
func (s *Service) List(ctx context.Context, query Query) (Page, error) {
	query.Reduces = true
	listed, err := s.Store.List(ctx, query)
	page := Page{Items: listed.Items, Total: listed.Total}
	if err == nil && listed.More {
		page.Next = listed.Items[len(listed.Items)-1].cursor(query)
	}
	return page, err
}

// Create stores a new item under the uid that the body names, or a fresh uid.
func (s *Service) Create(ctx context.Context, t Target, body []byte) (*Item, error) {
	payload, err := s.decodeSent(ctx, t, body)
	if err != nil {
		return nil, err
	}
	var writing Writing
	if t.UID, writing, err = Creating(t.Entity, payload); err != nil {
		return nil, err
	}
	return s.make(ctx, t, writing)
}

// Creating returns the writing of Create, and the uid of the item that it makes.
func Creating(e *entity.Entity, payload *Payload) (uid string, writing Writing, err error) {
	parent, err := parentOf(e, payload)
	if err != nil {
		return "", nil, err
	}
	if err := checkFormats(e, payload, &Payload{}); err != nil {
		return "", nil, err
	}
	if uid, err = claimUID(payload); err != nil {
		return "", nil, err
	}
	spellUIDs(e, payload)
	return uid, func(t Target) Write {
		return Write{Kind: t.Entity.Kind, UID: t.UID, Parent: parent, Decide: func(seen Snapshot) (*Item, error) {
			return create(t, payload, parent, seen)
		}}
	}, nil
}

// create is the first version of an item.
func create(t Target, payload *Payload, parent Parent, seen Snapshot) (*Item, error) {
	if seen.Item != nil {
		return nil, fault.New(fault.UIDExists, "%s already exists: %s", t.Entity.Word(), t.UID).
			With(fault.Facts{"uid": t.UID})
	}
	if err := requireParent(t.Entity, parent, seen.Live); err != nil {
		return nil, err
	}
	at := seen.NextStoredAt()
	next := &Item{UID: t.UID, Version: 1, CreatedAt: at, UpdatedAt: at, StoredAt: at, Parent: parent}
	next.describe(t.Entity, nil, payload, nil)
	payload.stamp(next)
	next.Payload = payload.encode()
	return next, nil
}

// claimUID returns the uid that a new payload names. When that uid is missing or no
// UUID, it writes a fresh uid into the payload.
func claimUID(payload *Payload) (string, error) {
	text, _ := payload.Text(keyUID)
	uid, ok := ParseUID(text)
	switch {
	case ok && uid != nilUID:
		return uid, nil
	case !ok && uuid.Validate(text) == nil: // in braces, or a URN: the client would look for it in vain
		return "", invalidField(keyUID, "must be a UUID such as 123e4567-e89b-42d3-a456-426614174000, without braces or prefix")
	}
	uid = uuid.NewString()
	payload.setUID(keyUID, uid)
	return uid, nil
}

func notFound(e *entity.Entity) error {
	return fault.New(fault.NotFound, "%s not found", e.Word())
}

func deleted(sentence string, tombstone *Item) *fault.Error {
	return fault.New(fault.Deleted, "%s", sentence).
		WithTop(fault.Facts{"deletedAt": tombstone.DeletedAt.String()})
}
