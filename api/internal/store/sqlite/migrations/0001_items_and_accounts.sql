CREATE TABLE item (
    tenant      TEXT    NOT NULL,
    owner       TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    uid         TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL,
    deleted_ms  INTEGER,
    parent_kind TEXT    NOT NULL,
    parent_uid  TEXT    NOT NULL,
    payload     TEXT    NOT NULL,
    PRIMARY KEY (tenant, owner, kind, uid)
) STRICT;

-- One index for each of the two lists, so that neither steps over rows of the other.
CREATE INDEX item_live_by_time ON item (tenant, owner, kind, updated_ms, uid) WHERE deleted_ms IS NULL;
CREATE INDEX item_all_by_time ON item (tenant, owner, kind, updated_ms, uid);

-- Only owners who differ from the default (epoch 1, never wiped) have a row.
CREATE TABLE account (
    tenant            TEXT    NOT NULL,
    owner             TEXT    NOT NULL,
    epoch             INTEGER NOT NULL,
    sessions_since_ms INTEGER NOT NULL,
    last_wipe_ms      INTEGER NOT NULL,
    last_wipe_by      TEXT    NOT NULL,
    PRIMARY KEY (tenant, owner)
) STRICT, WITHOUT ROWID;

CREATE TABLE ended_session (
    tenant     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX ended_session_by_expiry ON ended_session (expires_ms);
