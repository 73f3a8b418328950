-- All items are described now. Their terms have the tags.
DROP TABLE IF EXISTS item_tag;
ALTER TABLE item DROP COLUMN IF EXISTS tags;
