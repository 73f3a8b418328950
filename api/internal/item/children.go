package item

import (
	"context"
	"slices"

	"toolbridge/api/internal/entity"
)

const (
	// MaxNewest is how many children of a kind come with an item.
	MaxNewest = 50

	// MaxRecent is how far children are counted, and among how many, those that changed
	// last, the newest are looked for: no index has them by creation.
	MaxRecent = 1_000
)

// Family is the children of a kind that an item has.
type Family struct {
	Kind   entity.Kind
	Parent Parent
}

// Members is what a store finds of a family.
type Members struct {
	Total  int
	Newest []Member
}

// Member is one of a family.
type Member struct {
	UID  string
	Size int64 // of the payload, in bytes
}

// Children is the newest children of a kind, in the order of their creation, and how many
// there are, as far as they were counted.
type Children struct {
	Kind  entity.Kind
	Total int
	Items []*Item

	members []Member // the newest first
}

// findChildren finds the children of the items to which references lead.
func (s *Service) findChildren(ctx context.Context, n Naming, all []pointed) error {
	var families []Family
	for i := range all {
		if all[i].LookedUp == nil {
			continue
		}
		for _, e := range childrenOf(all[i].Kind) {
			families = append(families, Family{Kind: e.Kind, Parent: Parent{Kind: all[i].Kind, UID: all[i].UID}})
			all[i].children = append(all[i].children, Children{Kind: e.Kind})
		}
	}
	if len(families) == 0 {
		return nil
	}
	found, err := s.Store.Families(ctx, n.Owner, families, n.Newest)
	if err != nil {
		return err
	}
	for i := range all {
		for j := range all[i].children {
			c := &all[i].children[j]
			c.Total, c.members, found = found[0].Total, found[0].Newest, found[1:]
		}
	}
	return nil
}

// childrenOf are the entities whose items may have a parent of the kind.
func childrenOf(kind entity.Kind) []*entity.Entity {
	return tableWith(func(e *entity.Entity) bool { return e.Parent != nil && slices.Contains(e.Parent.Kinds, kind) })
}

// take takes the members from the front of what was picked, without those that are gone by
// now, and returns the rest.
func (c *Children) take(picked []*Item) (rest []*Item) {
	for _, found := range picked[:len(c.members)] {
		if found != nil && !found.Deleted() {
			c.Items = append(c.Items, found)
		}
	}
	slices.Reverse(c.Items)
	return picked[len(c.members):]
}
