package relational

import (
	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
)

// Page is the FROM and what follows it, for the rows of a page and one more. Rows is the
// table along which it goes, and by are the columns of its order: both are for the
// columns of the SELECT.
func (d Dialect) Page(query item.Query) (from string, arguments []any, rows, by string) {
	var s statement
	walks, most := d.Walks(query), query.Limit+1 // one more, to know whether there are more
	if len(walks) == 1 {
		w := &walks[0]
		s.add(d.From(*w)+" WHERE "+w.Where()+" ORDER BY "+w.Order(query.Descending)+" LIMIT ?", append(w.Arguments, most)...)
		return s.String(), s.arguments, w.Place, w.Column
	}
	order := mergedOrder(query.Descending)
	s.add("(")
	d.merge(&s, walks, query.Descending, most)
	s.add(" ORDER BY "+order+" LIMIT ?", most)
	s.add(") AS m "+d.Named+" ORDER BY "+order, query.Tenant, query.User, string(query.Kind))
	return s.String(), s.arguments, "m", "place"
}

// mergedOrder is the order of the rows of several walks.
func mergedOrder(descending bool) string {
	if descending {
		return "m.undue, m.place DESC, m.uid DESC"
	}
	return "m.undue, m.place, m.uid"
}

// merge is the places of the first rows of several walks, each once.
func (d Dialect) merge(s *statement, walks []Walk, descending bool, most int) {
	s.add("SELECT m.undue, m.place, m.uid FROM (")
	for i, w := range walks {
		undue, place := "0", w.Place+"."+w.Column
		if w.NoDue {
			undue, place = "1", "0"
		}
		s.add(union(i, w.Place == "g")+"SELECT * FROM (SELECT "+undue+" AS undue, "+place+" AS place, "+w.Place+".uid AS uid FROM "+d.From(w)+
			" WHERE "+w.Where()+" ORDER BY "+w.Order(descending)+" LIMIT ?) AS w", append(w.Arguments, most)...)
	}
	s.add(") AS m")
}

// union joins the n-th of several selects to those before it.
func union(n int, distinct bool) string {
	switch {
	case n == 0:
		return ""
	case distinct:
		return " UNION "
	}
	return " UNION ALL "
}

// Count counts the matches of a query, up to one more than item.MaxTotal.
func (d Dialect) Count(query item.Query) (text string, arguments []any) {
	var s statement
	const most = item.MaxTotal + 1
	s.add("SELECT COUNT(*) FROM (SELECT uid FROM (")
	for i, w := range d.Counting(query) {
		s.add(union(i, false)+"SELECT * FROM (SELECT i.uid AS uid FROM "+d.From(w)+" WHERE "+w.Where()+" ORDER BY "+w.Order(false)+" LIMIT ?) AS w", append(w.Arguments, most)...)
	}
	s.add(") AS m LIMIT ?) AS c", most)
	return s.String(), s.arguments
}

// ReadTotal reads what Count counted.
func ReadTotal(rows Rows) (total int, err error) {
	for rows.Next() {
		if err := rows.Scan(&total); err != nil {
			return 0, err
		}
	}
	return total, rows.Err()
}

// ReadListing reads the rows of a page, and whether there are more. Beyond, if not nil, is
// where a last column is read into that says of a row that it is behind the page.
func ReadListing(rows Rows, query item.Query, beyond *bool) (found item.Listing, err error) {
	var mark []any
	if beyond != nil {
		mark = []any{beyond}
	}
	for size := 0; rows.Next(); {
		next, err := ScanListed(rows, &found.Total, mark...)
		if err != nil {
			return item.Listing{}, err
		}
		size += next.Listed(query)
		if len(found.Items) == query.Limit || beyond != nil && *beyond || len(found.Items) > 0 && size > query.MaxBytes {
			found.More = true
			break
		}
		found.Items = append(found.Items, next)
	}
	return found, rows.Err()
}

// Match selects kind, uid, title and whether it is a tombstone of the items whose uids
// begin with a prefix.
func (d Dialect) Match(owner account.Owner, kinds []entity.Kind, prefix string, most int) (text string, arguments []any) {
	var s statement
	const behind = "g" // follows every digit, and the dash
	for i, kind := range kinds {
		s.add(union(i, false)+"SELECT * FROM (SELECT p.kind AS kind, p.uid AS uid, COALESCE("+d.Title+", '') AS title, p.deleted_ms IS NOT NULL AS gone FROM item p"+
			" WHERE p.tenant = ? AND p.owner = ? AND p.kind = ? AND p.uid >= ? AND p.uid < ? ORDER BY p.uid LIMIT ?) AS w",
			owner.Tenant, owner.User, string(kind), prefix, prefix+behind, most)
	}
	s.add(" ORDER BY uid, kind LIMIT ?", most)
	return s.String(), s.arguments
}

// ReadCandidates reads the rows of Match.
func ReadCandidates(rows Rows) ([]item.Candidate, error) {
	return collect(rows, func(row Row) (c item.Candidate, err error) {
		err = row.Scan(&c.Kind, &c.UID, &c.Title, &c.Deleted)
		return c, err
	})
}

// Tally selects kind, status and the number of live items. It finds the states one by
// one along an index, and counts each up to most.
func (d Dialect) Tally(owner account.Owner, kinds []entity.Kind, most int) (text string, arguments []any) {
	var s statement
	key := []any{owner.Tenant, owner.User}
	s.add("WITH RECURSIVE kinds (kind) AS (")
	for i, kind := range kinds {
		s.add(union(i, false)+"SELECT "+d.Kind, string(kind))
	}
	byStatus := d.From(Walk{Place: "i", Index: "item_by_status"}) + " WHERE i.tenant = ? AND i.owner = ? AND i.kind = s.kind AND i.status <> ''"
	const byTime = " ORDER BY i.stored_ms, i.uid LIMIT ?" // the order keeps to the index
	next := "(SELECT MIN(i.status) FROM " + byStatus + " AND i.status > "
	s.add("), states (kind, status, number) AS (SELECT s.kind, "+next+"''), 1 FROM kinds s", key...)
	s.add(" UNION ALL SELECT s.kind, "+next+"s.status), s.number + 1 FROM states s WHERE s.status IS NOT NULL AND s.number < ?)", append(key, item.MaxStates)...)
	s.add(" SELECT s.kind, s.status, (SELECT COUNT(*) FROM (SELECT i.uid FROM "+byStatus+" AND i.status = s.status AND i.deleted_ms IS NULL"+byTime+") AS c)"+
		" FROM states s WHERE s.status IS NOT NULL", append(key, most)...)
	s.add(" UNION ALL SELECT s.kind, '', (SELECT COUNT(*) FROM (SELECT i.uid FROM "+d.From(Walk{Place: "i", Index: "item_live_by_time"})+
		" WHERE i.tenant = ? AND i.owner = ? AND i.kind = s.kind AND i.deleted_ms IS NULL"+byTime+") AS c) FROM kinds s", append(key, most)...)
	return s.String(), s.arguments
}

// ReadTallies reads the rows of Tally.
func ReadTallies(rows Rows) ([]item.Tally, error) {
	return collect(rows, func(row Row) (t item.Tally, err error) {
		err = row.Scan(&t.Kind, &t.Status, &t.Count)
		return t, err
	})
}
