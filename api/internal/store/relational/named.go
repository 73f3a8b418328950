package relational

import (
	"cmp"
	"slices"

	"toolbridge/api/internal/item"
)

// ReadLookedUp reads rows of these columns: the number of the lookup, kind, uid, title,
// whether it is a tombstone, and the size of the payload. A statement with joins returns
// them in any order.
func ReadLookedUp(rows Rows) ([]item.LookedUp, error) {
	found, err := collect(rows, func(row Row) (f item.LookedUp, err error) {
		err = row.Scan(&f.Lookup, &f.Kind, &f.UID, &f.Title, &f.Deleted, &f.Size)
		return f, err
	})
	slices.SortFunc(found, func(a, b item.LookedUp) int {
		return cmp.Or(cmp.Compare(a.Lookup, b.Lookup), cmp.Compare(a.UID, b.UID))
	})
	return found, err
}

// ReadPicked reads rows of the columns of ScanItem, the size of the payload and the number
// of the pick.
func ReadPicked(rows Rows, picks int) ([]*item.Item, error) {
	all := make([]*item.Item, picks)
	for rows.Next() {
		var size int64
		var number int
		found, err := ScanItem(rows, &size, &number)
		if err != nil {
			return nil, err
		}
		if found.Payload == nil {
			found.Size = size
		}
		all[number] = &found
	}
	return all, rows.Err()
}

// member is a child of a numbered family, with its place.
type member struct {
	item.Member
	family          int
	created, stored int64
}

// ReadFamilies reads rows of these columns: the number of the family; its total; and, but
// in the row of the total, the uid, the size of the payload, created_ms and stored_ms of a
// member.
func ReadFamilies(rows Rows, families int) ([]item.Members, error) {
	all := make([]item.Members, families)
	var members []member
	for rows.Next() {
		var m member
		var total int
		var uid *string
		if err := rows.Scan(&m.family, &total, &uid, &m.Size, &m.created, &m.stored); err != nil {
			return nil, err
		}
		if uid == nil {
			all[m.family].Total = total
			continue
		}
		m.UID = *uid
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b member) int {
		return cmp.Or(cmp.Compare(b.created, a.created), cmp.Compare(b.stored, a.stored), cmp.Compare(b.UID, a.UID))
	})
	for _, m := range members {
		all[m.family].Newest = append(all[m.family].Newest, m.Member)
	}
	return all, rows.Err()
}
