package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/migration"
	"toolbridge/api/internal/store/relational"
)

// moving is the step that moves items from item to item_next, in the order of storing
// for each owner, and describes them. Its place is the first item that is left.
type moving struct{ progress *migration.Progress }

const (
	sqlOldItems = `SELECT rowid, tenant, owner, kind, uid, version, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid,
			status, archived, payload
		FROM item INDEXED BY item_to_move
		ORDER BY tenant, owner, stored_ms, kind, uid LIMIT ?`

	sqlTakeOut = `DELETE FROM item WHERE rowid IN (SELECT value FROM json_each(?))`
	sqlAddTerm = `INSERT INTO item_term (tenant, owner, kind, term, stored_ms, uid) SELECT ?, ?, ?, value, ?, ? FROM json_each(?)`
	sqlAddDoc  = `INSERT INTO search_doc (tenant, owner, kind, uid) VALUES (?, ?, ?, ?)`
	sqlAddText = `INSERT INTO search_index (rowid, scope, title, body) VALUES (last_insert_rowid(), ?, ?, ?)`

	// Each chunk makes a segment of the index. Meanwhile 128 of them are merged at once,
	// and what is left in the end is merged piece by piece: by default, the first write
	// afterwards would have to merge nearly everything.
	sqlMergeSeldom = `INSERT INTO search_index (search_index, rank) VALUES ('automerge', 0), ('crisismerge', 128), ('usermerge', 8), ('hashsize', 16777216)`
	sqlMergeUsual  = `INSERT INTO search_index (search_index, rank) VALUES ('automerge', 8), ('crisismerge', 16), ('usermerge', 4), ('hashsize', 1048576)`
	sqlMergeSome   = `INSERT INTO search_index (search_index, rank) VALUES ('merge', 2000)` // pages
	sqlSegments    = `SELECT COUNT(DISTINCT segid) FROM search_index_idx`
	sqlChanges     = `SELECT total_changes()`
)

// oldItem is a row of the old table.
type oldItem struct {
	rowid int64
	migration.Old
}

func (m moving) count(ctx context.Context, tx *sql.Tx) (what string, total int64, err error) {
	if err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM item`).Scan(&total); err == nil {
		_, err = tx.ExecContext(ctx, sqlMergeSeldom)
	}
	return "items", total, err
}

func (m moving) chunk(ctx context.Context, tx *sql.Tx, at *position) (more bool, err error) {
	rows, err := m.read(ctx, tx)
	if err != nil {
		return false, err
	}
	if len(rows) == 0 {
		return m.merge(ctx, tx, at)
	}
	described := make([]*migration.Old, len(rows))
	for i := range rows {
		described[i] = &rows[i].Old
	}
	migration.DescribeAll(described, m.progress)
	if err := m.write(ctx, tx, rows); err != nil {
		return false, err
	}
	at.done += int64(len(rows))
	return true, nil
}

// merge merges segments of the search index, until few are left of each size.
func (m moving) merge(ctx context.Context, tx *sql.Tx, at *position) (more bool, err error) {
	const what = "segments of the search index"
	var before, after, left int64
	for _, step := range []func() error{
		func() error { return tx.QueryRowContext(ctx, sqlChanges).Scan(&before) },
		func() error { _, err := tx.ExecContext(ctx, sqlMergeSome); return err },
		func() error { return tx.QueryRowContext(ctx, sqlChanges).Scan(&after) },
		func() error { return tx.QueryRowContext(ctx, sqlSegments).Scan(&left) },
	} {
		if err := step(); err != nil {
			return false, err
		}
	}
	if at.what != what {
		at.what, at.total = what, left
	}
	at.done = max(0, at.total-left)
	if after-before >= 2 { // the statement itself counts as one
		return true, nil
	}
	_, err = tx.ExecContext(ctx, sqlMergeUsual)
	return false, err
}

// read reads the next items, as many as a chunk may have.
func (m moving) read(ctx context.Context, tx *sql.Tx) (items []oldItem, err error) {
	rows, err := tx.QueryContext(ctx, sqlOldItems, migration.ChunkItems)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for bytes := 0; bytes < migration.ChunkBytes && rows.Next(); {
		found, err := scanOld(rows)
		if err != nil {
			return nil, err
		}
		bytes += len(found.Payload)
		items = append(items, found)
	}
	return items, rows.Err()
}

func scanOld(rows *sql.Rows) (found oldItem, err error) {
	i := &found.Item
	var deleted *int64
	err = rows.Scan(&found.rowid, &found.Tenant, &found.User, &found.Kind, &found.Ref.UID, &i.Version, (*int64)(&i.UpdatedAt),
		(*int64)(&i.StoredAt), &deleted, &i.Parent.Kind, &i.Parent.UID, &i.Facets.Status, &i.Facets.Archived, &i.Payload)
	if deleted != nil {
		at := item.Millis(*deleted)
		i.DeletedAt = &at
	}
	return found, err
}

// write writes the items to their new places.
func (m moving) write(ctx context.Context, tx *sql.Tx, items []oldItem) error {
	var into writers
	if err := into.prepare(ctx, tx); err != nil {
		return err
	}
	defer into.close()
	rowids := make([]int64, len(items))
	for i := range items {
		rowids[i] = items[i].rowid
		if err := into.addItem(ctx, &items[i].Old); err != nil {
			return err
		}
	}
	// FTS5 makes a segment of what it has whenever another table is changed by a statement
	// of several rows. So the texts come one after another.
	for i := range items {
		if err := into.addText(ctx, &items[i].Old); err != nil {
			return err
		}
	}
	moved, _ := json.Marshal(rowids) // numbers can always be encoded
	_, err := tx.ExecContext(ctx, sqlTakeOut, string(moved))
	return err
}

// writers are the statements that add an item to the new tables.
type writers struct{ item, term, doc, text *sql.Stmt }

func (w *writers) prepare(ctx context.Context, tx *sql.Tx) (err error) {
	columns := len(columnsOf(&migration.Old{}))
	intoItem := `INSERT INTO item_next VALUES (?` + strings.Repeat(", ?", columns-1) + `)`
	for statement, text := range map[**sql.Stmt]string{&w.item: intoItem, &w.term: sqlAddTerm, &w.doc: sqlAddDoc, &w.text: sqlAddText} {
		if *statement, err = tx.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

func (w *writers) close() {
	for _, statement := range []*sql.Stmt{w.item, w.term, w.doc, w.text} {
		_ = statement.Close() // the transaction is over, or fails by itself
	}
}

// columnsOf is the columns of an item, as item_next has them.
func columnsOf(i *migration.Old) []any {
	return append(relational.Key(i.Ref), relational.Values(&i.Item, list(i.Facets.Terms), object(i.Summary), string(i.Payload))...)
}

func (w *writers) addItem(ctx context.Context, i *migration.Old) error {
	if _, err := w.item.ExecContext(ctx, columnsOf(i)...); err != nil || len(i.Facets.Terms) == 0 {
		return err
	}
	_, err := w.term.ExecContext(ctx, i.Tenant, i.User, string(i.Kind), int64(i.StoredAt), i.Ref.UID, list(i.Facets.Terms))
	return err
}

func (w *writers) addText(ctx context.Context, i *migration.Old) error {
	if i.Text == nil {
		return nil
	}
	if _, err := w.doc.ExecContext(ctx, relational.Key(i.Ref)...); err != nil {
		return err
	}
	_, err := w.text.ExecContext(ctx, document(i.Ref, &i.Item)...)
	return err
}

// beginning is the step that opens the journals: each owner who has items gets a line
// at the time of the newest one.
type beginning struct{}

const (
	sqlOwners = `SELECT u.tenant, u.owner, COALESCE(a.epoch, 1), COALESCE(MAX((SELECT stored_ms FROM item INDEXED BY item_all_by_time
				WHERE tenant = u.tenant AND owner = u.owner AND kind = k.value AND stored_ms <= ? ORDER BY stored_ms DESC LIMIT 1)), 0)
		FROM (SELECT tenant, owner FROM usage WHERE (tenant, owner) > (?, ?) ORDER BY tenant, owner LIMIT ?) u
			CROSS JOIN json_each(?) k LEFT JOIN account a ON a.tenant = u.tenant AND a.owner = u.owner
		GROUP BY u.tenant, u.owner ORDER BY u.tenant, u.owner`
	sqlCountLine = `UPDATE usage SET journal_lines = journal_lines + 1 WHERE tenant = ? AND owner = ?`
)

func (beginning) count(ctx context.Context, tx *sql.Tx) (what string, total int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM usage`).Scan(&total)
	return "journals", total, err
}

func (beginning) chunk(ctx context.Context, tx *sql.Tx, at *position) (more bool, err error) {
	owners, err := readOwners(ctx, tx, at.after)
	if err != nil || len(owners) == 0 {
		return false, err
	}
	for _, owner := range owners {
		if owner.Newest == 0 {
			continue // no items
		}
		values := append([]any{owner.Tenant, owner.User}, relational.LineValues(owner.Began(), nil)...)
		if _, err := tx.ExecContext(ctx, `INSERT INTO journal VALUES (?`+strings.Repeat(", ?", len(values)-1)+`)`, values...); err != nil {
			return false, err
		}
		if _, err := tx.ExecContext(ctx, sqlCountLine, owner.Tenant, owner.User); err != nil {
			return false, err
		}
	}
	at.done += int64(len(owners))
	at.after = owners[len(owners)-1].After()
	return true, nil
}

func readOwners(ctx context.Context, tx *sql.Tx, after string) (owners []migration.Owner, err error) {
	last, err := migration.OwnerAfter(after)
	if err != nil {
		return nil, err
	}
	latest := time.Now().UnixMilli() + int64(item.MaxAhead)
	rows, err := tx.QueryContext(ctx, sqlOwners, latest, last.Tenant, last.User, migration.ChunkItems, list(migration.Kinds()))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var owner migration.Owner
		if err := rows.Scan(&owner.Tenant, &owner.User, &owner.Epoch, (*int64)(&owner.Newest)); err != nil {
			return nil, err
		}
		owners = append(owners, owner)
	}
	return owners, rows.Err()
}
