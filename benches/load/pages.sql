-- A ledger in which ?1 runs have ended, of three environments, ten people and every outcome, twenty seconds between two of them up
-- to now: nothing is so old that it would be removed while pages are looked at.
INSERT INTO deliveries (id, event, host, repository_id, repository, body, body_sha256, received_at, disposition)
VALUES ('?time0000000000000000', 'deployment', '?host', 1, 'octo/full', zeroblob(8), '', unixepoch() * 1000, 'processed');

INSERT INTO runs (id, host, repository_id, deployment_id, delivery_id, repository, environment, git_ref, sha, task, requester,
    creator, order_json, lane, state, requested_at, created_at, started_at, finished_at, rung_at, config_digest, title)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1),
    r (i, environment, at) AS (SELECT i, CASE i % 3 WHEN 0 THEN 'production' WHEN 1 THEN 'staging' ELSE 'preview' END,
        unixepoch() * 1000 - (?1 - i + 10) * 20000 FROM n)
SELECT printf('?time%016d', i), '?host', 1, 1000000 + i, '?time0000000000000000', 'octo/full', environment, 'main',
    '0123456789abcdef0123456789abcdef01234567', 'deploy', 'person-' || (i % 10), 'person-' || (i % 10),
    '{"app":"full","environment":"' || environment || '","sha":"0123456789abcdef0123456789abcdef01234567","git_ref":"main","task":"deploy","hosts":[]}',
    '?host/1/' || environment,
    CASE WHEN i % 20 = 0 THEN 'failed' WHEN i % 33 = 0 THEN 'cancelled' WHEN i % 101 = 0 THEN 'rejected' ELSE 'succeeded' END,
    at, at, at + 500, at + 15000, at, '', 'Change number ' || i FROM r
