-- A payload spells its uids as its row does: in small letters, without braces.
UPDATE item SET payload = replace(payload, '"' || (CAST(payload AS JSONB) ->> 'uid') || '"', '"' || uid || '"')
    WHERE strpos(payload, '"' || uid || '"') = 0 AND CAST(payload AS JSONB) ->> 'uid' <> '';

UPDATE item SET payload = replace(payload,
        '"' || COALESCE(CAST(payload AS JSONB) ->> 'parentUid', CAST(payload AS JSONB) ->> 'chatUid') || '"', '"' || parent_uid || '"')
    WHERE parent_uid <> '' AND strpos(payload, '"' || parent_uid || '"') = 0
        AND COALESCE(CAST(payload AS JSONB) ->> 'parentUid', CAST(payload AS JSONB) ->> 'chatUid') <> '';
