package sqlite

import (
	"context"
	"database/sql"
	"regexp"
	"sync"
	"sync/atomic"

	"toolbridge/api/internal/store/relational"
)

// itemColumns are those of relational.ScanItem.
const itemColumns = `uid, version, created_ms, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid, payload`

const (
	sqlItem = `SELECT ` + itemColumns + ` FROM item WHERE tenant = ? AND owner = ? AND kind = ? AND uid = ?`

	// The snapshot that a write is decided from, always in one row.
	sqlCurrent = `SELECT COALESCE(i.uid, ''), COALESCE(i.version, 0), COALESCE(i.created_ms, 0), COALESCE(i.updated_ms, 0),
			COALESCE(i.stored_ms, 0), i.deleted_ms, COALESCE(i.parent_kind, ''), COALESCE(i.parent_uid, ''), i.payload,
			COALESCE(a.epoch, 1),
			EXISTS (SELECT 1 FROM item p WHERE p.tenant = ?1 AND p.owner = ?2 AND p.kind = COALESCE(NULLIF(?6, ''), i.parent_kind)
				AND p.uid = COALESCE(NULLIF(?7, ''), i.parent_uid) AND p.deleted_ms IS NULL),
			k.request, COALESCE(k.status, 0), COALESCE(k.uid, ''), COALESCE(k.version, 0), COALESCE(k.body, ''),
			COALESCE(u.items, 0), COALESCE(u.bytes, 0), COALESCE(u.deleted_items, 0), COALESCE(u.deleted_bytes, 0),
			COALESCE(u.journal_lines, 0), COALESCE(u.history_bytes, 0), ` + headColumns + `
		FROM (SELECT 1) LEFT JOIN account a ON a.tenant = ?1 AND a.owner = ?2
			LEFT JOIN usage u ON u.tenant = ?1 AND u.owner = ?2
			LEFT JOIN item i ON i.tenant = ?1 AND i.owner = ?2 AND i.kind = ?3 AND i.uid = ?4
			LEFT JOIN idempotency k ON k.tenant = ?1 AND k.owner = ?2 AND k.key = ?8 AND k.expires_ms > ?9
			` + joinHead

	// The newest time of the owner's journal up to ?5, and its last line.
	headColumns = `COALESCE((SELECT at_ms FROM journal INDEXED BY journal_by_time
				WHERE tenant = ?1 AND owner = ?2 AND at_ms <= ?5 ORDER BY at_ms DESC LIMIT 1), 0),
			COALESCE(j.seq, 0), COALESCE(j.at_ms, 0), j.hash`
	joinHead = `LEFT JOIN journal j ON j.tenant = ?1 AND j.owner = ?2
				AND j.seq = (SELECT MAX(seq) FROM journal WHERE tenant = ?1 AND owner = ?2)`
	sqlHead = `SELECT ` + headColumns + ` FROM (SELECT 1) ` + joinHead

	// What the item was at version ?5: the content of the line of the version after it.
	sqlPast = `SELECT content, was_deleted FROM journal INDEXED BY journal_by_item
		WHERE tenant = ?1 AND owner = ?2 AND kind = ?3 AND uid = ?4 AND version = ?5 + 1 AND before_version = ?5 AND epoch = ?6
		ORDER BY seq DESC LIMIT 1`

	sqlLive = `SELECT EXISTS (SELECT 1 FROM item
		WHERE tenant = ? AND owner = ? AND kind = ? AND uid = ? AND deleted_ms IS NULL)`

	// A write, with all that belongs to it: see the triggers of saving.
	sqlSave = `INSERT INTO saving VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
		?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

	// Texts that waited for the end of the transaction.
	sqlIndex = `INSERT INTO indexing SELECT ?, ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)`

	sqlKeepAnswer = `INSERT OR REPLACE INTO idempotency (tenant, owner, key, request, status, uid, version, body, expires_ms, kept_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlDropLargeSurplus = `DELETE FROM idempotency WHERE rowid IN (
		SELECT rowid FROM idempotency INDEXED BY idempotency_by_owner WHERE tenant = ? AND owner = ? AND octet_length(body) > ?
		ORDER BY expires_ms DESC LIMIT -1 OFFSET ?)`
	sqlUsage = `SELECT items, bytes, deleted_items, deleted_bytes, journal_lines, history_bytes FROM usage WHERE tenant = ? AND owner = ?`

	sqlDropTombstones = `DELETE FROM item WHERE rowid IN (
		SELECT rowid FROM item INDEXED BY item_deleted_by_time
		WHERE tenant = ? AND owner = ? AND deleted_ms IS NOT NULL AND stored_ms < ? ORDER BY stored_ms LIMIT ?)`

	sqlDeleteUsage   = `DELETE FROM usage WHERE tenant = ? AND owner = ? RETURNING journal_lines`
	sqlDeleteAnswers = `DELETE FROM idempotency WHERE tenant = ? AND owner = ?`

	stateColumns = `COALESCE(a.epoch, 1), COALESCE(a.sessions_since_ms, 0), COALESCE(a.last_wipe_ms, 0), COALESCE(a.last_wipe_by, ''), `
	joinAccount  = `LEFT JOIN account a ON a.tenant = ?1 AND a.owner = ?2`
	sqlState     = `SELECT ` + stateColumns + `EXISTS (SELECT 1 FROM ended_session e WHERE e.tenant = ?1 AND e.id = ?3)
		FROM (SELECT 1) ` + joinAccount

	// Both of an owner and an item, always in one row.
	sqlItemWithState = `SELECT COALESCE(i.uid, ''), COALESCE(i.version, 0), COALESCE(i.created_ms, 0), COALESCE(i.updated_ms, 0),
			COALESCE(i.stored_ms, 0), i.deleted_ms, COALESCE(i.parent_kind, ''), COALESCE(i.parent_uid, ''),
			iif(octet_length(i.payload) <= ?6, i.payload, NULL),
			` + stateColumns + `EXISTS (SELECT 1 FROM ended_session e WHERE e.tenant = ?1 AND e.id = ?5)
		FROM (SELECT 1) ` + joinAccount + `
			LEFT JOIN item i ON i.tenant = ?1 AND i.owner = ?2 AND i.kind = ?3 AND i.uid = ?4`

	sqlEndSession   = `INSERT INTO ended_session (tenant, id, expires_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	sqlPurgeEnded   = `DELETE FROM ended_session WHERE expires_ms <= ?`
	sqlCountByKind  = `SELECT kind, COUNT(*) FROM item WHERE tenant = ? AND owner = ? GROUP BY kind`
	sqlDeleteOwners = `DELETE FROM item WHERE tenant = ? AND owner = ?`

	sqlUnindexOwners = `DELETE FROM search_index WHERE rowid IN (SELECT id FROM search_doc WHERE tenant = ? AND owner = ?)`
	sqlDeleteDocs    = `DELETE FROM search_doc WHERE tenant = ? AND owner = ?`
	sqlDropContents  = `UPDATE journal INDEXED BY journal_with_content SET content = NULL WHERE tenant = ? AND owner = ? AND content IS NOT NULL`
	sqlAddLine       = `INSERT INTO journal (tenant, owner, seq, at_ms, epoch, kind, uid, change, fields, before_version, version, batch,
			author, client, tool, correlation, content_hash, previous, hash, was_deleted, content)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlBeginUsage = `INSERT INTO usage (tenant, owner, items, bytes, deleted_items, deleted_bytes, journal_lines, history_bytes)
		VALUES (?, ?, 0, 0, 0, 0, ?, 0)`

	sqlEpoch       = `SELECT COALESCE((SELECT epoch FROM account WHERE tenant = ? AND owner = ?), 1)`
	sqlOneMoreLine = `INSERT INTO usage (tenant, owner, items, bytes, deleted_items, deleted_bytes, journal_lines, history_bytes)
		VALUES (?, ?, 0, 0, 0, 0, 1, 0) ON CONFLICT (tenant, owner) DO UPDATE SET journal_lines = journal_lines + 1`

	// Parts of a wipe, for a full disk.
	sqlDeleteSome       = `DELETE FROM item WHERE rowid IN (SELECT rowid FROM item WHERE tenant = ? AND owner = ? LIMIT 100)`
	sqlDropSomeContents = `UPDATE journal SET content = NULL WHERE rowid IN (SELECT rowid FROM journal INDEXED BY journal_with_content
		WHERE tenant = ? AND owner = ? AND content IS NOT NULL LIMIT 100)`
	sqlUnindexSome    = `DELETE FROM search_index WHERE rowid IN (SELECT id FROM search_doc WHERE tenant = ? AND owner = ? LIMIT 100)`
	sqlDeleteSomeDocs = `DELETE FROM search_doc WHERE id IN (SELECT id FROM search_doc WHERE tenant = ? AND owner = ? LIMIT 100)`

	// Returns no row when the owner is at another epoch than ?4.
	sqlRaiseEpoch = `INSERT INTO account (tenant, owner, epoch, sessions_since_ms, last_wipe_ms, last_wipe_by)
		SELECT ?1, ?2, 2, ?3 + 1, ?3, ?2
			WHERE ?4 = COALESCE((SELECT epoch FROM account WHERE tenant = ?1 AND owner = ?2), 1)
		ON CONFLICT (tenant, owner) DO UPDATE SET epoch = epoch + 1,
			sessions_since_ms = MAX(excluded.sessions_since_ms, sessions_since_ms + 1),
			last_wipe_ms = excluded.last_wipe_ms, last_wipe_by = excluded.last_wipe_by
		RETURNING epoch, sessions_since_ms, last_wipe_ms, last_wipe_by, FALSE`

	sqlVersion = `SELECT version FROM schema_version`
)

type readStatements struct {
	item, state, itemWithState, version *sql.Stmt
	lists                               sync.Map // text to *sql.Stmt
	prepared                            atomic.Int64
}

func (r *readStatements) prepare(ctx context.Context, db *sql.DB) error {
	p := preparer{ctx: ctx, db: db}
	r.item, r.state, r.itemWithState, r.version = p.prepare(sqlItem), p.prepare(sqlState), p.prepare(sqlItemWithState), p.prepare(sqlVersion)
	return p.err
}

type writeStatements struct {
	current, live, past, save *sql.Stmt
	index, keepAnswer         *sql.Stmt
	usage, dropTombstones     *sql.Stmt
	trail, newestTrail        *sql.Stmt
	dropContents, dropLines   *sql.Stmt
	endSession, purgeEnded    *sql.Stmt
}

func (w *writeStatements) prepare(ctx context.Context, db *sql.DB) error {
	p := preparer{ctx: ctx, db: db}
	w.current, w.live, w.past, w.save = p.prepare(sqlCurrent), p.prepare(sqlLive), p.prepare(sqlPast), p.prepare(sqlSave)
	w.index, w.keepAnswer = p.prepare(sqlIndex), p.prepare(sqlKeepAnswer)
	w.usage, w.dropTombstones = p.prepare(sqlUsage), p.prepare(sqlDropTombstones)
	w.trail, w.newestTrail = p.prepare(relational.Trail), p.prepare(relational.NewestTrail)
	w.dropContents, w.dropLines = p.prepare(sqlDropOldest), p.prepare(sqlDropLines)
	w.endSession, w.purgeEnded = p.prepare(sqlEndSession), p.prepare(sqlPurgeEnded)
	return p.err
}

// preparer prepares statements until one fails.
type preparer struct {
	ctx context.Context
	db  *sql.DB
	err error
}

func (p *preparer) prepare(text string) (statement *sql.Stmt) {
	if p.err == nil {
		statement, p.err = p.db.PrepareContext(p.ctx, steady(text))
	}
	return statement
}

var limits = regexp.MustCompile(`LIMIT (\?\d*)`)

// steady is a statement that stays prepared. If a plain parameter limits its rows, SQLite
// prepares it anew with each value.
func steady(text string) string { return limits.ReplaceAllString(text, "LIMIT max(0, $1)") }
