-- What each owner has: sums over item, kept by triggers, so that no write takes
-- another statement.
CREATE TABLE usage (
    tenant        TEXT    NOT NULL,
    owner         TEXT    NOT NULL,
    items         INTEGER NOT NULL,
    bytes         INTEGER NOT NULL,
    deleted_items INTEGER NOT NULL,
    deleted_bytes INTEGER NOT NULL,
    PRIMARY KEY (tenant, owner)
) STRICT, WITHOUT ROWID;

INSERT INTO usage SELECT tenant, owner,
        SUM(deleted_ms IS NULL), SUM(iif(deleted_ms IS NULL, octet_length(payload), 0)),
        SUM(deleted_ms IS NOT NULL), SUM(iif(deleted_ms IS NULL, 0, octet_length(payload)))
    FROM item GROUP BY tenant, owner;

CREATE TRIGGER usage_of_insert AFTER INSERT ON item
BEGIN
    INSERT INTO usage VALUES (NEW.tenant, NEW.owner,
            NEW.deleted_ms IS NULL, iif(NEW.deleted_ms IS NULL, octet_length(NEW.payload), 0),
            NEW.deleted_ms IS NOT NULL, iif(NEW.deleted_ms IS NULL, 0, octet_length(NEW.payload)))
        ON CONFLICT (tenant, owner) DO UPDATE SET items = items + excluded.items, bytes = bytes + excluded.bytes,
            deleted_items = deleted_items + excluded.deleted_items, deleted_bytes = deleted_bytes + excluded.deleted_bytes;
END;

CREATE TRIGGER usage_of_update AFTER UPDATE OF payload, deleted_ms ON item
WHEN octet_length(OLD.payload) <> octet_length(NEW.payload) OR (OLD.deleted_ms IS NULL) <> (NEW.deleted_ms IS NULL)
BEGIN
    UPDATE usage SET
            items = items + (NEW.deleted_ms IS NULL) - (OLD.deleted_ms IS NULL),
            bytes = bytes + iif(NEW.deleted_ms IS NULL, octet_length(NEW.payload), 0) - iif(OLD.deleted_ms IS NULL, octet_length(OLD.payload), 0),
            deleted_items = deleted_items + (OLD.deleted_ms IS NULL) - (NEW.deleted_ms IS NULL),
            deleted_bytes = deleted_bytes + iif(NEW.deleted_ms IS NULL, 0, octet_length(NEW.payload)) - iif(OLD.deleted_ms IS NULL, 0, octet_length(OLD.payload))
        WHERE tenant = NEW.tenant AND owner = NEW.owner;
END;

CREATE TRIGGER usage_of_delete AFTER DELETE ON item
BEGIN
    UPDATE usage SET
            items = items - (OLD.deleted_ms IS NULL), bytes = bytes - iif(OLD.deleted_ms IS NULL, octet_length(OLD.payload), 0),
            deleted_items = deleted_items - (OLD.deleted_ms IS NOT NULL), deleted_bytes = deleted_bytes - iif(OLD.deleted_ms IS NULL, 0, octet_length(OLD.payload))
        WHERE tenant = OLD.tenant AND owner = OLD.owner;
END;

-- The oldest tombstones make way first.
CREATE INDEX item_deleted_by_time ON item (tenant, owner, stored_ms) WHERE deleted_ms IS NOT NULL;
