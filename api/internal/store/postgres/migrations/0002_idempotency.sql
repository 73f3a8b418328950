-- What a client was told of a write that had a key, until it expires.
CREATE TABLE IF NOT EXISTS idempotency (
    tenant     TEXT COLLATE "C" NOT NULL,
    owner      TEXT COLLATE "C" NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,
    request    TEXT NOT NULL,
    status     BIGINT NOT NULL,
    body       TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, owner, key)
);

CREATE INDEX IF NOT EXISTS idempotency_by_expiry ON idempotency (expires_ms);
