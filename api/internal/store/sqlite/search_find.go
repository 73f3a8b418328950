package sqlite

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// Search implements item.Store.
func (s *Store) Search(ctx context.Context, m item.Matching) (found []item.Found, more bool, err error) {
	text, arguments := searchStatement(m)
	err = s.rows(ctx, runSearch, text, arguments, func(rows *sql.Rows) error {
		found, err = relational.ReadFound(rows)
		return err
	})
	found, more = relational.Page(found, m.Limit)
	return found, more, err
}

// searchStatement reads each tier along search_index, the newest text first, until there
// are enough rows. A tier with the limit 0 is not read at all.
func searchStatement(m item.Matching) (text string, arguments []any) {
	var tiers, names, counts []string
	where, filtered := dialect.Searching(m)
	for number, tier := range m.Tiers {
		changed, _, ended := relational.From(m, number)
		if ended {
			continue
		}
		limit := "?"
		if len(counts) > 0 {
			limit = "max(0, ? - " + strings.Join(counts, " - ") + ")"
		}
		name := "tier" + strconv.Itoa(number)
		tiers = append(tiers, name+" AS MATERIALIZED ("+tierStatement(number, where)+limit+")")
		arguments = append(append(arguments, tier.FTS5, changed, m.Tenant, m.User), filtered...)
		arguments = append(arguments, m.Limit+1)
		names, counts = append(names, name), append(counts, "(SELECT COUNT(*) FROM "+name+")")
	}
	return "WITH " + strings.Join(tiers, ", ") + " SELECT " + relational.FoundColumns + titleOfParent + `,
		0, i.kind, found.tier, found.changed, substr(i.payload, 1, ?)
		FROM (` + relational.Union(names) + ") AS found CROSS JOIN item i ON i.rowid = found.item",
		append(arguments, m.Excerpt)
}

func tierStatement(number int, where string) string {
	if where != "" {
		where = " AND " + where
	}
	return "SELECT " + strconv.Itoa(number) + ` AS tier, d.id AS changed, i.rowid AS item
		FROM search_index s CROSS JOIN search_doc d ON d.id = s.rowid
			CROSS JOIN item i ON i.tenant = d.tenant AND i.owner = d.owner AND i.kind = d.kind AND i.uid = d.uid
		WHERE s.search_index MATCH ? AND s.rowid < ? AND d.tenant = ? AND d.owner = ? AND i.deleted_ms IS NULL` + where + `
		ORDER BY s.rowid DESC LIMIT `
}
