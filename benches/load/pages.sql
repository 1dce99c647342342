-- A ledger in which ?1 runs have ended, of three environments, ten people and every outcome, a minute between two of them.
INSERT INTO deliveries (id, event, host, repository_id, repository, body, body_sha256, received_at, disposition)
VALUES ('01JD0000000000000000000000', 'deployment', '?host', 1, 'octo/full', zeroblob(8), '', 1732000000000, 'processed');

INSERT INTO runs (id, host, repository_id, deployment_id, delivery_id, repository, environment, git_ref, sha, task, requester,
    creator, order_json, lane, state, requested_at, created_at, started_at, finished_at, rung_at, config_digest, title)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1),
    r (i, environment) AS (SELECT i, CASE i % 3 WHEN 0 THEN 'production' WHEN 1 THEN 'staging' ELSE 'preview' END FROM n)
SELECT printf('01JD1%021d', i), '?host', 1, 1000000 + i, '01JD0000000000000000000000', 'octo/full', environment, 'main',
    '0123456789abcdef0123456789abcdef01234567', 'deploy', 'person-' || (i % 10), 'person-' || (i % 10),
    '{"app":"full","environment":"' || environment || '","sha":"0123456789abcdef0123456789abcdef01234567","git_ref":"main","task":"deploy","hosts":[]}',
    '?host/1/' || environment,
    CASE WHEN i % 20 = 0 THEN 'failed' WHEN i % 33 = 0 THEN 'cancelled' WHEN i % 101 = 0 THEN 'rejected' ELSE 'succeeded' END,
    1700000000000 + i * 60000, 1700000000000 + i * 60000, 1700000000500 + i * 60000, 1700000030000 + i * 60000,
    1700000000000 + i * 60000, '', 'Change number ' || i FROM r
