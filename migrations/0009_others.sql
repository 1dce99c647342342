-- Which repository is meant by each name of the configuration. The number decides: it stays when the name changes, and another
-- repository that takes over the name is not the one that was meant.
CREATE TABLE repositories (
    host            TEXT NOT NULL,
    repository_id   BIGINT NOT NULL,
    -- in lower case, as GitHub compares names
    configured      TEXT NOT NULL,
    -- as GitHub calls it now
    name            TEXT NOT NULL,
    installation_id BIGINT,
    -- set once GitHub said that it was deleted: then another may take its place
    gone_at         BIGINT,
    seen_at         BIGINT NOT NULL,
    PRIMARY KEY (host, repository_id),
    UNIQUE (host, configured)
);
INSERT OR IGNORE INTO repositories (host, repository_id, configured, name, installation_id, seen_at)
    SELECT host, repository_id, lower(repository), repository, installation_id, created_at FROM runs ORDER BY id DESC;
INSERT OR IGNORE INTO repositories (host, repository_id, configured, name, installation_id, seen_at)
    SELECT host, repository_id, lower(repository), repository, installation_id, COALESCE(looked_at, due_at) FROM auto_deploys
    WHERE repository_id IS NOT NULL;

-- Deployments that others carry out, for the history alone. The newest of each repository are kept.
CREATE TABLE foreign_deployments (
    host            TEXT NOT NULL,
    repository_id   BIGINT NOT NULL,
    deployment_id   BIGINT NOT NULL,
    repository      TEXT NOT NULL,
    environment     TEXT NOT NULL,
    git_ref         TEXT NOT NULL,
    sha             TEXT NOT NULL,
    task            TEXT NOT NULL,
    creator         TEXT,
    created_at      BIGINT NOT NULL,
    -- the newest status, by GitHub's time and number of it; 0 while there is none
    status_at       BIGINT NOT NULL DEFAULT 0,
    status_id       BIGINT NOT NULL DEFAULT 0,
    state           TEXT,
    description     TEXT,
    reported_by     TEXT,
    log_url         TEXT,
    PRIMARY KEY (host, repository_id, deployment_id)
);
CREATE INDEX foreign_deployments_newest ON foreign_deployments (created_at);

-- Jobs of GitHub Actions that wait for our word. One that has an answer keeps what it was made from.
CREATE TABLE protection_requests (
    id              TEXT NOT NULL PRIMARY KEY,
    delivery_id     TEXT NOT NULL REFERENCES deliveries (id),
    host            TEXT NOT NULL,
    repository_id   BIGINT NOT NULL,
    deployment_id   BIGINT NOT NULL,
    workflow_run_id BIGINT NOT NULL,
    environment     TEXT NOT NULL,
    sha             TEXT NOT NULL,
    -- the typed reading, whole
    request         TEXT NOT NULL,
    -- waiting, approved, rejected or ignored
    state           TEXT NOT NULL,
    reason          TEXT,
    -- interim reports so far: GitHub takes ten
    reports         BIGINT NOT NULL DEFAULT 0,
    due_at          BIGINT NOT NULL,
    -- grows with every event, so that one that comes during a look leads to another look
    marks           BIGINT NOT NULL DEFAULT 0,
    claimed_by      TEXT,
    claimed_until   BIGINT,
    fence           BIGINT NOT NULL DEFAULT 0,
    -- what the last decision was made from and came to
    facts           TEXT,
    rules           TEXT,
    decision        TEXT,
    config_digest   TEXT,
    decided_at      BIGINT,
    created_at      BIGINT NOT NULL,
    answered_at     BIGINT,
    UNIQUE (host, repository_id, workflow_run_id, environment, deployment_id)
);
CREATE INDEX protection_requests_due ON protection_requests (due_at) WHERE state = 'waiting';
