-- Each statement is a transaction of its own.
CREATE UNIQUE INDEX IF NOT EXISTS item_by_key ON item_next (tenant, owner, kind, uid);

-- One index for each of the two lists, so that neither steps over rows of the other.
CREATE INDEX IF NOT EXISTS item_live_by_time ON item_next (tenant, owner, kind, stored_ms, uid) WHERE deleted_ms IS NULL;
CREATE INDEX IF NOT EXISTS item_all_by_time ON item_next (tenant, owner, kind, stored_ms, uid);

-- One index for each filter of lists that is no term.
CREATE INDEX IF NOT EXISTS item_by_parent ON item_next (tenant, owner, kind, parent_uid, stored_ms, uid) WHERE parent_uid <> '';
CREATE INDEX IF NOT EXISTS item_by_status ON item_next (tenant, owner, kind, status, stored_ms, uid, deleted_ms) WHERE status <> '';
CREATE INDEX IF NOT EXISTS item_by_archived ON item_next (tenant, owner, kind, archived, stored_ms, uid);

-- One index for each other order of lists.
CREATE INDEX IF NOT EXISTS item_by_due ON item_next (tenant, owner, kind, closed, due_ms, uid) WHERE deleted_ms IS NULL;
CREATE INDEX IF NOT EXISTS item_by_title ON item_next (tenant, owner, kind, title, uid) WHERE deleted_ms IS NULL;
CREATE INDEX IF NOT EXISTS item_by_created ON item_next (tenant, owner, kind, created_ms, uid) WHERE deleted_ms IS NULL;

-- The oldest tombstones make way first.
CREATE INDEX IF NOT EXISTS item_deleted_by_time ON item_next (tenant, owner, stored_ms) WHERE deleted_ms IS NOT NULL;

CREATE UNIQUE INDEX IF NOT EXISTS search_doc_by_key ON search_doc (tenant, owner, kind, uid);
