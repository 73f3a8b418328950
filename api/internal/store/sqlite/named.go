package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// Rows of JSON arrays are the lookups: their numbers, kinds, and uids from and to, or
// titles. Each is a look into an index of its own.
const (
	sqlLookUp = `SELECT w.value ->> 0, ` + lookedUp + ` FROM json_each(?3) w CROSS JOIN item p ON p.rowid IN (
			SELECT q.rowid FROM item q INDEXED BY item_by_key WHERE q.tenant = ?1 AND q.owner = ?2 AND q.kind = w.value ->> 1
				AND q.uid >= w.value ->> 2 AND q.uid < w.value ->> 3 ORDER BY q.uid LIMIT ?5)
		UNION ALL SELECT w.value ->> 0, ` + lookedUp + ` FROM json_each(?4) w CROSS JOIN item p ON p.rowid IN (
			SELECT q.rowid FROM item q INDEXED BY item_by_title WHERE q.tenant = ?1 AND q.owner = ?2 AND q.kind = w.value ->> 1
				AND q.title = w.value ->> 2 AND q.deleted_ms IS NULL ORDER BY q.uid LIMIT ?5)`
	lookedUp = `p.kind, p.uid, COALESCE(json_extract(p.summary, '$.title'), ''), p.deleted_ms IS NOT NULL, octet_length(p.payload)`

	// Rows of JSON arrays are the families: their numbers, kinds, and kinds and uids of parents.
	sqlFamilies = `SELECT w.value ->> 0, (SELECT COUNT(*) FROM (SELECT 1 FROM ` + family + ` LIMIT ?5)), NULL, 0, 0, 0 FROM json_each(?3) w
		UNION ALL SELECT w.value ->> 0, 0, p.uid, octet_length(p.payload), p.created_ms, p.stored_ms FROM json_each(?3) w CROSS JOIN item p ON p.rowid IN (
			SELECT number FROM (SELECT q.rowid AS number, q.created_ms, q.stored_ms, q.uid FROM ` + family + ` ORDER BY q.stored_ms DESC, q.uid DESC LIMIT ?6)
			ORDER BY created_ms DESC, stored_ms DESC, uid DESC LIMIT ?4)`
	family = `item q INDEXED BY item_by_parent WHERE q.tenant = ?1 AND q.owner = ?2 AND q.kind = w.value ->> 1 AND q.parent_kind = w.value ->> 2
				AND q.parent_uid = w.value ->> 3 AND q.parent_uid <> '' AND q.deleted_ms IS NULL`

	// Rows of JSON arrays are the picks: their numbers, kinds, uids and bytes.
	sqlPick = `SELECT i.uid, i.version, i.created_ms, i.updated_ms, i.stored_ms, i.deleted_ms, i.parent_kind, i.parent_uid,
			iif(octet_length(i.payload) <= w.value ->> 3, i.payload, NULL), octet_length(i.payload), w.value ->> 0
		FROM json_each(?3) w CROSS JOIN item i INDEXED BY item_by_key
			ON i.tenant = ?1 AND i.owner = ?2 AND i.kind = w.value ->> 1 AND i.uid = w.value ->> 2`
)

// LookUp implements item.Store.
func (s *Store) LookUp(ctx context.Context, owner account.Owner, lookups []item.Lookup, most int) (found []item.LookedUp, err error) {
	const behind = "g" // follows every digit, and the dash
	uids, titles := [][]any{}, [][]any{}
	for number, l := range lookups {
		if l.Prefix != "" {
			uids = append(uids, []any{number, l.Kind, l.Prefix, l.Prefix + behind})
			continue
		}
		titles = append(titles, []any{number, l.Kind, l.Title})
	}
	arguments := []any{owner.Tenant, owner.User, table(uids), table(titles), most}
	err = s.rows(ctx, runLookUp, sqlLookUp, arguments, func(rows *sql.Rows) error {
		found, err = relational.ReadLookedUp(rows)
		return err
	})
	return found, err
}

// Families implements item.Store.
func (s *Store) Families(ctx context.Context, owner account.Owner, families []item.Family, newest int) (found []item.Members, err error) {
	rows := make([][]any, len(families))
	for number, f := range families {
		rows[number] = []any{number, f.Kind, f.Parent.Kind, f.Parent.UID}
	}
	arguments := []any{owner.Tenant, owner.User, table(rows), newest, item.MaxRecent + 1, item.MaxRecent}
	err = s.rows(ctx, runFamilies, sqlFamilies, arguments, func(read *sql.Rows) error {
		found, err = relational.ReadFamilies(read, len(families))
		return err
	})
	return found, err
}

// Pick implements item.Store.
func (s *Store) Pick(ctx context.Context, owner account.Owner, picks []item.Pick) (found []*item.Item, err error) {
	rows := make([][]any, len(picks))
	for number, p := range picks {
		rows[number] = []any{number, p.Kind, p.UID, p.Most}
	}
	err = s.rows(ctx, runPick, sqlPick, []any{owner.Tenant, owner.User, table(rows)}, func(read *sql.Rows) error {
		found, err = relational.ReadPicked(read, len(picks))
		return err
	})
	return found, err
}

// table is some rows as JSON.
func table(rows [][]any) string {
	list, _ := json.Marshal(rows) // texts and numbers can always be encoded
	return string(list)
}
