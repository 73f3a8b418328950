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
