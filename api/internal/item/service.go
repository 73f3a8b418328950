package item

import (
	"context"
	"time"

	"github.com/google/uuid"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
)

// MaxPageBytes ends a page of large items early, so that no list has to fit
// into memory at the largest limit times the largest item. One item always fits.
const MaxPageBytes = 4 << 20

// Service is the way to items: every rule is applied here, whatever the store.
type Service struct {
	Store        Store
	Now          func() time.Time
	MaxItemBytes int64         // of the payload that PATCH may grow, as one body bounds the others
	MaxPushItems int           // of one push
	MaxString    int           // bytes of a string in what is sent
	KeepAnswers  time.Duration // to writes with an idempotency key
}

// Target is the item a request is about. Epoch is the owner's as the request's
// session knows it; reading does not ask for it.
type Target struct {
	Owner  Owner
	Epoch  int64
	Entity *entity.Entity
	UID    string // of a creation: none, as its body names one or not
	Once   *Once  // nil: the write has no idempotency key
}

func (t Target) ref() Ref { return Ref{Owner: t.Owner, Kind: t.Entity.Kind, UID: t.UID} }

// change makes a change that will likely ask about the parent, once if the
// target says so. It returns nil where an earlier write had the key.
func (s *Service) change(ctx context.Context, t Target, parent Parent, change Change) (*Item, error) {
	if t.Once != nil {
		t.Once.Keep = s.KeepAnswers
	}
	write := Write{Ref: t.ref(), Epoch: t.Epoch, Now: s.Now, Parent: parent, Once: t.Once}
	return Apply(ctx, s.Store, write, t.Once.around(change))
}

// Page is one page of a list. Next is nil on the last one.
type Page struct {
	Items []Item
	Next  *Cursor
}

// Get returns an item. A tombstone is a deleted fault unless it is asked for.
func (s *Service) Get(ctx context.Context, t Target, includeDeleted bool) (*Item, error) {
	found, err := s.Store.Get(ctx, t.ref())
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, notFound(t.Entity)
	case found.Deleted() && !includeDeleted:
		return nil, deleted(t.Entity.Word()+" deleted", found)
	}
	return found, nil
}

// List returns the page that the query asks for, or a shorter one with a next
// cursor when its items are very large.
func (s *Service) List(ctx context.Context, query Query) (Page, error) {
	items, more, err := s.Store.List(ctx, query)
	if err != nil || !more {
		return Page{Items: items}, err
	}
	last := items[len(items)-1]
	next := last.cursor()
	next.List = query.Binding()
	return Page{Items: items, Next: next}, nil
}

// Create stores a new item under the uid the body names, or a fresh one.
func (s *Service) Create(ctx context.Context, t Target, body []byte) (*Item, error) {
	payload, err := DecodeWithin(body, s.MaxString)
	if err != nil {
		return nil, err
	}
	parent, err := parentOf(t.Entity, payload)
	if err != nil {
		return nil, err
	}
	t.UID = claimUID(payload)
	return s.change(ctx, t, parent, func(seen Seen) (*Item, error) {
		if seen.Item != nil {
			return nil, fault.New(fault.UIDExists, "%s already exists: %s", t.Entity.Word(), t.UID).
				With(fault.Facts{"uid": t.UID})
		}
		if err := requireParent(t.Entity, parent, seen.Live); err != nil {
			return nil, err
		}
		next := &Item{UID: t.UID, Version: 1, UpdatedAt: seen.Time(), StoredAt: seen.Place(), Parent: parent, Facets: facetsOf(t.Entity, payload)}
		payload.stamp(next)
		next.Payload = payload.encode()
		return next, nil
	})
}

// claimUID gives the uid a new payload names; where it names none that can be
// used, it writes a fresh one into it.
func claimUID(payload *Payload) string {
	if text, ok := payload.Text(keyUID); ok {
		if uid, ok := ParseUID(text); ok && uid != nilUID {
			return uid
		}
	}
	uid := uuid.NewString()
	payload.setOwn(keyUID, []byte(`"`+uid+`"`))
	return uid
}

func notFound(e *entity.Entity) error {
	return fault.New(fault.NotFound, "%s not found", e.Word())
}

func deleted(sentence string, tombstone *Item) error {
	return fault.New(fault.Deleted, "%s", sentence).
		WithTop(fault.Facts{"deletedAt": tombstone.DeletedAt.String()})
}
