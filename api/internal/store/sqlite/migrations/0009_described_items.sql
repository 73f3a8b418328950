-- Items say of themselves what lists, summaries and search need. Go code moves them,
-- some at a time, from item to item_next, which becomes item in a later migration.
-- What the old table does not need for that goes first, so that its pages can be used
-- again.
DROP TRIGGER item_tags_of_insert;
DROP TRIGGER item_tags_of_update;
DROP TRIGGER item_tags_of_delete;
DROP TRIGGER usage_of_insert;
DROP TRIGGER usage_of_update;
DROP TRIGGER usage_of_delete;
DROP INDEX item_live_by_time;
DROP INDEX item_all_by_time;
DROP INDEX item_by_parent;
DROP INDEX item_by_status;
DROP INDEX item_by_archived;
DROP INDEX item_deleted_by_time;
DROP TABLE item_tag;

-- The order of moving: per owner, the oldest first.
CREATE INDEX item_to_move ON item (tenant, owner, stored_ms, kind, uid);

-- The payload is last: so the other columns of a large item are on its first page.
-- The indexes, also the one of its key, come when all items are there.
CREATE TABLE item_next (
    tenant      TEXT    NOT NULL,
    owner       TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    uid         TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    created_ms  INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL,
    stored_ms   INTEGER NOT NULL,
    deleted_ms  INTEGER,
    parent_kind TEXT    NOT NULL,
    parent_uid  TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    archived    INTEGER NOT NULL,
    closed      INTEGER NOT NULL, -- nothing is left to do
    due_ms      INTEGER,          -- NULL: none
    title       TEXT    NOT NULL, -- folded, for sorting; at most 100 bytes
    terms       TEXT    NOT NULL, -- JSON array of the terms in item_term
    summary     TEXT    NOT NULL, -- JSON object
    payload     TEXT    NOT NULL
) STRICT;

-- One row for each term of an item, such as tag:ops or priority:high, at the item's
-- place in lists.
CREATE TABLE item_term (
    tenant    TEXT    NOT NULL,
    owner     TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    term      TEXT    NOT NULL,
    stored_ms INTEGER NOT NULL,
    uid       TEXT    NOT NULL,
    PRIMARY KEY (tenant, owner, kind, term, stored_ms, uid)
) STRICT, WITHOUT ROWID;

-- One line for each write, in the owner's order. A hash covers the line and the hash
-- of the line before it. Content is the payload before the write: NULL when there was
-- none, or when it was dropped.
CREATE TABLE journal (
    tenant         TEXT    NOT NULL,
    owner          TEXT    NOT NULL,
    seq            INTEGER NOT NULL,
    at_ms          INTEGER NOT NULL,
    epoch          INTEGER NOT NULL,
    kind           TEXT    NOT NULL,
    uid            TEXT    NOT NULL,
    change         TEXT    NOT NULL,
    fields         TEXT    NOT NULL, -- JSON array of names
    before_version INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    batch          INTEGER NOT NULL, -- seq of the first line of its batch; 0 without one
    author         TEXT    NOT NULL,
    client         TEXT    NOT NULL,
    tool           TEXT    NOT NULL,
    correlation    TEXT    NOT NULL,
    content_hash   BLOB    NOT NULL,
    previous       BLOB    NOT NULL,
    hash           BLOB    NOT NULL,
    was_deleted    INTEGER NOT NULL,
    content        TEXT,
    PRIMARY KEY (tenant, owner, seq)
) STRICT;

CREATE INDEX journal_by_time ON journal (tenant, owner, at_ms, seq);
CREATE INDEX journal_by_item ON journal (tenant, owner, kind, uid, seq, version);
CREATE INDEX journal_with_content ON journal (tenant, owner, seq) WHERE content IS NOT NULL;

-- The text of an item has a row here and one of the same id in search_index. It gets a
-- new, higher id when it changes: so the newest text has the highest.
CREATE TABLE search_doc (
    id     INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    owner  TEXT NOT NULL,
    kind   TEXT NOT NULL,
    uid    TEXT NOT NULL
) STRICT;

-- Its words come folded and split, separated by blanks. The tokenizer leaves every
-- character beyond ASCII as it is.
CREATE VIRTUAL TABLE search_index USING fts5 (scope, title, body, content='', contentless_delete=1, tokenize='ascii');

-- Segments are merged when there are 8 of a size, and when half of their rows are
-- deleted: less often than by default, since merging is most of the work of a write.
INSERT INTO search_index (search_index, rank) VALUES ('automerge', 8), ('deletemerge', 50);

ALTER TABLE usage ADD COLUMN history_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN journal_lines INTEGER NOT NULL DEFAULT 0;
