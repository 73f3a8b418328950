// Package relational is shared by the stores that keep items in tables of the same
// columns: how rows are read and written, and the conditions of a list.
package relational

import (
	"encoding/json"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

// Row is one row of a result.
type Row interface {
	Scan(dest ...any) error
}

// Rows is all rows of a result.
type Rows interface {
	Row
	Next() bool
	Err() error
}

// collect reads all rows.
func collect[T any](rows Rows, scan func(Row) (T, error)) (all []T, err error) {
	for rows.Next() {
		next, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, next)
	}
	return all, rows.Err()
}

// Key is the columns tenant, owner, kind and uid.
func Key(ref item.Ref) []any {
	return []any{ref.Tenant, ref.User, string(ref.Kind), ref.UID}
}

// Values is the other columns of an item: version, created_ms, updated_ms, stored_ms,
// deleted_ms, parent_kind, parent_uid, status, archived, closed, due_ms, title, terms,
// summary and payload.
func Values(next *item.Item, terms, summary, payload any) []any {
	f := next.Facets
	return []any{next.Version, int64(next.CreatedAt), int64(next.UpdatedAt), int64(next.StoredAt), optional(next.DeletedAt),
		string(next.Parent.Kind), next.Parent.UID, f.Status, f.Archived, f.Closed, optional(f.Due), f.Title, terms, summary, payload}
}

// optional is a moment, or NULL.
func optional(moment *item.Millis) any {
	if moment == nil {
		return nil
	}
	return int64(*moment)
}

// LineValues is the columns of a line of the journal after tenant and owner: seq, at_ms,
// epoch, kind, uid, change, fields, before_version, version, batch, author, client,
// tool, correlation, content_hash, previous, hash, was_deleted and content. Without
// content it is NULL.
func LineValues(line journal.Line, content any) []any {
	fields, _ := json.Marshal(line.Names()) // strings can always be encoded
	return []any{line.Seq, line.At, line.Epoch, line.Kind, line.UID, string(line.Name), string(fields), line.Before, line.Now, line.Batch,
		line.By, line.Client, line.Tool, line.Correlation, bytesOf(line.Content), bytesOf(line.Previous), bytesOf(line.Hash), line.Revived, content}
}

// bytesOf is a digest, which is never NULL.
func bytesOf(digest journal.Digest) []byte { return append([]byte{}, digest...) }

// Kept is the columns of a record of a write with a key: tenant, owner, key, request,
// status, uid, version, body and expires_ms.
func Kept(owner account.Owner, once *item.Once, made *item.Item, now item.Millis) []any {
	r := once.Record(made)
	return []any{owner.Tenant, owner.User, once.Key, r.Request, r.Status, r.UID, r.Version, r.Body, int64(now) + once.Keep.Milliseconds()}
}

// ScanItem reads uid, version, created_ms, updated_ms, stored_ms, deleted_ms, parent_kind,
// parent_uid and payload, and any columns that follow into more.
func ScanItem(row Row, more ...any) (item.Item, error) {
	var (
		found                    item.Item
		created, updated, stored int64
		deleted                  *int64
		kind                     string
	)
	columns := []any{&found.UID, &found.Version, &created, &updated, &stored, &deleted, &kind, &found.Parent.UID, &found.Payload}
	err := row.Scan(append(columns, more...)...)
	found.CreatedAt = item.Millis(created)
	found.UpdatedAt, found.StoredAt, found.Parent.Kind = item.Millis(updated), item.Millis(stored), entity.Kind(kind)
	if deleted != nil {
		at := item.Millis(*deleted)
		found.DeletedAt = &at
	}
	return found, err
}

// ScanItemWithState reads the columns of ScanItem, none of them NULL but deleted_ms and
// payload, and those of ScanState with whether the session has ended. Without a payload
// there is no item.
func ScanItemWithState(row Row) (account.State, *item.Item, error) {
	var s stateColumns
	found, err := ScanItem(row, s.into()...)
	if err != nil {
		return account.State{}, nil, err
	}
	if found.Payload == nil {
		return s.state(), nil, nil
	}
	return s.state(), &found, nil
}

// ScanListed is ScanItem for a row of a list, which has these columns behind those: the
// size of the payload, due_ms, title, summary, the parent's title and the total. Without
// a summary, the last but the total are NULL.
func ScanListed(row Row, total *int, more ...any) (item.Item, error) {
	var (
		size   int64
		due    *int64
		parent *string
		title  string
		short  []byte
	)
	found, err := ScanItem(row, append([]any{&size, &due, &title, &short, &parent, total}, more...)...)
	found.Facets.Title, found.Summary = title, short
	if due != nil {
		at := item.Millis(*due)
		found.Facets.Due = &at
	}
	if parent != nil {
		found.ParentTitle = *parent
	}
	if found.Payload == nil {
		found.Size = size
	}
	return found, err
}

// Usage is what an owner has, always in one row. Its arguments are tenant and owner.
const Usage = `SELECT COALESCE(u.items, 0), COALESCE(u.bytes, 0), COALESCE(u.history_bytes, 0)
	FROM (SELECT 1 AS one) AS o LEFT JOIN usage u ON u.tenant = ? AND u.owner = ?`

// MostUsed is what an owner has at most, always in one row. Its argument is the tenant.
const MostUsed = `SELECT COALESCE(MAX(items), 0), COALESCE(MAX(bytes), 0) FROM usage WHERE tenant = ?`

// ScanUsage reads the row of Usage.
func ScanUsage(row Row) (used account.Usage, err error) {
	err = row.Scan(&used.Items, &used.Bytes, &used.HistoryBytes)
	return used, err
}

// stateColumns are epoch, sessions_since_ms, last_wipe_ms, last_wipe_by, and whether the
// session of the query has ended.
type stateColumns struct {
	found        account.State
	since, wiped int64
}

func (s *stateColumns) into() []any {
	return []any{&s.found.Epoch, &s.since, &s.wiped, &s.found.LastWipeBy, &s.found.SessionEnded}
}

func (s *stateColumns) state() account.State {
	s.found.SessionsSince = time.UnixMilli(s.since)
	if s.wiped != 0 {
		s.found.LastWipeAt = time.UnixMilli(s.wiped)
	}
	return s.found
}

// ScanState reads epoch, sessions_since_ms, last_wipe_ms, last_wipe_by, and whether the
// session of the query has ended.
func ScanState(row Row) (account.State, error) {
	var s stateColumns
	if err := row.Scan(s.into()...); err != nil {
		return account.State{}, err
	}
	return s.state(), nil
}
