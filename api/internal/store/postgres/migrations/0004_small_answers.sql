-- An answer is kept only when it is small. A large one is made again from its item.
ALTER TABLE idempotency ADD COLUMN IF NOT EXISTS uid TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE idempotency ADD COLUMN IF NOT EXISTS version BIGINT NOT NULL DEFAULT 0;
UPDATE idempotency SET uid = CAST(body AS JSONB) ->> 'uid', version = CAST(CAST(body AS JSONB) ->> 'version' AS BIGINT), body = ''
    WHERE octet_length(body) > 1024;

CREATE INDEX IF NOT EXISTS idempotency_by_owner ON idempotency (tenant, owner, expires_ms);
