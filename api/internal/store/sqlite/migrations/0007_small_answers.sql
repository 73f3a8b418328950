-- An answer is kept only when it is small. A large one is made again from its item.
ALTER TABLE idempotency ADD COLUMN uid TEXT NOT NULL DEFAULT '';
ALTER TABLE idempotency ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
UPDATE idempotency SET uid = json_extract(body, '$.uid'), version = json_extract(body, '$.version'), body = ''
    WHERE octet_length(body) > 1024;

-- One insertion in a hundred, at random, drops what the owner has beyond the newest
-- 10 000, so that no write pays for counting.
CREATE INDEX idempotency_by_owner ON idempotency (tenant, owner, expires_ms);
CREATE TRIGGER idempotency_drops_surplus AFTER INSERT ON idempotency
WHEN random() % 100 = 0
BEGIN
    DELETE FROM idempotency WHERE rowid IN (
        SELECT rowid FROM idempotency WHERE tenant = NEW.tenant AND owner = NEW.owner
        ORDER BY expires_ms DESC LIMIT -1 OFFSET 10000);
END;
