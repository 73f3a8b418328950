-- When the API took the last write of an item: its place in lists. A client that
-- pushes tells its own update time, which may lie anywhere.
ALTER TABLE item ADD COLUMN stored_ms INTEGER NOT NULL DEFAULT 0;
UPDATE item SET stored_ms = updated_ms;

DROP INDEX item_live_by_time;
DROP INDEX item_all_by_time;
CREATE INDEX item_live_by_time ON item (tenant, owner, kind, stored_ms, uid) WHERE deleted_ms IS NULL;
CREATE INDEX item_all_by_time ON item (tenant, owner, kind, stored_ms, uid);
