-- item_tag follows item by itself, so that a write takes one statement with tags
-- as without. A write of an item that has none, and had none, runs no trigger.
CREATE TRIGGER item_tags_of_insert AFTER INSERT ON item
WHEN NEW.tags <> '[]'
BEGIN
    INSERT INTO item_tag (tenant, owner, kind, tag, stored_ms, uid)
        SELECT NEW.tenant, NEW.owner, NEW.kind, value, NEW.stored_ms, NEW.uid FROM json_each(NEW.tags);
END;

CREATE TRIGGER item_tags_of_update AFTER UPDATE OF tags, stored_ms ON item
WHEN OLD.tags <> NEW.tags OR OLD.stored_ms <> NEW.stored_ms AND NEW.tags <> '[]'
BEGIN
    DELETE FROM item_tag WHERE tenant = OLD.tenant AND owner = OLD.owner AND kind = OLD.kind
        AND tag IN (SELECT value FROM json_each(OLD.tags)) AND stored_ms = OLD.stored_ms AND uid = OLD.uid;
    INSERT INTO item_tag (tenant, owner, kind, tag, stored_ms, uid)
        SELECT NEW.tenant, NEW.owner, NEW.kind, value, NEW.stored_ms, NEW.uid FROM json_each(NEW.tags);
END;

CREATE TRIGGER item_tags_of_delete AFTER DELETE ON item
WHEN OLD.tags <> '[]'
BEGIN
    DELETE FROM item_tag WHERE tenant = OLD.tenant AND owner = OLD.owner AND kind = OLD.kind
        AND tag IN (SELECT value FROM json_each(OLD.tags)) AND stored_ms = OLD.stored_ms AND uid = OLD.uid;
END;

-- Each answer that is kept drops those that have expired by then.
ALTER TABLE idempotency ADD COLUMN kept_ms INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER idempotency_drops_expired AFTER INSERT ON idempotency
BEGIN
    DELETE FROM idempotency WHERE expires_ms <= NEW.kept_ms;
END;
