package sqlite

import (
	"context"
	"database/sql"
	"sync"
)

const (
	sqlItem = `SELECT uid, version, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid, payload FROM item
		WHERE tenant = ? AND owner = ? AND kind = ? AND uid = ?`

	// The snapshot that a write is decided from, always in one row.
	sqlCurrent = `SELECT COALESCE(i.uid, ''), COALESCE(i.version, 0), COALESCE(i.updated_ms, 0),
			COALESCE(i.stored_ms, 0), i.deleted_ms, COALESCE(i.parent_kind, ''), COALESCE(i.parent_uid, ''), i.payload,
			COALESCE(a.epoch, 1),
			COALESCE((SELECT stored_ms FROM item INDEXED BY item_all_by_time
				WHERE tenant = ?1 AND owner = ?2 AND kind = ?3 AND stored_ms <= ?5 ORDER BY stored_ms DESC LIMIT 1), 0),
			EXISTS (SELECT 1 FROM item p WHERE p.tenant = ?1 AND p.owner = ?2 AND p.kind = COALESCE(NULLIF(?6, ''), i.parent_kind)
				AND p.uid = COALESCE(NULLIF(?7, ''), i.parent_uid) AND p.deleted_ms IS NULL),
			k.request, COALESCE(k.status, 0), COALESCE(k.uid, ''), COALESCE(k.version, 0), COALESCE(k.body, ''),
			COALESCE(u.items, 0), COALESCE(u.bytes, 0), COALESCE(u.deleted_items, 0), COALESCE(u.deleted_bytes, 0)
		FROM (SELECT 1) LEFT JOIN account a ON a.tenant = ?1 AND a.owner = ?2
			LEFT JOIN usage u ON u.tenant = ?1 AND u.owner = ?2
			LEFT JOIN item i ON i.tenant = ?1 AND i.owner = ?2 AND i.kind = ?3 AND i.uid = ?4
			LEFT JOIN idempotency k ON k.tenant = ?1 AND k.owner = ?2 AND k.key = ?8 AND k.expires_ms > ?9`

	sqlLive = `SELECT EXISTS (SELECT 1 FROM item
		WHERE tenant = ? AND owner = ? AND kind = ? AND uid = ? AND deleted_ms IS NULL)`

	sqlInsert = `INSERT INTO item (version, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid, payload,
			status, archived, tags, tenant, owner, kind, uid)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

	sqlUpdate = `UPDATE item SET version = ?, updated_ms = ?, stored_ms = ?, deleted_ms = ?, parent_kind = ?, parent_uid = ?, payload = ?,
			status = ?, archived = ?, tags = ?
		WHERE tenant = ? AND owner = ? AND kind = ? AND uid = ?`

	sqlKeepAnswer = `INSERT OR REPLACE INTO idempotency (tenant, owner, key, request, status, uid, version, body, expires_ms, kept_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUsage = `SELECT items, bytes, deleted_items, deleted_bytes FROM usage WHERE tenant = ? AND owner = ?`

	sqlDropTombstones = `DELETE FROM item WHERE rowid IN (
		SELECT rowid FROM item INDEXED BY item_deleted_by_time
		WHERE tenant = ? AND owner = ? AND deleted_ms IS NOT NULL AND stored_ms < ? ORDER BY stored_ms LIMIT ?)`

	sqlDeleteUsage   = `DELETE FROM usage WHERE tenant = ? AND owner = ?`
	sqlDeleteAnswers = `DELETE FROM idempotency WHERE tenant = ? AND owner = ?`

	sqlState = `SELECT COALESCE(a.epoch, 1), COALESCE(a.sessions_since_ms, 0), COALESCE(a.last_wipe_ms, 0),
			COALESCE(a.last_wipe_by, ''), EXISTS (SELECT 1 FROM ended_session e WHERE e.tenant = ?1 AND e.id = ?3)
		FROM (SELECT 1) LEFT JOIN account a ON a.tenant = ?1 AND a.owner = ?2`

	sqlEndSession   = `INSERT INTO ended_session (tenant, id, expires_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	sqlPurgeEnded   = `DELETE FROM ended_session WHERE expires_ms <= ?`
	sqlCountByKind  = `SELECT kind, COUNT(*) FROM item WHERE tenant = ? AND owner = ? GROUP BY kind`
	sqlDeleteOwners = `DELETE FROM item WHERE tenant = ? AND owner = ?`
	sqlDeleteSome   = `DELETE FROM item WHERE rowid IN (SELECT rowid FROM item WHERE tenant = ? AND owner = ? LIMIT 100)`

	// Returns no row when the owner is at another epoch than ?4.
	sqlRaiseEpoch = `INSERT INTO account (tenant, owner, epoch, sessions_since_ms, last_wipe_ms, last_wipe_by)
		SELECT ?1, ?2, 2, ?3 + 1, ?3, ?2
			WHERE ?4 = COALESCE((SELECT epoch FROM account WHERE tenant = ?1 AND owner = ?2), 1)
		ON CONFLICT (tenant, owner) DO UPDATE SET epoch = epoch + 1,
			sessions_since_ms = MAX(excluded.sessions_since_ms, sessions_since_ms + 1),
			last_wipe_ms = excluded.last_wipe_ms, last_wipe_by = excluded.last_wipe_by
		RETURNING epoch, sessions_since_ms, last_wipe_ms, last_wipe_by`

	sqlVersion = `SELECT version FROM schema_version`
)

type readStatements struct {
	item, state, version *sql.Stmt
	lists                sync.Map // text to *sql.Stmt
}

func (r *readStatements) prepare(ctx context.Context, db *sql.DB) error {
	p := preparer{ctx: ctx, db: db}
	r.item, r.state, r.version = p.prepare(sqlItem), p.prepare(sqlState), p.prepare(sqlVersion)
	return p.err
}

type writeStatements struct {
	current, live, insert, update         *sql.Stmt
	keepAnswer, deleteAnswers             *sql.Stmt
	usage, dropTombstones, deleteUsage    *sql.Stmt
	endSession, purgeEnded                *sql.Stmt
	countByKind, deleteOwners, raiseEpoch *sql.Stmt
}

func (w *writeStatements) prepare(ctx context.Context, db *sql.DB) error {
	p := preparer{ctx: ctx, db: db}
	w.current, w.live = p.prepare(sqlCurrent), p.prepare(sqlLive)
	w.insert, w.update = p.prepare(sqlInsert), p.prepare(sqlUpdate)
	w.keepAnswer, w.deleteAnswers = p.prepare(sqlKeepAnswer), p.prepare(sqlDeleteAnswers)
	w.usage, w.dropTombstones, w.deleteUsage = p.prepare(sqlUsage), p.prepare(sqlDropTombstones), p.prepare(sqlDeleteUsage)
	w.endSession, w.purgeEnded = p.prepare(sqlEndSession), p.prepare(sqlPurgeEnded)
	w.countByKind, w.deleteOwners, w.raiseEpoch = p.prepare(sqlCountByKind), p.prepare(sqlDeleteOwners), p.prepare(sqlRaiseEpoch)
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
		statement, p.err = p.db.PrepareContext(p.ctx, text)
	}
	return statement
}
