package postgres

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// Search implements item.Store.
func (s *Store) Search(ctx context.Context, m item.Matching) (found []item.Found, more bool, err error) {
	text, arguments := searchStatement(m)
	err = s.rows(ctx, runSearch, text, arguments, func(rows pgx.Rows) error {
		found, err = relational.ReadFound(rows)
		return err
	})
	found, more = relational.Page(found, m.Limit)
	return found, more, err
}

// searchStatement reads the tiers, the newest text first in each, until there are enough
// rows. A tier whose first condition is false, which the others before it decide, is not
// read at all.
func searchStatement(m item.Matching) (text string, arguments []any) {
	var tiers, names, counts []string
	where, filtered := dialect.Searching(m)
	for number, tier := range m.Tiers {
		changed, uid, ended := relational.From(m, number)
		if ended {
			continue
		}
		name := "tier" + strconv.Itoa(number)
		tiers = append(tiers, name+" AS MATERIALIZED ("+tierStatement(number, where, counts)+")")
		arguments = append(arguments, tier.TSQuery)
		if len(counts) > 0 {
			arguments = append(arguments, m.Limit)
		}
		arguments = append(append(arguments, m.Tenant, m.User, changed, uid), filtered...)
		arguments = append(arguments, m.Limit+1)
		names, counts = append(names, name), append(counts, "(SELECT COUNT(*) FROM "+name+")")
	}
	text = "WITH " + strings.Join(tiers, ", ") + " SELECT " + relational.FoundColumns + titleOfParent + `,
		0, i.kind, found.tier, found.changed, substr(i.payload, 1, CAST(? AS INT))
		FROM (SELECT * FROM (` + relational.Union(names) + `) AS tiers ORDER BY tier, changed DESC, uid DESC LIMIT ?) AS found CROSS JOIN LATERAL (SELECT * FROM item
			WHERE tenant = ? AND owner = ? AND kind = found.kind AND uid = found.uid AND deleted_ms IS NULL OFFSET 0) AS i`
	return numbered(text, 0), append(arguments, m.Excerpt, m.Limit+1, m.Tenant, m.User)
}

// tierStatement finds the texts by their words first: OFFSET 0 keeps the planner from
// reading all of the owner's texts.
func tierStatement(number int, where string, counts []string) string {
	from, enough := "", ""
	if where != "" {
		from = ` CROSS JOIN LATERAL (SELECT * FROM item
			WHERE tenant = d.tenant AND owner = d.owner AND kind = d.kind AND uid = d.uid OFFSET 0) AS i`
		where = " AND " + where
	}
	if len(counts) > 0 {
		enough = strings.Join(counts, " + ") + " <= CAST(? AS BIGINT) AND "
	}
	return "SELECT " + strconv.Itoa(number) + ` AS tier, d.seq AS changed, d.kind, d.uid
		FROM (SELECT tenant, owner, kind, uid, seq FROM search_doc WHERE terms @@ CAST(CAST(? AS TEXT) AS TSQUERY) OFFSET 0) AS d` + from + `
		WHERE ` + enough + `d.tenant = ? AND d.owner = ? AND (d.seq, d.uid) < (?, ?)` + where + `
		ORDER BY d.seq DESC, d.uid DESC LIMIT ?`
}
