package postgres

// Plain SQL that CockroachDB and YugabyteDB have too: no advisory locks, no
// triggers, no procedures, no types of PostgreSQL's own.
const (
	sqlBegin    = `BEGIN ISOLATION LEVEL READ COMMITTED` // each statement sees what was committed before it
	sqlCommit   = `COMMIT`
	sqlRollback = `ROLLBACK`

	// Takes the owner's turn to write. It changes the row instead of only locking it:
	// so at any isolation level, a database either makes the next writer wait and see
	// this write, or refuses that writer with a serialization failure.
	sqlTurn = `INSERT INTO account (tenant, owner, writes, epoch, sessions_since_ms, last_wipe_ms, last_wipe_by)
		VALUES ($1, $2, 1, 1, 0, 0, '')
		ON CONFLICT (tenant, owner) DO UPDATE SET writes = account.writes + 1
		RETURNING epoch, writes`

	sqlItem = `SELECT uid, version, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid, payload FROM item
		WHERE tenant = $1 AND owner = $2 AND kind = $3 AND uid = $4`

	// The items of some writes with the newest time of their kind, the expected parent
	// and the answer to an earlier write with the key. It returns at least one row,
	// without an item when none of the items exists.
	sqlCurrent = `SELECT ` + sqlCurrentColumns + ` FROM ` + sqlCurrentTables

	// Takes the turn and reads the same in one statement. It reads what was committed
	// when it began, before it waited for the turn. If another write came in between,
	// the number of writes shows that the result is too old.
	sqlTurnAndCurrent = `WITH turn AS (` + sqlTurn + `)
		SELECT ` + sqlCurrentColumns + `, turn.epoch,
			turn.writes = 1 + COALESCE((SELECT writes FROM account WHERE tenant = $1 AND owner = $2), 0)
		FROM turn CROSS JOIN ` + sqlCurrentTables

	sqlCurrentColumns = `COALESCE(i.uid, ''), COALESCE(i.version, 0), COALESCE(i.updated_ms, 0), COALESCE(i.stored_ms, 0),
			i.deleted_ms, COALESCE(i.parent_kind, ''), COALESCE(i.parent_uid, ''), i.payload,
			n.ms, COALESCE(i.tags, '{}'),
			EXISTS (SELECT 1 FROM item p WHERE p.tenant = $1 AND p.owner = $2 AND p.kind = COALESCE(NULLIF($6, ''), i.parent_kind)
				AND p.uid = COALESCE(NULLIF($7, ''), i.parent_uid) AND p.deleted_ms IS NULL),
			k.request, COALESCE(k.status, 0), COALESCE(k.uid, ''), COALESCE(k.version, 0), COALESCE(k.body, ''),
			COALESCE(u.items, 0), COALESCE(u.bytes, 0), COALESCE(u.deleted_items, 0), COALESCE(u.deleted_bytes, 0)`
	sqlCurrentTables = `(SELECT COALESCE((SELECT stored_ms FROM item
				WHERE tenant = $1 AND owner = $2 AND kind = $3 AND stored_ms <= $5 ORDER BY stored_ms DESC LIMIT 1), 0) AS ms) AS n
			LEFT JOIN usage u ON u.tenant = $1 AND u.owner = $2
			LEFT JOIN item i ON i.tenant = $1 AND i.owner = $2 AND i.kind = $3 AND i.uid = ANY ($4)
			LEFT JOIN idempotency k ON k.tenant = $1 AND k.owner = $2 AND k.key = $8 AND k.expires_ms > $9`

	sqlLive = `SELECT EXISTS (SELECT 1 FROM item
		WHERE tenant = $1 AND owner = $2 AND kind = $3 AND uid = $4 AND deleted_ms IS NULL)`

	// The parts of a save. Question marks stand for arguments.
	sqlSaveItem = `INSERT INTO item (version, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid, payload,
			status, archived, tags, tenant, owner, kind, uid)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, owner, kind, uid) DO UPDATE SET version = excluded.version, updated_ms = excluded.updated_ms,
			stored_ms = excluded.stored_ms, deleted_ms = excluded.deleted_ms, parent_kind = excluded.parent_kind,
			parent_uid = excluded.parent_uid, payload = excluded.payload, status = excluded.status,
			archived = excluded.archived, tags = excluded.tags`

	sqlAddTags = `INSERT INTO item_tag (tenant, owner, kind, uid, stored_ms, tag)
		SELECT ?, ?, ?, ?, CAST(? AS BIGINT), tag FROM unnest(CAST(? AS TEXT[])) AS tags (tag)`

	sqlMoveTags = `UPDATE item_tag SET stored_ms = ?
		WHERE tenant = ? AND owner = ? AND kind = ? AND uid = ? AND stored_ms = ? AND tag = ANY (?)`

	sqlRemoveTags = `DELETE FROM item_tag
		WHERE tenant = ? AND owner = ? AND kind = ? AND uid = ? AND stored_ms = ? AND tag = ANY (?)`

	sqlAddUsage = `INSERT INTO usage (tenant, owner, items, bytes, deleted_items, deleted_bytes)
		VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, owner) DO UPDATE SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes,
			deleted_items = usage.deleted_items + excluded.deleted_items,
			deleted_bytes = usage.deleted_bytes + excluded.deleted_bytes`

	sqlKeepAnswer = `INSERT INTO idempotency (tenant, owner, key, request, status, uid, version, body, expires_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, owner, key) DO UPDATE SET request = excluded.request, status = excluded.status,
			uid = excluded.uid, version = excluded.version, body = excluded.body, expires_ms = excluded.expires_ms`

	// Except the answer that the same statement may replace.
	sqlPurgeAnswers = `DELETE FROM idempotency WHERE expires_ms <= ? AND NOT (tenant = ? AND owner = ? AND key = ?)`

	// What the owner has beyond the newest. The answer of the same statement is newer.
	sqlDropSurplus = `DELETE FROM idempotency WHERE tenant = ? AND owner = ? AND NOT key = ? AND expires_ms < (
		SELECT expires_ms FROM idempotency WHERE tenant = ? AND owner = ? ORDER BY expires_ms DESC LIMIT 1 OFFSET ?)`

	// Drops the oldest tombstones with their tags, and returns how many, and how large.
	sqlDropTombstones = `WITH oldest AS (SELECT kind, uid FROM item
			WHERE tenant = $1 AND owner = $2 AND deleted_ms IS NOT NULL AND stored_ms < $3 ORDER BY stored_ms LIMIT $4),
		gone AS (DELETE FROM item USING oldest
			WHERE item.tenant = $1 AND item.owner = $2 AND item.kind = oldest.kind AND item.uid = oldest.uid
			RETURNING item.kind, item.uid, item.stored_ms, item.tags, octet_length(item.payload) AS bytes),
		untagged AS (DELETE FROM item_tag USING gone
			WHERE item_tag.tenant = $1 AND item_tag.owner = $2 AND item_tag.kind = gone.kind AND item_tag.tag = ANY (gone.tags)
				AND item_tag.stored_ms = gone.stored_ms AND item_tag.uid = gone.uid)
		SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM gone`

	sqlDeleteAnswers = `DELETE FROM idempotency WHERE tenant = $1 AND owner = $2`

	sqlState = `SELECT COALESCE(a.epoch, 1), COALESCE(a.sessions_since_ms, 0), COALESCE(a.last_wipe_ms, 0),
			COALESCE(a.last_wipe_by, ''), EXISTS (SELECT 1 FROM ended_session e WHERE e.tenant = $1 AND e.id = $3)
		FROM (SELECT 1) AS always LEFT JOIN account a ON a.tenant = $1 AND a.owner = $2`

	sqlEndSession = `INSERT INTO ended_session (tenant, id, expires_ms) VALUES ($1, $2, $3) ON CONFLICT (tenant, id) DO NOTHING`
	sqlPurgeEnded = `DELETE FROM ended_session WHERE expires_ms <= $1`

	sqlDeleteOwners = `WITH gone AS (DELETE FROM item WHERE tenant = $1 AND owner = $2 RETURNING kind),
			unused AS (DELETE FROM usage WHERE tenant = $1 AND owner = $2)
		SELECT kind, COUNT(*) FROM gone GROUP BY kind`

	sqlDeleteTags = `DELETE FROM item_tag WHERE tenant = $1 AND owner = $2`

	sqlRaiseEpoch = `UPDATE account SET epoch = epoch + 1, sessions_since_ms = GREATEST(CAST($3 AS BIGINT) + 1, sessions_since_ms + 1),
			last_wipe_ms = $3, last_wipe_by = $2
		WHERE tenant = $1 AND owner = $2
		RETURNING epoch, sessions_since_ms, last_wipe_ms, last_wipe_by`

	sqlVersion = `SELECT version FROM schema_version WHERE id = 1`
)
