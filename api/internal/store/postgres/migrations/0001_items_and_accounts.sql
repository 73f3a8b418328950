-- IF NOT EXISTS: where a database does not undo the making of tables with its
-- transaction, a migration that was interrupted is simply run again.
-- COLLATE "C": compares bytes, whatever the language of the database.
CREATE TABLE IF NOT EXISTS item (
    tenant      TEXT COLLATE "C" NOT NULL,
    owner       TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    uid         TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    updated_ms  BIGINT NOT NULL,
    stored_ms   BIGINT NOT NULL,
    deleted_ms  BIGINT,
    parent_kind TEXT COLLATE "C" NOT NULL,
    parent_uid  TEXT COLLATE "C" NOT NULL,
    payload     TEXT NOT NULL,
    status      TEXT COLLATE "C" NOT NULL,
    archived    BOOLEAN NOT NULL,
    tags        TEXT[] NOT NULL,
    PRIMARY KEY (tenant, owner, kind, uid)
);

-- One index for each of the two lists, so that neither steps over rows of the other.
CREATE INDEX IF NOT EXISTS item_live_by_time ON item (tenant, owner, kind, stored_ms, uid) WHERE deleted_ms IS NULL;
CREATE INDEX IF NOT EXISTS item_all_by_time ON item (tenant, owner, kind, stored_ms, uid);

-- One index for each filter of lists.
CREATE INDEX IF NOT EXISTS item_by_parent ON item (tenant, owner, kind, parent_uid, stored_ms, uid) WHERE parent_uid <> '';
CREATE INDEX IF NOT EXISTS item_by_status ON item (tenant, owner, kind, status, stored_ms, uid) WHERE status <> '';
CREATE INDEX IF NOT EXISTS item_by_archived ON item (tenant, owner, kind, archived, stored_ms, uid);

-- One row for each tag of an item, at the item's place in lists.
CREATE TABLE IF NOT EXISTS item_tag (
    tenant    TEXT COLLATE "C" NOT NULL,
    owner     TEXT COLLATE "C" NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    tag       TEXT COLLATE "C" NOT NULL,
    stored_ms BIGINT NOT NULL,
    uid       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, owner, kind, tag, stored_ms, uid)
);

-- Every owner who wrote has a row. A write raises writes first of all, which
-- makes the owner's writes happen one after another.
CREATE TABLE IF NOT EXISTS account (
    tenant            TEXT COLLATE "C" NOT NULL,
    owner             TEXT COLLATE "C" NOT NULL,
    writes            BIGINT NOT NULL,
    epoch             BIGINT NOT NULL,
    sessions_since_ms BIGINT NOT NULL,
    last_wipe_ms      BIGINT NOT NULL,
    last_wipe_by      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, owner)
);

CREATE TABLE IF NOT EXISTS ended_session (
    tenant     TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX IF NOT EXISTS ended_session_by_expiry ON ended_session (expires_ms);
