-- What a client was told of a write that had a key, until it expires.
CREATE TABLE idempotency (
    tenant     TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    request    TEXT    NOT NULL,
    status     INTEGER NOT NULL,
    body       TEXT    NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, owner, key)
) STRICT;

CREATE INDEX idempotency_by_expiry ON idempotency (expires_ms);
