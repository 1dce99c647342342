-- What a run brought to its environment, beside what ran there before. GitHub is asked once.
CREATE TABLE run_commits (
    run_id          TEXT NOT NULL PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    -- as it is shown (JSON)
    commits         TEXT NOT NULL,
    looked_at       BIGINT NOT NULL
);

-- Deliveries of one event, the newest first.
CREATE INDEX deliveries_by_event ON deliveries (event, id);

-- Forms of pages are requests too: whoever sends one need not have a token.
CREATE TABLE api_requests_of_anybody (
    -- the id of a token; or, of a form of a page, who is signed in
    token_id        TEXT NOT NULL,
    key             TEXT NOT NULL,
    ask             TEXT NOT NULL,
    digest          TEXT NOT NULL,
    wished          TEXT,
    status          BIGINT,
    answer          TEXT,
    claimed_until   BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (token_id, key)
);
INSERT INTO api_requests_of_anybody
    SELECT token_id, key, ask, digest, wished, status, answer, claimed_until, created_at FROM api_requests;
DROP TABLE api_requests;
ALTER TABLE api_requests_of_anybody RENAME TO api_requests;
CREATE INDEX api_requests_age ON api_requests (created_at);
CREATE UNIQUE INDEX api_requests_ask ON api_requests (ask);
