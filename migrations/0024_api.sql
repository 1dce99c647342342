-- Tokens of the API. Of each only a digest is kept: the token itself is shown once, to whoever makes it.
CREATE TABLE tokens (
    id              TEXT NOT NULL PRIMARY KEY,
    digest          TEXT NOT NULL UNIQUE,
    -- the login on GitHub of the person that it acts as
    login           TEXT NOT NULL,
    -- what it may be used for, and for which apps (JSON); without those, for all
    scopes          TEXT NOT NULL,
    apps            TEXT,
    note            TEXT,
    created_by      TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    revoked_at      BIGINT,
    revoked_by      TEXT,
    last_used_at    BIGINT
);

-- Requests that change something, by what their sender calls each: one that comes again is answered as the first one was.
CREATE TABLE api_requests (
    token_id        TEXT NOT NULL REFERENCES tokens (id),
    key             TEXT NOT NULL,
    -- ours; stands in the payload of the deployment that is asked for
    ask             TEXT NOT NULL,
    -- of what was asked: another request under the same key is refused
    digest          TEXT NOT NULL,
    -- what GitHub is being asked to deploy (JSON), written before it is asked
    wished          TEXT,
    -- absent as long as somebody works on it
    status          BIGINT,
    answer          TEXT,
    claimed_until   BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (token_id, key)
);
CREATE INDEX api_requests_age ON api_requests (created_at);
CREATE UNIQUE INDEX api_requests_ask ON api_requests (ask);

-- The app of a run, by which people look for it, and may see it.
ALTER TABLE runs ADD COLUMN app TEXT COLLATE NOCASE
    GENERATED ALWAYS AS (json_extract(order_json, '$.app')) VIRTUAL;
-- The title of the commit, as far as it was checked out.
ALTER TABLE runs ADD COLUMN title TEXT;

-- The history, the newest first, however it is filtered. Ids begin with the time.
CREATE INDEX runs_by_app ON runs (app, id);
CREATE INDEX runs_by_place ON runs (app, environment COLLATE NOCASE, id);
CREATE INDEX runs_by_person ON runs (requester COLLATE NOCASE, id);
-- Of those that have not ended there are few, and other looks at them must not prefer these.
CREATE INDEX runs_ended ON runs (state, id) WHERE state NOT IN ('held', 'queued', 'running');
CREATE INDEX runs_ended_of_app ON runs (app, state, id) WHERE state NOT IN ('held', 'queued', 'running');
CREATE INDEX runs_by_deployment ON runs (deployment_id);
-- What an environment runs now.
CREATE INDEX runs_good ON runs (repository COLLATE NOCASE, environment COLLATE NOCASE, finished_at, id)
    WHERE state = 'succeeded';
CREATE INDEX deliveries_by_repository ON deliveries (repository COLLATE NOCASE, id);
CREATE INDEX deliveries_by_disposition ON deliveries (disposition, id);
-- What runs and waits, by environment: counted and begun with at every look.
CREATE INDEX runs_open_of_app ON runs (app, environment COLLATE NOCASE, state, requested_at, deployment_id)
    WHERE state IN ('held', 'queued', 'running');
