package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// Each lookup walks an index of its own: the bounds and the order keep a server without
// statistics from taking another one. $3 to $5 are the numbers, kinds and beginnings of
// uids, and $6 to $8 those of titles.
const (
	sqlLookups = `SELECT w.number, ` + lookedUp + ` FROM unnest(CAST($3 AS BIGINT[]), CAST($4 AS TEXT[]), CAST($5 AS TEXT[])) AS w (number, kind, uid)
			CROSS JOIN LATERAL (SELECT * FROM item WHERE tenant = $1 AND owner = $2 AND kind = w.kind
				AND uid >= w.uid AND uid < w.uid || 'g' ORDER BY uid LIMIT $9) AS p
		UNION ALL SELECT w.number, ` + lookedUp + ` FROM unnest(CAST($6 AS BIGINT[]), CAST($7 AS TEXT[]), CAST($8 AS TEXT[])) AS w (number, kind, title)
			CROSS JOIN LATERAL (SELECT * FROM item WHERE tenant = $1 AND owner = $2 AND kind = w.kind
				AND title BETWEEN w.title AND w.title AND deleted_ms IS NULL ORDER BY title, uid LIMIT $9) AS p`
	lookedUp = `p.kind, p.uid, COALESCE(CAST(p.summary AS JSON) ->> 'title', ''), p.deleted_ms IS NOT NULL, octet_length(p.payload)`

	// $3 to $6 are the numbers, kinds, and kinds and uids of parents of the families.
	sqlFamilies = `SELECT w.number, (SELECT COUNT(*) FROM (SELECT 1 FROM ` + family + ` ORDER BY parent_uid, stored_ms, uid LIMIT $8) AS c), NULL, 0, 0, 0 FROM ` + families + `
		UNION ALL SELECT w.number, 0, c.uid, c.size, c.created_ms, c.stored_ms FROM ` + families + ` CROSS JOIN LATERAL (
			SELECT uid, octet_length(payload) AS size, created_ms, stored_ms
			FROM (SELECT * FROM ` + family + ` ORDER BY parent_uid DESC, stored_ms DESC, uid DESC LIMIT $9) AS recent
			ORDER BY created_ms DESC, stored_ms DESC, uid DESC LIMIT $7) AS c`
	families = `unnest(CAST($3 AS BIGINT[]), CAST($4 AS TEXT[]), CAST($5 AS TEXT[]), CAST($6 AS TEXT[])) AS w (number, kind, parent_kind, parent_uid)`
	family   = `item i WHERE i.tenant = $1 AND i.owner = $2 AND i.kind = w.kind AND i.parent_kind = w.parent_kind
				AND i.parent_uid BETWEEN w.parent_uid AND w.parent_uid AND i.parent_uid <> '' AND i.deleted_ms IS NULL`

	// $3 to $6 are the numbers, kinds, uids and bytes of the picks.
	sqlPick = `SELECT i.uid, i.version, i.created_ms, i.updated_ms, i.stored_ms, i.deleted_ms, i.parent_kind, i.parent_uid,
			CASE WHEN octet_length(i.payload) <= w.most THEN i.payload END, octet_length(i.payload), w.number
		FROM unnest(CAST($3 AS BIGINT[]), CAST($4 AS TEXT[]), CAST($5 AS TEXT[]), CAST($6 AS BIGINT[])) AS w (number, kind, uid, most)
			CROSS JOIN LATERAL (SELECT * FROM item WHERE tenant = $1 AND owner = $2 AND kind = w.kind AND uid BETWEEN w.uid AND w.uid
				ORDER BY uid LIMIT 1) AS i`
)

// named is the columns of some rows: their numbers, kinds, and a text of each.
type named struct {
	numbers []int64
	kinds   []string
	texts   []string
}

func (n *named) add(number int, kind entity.Kind, text string) {
	n.numbers, n.kinds, n.texts = append(n.numbers, int64(number)), append(n.kinds, string(kind)), append(n.texts, text)
}

// LookUp implements item.Store.
func (s *Store) LookUp(ctx context.Context, owner account.Owner, lookups []item.Lookup, most int) (found []item.LookedUp, err error) {
	var uids, titles named
	for number, l := range lookups {
		if l.Prefix != "" {
			uids.add(number, l.Kind, l.Prefix)
			continue
		}
		titles.add(number, l.Kind, l.Title)
	}
	arguments := []any{owner.Tenant, owner.User, uids.numbers, uids.kinds, uids.texts, titles.numbers, titles.kinds, titles.texts, most}
	err = s.rows(ctx, runLookUp, sqlLookups, arguments, func(rows pgx.Rows) error {
		found, err = relational.ReadLookedUp(rows)
		return err
	})
	return found, err
}

// Families implements item.Store.
func (s *Store) Families(ctx context.Context, owner account.Owner, families []item.Family, newest int) (found []item.Members, err error) {
	var parents named
	kinds := make([]string, len(families))
	for number, f := range families {
		parents.add(number, f.Parent.Kind, f.Parent.UID)
		kinds[number] = string(f.Kind)
	}
	arguments := []any{owner.Tenant, owner.User, parents.numbers, kinds, parents.kinds, parents.texts, newest, item.MaxRecent + 1, item.MaxRecent}
	err = s.rows(ctx, runFamilies, sqlFamilies, arguments, func(rows pgx.Rows) error {
		found, err = relational.ReadFamilies(rows, len(families))
		return err
	})
	return found, err
}

// Pick implements item.Store.
func (s *Store) Pick(ctx context.Context, owner account.Owner, picks []item.Pick) (found []*item.Item, err error) {
	var wanted named
	most := make([]int64, len(picks))
	for number, p := range picks {
		wanted.add(number, p.Kind, p.UID)
		most[number] = p.Most
	}
	arguments := []any{owner.Tenant, owner.User, wanted.numbers, wanted.kinds, wanted.texts, most}
	err = s.rows(ctx, runPick, sqlPick, arguments, func(rows pgx.Rows) error {
		found, err = relational.ReadPicked(rows, len(picks))
		return err
	})
	return found, err
}
