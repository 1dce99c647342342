-- What a deployment usually takes: of what succeeded, by environment and task, the newest first.
CREATE INDEX runs_durations ON runs (repository COLLATE NOCASE, environment COLLATE NOCASE, task, finished_at)
    WHERE state = 'succeeded';
-- The history of an environment has deployments of others in it.
CREATE INDEX foreign_deployments_environment
    ON foreign_deployments (repository COLLATE NOCASE, environment COLLATE NOCASE, created_at);

-- Deployments that Chima asked GitHub for, until something has been heard of them: a run, or a delivery that made none.
CREATE TABLE asked_deployments (
    host            TEXT NOT NULL,
    repository_id   BIGINT NOT NULL,
    deployment_id   BIGINT NOT NULL,
    -- as configured
    repository      TEXT NOT NULL,
    app             TEXT NOT NULL,
    environment     TEXT NOT NULL,
    git_ref         TEXT NOT NULL,
    sha             TEXT NOT NULL,
    -- who asked, and where (JSON)
    asked_by        TEXT NOT NULL,
    place           TEXT NOT NULL,
    asked_at        BIGINT NOT NULL,
    -- when it was said that nothing is heard of it
    said_at         BIGINT,
    PRIMARY KEY (host, repository_id, deployment_id)
);
CREATE INDEX asked_deployments_at ON asked_deployments (asked_at);

-- What was said without being asked about runs that have not ended, so that it is said once, whichever process notices.
CREATE TABLE watch_words (
    run_id          TEXT NOT NULL REFERENCES runs (id),
    about           TEXT NOT NULL,
    said_at         BIGINT NOT NULL,
    -- of a silence: when the last output had come
    heard_at        BIGINT,
    -- when it was over, and that was said too
    over_at         BIGINT,
    PRIMARY KEY (run_id, about)
);
