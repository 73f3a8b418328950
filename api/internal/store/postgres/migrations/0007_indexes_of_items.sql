-- Each statement is a transaction of its own.
-- One index for each new order of lists.
CREATE INDEX IF NOT EXISTS item_by_due ON item (tenant, owner, kind, due_ms, uid);
CREATE INDEX IF NOT EXISTS item_by_title ON item (tenant, owner, kind, title, uid);
CREATE INDEX IF NOT EXISTS item_by_created ON item (tenant, owner, kind, created_ms, uid);

CREATE INDEX IF NOT EXISTS search_doc_by_terms ON search_doc USING GIN (terms);
