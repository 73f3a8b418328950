-- Each statement is a transaction of its own.
-- One index for each new order of lists.
CREATE INDEX IF NOT EXISTS item_by_due ON item (tenant, owner, kind, closed, due_ms, uid) WHERE deleted_ms IS NULL;
CREATE INDEX IF NOT EXISTS item_by_title ON item (tenant, owner, kind, title, uid) WHERE deleted_ms IS NULL;
CREATE INDEX IF NOT EXISTS item_by_created ON item (tenant, owner, kind, created_ms, uid) WHERE deleted_ms IS NULL;

CREATE INDEX IF NOT EXISTS search_doc_by_terms ON search_doc USING GIN (terms);
