package item

import (
	"bytes"
	"context"
	"errors"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/search"
)

const (
	maxNamesakes = 100 // how many items of a kind that a reference may mean are looked at
	maxAlike     = 50  // how many items are looked through for a title that differs in accents
	maxNear      = 3   // how many titles are said to be near
)

// Naming asks for the items that references name.
type Naming struct {
	account.Owner
	References     []string // see readReference; at most MaxReferences
	IncludeDeleted bool
	WithChildren   bool
	Newest         int // how many children of each kind come with an item, at most MaxNewest
	MaxBytes       int // of all payloads together
}

// Named is what a reference names: an item, or the reason why there is none.
type Named struct {
	Kind     entity.Kind
	Item     *Item
	Children []Children // of each kind that has the item's kind as a parent
	Reason   *fault.Error
}

// Pick is an item that is wanted, with its payload if that is not larger than Most.
type Pick struct {
	Kind entity.Kind
	UID  string
	Most int64
}

// pointed is where a reference leads: to one item, by a reading of it, or nowhere.
type pointed struct {
	reference
	*LookedUp
	by       reading
	children []Children
	reason   *fault.Error
}

// Named returns what each reference names, in their order. It takes two statements, one
// more with children, and one for each reference that no index finds.
func (s *Service) Named(ctx context.Context, n Naming) ([]Named, error) {
	all, err := s.resolve(ctx, n)
	if err == nil && n.WithChildren {
		err = s.findChildren(ctx, n, all)
	}
	if err != nil {
		return nil, err
	}
	var items []*Item
	if picks := n.picks(all); len(picks) > 0 {
		if items, err = s.Store.Pick(ctx, n.Owner, picks); err != nil {
			return nil, err
		}
	}
	named := make([]Named, len(all))
	for i, p := range all {
		if p.LookedUp == nil {
			named[i].Reason = p.reason
			continue
		}
		named[i], items = p.with(items[0], n.IncludeDeleted), items[1:]
	}
	for i, p := range all {
		for j := range p.children {
			items = p.children[j].take(items)
		}
		if named[i].Item != nil {
			named[i].Children = p.children
		}
	}
	return named, nil
}

// with is what the reference names, once the item has been read. It may have changed
// since it was looked up.
func (p pointed) with(found *Item, includeDeleted bool) Named {
	e := entity.Of(p.Kind)
	switch {
	case found == nil:
		return Named{Reason: p.notFound(nil)}
	case found.Deleted() && !includeDeleted:
		return Named{Reason: deleted(e.Word()+" deleted", found).With(fault.Facts{"kind": p.Kind, "uid": found.UID})}
	case p.by.cut() && found.Payload != nil && !p.by.names(e, found.Payload):
		return Named{Reason: p.notFound([]Candidate{p.Candidate})}
	}
	return Named{Kind: p.Kind, Item: found}
}

// picks are the items to which references lead, and behind all of them their children, the
// newest first. Those whose payloads are shown and fit come with them.
func (n Naming) picks(all []pointed) []Pick {
	r := ration{left: int64(n.MaxBytes)}
	for _, p := range all {
		if p.LookedUp != nil {
			r.add(p.Kind, p.UID, p.Size, n.IncludeDeleted || !p.Deleted)
		}
	}
	for _, p := range all {
		for _, c := range p.children {
			for _, m := range c.members {
				r.add(c.Kind, m.UID, m.Size, true)
			}
		}
	}
	return r.shared()
}

// ration divides bytes among picks, first come, first served.
type ration struct {
	picks         []Pick
	left, fitting int64
}

func (r *ration) add(kind entity.Kind, uid string, size int64, shown bool) {
	pick := Pick{Kind: kind, UID: uid}
	if shown && size <= r.left {
		pick.Most = size
		r.left -= size
		r.fitting++
	}
	r.picks = append(r.picks, pick)
}

// shared is the picks. What is left over is for those that have grown since they were
// looked up.
func (r *ration) shared() []Pick {
	for i := range r.picks {
		if r.picks[i].Most > 0 {
			r.picks[i].Most += r.left / r.fitting
		}
	}
	return r.picks
}

// resolve finds out where references lead.
func (s *Service) resolve(ctx context.Context, n Naming) ([]pointed, error) {
	all := make([]pointed, len(n.References))
	var lookups []Lookup
	for i, text := range n.References {
		all[i].reference = readReference(text)
		for _, r := range all[i].readings {
			lookups = append(lookups, r.lookups()...)
		}
	}
	found, err := s.Store.LookUp(ctx, n.Owner, lookups, maxNamesakes+1)
	if err != nil {
		return nil, err
	}
	at := 0
	for i := range all {
		at = all[i].choose(found, at)
		if all[i].LookedUp != nil || all[i].reason != nil {
			continue
		}
		if err := s.resolveAlike(ctx, n.Owner, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// choose takes the first reading that finds anything. The lookups of the reference begin
// at a number, and those of the next one at the number that is returned.
func (p *pointed) choose(found []LookedUp, at int) int {
	for _, r := range p.readings {
		from := at
		at += len(r.kinds)
		if p.LookedUp != nil || p.reason != nil {
			continue
		}
		var own []LookedUp
		for _, each := range found {
			if each.Lookup >= from && each.Lookup < at {
				own = append(own, each)
			}
		}
		p.take(r, r.of(own))
	}
	return at
}

// take notes what a reading has found.
func (p *pointed) take(by reading, found []LookedUp) {
	switch len(found) {
	case 0:
	case 1:
		p.LookedUp, p.by = &found[0], by
	default:
		p.reason = by.ambiguous(found)
	}
}

// ambiguous says that a reading means several items.
func (r reading) ambiguous(found []LookedUp) *fault.Error {
	facts := fault.Facts{"field": "ref", "matched": min(len(found), maxNamesakes), "candidates": candidatesOf(found)}
	if len(found) > maxNamesakes {
		facts["more"] = true
	}
	sentence := "%s is the title of several items; send one of the candidates as kind:uid"
	name := r.shown()
	if r.prefix != "" {
		name, sentence = r.prefix, "several items have uids that begin with %s; send one of the candidates as kind:uid"
	}
	return fault.New(fault.AmbiguousUID, sentence, name).With(facts)
}

func candidatesOf(found []LookedUp) []Candidate {
	candidates := make([]Candidate, min(len(found), maxCandidates))
	for i := range candidates {
		candidates[i] = found[i].Candidate
	}
	return candidates
}

// notFound says that a reference names nothing, and which titles are near it.
func (p pointed) notFound(near []Candidate) *fault.Error {
	word := "item"
	if len(p.kinds) == 1 {
		word = entity.Of(p.kinds[0]).Word()
	}
	facts := fault.Facts{"field": "ref"}
	if len(near) > 0 {
		facts["near"] = near[:min(len(near), maxNear)]
	}
	return fault.New(fault.NotFound, "no %s has this uid or title", word).With(facts)
}

// resolveAlike looks for titles that differ in accents, and for near ones.
func (s *Service) resolveAlike(ctx context.Context, owner account.Owner, p *pointed) error {
	found, err := s.alike(ctx, owner, p)
	if err != nil {
		return err
	}
	const overlooked = foldSpace | foldCase | foldAccents
	var same []LookedUp
	var near []Candidate
	by := reading{title: p.title}
	for _, each := range found {
		one := LookedUp{Candidate: Candidate{Kind: each.Kind, UID: each.Item.UID, Title: Title(each.Item.Summary)}, Size: each.Item.Size}
		near = append(near, one.Candidate)
		if bytes.Equal(overlooked.key(one.Title), overlooked.key(by.shown())) {
			same = append(same, one)
		}
	}
	if p.take(by, same); len(same) == 0 || by.cut() {
		p.LookedUp, p.reason = nil, p.notFound(near)
	}
	return nil
}

// alike searches for items whose titles have words of the reference, the best match first.
func (s *Service) alike(ctx context.Context, owner account.Owner, p *pointed) ([]Found, error) {
	query, err := search.Words(p.title)
	if errors.Is(err, search.ErrTooLong) {
		return nil, nil
	}
	tiers := query.TitleTiers(owner, restricted(p.kinds)...)
	if len(tiers) == 0 {
		return nil, nil
	}
	found, _, err := s.Store.Search(ctx, Matching{Search: Search{Owner: owner, Kinds: p.kinds, Limit: maxAlike}, Tiers: tiers})
	return found, err
}
