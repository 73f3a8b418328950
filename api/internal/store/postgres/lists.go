package postgres

import (
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// taggedItems looks up items one by one along the index of tags. OFFSET 0 keeps the
// planner from joining the other way round, and sorting.
const taggedItems = `item_term g CROSS JOIN LATERAL (SELECT * FROM item
		WHERE tenant = g.tenant AND owner = g.owner AND kind = g.kind AND uid = g.uid OFFSET 0) AS i`

// listStatement is the statement of a page: a walk along the index of one filter,
// from the cursor on. Rows beyond MaxBytes are marked, and come without a payload; the
// first row is never beyond it.
func listStatement(query item.Query) (text string, arguments []any) {
	from := "item i"
	if query.Filter.Tag != "" {
		from = taggedItems
	}
	l := relational.List(query)
	outer := relational.Order("", query.Descending)
	whole := query.WholeBytes()
	arguments = append([]any{whole, query.MaxBytes, query.MaxBytes, whole, item.ReducedBytes}, l.Arguments...)
	arguments = append(arguments, query.Limit+1) // one more, to know whether there are more
	return numbered(`SELECT uid, version, created_ms, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid,
			CASE WHEN size <= ? AND (bytes <= ? OR bytes = counted) THEN payload END, size, bytes > ? AND bytes <> counted
		FROM (SELECT sized.*, SUM(counted) OVER (ORDER BY `+outer+`) AS bytes
			FROM (SELECT page.*, octet_length(payload) AS size,
				CASE WHEN octet_length(payload) <= ? THEN octet_length(payload) ELSE CAST(? AS BIGINT) END AS counted
			FROM (SELECT `+l.Place+`.uid, i.version, i.created_ms, i.updated_ms, `+l.Place+`.stored_ms, i.deleted_ms, i.parent_kind, i.parent_uid, i.payload
				FROM `+from+` WHERE `+l.Where()+`
				ORDER BY `+relational.Order(l.Place, query.Descending)+` LIMIT ?) AS page) AS sized) AS measured
		ORDER BY `+outer, 0), arguments
}

// matchStatement lists the uids of a page, and of one item more.
func matchStatement(query item.Query) (text string, arguments []any) {
	from := "item i"
	if query.Filter.Tag != "" {
		from = taggedItems
	}
	l := relational.List(query)
	return numbered(`SELECT `+l.Place+`.uid FROM `+from+` WHERE `+l.Where()+`
		ORDER BY `+relational.Order(l.Place, query.Descending)+` LIMIT ?`, 0), append(l.Arguments, query.Limit+1)
}
