-- The ledger. Times are milliseconds since 1970 in UTC; ids of ours are ULIDs as text; JSON is text.

CREATE TABLE deliveries (
    id              TEXT NOT NULL PRIMARY KEY,
    guid            TEXT,
    event           TEXT NOT NULL,
    hook_id         TEXT,
    host            TEXT NOT NULL,
    repository_id   BIGINT,
    repository      TEXT,
    -- what the delivery would cause; two deliveries with one key cause it once
    effect_key      TEXT,
    content_type    TEXT,
    -- the signed bytes, untouched
    body            BLOB NOT NULL,
    body_sha256     TEXT NOT NULL,
    received_at     BIGINT NOT NULL,
    disposition     TEXT NOT NULL,
    detail          TEXT,
    attempts        BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT,
    processed_at    BIGINT
);
CREATE INDEX deliveries_open ON deliveries (id) WHERE disposition = 'received';
CREATE INDEX deliveries_effect ON deliveries (effect_key) WHERE effect_key IS NOT NULL;
CREATE INDEX deliveries_guid ON deliveries (guid) WHERE guid IS NOT NULL;

CREATE TABLE deployments (
    host            TEXT NOT NULL,
    repository_id   BIGINT NOT NULL,
    deployment_id   BIGINT NOT NULL,
    delivery_id     TEXT NOT NULL REFERENCES deliveries (id),
    -- the typed reading, whole
    record          TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (host, repository_id, deployment_id)
);

CREATE TABLE runs (
    id              TEXT NOT NULL PRIMARY KEY,
    host            TEXT NOT NULL,
    repository_id   BIGINT NOT NULL,
    deployment_id   BIGINT NOT NULL,
    delivery_id     TEXT NOT NULL REFERENCES deliveries (id),
    repository      TEXT NOT NULL,
    installation_id BIGINT,
    environment     TEXT NOT NULL,
    git_ref         TEXT NOT NULL,
    sha             TEXT NOT NULL,
    task            TEXT NOT NULL,
    creator         TEXT,
    requester       TEXT,
    room            TEXT,
    -- the checked values; absent when the policy refused their form
    order_json      TEXT,
    lane            TEXT,
    state           TEXT NOT NULL,
    reason          TEXT,
    fence           BIGINT NOT NULL DEFAULT 0,
    attempts        BIGINT NOT NULL DEFAULT 0,
    worker          TEXT,
    lease_until     BIGINT,
    requested_at    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    started_at      BIGINT,
    finished_at     BIGINT,
    hold_until      BIGINT,
    check_after     BIGINT,
    rung_at         BIGINT,
    cancel_by       TEXT,
    config_digest   TEXT NOT NULL,
    UNIQUE (host, repository_id, deployment_id),
    FOREIGN KEY (host, repository_id, deployment_id) REFERENCES deployments (host, repository_id, deployment_id)
);
-- The last line of defence of invariant 5: the database itself refuses a second running run in a lane.
CREATE UNIQUE INDEX runs_one_running ON runs (lane) WHERE state = 'running';
CREATE INDEX runs_waiting ON runs (lane, requested_at, deployment_id) WHERE state = 'queued';
CREATE INDEX runs_held ON runs (check_after) WHERE state = 'held';
CREATE INDEX runs_lane ON runs (lane, requested_at);
CREATE INDEX runs_sha ON runs (repository_id, sha);

CREATE TABLE lanes (
    lane            TEXT NOT NULL PRIMARY KEY,
    fence           BIGINT NOT NULL
);

CREATE TABLE decisions (
    id              TEXT NOT NULL PRIMARY KEY,
    delivery_id     TEXT NOT NULL REFERENCES deliveries (id),
    run_id          TEXT REFERENCES runs (id),
    decided_at      BIGINT NOT NULL,
    verdict         TEXT NOT NULL,
    facts           TEXT NOT NULL,
    rules           TEXT NOT NULL,
    decision        TEXT NOT NULL,
    config_digest   TEXT NOT NULL
);
CREATE INDEX decisions_delivery ON decisions (delivery_id);
CREATE INDEX decisions_run ON decisions (run_id) WHERE run_id IS NOT NULL;

CREATE TABLE steps (
    run_id          TEXT NOT NULL REFERENCES runs (id),
    position        BIGINT NOT NULL,
    name            TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    started_at      BIGINT,
    finished_at     BIGINT,
    PRIMARY KEY (run_id, position)
);

CREATE TABLE run_events (
    run_id          TEXT NOT NULL REFERENCES runs (id),
    position        BIGINT NOT NULL,
    at              BIGINT NOT NULL,
    event           TEXT NOT NULL,
    PRIMARY KEY (run_id, position)
);

CREATE TABLE outbox (
    id              TEXT NOT NULL PRIMARY KEY,
    -- rows of one key leave one after the other, in order of id
    key             TEXT NOT NULL,
    kind            TEXT NOT NULL,
    run_id          TEXT REFERENCES runs (id),
    terminal        BIGINT NOT NULL DEFAULT 0,
    body            TEXT NOT NULL,
    state           TEXT NOT NULL DEFAULT 'pending',
    attempts        BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT NOT NULL,
    claimed_until   BIGINT,
    -- who is sending it: one that is dead for certain gives its rows back at once, of any other only time can tell
    claimed_by      TEXT,
    -- the word it tells: within one key each is told once
    says            TEXT,
    created_at      BIGINT NOT NULL,
    sent_at         BIGINT,
    last_error      TEXT
);
CREATE INDEX outbox_open ON outbox (key, id) WHERE state IN ('pending', 'sending');
CREATE INDEX outbox_run ON outbox (run_id) WHERE run_id IS NOT NULL;
