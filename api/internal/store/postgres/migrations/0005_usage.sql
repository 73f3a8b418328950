-- What each owner has: sums over item, which every write brings up to date.
CREATE TABLE IF NOT EXISTS usage (
    tenant        TEXT COLLATE "C" NOT NULL,
    owner         TEXT COLLATE "C" NOT NULL,
    items         BIGINT NOT NULL,
    bytes         BIGINT NOT NULL,
    deleted_items BIGINT NOT NULL,
    deleted_bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant, owner)
);

INSERT INTO usage (tenant, owner, items, bytes, deleted_items, deleted_bytes)
    SELECT tenant, owner,
        SUM(CASE WHEN deleted_ms IS NULL THEN 1 ELSE 0 END), SUM(CASE WHEN deleted_ms IS NULL THEN octet_length(payload) ELSE 0 END),
        SUM(CASE WHEN deleted_ms IS NULL THEN 0 ELSE 1 END), SUM(CASE WHEN deleted_ms IS NULL THEN 0 ELSE octet_length(payload) END)
    FROM item GROUP BY tenant, owner
    ON CONFLICT (tenant, owner) DO UPDATE SET items = excluded.items, bytes = excluded.bytes,
        deleted_items = excluded.deleted_items, deleted_bytes = excluded.deleted_bytes;

-- The oldest tombstones make way first.
CREATE INDEX IF NOT EXISTS item_deleted_by_time ON item (tenant, owner, stored_ms) WHERE deleted_ms IS NOT NULL;
