-- A payload spells its uids as its row does: in small letters, without braces.
UPDATE item SET payload = replace(payload, '"' || json_extract(payload, '$.uid') || '"', '"' || uid || '"')
    WHERE instr(payload, '"' || uid || '"') = 0 AND json_type(payload, '$.uid') = 'text';

UPDATE item SET payload = replace(payload,
        '"' || COALESCE(json_extract(payload, '$.parentUid'), json_extract(payload, '$.chatUid')) || '"', '"' || parent_uid || '"')
    WHERE parent_uid <> '' AND instr(payload, '"' || parent_uid || '"') = 0
        AND COALESCE(json_type(payload, '$.parentUid'), json_type(payload, '$.chatUid')) = 'text';
