-- One row where this ledger is a copy that was made as a backup, until it is known what has happened since.
CREATE TABLE copied (
    made_at BIGINT NOT NULL
);
-- In a ledger that was restored: stored before the backup was made, and not worked on until after.
ALTER TABLE deliveries ADD COLUMN recovered BIGINT NOT NULL DEFAULT 0;
