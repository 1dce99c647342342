-- What an environment ran, and what was last tried there: people ask for it by the names they know.
CREATE INDEX runs_environment ON runs (repository COLLATE NOCASE, environment COLLATE NOCASE, requested_at);

-- Comments on pull requests that ask for something, each with the one comment that answers it and changes as things go on.
CREATE TABLE asks (
    id              TEXT NOT NULL PRIMARY KEY,
    host            TEXT NOT NULL,
    repository_id   BIGINT NOT NULL,
    -- the comment that asks: it is answered once, however often it is delivered
    comment_id      BIGINT NOT NULL,
    repository      TEXT NOT NULL,
    installation_id BIGINT,
    pull_request    BIGINT NOT NULL,
    said_by         TEXT NOT NULL,
    known_there     BIGINT NOT NULL,
    said            TEXT NOT NULL,
    -- who works on it, and when it is tried next
    claimed_by      TEXT,
    claimed_until   BIGINT,
    attempts        BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT NOT NULL,
    -- what GitHub is being asked to deploy, written before it is asked
    wished          TEXT,
    deployment_id   BIGINT,
    -- what was first answered, and what the comment says as far as it was put into the outbox
    answer          TEXT,
    told            TEXT,
    -- our comment, once it is there
    reply_id        BIGINT,
    open            BIGINT NOT NULL DEFAULT 1,
    created_at      BIGINT NOT NULL,
    UNIQUE (host, repository_id, comment_id)
);
CREATE INDEX asks_open ON asks (id) WHERE open = 1;
