-- Environments that are deployed without being asked for: one row for each, made at the start from the configuration. A row
-- is a doorbell that cannot be lost, and holds what was last found; what is to be deployed is always found out anew.
CREATE TABLE auto_deploys (
    host            TEXT NOT NULL,
    app             TEXT NOT NULL,
    environment     TEXT NOT NULL,
    -- as configured; another one makes the row a new one
    repository      TEXT NOT NULL,
    branch          TEXT,
    -- as GitHub said at the last look
    repository_id   BIGINT,
    installation_id BIGINT,
    default_branch  TEXT,
    due_at          BIGINT NOT NULL,
    -- grows with every event, so that one that comes during a look leads to another look
    marks           BIGINT NOT NULL DEFAULT 0,
    -- when an event about the branch last came; absent until one has
    marked_at       BIGINT,
    -- who moved the branch to which commit, by the last event that said so
    moved_by        TEXT,
    moved_to        TEXT,
    -- who looks, and how many have: a look that was overtaken writes nothing and asks for nothing
    claimed_by      TEXT,
    claimed_until   BIGINT,
    fence           BIGINT NOT NULL DEFAULT 0,
    -- looks in a row that GitHub did not answer
    failures        BIGINT NOT NULL DEFAULT 0,
    -- what the last look came to
    looked_at       BIGINT,
    sha             TEXT,
    outcome         TEXT,
    -- the commit that GitHub is being asked to deploy, written before it is asked and kept until its answer is known
    asked_sha       TEXT,
    asked_at        BIGINT,
    -- the last deployment that was made
    deployment_id   BIGINT,
    PRIMARY KEY (host, app, environment)
);
CREATE INDEX auto_deploys_due ON auto_deploys (due_at);
