package postgres

// Plain SQL that CockroachDB and YugabyteDB have too: no advisory locks, no
// triggers, no procedures, and of PostgreSQL's own types only that of a text's words.
const (
	sqlBegin    = `BEGIN ISOLATION LEVEL READ COMMITTED` // each statement sees what was committed before it
	sqlCommit   = `COMMIT`
	sqlRollback = `ROLLBACK`

	sqlBeginReading = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY` // all statements see the same

	// Takes the owner's turn to write. It changes the row instead of only locking it:
	// so at any isolation level, a database either makes the next writer wait and see
	// this write, or refuses that writer with a serialization failure.
	sqlTurn = `INSERT INTO account (tenant, owner, writes, epoch, sessions_since_ms, last_wipe_ms, last_wipe_by)
		VALUES ($1, $2, 1, 1, 0, 0, '')
		ON CONFLICT (tenant, owner) DO UPDATE SET writes = account.writes + 1
		RETURNING epoch, writes`

	sqlItem = `SELECT uid, version, created_ms, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid, payload FROM item
		WHERE ` + sqlKey

	// One item. In other indexes of the table, the columns of the key stand too, but far
	// apart. A server that has no statistics of the table yet takes one of those as soon as
	// the primary key, and walks over all that the owner has. Only the primary key has
	// this order.
	sqlKey = `tenant = $1 AND owner = $2 AND kind = $3 AND uid BETWEEN $4 AND $4 ORDER BY uid LIMIT 1`

	// The items of some writes with the expected parent, the newest time and the last
	// line of the owner's journal, and the answer to an earlier write with the key. It
	// returns at least one row, and one for each item that is not there.
	sqlCurrent       = `SELECT ` + sqlCurrentColumns + ` FROM ` + sqlCurrentTables + sqlNamed
	sqlCurrentOfMany = `SELECT ` + sqlCurrentColumns + ` FROM ` + sqlCurrentTables + sqlNamedMany

	// Take the turn and read the same in one statement. They read what was committed
	// when they began, before they waited for the turn. If another write came in between,
	// the number of writes shows that the result is too old.
	sqlTurnAndCurrent       = sqlTurnAnd + sqlCurrentTables + sqlNamed
	sqlTurnAndCurrentOfMany = sqlTurnAnd + sqlCurrentTables + sqlNamedMany
	sqlTurnAnd              = `WITH turn AS (` + sqlTurn + `)
		SELECT ` + sqlCurrentColumns + `, turn.epoch,
			turn.writes = 1 + COALESCE((SELECT writes FROM account WHERE tenant = $1 AND owner = $2), 0)
		FROM turn CROSS JOIN `

	sqlCurrentColumns = sqlNamedColumns + `,
			COALESCE((SELECT deleted_ms IS NULL FROM item
				WHERE tenant = $1 AND owner = $2 AND kind = COALESCE(NULLIF($6, ''), i.parent_kind)
					AND uid BETWEEN COALESCE(NULLIF($7, ''), i.parent_uid) AND COALESCE(NULLIF($7, ''), i.parent_uid)
				ORDER BY uid LIMIT 1), FALSE),
			COALESCE((SELECT at_ms FROM journal WHERE tenant = $1 AND owner = $2 AND at_ms <= $5 ORDER BY at_ms DESC LIMIT 1), 0),
			COALESCE(h.seq, 0), COALESCE(h.at_ms, 0), h.hash,
			k.request, COALESCE(k.status, 0), COALESCE(k.uid, ''), COALESCE(k.version, 0), COALESCE(k.body, ''),
			COALESCE(u.items, 0), COALESCE(u.bytes, 0), COALESCE(u.deleted_items, 0), COALESCE(u.deleted_bytes, 0),
			COALESCE(u.journal_lines, 0), COALESCE(u.history_bytes, 0)`
	sqlCurrentTables = `(SELECT 1) AS always
			LEFT JOIN LATERAL (SELECT seq, at_ms, hash FROM journal WHERE tenant = $1 AND owner = $2 ORDER BY seq DESC LIMIT 1) AS h ON TRUE
			LEFT JOIN usage u ON u.tenant = $1 AND u.owner = $2
			LEFT JOIN idempotency k ON k.tenant = $1 AND k.owner = $2 AND k.key = $8 AND k.expires_ms > $9
			LEFT JOIN `

	// The items of more writes.
	sqlItems = `SELECT ` + sqlNamedColumns + `,
			COALESCE((SELECT deleted_ms IS NULL FROM item
				WHERE tenant = $1 AND owner = $2 AND kind = i.parent_kind AND uid BETWEEN i.parent_uid AND i.parent_uid
				ORDER BY uid LIMIT 1), FALSE)
		FROM (SELECT 1) AS always LEFT JOIN ` + sqlNamedMany

	sqlNamedColumns = `COALESCE(i.uid, ''), COALESCE(i.version, 0), COALESCE(i.created_ms, 0), COALESCE(i.updated_ms, 0),
			COALESCE(i.stored_ms, 0), i.deleted_ms, COALESCE(i.parent_kind, ''), COALESCE(i.parent_uid, ''), i.payload,
			COALESCE(w.kind, ''), COALESCE(w.uid, ''), COALESCE(i.terms, '{}')`

	// The items that are named. A single one is not named by lists, as a server would think
	// that lists are longer, and plan the statement anew each time.
	sqlNamed     = `(SELECT CAST($3 AS TEXT) AS kind, CAST($4 AS TEXT) AS uid) AS w ON TRUE` + sqlLookUp
	sqlNamedMany = `unnest(CAST($3 AS TEXT[]), CAST($4 AS TEXT[])) AS w (kind, uid) ON TRUE` + sqlLookUp
	sqlLookUp    = `
			LEFT JOIN LATERAL (SELECT * FROM item
				WHERE tenant = $1 AND owner = $2 AND kind = w.kind AND uid BETWEEN w.uid AND w.uid ORDER BY uid LIMIT 1) AS i ON TRUE`

	// The payload that an item had at a version, from the last line that replaced it: an
	// item that was dropped and came again may have had a version twice.
	sqlPast = `SELECT content, was_deleted FROM journal
		WHERE tenant = $1 AND owner = $2 AND kind = $3 AND uid = $4 AND version = CAST($5 AS BIGINT) + 1 AND before_version = $5 AND epoch = $6
		ORDER BY seq DESC LIMIT 1`

	// The last line of the owner's journal, its newest time up to a limit, and whether it
	// keeps more contents than so many.
	sqlHead = `SELECT seq, at_ms, hash,
			COALESCE((SELECT at_ms FROM journal WHERE tenant = $1 AND owner = $2 AND at_ms <= $3 ORDER BY at_ms DESC LIMIT 1), 0),
			EXISTS (SELECT 1 FROM journal WHERE tenant = $1 AND owner = $2 AND content IS NOT NULL ORDER BY seq LIMIT 1 OFFSET $4)
		FROM journal WHERE tenant = $1 AND owner = $2 ORDER BY seq DESC LIMIT 1`

	sqlLive = `SELECT COALESCE((SELECT deleted_ms IS NULL FROM item WHERE ` + sqlKey + `), FALSE)`

	// The parts of a save. $1 to $4 are the item's key, and question marks stand for
	// further arguments.
	sqlSaveItem = `INSERT INTO item (tenant, owner, kind, uid, version, created_ms, updated_ms, stored_ms, deleted_ms,
			parent_kind, parent_uid, status, archived, closed, due_ms, title, terms, summary, payload)
		VALUES ($1, $2, $3, $4, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, owner, kind, uid) DO UPDATE SET version = excluded.version, created_ms = excluded.created_ms,
			updated_ms = excluded.updated_ms, stored_ms = excluded.stored_ms, deleted_ms = excluded.deleted_ms,
			parent_kind = excluded.parent_kind, parent_uid = excluded.parent_uid, status = excluded.status,
			archived = excluded.archived, closed = excluded.closed, due_ms = excluded.due_ms, title = excluded.title, terms = excluded.terms,
			summary = excluded.summary, payload = excluded.payload`

	// The content follows.
	sqlAddLine = `INSERT INTO journal (tenant, owner, seq, at_ms, epoch, kind, uid, change, fields, before_version, version, batch,
			author, client, tool, correlation, content_hash, previous, hash, was_deleted, content)
		VALUES ($1, $2, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, `
	sqlReplaced = `(SELECT payload FROM item WHERE ` + sqlKey + `)`

	sqlPutWords = `INSERT INTO search_doc (tenant, owner, kind, uid, seq, terms) VALUES ($1, $2, $3, $4, ?, CAST(? AS TSVECTOR))
		ON CONFLICT (tenant, owner, kind, uid) DO UPDATE SET seq = excluded.seq, terms = excluded.terms`

	sqlDropWords = `DELETE FROM search_doc WHERE tenant = $1 AND owner = $2 AND kind = $3 AND uid = $4`

	sqlAddTerms = `INSERT INTO item_term (tenant, owner, kind, uid, stored_ms, term)
		SELECT $1, $2, $3, $4, CAST(? AS BIGINT), term FROM unnest(CAST(? AS TEXT[])) AS terms (term)`

	sqlMoveTerms = `UPDATE item_term SET stored_ms = ?
		WHERE tenant = $1 AND owner = $2 AND kind = $3 AND uid = $4 AND stored_ms = ? AND term = ANY (?)`

	sqlRemoveTerms = `DELETE FROM item_term
		WHERE tenant = $1 AND owner = $2 AND kind = $3 AND uid = $4 AND stored_ms = ? AND term = ANY (?)`

	sqlAddUsage = `INSERT INTO usage (tenant, owner, items, bytes, deleted_items, deleted_bytes, journal_lines, history_bytes)
		VALUES ($1, $2, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, owner) DO UPDATE SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes,
			deleted_items = usage.deleted_items + excluded.deleted_items,
			deleted_bytes = usage.deleted_bytes + excluded.deleted_bytes,
			journal_lines = usage.journal_lines + excluded.journal_lines,
			history_bytes = usage.history_bytes + excluded.history_bytes`

	sqlKeepAnswer = `INSERT INTO idempotency (tenant, owner, key, request, status, uid, version, body, expires_ms)
		VALUES ($1, $2, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, owner, key) DO UPDATE SET request = excluded.request, status = excluded.status,
			uid = excluded.uid, version = excluded.version, body = excluded.body, expires_ms = excluded.expires_ms`

	// Except the answer that the same statement may replace.
	sqlPurgeAnswers = `DELETE FROM idempotency WHERE NOT (tenant = $1 AND owner = $2 AND key = ?) AND expires_ms <= ?`

	// What the owner has beyond the newest. The answer of the same statement is newer.
	sqlDropSurplus = `DELETE FROM idempotency WHERE tenant = $1 AND owner = $2 AND NOT key = ? AND expires_ms < (
		SELECT expires_ms FROM idempotency WHERE tenant = $1 AND owner = $2 ORDER BY expires_ms DESC LIMIT 1 OFFSET ?)`

	// The same of large answers only.
	sqlDropLargeSurplus = `DELETE FROM idempotency WHERE tenant = $1 AND owner = $2 AND NOT key = ? AND octet_length(body) > ? AND expires_ms < (
		SELECT expires_ms FROM idempotency WHERE tenant = $1 AND owner = $2 AND octet_length(body) > ? ORDER BY expires_ms DESC LIMIT 1 OFFSET ?)`

	// Drops the oldest tombstones with their terms, and returns how many, and how large.
	sqlDropTombstones = `WITH oldest AS (SELECT kind, uid FROM item
			WHERE tenant = $1 AND owner = $2 AND deleted_ms IS NOT NULL AND stored_ms < $3 ORDER BY stored_ms LIMIT $4),
		gone AS (DELETE FROM item USING oldest
			WHERE item.tenant = $1 AND item.owner = $2 AND item.kind = oldest.kind AND item.uid = oldest.uid
			RETURNING item.kind, item.uid, item.stored_ms, item.terms, octet_length(item.payload) AS bytes),
		unlisted AS (DELETE FROM item_term USING gone
			WHERE item_term.tenant = $1 AND item_term.owner = $2 AND item_term.kind = gone.kind AND item_term.term = ANY (gone.terms)
				AND item_term.stored_ms = gone.stored_ms AND item_term.uid = gone.uid)
		SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM gone`

	sqlStateColumns = `COALESCE(a.epoch, 1), COALESCE(a.sessions_since_ms, 0), COALESCE(a.last_wipe_ms, 0), COALESCE(a.last_wipe_by, ''), `
	sqlJoinAccount  = `LEFT JOIN account a ON a.tenant = $1 AND a.owner = $2`
	sqlState        = `SELECT ` + sqlStateColumns + `EXISTS (SELECT 1 FROM ended_session e WHERE e.tenant = $1 AND e.id = $3)
		FROM (SELECT 1) AS always ` + sqlJoinAccount

	// Both of an owner and an item, always in one row.
	sqlItemWithState = `SELECT COALESCE(i.uid, ''), COALESCE(i.version, 0), COALESCE(i.created_ms, 0), COALESCE(i.updated_ms, 0),
			COALESCE(i.stored_ms, 0), i.deleted_ms, COALESCE(i.parent_kind, ''), COALESCE(i.parent_uid, ''),
			CASE WHEN octet_length(i.payload) <= $6 THEN i.payload END,
			` + sqlStateColumns + `EXISTS (SELECT 1 FROM ended_session e WHERE e.tenant = $1 AND e.id = $5)
		FROM (SELECT 1) AS always ` + sqlJoinAccount + `
			LEFT JOIN LATERAL (SELECT * FROM item WHERE ` + sqlKey + `) AS i ON TRUE`

	sqlEndSession = `INSERT INTO ended_session (tenant, id, expires_ms) VALUES ($1, $2, $3) ON CONFLICT (tenant, id) DO NOTHING`
	sqlPurgeEnded = `DELETE FROM ended_session WHERE expires_ms <= $1`

	sqlCountByKind = `SELECT kind, COUNT(*) FROM item WHERE tenant = $1 AND owner = $2 GROUP BY kind`

	// What an owner has, apart from the journal. It returns how many items of each kind.
	sqlDeleteOwners = `WITH gone AS (DELETE FROM item WHERE tenant = $1 AND owner = $2 RETURNING kind),
			unlisted AS (DELETE FROM item_term WHERE tenant = $1 AND owner = $2),
			unfound AS (DELETE FROM search_doc WHERE tenant = $1 AND owner = $2),
			forgotten AS (DELETE FROM idempotency WHERE tenant = $1 AND owner = $2)
		SELECT kind, COUNT(*) FROM gone GROUP BY kind`

	sqlForgetContent = `UPDATE journal SET content = NULL WHERE tenant = $1 AND owner = $2 AND content IS NOT NULL`

	// Drops so many contents, the oldest ones, and one more.
	sqlForgetOldest = `WITH last AS (SELECT seq FROM journal WHERE tenant = $1 AND owner = $2 AND content IS NOT NULL ORDER BY seq LIMIT 1 OFFSET $3),
			sized AS (SELECT COALESCE(SUM(octet_length(content)), 0) AS bytes FROM journal
				WHERE tenant = $1 AND owner = $2 AND content IS NOT NULL AND seq <= (SELECT seq FROM last)),
			gone AS (UPDATE journal SET content = NULL
				WHERE tenant = $1 AND owner = $2 AND content IS NOT NULL AND seq <= (SELECT seq FROM last))
		UPDATE usage SET history_bytes = history_bytes - (SELECT bytes FROM sized) WHERE tenant = $1 AND owner = $2`

	// Raises the epoch with a line of the journal, which is all that the owner has then.
	sqlRaiseEpoch = `UPDATE account SET epoch = epoch + 1, sessions_since_ms = GREATEST(CAST(? AS BIGINT) + 1, sessions_since_ms + 1),
			last_wipe_ms = ?, last_wipe_by = $2
		WHERE tenant = $1 AND owner = $2
		RETURNING epoch, sessions_since_ms, last_wipe_ms, last_wipe_by, FALSE`
	sqlOnlyJournal = `INSERT INTO usage (tenant, owner, items, bytes, deleted_items, deleted_bytes, journal_lines, history_bytes)
		VALUES ($1, $2, 0, 0, 0, 0, 1, 0)
		ON CONFLICT (tenant, owner) DO UPDATE SET items = 0, bytes = 0, deleted_items = 0, deleted_bytes = 0,
			journal_lines = usage.journal_lines + 1, history_bytes = 0`

	sqlVersion = `SELECT version FROM schema_version WHERE id = 1`
)
