-- All items are in item_next now, and its indexes are there.
DROP TABLE item;
ALTER TABLE item_next RENAME TO item;

-- item_term follows item by itself, so that a write takes no other statement for it.
CREATE TRIGGER item_terms_of_insert AFTER INSERT ON item
WHEN NEW.terms <> '[]'
BEGIN
    INSERT INTO item_term (tenant, owner, kind, term, stored_ms, uid)
        SELECT NEW.tenant, NEW.owner, NEW.kind, value, NEW.stored_ms, NEW.uid FROM json_each(NEW.terms);
END;

CREATE TRIGGER item_terms_of_update AFTER UPDATE OF terms, stored_ms ON item
WHEN OLD.terms <> NEW.terms OR OLD.stored_ms <> NEW.stored_ms AND NEW.terms <> '[]'
BEGIN
    DELETE FROM item_term WHERE tenant = OLD.tenant AND owner = OLD.owner AND kind = OLD.kind
        AND term IN (SELECT value FROM json_each(OLD.terms)) AND stored_ms = OLD.stored_ms AND uid = OLD.uid;
    INSERT INTO item_term (tenant, owner, kind, term, stored_ms, uid)
        SELECT NEW.tenant, NEW.owner, NEW.kind, value, NEW.stored_ms, NEW.uid FROM json_each(NEW.terms);
END;

CREATE TRIGGER item_terms_of_delete AFTER DELETE ON item
WHEN OLD.terms <> '[]'
BEGIN
    DELETE FROM item_term WHERE tenant = OLD.tenant AND owner = OLD.owner AND kind = OLD.kind
        AND term IN (SELECT value FROM json_each(OLD.terms)) AND stored_ms = OLD.stored_ms AND uid = OLD.uid;
END;

-- A write adds what changes to usage. What is dropped goes from it by itself.
CREATE TRIGGER usage_of_delete AFTER DELETE ON item
BEGIN
    UPDATE usage SET
            items = items - (OLD.deleted_ms IS NULL), bytes = bytes - iif(OLD.deleted_ms IS NULL, octet_length(OLD.payload), 0),
            deleted_items = deleted_items - (OLD.deleted_ms IS NOT NULL), deleted_bytes = deleted_bytes - iif(OLD.deleted_ms IS NULL, 0, octet_length(OLD.payload))
        WHERE tenant = OLD.tenant AND owner = OLD.owner;
END;

CREATE TRIGGER usage_of_content AFTER UPDATE OF content ON journal
BEGIN
    UPDATE usage SET history_bytes = history_bytes + COALESCE(octet_length(NEW.content), 0) - COALESCE(octet_length(OLD.content), 0)
        WHERE tenant = OLD.tenant AND owner = OLD.owner;
END;

CREATE TRIGGER usage_of_line AFTER DELETE ON journal
BEGIN
    UPDATE usage SET journal_lines = journal_lines - 1, history_bytes = history_bytes - COALESCE(octet_length(OLD.content), 0)
        WHERE tenant = OLD.tenant AND owner = OLD.owner;
END;

-- A write is one row of saving: the item, its line in the journal, what it adds to
-- usage, its text if that changed, and its answer if it has a key.
CREATE VIEW saving (
        tenant, owner, kind, uid,
        version, created_ms, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid, status, archived, closed, due_ms, title, terms, summary, payload,
        seq, at_ms, epoch, line_kind, line_uid, change, fields, before_version, line_version, batch, author, client, tool, correlation,
        content_hash, previous, hash, was_deleted, keeps,
        items, bytes, deleted_items, deleted_bytes, journal_lines, history_bytes,
        text_scope, text_title, text_body,
        answer_key, answer_request, answer_status, answer_uid, answer_version, answer_body, answer_expires_ms, answer_kept_ms)
    AS SELECT NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;

CREATE TRIGGER saving_creates INSTEAD OF INSERT ON saving
WHEN NEW.before_version = 0
BEGIN
    INSERT INTO journal (tenant, owner, seq, at_ms, epoch, kind, uid, change, fields, before_version, version, batch,
            author, client, tool, correlation, content_hash, previous, hash, was_deleted)
        VALUES (NEW.tenant, NEW.owner, NEW.seq, NEW.at_ms, NEW.epoch, NEW.line_kind, NEW.line_uid, NEW.change, NEW.fields,
            NEW.before_version, NEW.line_version, NEW.batch,
            NEW.author, NEW.client, NEW.tool, NEW.correlation, NEW.content_hash, NEW.previous, NEW.hash, NEW.was_deleted);
    INSERT INTO item (tenant, owner, kind, uid, version, created_ms, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid,
            status, archived, closed, due_ms, title, terms, summary, payload)
        VALUES (NEW.tenant, NEW.owner, NEW.kind, NEW.uid, NEW.version, NEW.created_ms, NEW.updated_ms, NEW.stored_ms, NEW.deleted_ms,
            NEW.parent_kind, NEW.parent_uid, NEW.status, NEW.archived, NEW.closed, NEW.due_ms, NEW.title, NEW.terms, NEW.summary, NEW.payload);
END;

-- The line takes its content from the item as it was. What seldom changes is written
-- only when it does, since it is in many indexes.
CREATE TRIGGER saving_updates INSTEAD OF INSERT ON saving
WHEN NEW.before_version <> 0
BEGIN
    INSERT INTO journal (tenant, owner, seq, at_ms, epoch, kind, uid, change, fields, before_version, version, batch,
            author, client, tool, correlation, content_hash, previous, hash, was_deleted, content)
        SELECT NEW.tenant, NEW.owner, NEW.seq, NEW.at_ms, NEW.epoch, NEW.line_kind, NEW.line_uid, NEW.change, NEW.fields,
            NEW.before_version, NEW.line_version, NEW.batch,
            NEW.author, NEW.client, NEW.tool, NEW.correlation, NEW.content_hash, NEW.previous, NEW.hash, NEW.was_deleted,
            iif(NEW.keeps, payload, NULL)
        FROM item WHERE tenant = NEW.tenant AND owner = NEW.owner AND kind = NEW.kind AND uid = NEW.uid;
    UPDATE item SET version = NEW.version, updated_ms = NEW.updated_ms, stored_ms = NEW.stored_ms,
            terms = NEW.terms, summary = NEW.summary, payload = NEW.payload
        WHERE tenant = NEW.tenant AND owner = NEW.owner AND kind = NEW.kind AND uid = NEW.uid;
    UPDATE item SET created_ms = NEW.created_ms, deleted_ms = NEW.deleted_ms, parent_kind = NEW.parent_kind, parent_uid = NEW.parent_uid,
            status = NEW.status, archived = NEW.archived, closed = NEW.closed, due_ms = NEW.due_ms, title = NEW.title
        WHERE tenant = NEW.tenant AND owner = NEW.owner AND kind = NEW.kind AND uid = NEW.uid
            AND (created_ms, deleted_ms, parent_kind, parent_uid, status, archived, closed, due_ms, title) IS NOT
                (NEW.created_ms, NEW.deleted_ms, NEW.parent_kind, NEW.parent_uid, NEW.status, NEW.archived, NEW.closed, NEW.due_ms, NEW.title);
END;

CREATE TRIGGER saving_counts INSTEAD OF INSERT ON saving
BEGIN
    INSERT INTO usage (tenant, owner, items, bytes, deleted_items, deleted_bytes, journal_lines, history_bytes)
        VALUES (NEW.tenant, NEW.owner, NEW.items, NEW.bytes, NEW.deleted_items, NEW.deleted_bytes, NEW.journal_lines, NEW.history_bytes)
        ON CONFLICT (tenant, owner) DO UPDATE SET items = items + excluded.items, bytes = bytes + excluded.bytes,
            deleted_items = deleted_items + excluded.deleted_items, deleted_bytes = deleted_bytes + excluded.deleted_bytes,
            journal_lines = journal_lines + excluded.journal_lines, history_bytes = history_bytes + excluded.history_bytes;
END;

-- The text of a row replaces what search_index has of that item. A replaced row of
-- search_doc makes way for one with a new id, the highest. All texts of a statement get
-- into the file together, which is far less work.
CREATE VIEW indexing (tenant, owner, kind, uid, scope, title, body) AS SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL;

CREATE TRIGGER indexing_reindexes INSTEAD OF INSERT ON indexing
BEGIN
    DELETE FROM search_index WHERE rowid =
        (SELECT id FROM search_doc WHERE tenant = NEW.tenant AND owner = NEW.owner AND kind = NEW.kind AND uid = NEW.uid);
    INSERT OR REPLACE INTO search_doc (tenant, owner, kind, uid) VALUES (NEW.tenant, NEW.owner, NEW.kind, NEW.uid);
    INSERT INTO search_index (rowid, scope, title, body) VALUES (last_insert_rowid(), NEW.scope, NEW.title, NEW.body);
END;

CREATE TRIGGER saving_indexes INSTEAD OF INSERT ON saving
WHEN NEW.text_scope IS NOT NULL
BEGIN
    INSERT INTO indexing VALUES (NEW.tenant, NEW.owner, NEW.kind, NEW.uid, NEW.text_scope, NEW.text_title, NEW.text_body);
END;

CREATE TRIGGER saving_unindexes INSTEAD OF INSERT ON saving
WHEN NEW.deleted_ms IS NOT NULL
BEGIN
    DELETE FROM search_index WHERE rowid =
        (SELECT id FROM search_doc WHERE tenant = NEW.tenant AND owner = NEW.owner AND kind = NEW.kind AND uid = NEW.uid);
    DELETE FROM search_doc WHERE tenant = NEW.tenant AND owner = NEW.owner AND kind = NEW.kind AND uid = NEW.uid;
END;

CREATE TRIGGER saving_keeps_answers INSTEAD OF INSERT ON saving
WHEN NEW.answer_key IS NOT NULL
BEGIN
    INSERT OR REPLACE INTO idempotency (tenant, owner, key, request, status, uid, version, body, expires_ms, kept_ms)
        VALUES (NEW.tenant, NEW.owner, NEW.answer_key, NEW.answer_request, NEW.answer_status, NEW.answer_uid, NEW.answer_version,
            NEW.answer_body, NEW.answer_expires_ms, NEW.answer_kept_ms);
END;
