-- What a payload says that lists can be filtered by. Only a status or tag of at
-- most 200 bytes, and the first 100 tags, can be found.
ALTER TABLE item ADD COLUMN status TEXT NOT NULL DEFAULT '';
ALTER TABLE item ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE item ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';

UPDATE item SET status = json_extract(payload, '$.status')
    WHERE json_type(payload, '$.status') = 'text' AND length(CAST(json_extract(payload, '$.status') AS BLOB)) <= 200;
UPDATE item SET archived = 1
    WHERE kind IN ('note', 'task', 'comment') AND status = 'archived'
        OR kind IN ('chat', 'chat_message') AND json_type(payload, '$.archived') = 'true';
UPDATE item SET tags = (
        SELECT json_group_array(value) FROM (
            SELECT value FROM (
                SELECT value FROM json_each(payload, '$.tags')
                WHERE type = 'text' AND value <> '' AND length(CAST(value AS BLOB)) <= 200
                LIMIT 100)
            GROUP BY value ORDER BY value))
    WHERE json_type(payload, '$.tags') = 'array';

CREATE INDEX item_by_parent ON item (tenant, owner, kind, parent_uid, stored_ms, uid) WHERE parent_uid <> '';
CREATE INDEX item_by_status ON item (tenant, owner, kind, status, stored_ms, uid) WHERE status <> '';
CREATE INDEX item_by_archived ON item (tenant, owner, kind, archived, stored_ms, uid);

-- One row for each tag of an item, at the item's place in lists.
CREATE TABLE item_tag (
    tenant    TEXT    NOT NULL,
    owner     TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    tag       TEXT    NOT NULL,
    stored_ms INTEGER NOT NULL,
    uid       TEXT    NOT NULL,
    PRIMARY KEY (tenant, owner, kind, tag, stored_ms, uid)
) STRICT, WITHOUT ROWID;

INSERT INTO item_tag SELECT tenant, owner, kind, value, stored_ms, uid FROM item, json_each(item.tags);
