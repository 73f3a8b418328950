-- Items say of themselves what lists, summaries and search need. Go code fills the
-- columns, for some items at a time. The new indexes come when all items have them.
-- The columns and the table that terms replace go first: so a program of an earlier
-- version can still read, but its writes fail, and no item is stored undescribed.
DROP TABLE IF EXISTS item_tag;
ALTER TABLE item DROP COLUMN IF EXISTS tags;

ALTER TABLE item ADD COLUMN IF NOT EXISTS created_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE item ADD COLUMN IF NOT EXISTS closed BOOLEAN NOT NULL DEFAULT FALSE; -- nothing is left to do
ALTER TABLE item ADD COLUMN IF NOT EXISTS due_ms BIGINT; -- NULL: none
ALTER TABLE item ADD COLUMN IF NOT EXISTS title TEXT COLLATE "C" NOT NULL DEFAULT ''; -- folded, for sorting; at most 100 bytes
ALTER TABLE item ADD COLUMN IF NOT EXISTS terms TEXT[] NOT NULL DEFAULT '{}'; -- those in item_term
ALTER TABLE item ADD COLUMN IF NOT EXISTS summary TEXT NOT NULL DEFAULT '{}'; -- JSON object

-- One row for each term of an item, such as tag:ops or priority:high, at the item's
-- place in lists.
CREATE TABLE IF NOT EXISTS item_term (
    tenant    TEXT COLLATE "C" NOT NULL,
    owner     TEXT COLLATE "C" NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    term      TEXT COLLATE "C" NOT NULL,
    stored_ms BIGINT NOT NULL,
    uid       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, owner, kind, term, stored_ms, uid)
);

-- One line for each write, in the owner's order. A hash covers the line and the hash
-- of the line before it. Content is the payload before the write: NULL when there was
-- none, or when it was dropped.
CREATE TABLE IF NOT EXISTS journal (
    tenant         TEXT COLLATE "C" NOT NULL,
    owner          TEXT COLLATE "C" NOT NULL,
    seq            BIGINT NOT NULL,
    at_ms          BIGINT NOT NULL,
    epoch          BIGINT NOT NULL,
    kind           TEXT COLLATE "C" NOT NULL,
    uid            TEXT COLLATE "C" NOT NULL,
    change         TEXT COLLATE "C" NOT NULL,
    fields         TEXT NOT NULL, -- JSON array of names
    before_version BIGINT NOT NULL,
    version        BIGINT NOT NULL,
    batch          BIGINT NOT NULL, -- seq of the first line of its batch; 0 without one
    author         TEXT COLLATE "C" NOT NULL,
    client         TEXT COLLATE "C" NOT NULL,
    tool           TEXT COLLATE "C" NOT NULL,
    correlation    TEXT COLLATE "C" NOT NULL,
    content_hash   BYTEA NOT NULL,
    previous       BYTEA NOT NULL,
    hash           BYTEA NOT NULL,
    was_deleted    BOOLEAN NOT NULL,
    content        TEXT,
    PRIMARY KEY (tenant, owner, seq)
);

CREATE INDEX IF NOT EXISTS journal_by_time ON journal (tenant, owner, at_ms, seq);
CREATE INDEX IF NOT EXISTS journal_by_item ON journal (tenant, owner, kind, uid, seq, version);
CREATE INDEX IF NOT EXISTS journal_with_content ON journal (tenant, owner, seq) WHERE content IS NOT NULL;

-- The words of an item's text. Seq is that of the journal's line at which the text
-- changed. A text from before the journal has a negative one, in the order of storing.
CREATE TABLE IF NOT EXISTS search_doc (
    tenant TEXT COLLATE "C" NOT NULL,
    owner  TEXT COLLATE "C" NOT NULL,
    kind   TEXT COLLATE "C" NOT NULL,
    uid    TEXT COLLATE "C" NOT NULL,
    seq    BIGINT NOT NULL,
    terms  TSVECTOR NOT NULL,
    PRIMARY KEY (tenant, owner, kind, uid)
);

ALTER TABLE usage ADD COLUMN IF NOT EXISTS history_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN IF NOT EXISTS journal_lines BIGINT NOT NULL DEFAULT 0;
