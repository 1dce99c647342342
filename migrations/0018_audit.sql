-- Who decided or did what, why, and under which configuration. Rows are only ever added, in the transaction of what they tell of.
CREATE TABLE audit (
    -- 1, 2, 3 and so on, without a gap
    position        INTEGER NOT NULL PRIMARY KEY,
    -- one JSON object, as it was hashed
    entry           TEXT NOT NULL,
    -- SHA-256, in lower-case hexadecimal digits, of: the hash of the row before (64 zeros before the first), a line feed, the
    -- position, a line feed, the entry
    hash            TEXT NOT NULL,
    -- read from the entry, to find rows by
    run_id          TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(entry) THEN json_extract(entry, '$.run') END) VIRTUAL,
    what            TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(entry) THEN json_extract(entry, '$.what') END) VIRTUAL
);
CREATE INDEX audit_run ON audit (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX audit_marks ON audit (what, position)
    WHERE what IN ('configured', 'restored', 'taken_into_use', 'head_missing');
-- against our own mistakes; whoever can write the file can remove these, and then the hashes tell
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
-- The row of the audit log that tells of a decision; absent in those that were made before there was one, and where it was `ignore`.
ALTER TABLE decisions ADD COLUMN audit_position BIGINT;
