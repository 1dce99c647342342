-- Environments that are held by a person, and those that were: rows are kept. By the names of the configuration, which stay
-- when a repository is renamed, and are known without asking GitHub.
CREATE TABLE locks (
    id              TEXT NOT NULL PRIMARY KEY,
    -- app and environment in lower case; beside it as they were spelled
    place           TEXT NOT NULL,
    app             TEXT NOT NULL,
    environment     TEXT NOT NULL,
    owner           TEXT NOT NULL,
    reason          TEXT,
    cause           TEXT NOT NULL,
    asked_at        BIGINT NOT NULL,
    length_seconds  BIGINT,
    -- absent while somebody waits for it
    since           BIGINT,
    -- past it the environment is free, whether or not anybody has noticed
    until           BIGINT,
    ended_at        BIGINT,
    ending          TEXT,
    nagged_at       BIGINT,
    -- whether somebody is still to be told of the last thing that happened to it
    untold          BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX locks_one ON locks (place) WHERE since IS NOT NULL AND ended_at IS NULL;
CREATE INDEX locks_waiting ON locks (place, id) WHERE since IS NULL AND ended_at IS NULL;
CREATE INDEX locks_untold ON locks (id) WHERE untold = 1;
-- The lock that a decision let a run pass, because its owner asked; and the lock command that a deployment was.
ALTER TABLE runs ADD COLUMN passes_lock TEXT;
ALTER TABLE runs ADD COLUMN command TEXT;
