-- The history, the newest first, for every pair of filters that people combine.
CREATE INDEX runs_by_environment ON runs (environment COLLATE NOCASE, id);
CREATE INDEX runs_by_person_and_app ON runs (requester COLLATE NOCASE, app, id);
CREATE INDEX runs_ended_of_environment ON runs (environment COLLATE NOCASE, state, id)
    WHERE state NOT IN ('held', 'queued', 'running');
CREATE INDEX runs_ended_of_place ON runs (app, environment COLLATE NOCASE, state, id)
    WHERE state NOT IN ('held', 'queued', 'running');
CREATE INDEX runs_ended_of_person ON runs (requester COLLATE NOCASE, state, id)
    WHERE state NOT IN ('held', 'queued', 'running');
-- How what runs stands to the default branch of its repository: one row for each repository that the configuration names. What
-- was found is for people to read; nothing is decided by it.
CREATE TABLE drifts (
    host            TEXT NOT NULL,
    -- `owner/name` as configured
    repository      TEXT NOT NULL,
    due_at          BIGINT NOT NULL,
    -- who looks, and how many have: a look that was overtaken writes nothing down
    claimed_by      TEXT,
    claimed_until   BIGINT,
    fence           BIGINT NOT NULL DEFAULT 0,
    -- looks in a row that came to nothing, and why
    failures        BIGINT NOT NULL DEFAULT 0,
    trouble         TEXT,
    looked_at       BIGINT,
    -- what was found, as JSON
    found           TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (host, repository)
);
CREATE INDEX drifts_due ON drifts (due_at);
