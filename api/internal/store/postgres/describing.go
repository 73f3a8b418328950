package postgres

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/migration"
	"toolbridge/api/internal/store/relational"
)

// describing is the step that fills the columns with which items describe themselves,
// in the order of their keys.
type describing struct{ progress *migration.Progress }

const (
	// The next items, whose payloads together are not much larger than $6 bytes.
	sqlUndescribed = `SELECT tenant, owner, kind, uid, stored_ms, deleted_ms, status, archived, payload FROM (
			SELECT tenant, owner, kind, uid, stored_ms, deleted_ms, status, archived, payload, SUM(octet_length(payload))
				OVER (ORDER BY tenant, owner, kind, uid ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
			FROM item WHERE (tenant, owner, kind, uid) > ($1, $2, $3, $4) ORDER BY tenant, owner, kind, uid LIMIT $5) AS next
		WHERE COALESCE(before, 0) < $6 ORDER BY tenant, owner, kind, uid`

	sqlDescribe = `UPDATE item SET created_ms = d.created_ms, status = d.status, archived = d.archived, closed = d.closed,
			due_ms = d.due_ms, title = d.title, terms = CAST(d.terms AS TEXT[]), summary = d.summary
		FROM unnest(CAST($1 AS TEXT[]), CAST($2 AS TEXT[]), CAST($3 AS TEXT[]), CAST($4 AS TEXT[]), CAST($5 AS BIGINT[]),
				CAST($6 AS TEXT[]), CAST($7 AS BOOLEAN[]), CAST($8 AS BOOLEAN[]), CAST($9 AS BIGINT[]), CAST($10 AS TEXT[]),
				CAST($11 AS TEXT[]), CAST($12 AS TEXT[]))
			AS d (tenant, owner, kind, uid, created_ms, status, archived, closed, due_ms, title, terms, summary)
		WHERE item.tenant = d.tenant AND item.owner = d.owner AND item.kind = d.kind AND item.uid = d.uid`

	sqlAllTerms = `INSERT INTO item_term (tenant, owner, kind, uid, stored_ms, term)
		SELECT tenant, owner, kind, uid, stored_ms, term FROM unnest(CAST($1 AS TEXT[]), CAST($2 AS TEXT[]), CAST($3 AS TEXT[]),
			CAST($4 AS TEXT[]), CAST($5 AS BIGINT[]), CAST($6 AS TEXT[])) AS d (tenant, owner, kind, uid, stored_ms, term)`

	// Older than every line of a journal, and in the order of storing.
	sqlAllWords = `INSERT INTO search_doc (tenant, owner, kind, uid, seq, terms)
		SELECT tenant, owner, kind, uid, stored_ms - 9000000000000000, CAST(words AS TSVECTOR)
		FROM unnest(CAST($1 AS TEXT[]), CAST($2 AS TEXT[]), CAST($3 AS TEXT[]), CAST($4 AS TEXT[]), CAST($5 AS BIGINT[]), CAST($6 AS TEXT[]))
			AS d (tenant, owner, kind, uid, stored_ms, words)`
)

// count also brings the statistics up to date: without them, a chunk could read the
// whole table.
func (describing) count(ctx context.Context, tx pgx.Tx) (what string, total int64, err error) {
	if err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM item`).Scan(&total); err == nil {
		_, err = tx.Exec(ctx, `ANALYZE item`)
	}
	return "items", total, err
}

func (d describing) chunk(ctx context.Context, tx pgx.Tx, at *position) (more bool, err error) {
	items, err := readUndescribed(ctx, tx, at.after)
	if err != nil || len(items) == 0 {
		return false, err
	}
	migration.DescribeAll(items, d.progress)
	if err := writeDescribed(ctx, tx, items); err != nil {
		return false, err
	}
	at.done += int64(len(items))
	last, _ := json.Marshal(relational.Key(items[len(items)-1].Ref)) // strings can always be encoded
	at.after = string(last)
	return true, nil
}

func readUndescribed(ctx context.Context, tx pgx.Tx, after string) (items []*migration.Old, err error) {
	var last [4]string
	if after != "" {
		if err := json.Unmarshal([]byte(after), &last); err != nil {
			return nil, err
		}
	}
	rows, err := tx.Query(ctx, sqlUndescribed, last[0], last[1], last[2], last[3], migration.ChunkItems, migration.ChunkBytes)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanUndescribed)
}

func scanUndescribed(row pgx.CollectableRow) (*migration.Old, error) {
	found := &migration.Old{}
	i := &found.Item
	var deleted *int64
	err := row.Scan(&found.Tenant, &found.User, (*string)(&found.Kind), &found.Ref.UID, (*int64)(&i.StoredAt), &deleted,
		&i.Facets.Status, &i.Facets.Archived, &i.Payload)
	if deleted != nil {
		at := item.Millis(*deleted)
		i.DeletedAt = &at
	}
	return found, err
}

// writeDescribed writes what follows from the payloads in three statements.
func writeDescribed(ctx context.Context, tx pgx.Tx, items []*migration.Old) error {
	var described, termed, worded rowsOf
	for _, i := range items {
		f := i.Facets
		described.add(i.Ref, int64(i.CreatedAt), f.Status, f.Archived, f.Closed, millis(f.Due), f.Title, arrayOf(f.Terms), summaryOf(&i.Item))
		for _, term := range f.Terms {
			termed.add(i.Ref, int64(i.StoredAt), term)
		}
		if i.Text != nil {
			worded.add(i.Ref, int64(i.StoredAt), wordsOf(i.Ref, *i.Text))
		}
	}
	for text, rows := range map[string]rowsOf{sqlDescribe: described, sqlAllTerms: termed, sqlAllWords: worded} {
		if len(rows) == 0 {
			continue
		}
		if _, err := tx.Exec(ctx, text, rows...); err != nil {
			return err
		}
	}
	return nil
}

// rowsOf are rows of items, one slice for each column. The first four are the key.
type rowsOf []any

func (r *rowsOf) add(ref item.Ref, values ...any) {
	values = append(relational.Key(ref), values...)
	if *r == nil {
		*r = make(rowsOf, len(values))
	}
	for column, value := range values {
		(*r)[column] = append(sliceOf((*r)[column]), value)
	}
}

func sliceOf(column any) []any {
	values, _ := column.([]any)
	return values
}

// millis is a moment, or NULL.
func millis(moment *item.Millis) any {
	if moment == nil {
		return nil
	}
	return int64(*moment)
}

// arrayOf is texts as PostgreSQL reads an array.
func arrayOf(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}

// beginning is the step that opens the journals: each owner who has items gets a line
// at the time of the newest one.
type beginning struct{}

const (
	sqlJournalOwners = `SELECT u.tenant, u.owner, COALESCE(a.epoch, 1), COALESCE((SELECT MAX(newest.ms)
				FROM unnest(CAST($5 AS TEXT[])) AS k (kind) CROSS JOIN LATERAL (SELECT stored_ms AS ms FROM item
					WHERE tenant = u.tenant AND owner = u.owner AND kind = k.kind AND stored_ms <= $3 ORDER BY stored_ms DESC LIMIT 1) AS newest), 0)
		FROM usage u LEFT JOIN account a ON a.tenant = u.tenant AND a.owner = u.owner
		WHERE (u.tenant, u.owner) > ($1, $2) ORDER BY u.tenant, u.owner LIMIT $4`
	sqlCountLine = `UPDATE usage SET journal_lines = journal_lines + 1 WHERE tenant = $1 AND owner = $2`
)

func (beginning) count(ctx context.Context, tx pgx.Tx) (what string, total int64, err error) {
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM usage`).Scan(&total)
	return "journals", total, err
}

func (beginning) chunk(ctx context.Context, tx pgx.Tx, at *position) (more bool, err error) {
	owners, err := readOwners(ctx, tx, at.after)
	if err != nil || len(owners) == 0 {
		return false, err
	}
	lines := &pgx.Batch{}
	for _, owner := range owners {
		if owner.Newest > 0 { // it has items
			values := append([]any{owner.Tenant, owner.User}, relational.LineValues(owner.Began(), nil)...)
			lines.Queue(`INSERT INTO journal VALUES (`+parameters(len(values))+`)`, values...)
			lines.Queue(sqlCountLine, owner.Tenant, owner.User)
		}
	}
	at.done += int64(len(owners))
	at.after = owners[len(owners)-1].After()
	return true, tx.SendBatch(ctx, lines).Close()
}

// parameters are $1 to $n.
func parameters(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(all, ", ")
}

func readOwners(ctx context.Context, tx pgx.Tx, after string) ([]migration.Owner, error) {
	last, err := migration.OwnerAfter(after)
	if err != nil {
		return nil, err
	}
	latest := time.Now().UnixMilli() + int64(item.MaxAhead)
	rows, err := tx.Query(ctx, sqlJournalOwners, last.Tenant, last.User, latest, migration.ChunkItems, migration.Kinds())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (owner migration.Owner, err error) {
		err = row.Scan(&owner.Tenant, &owner.User, &owner.Epoch, (*int64)(&owner.Newest))
		return owner, err
	})
}
