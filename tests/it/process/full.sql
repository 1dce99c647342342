-- A ledger in which very much waits: ?1 queued runs in ?2 lanes, as many undecided deliveries that GitHub kept waiting, held runs,
-- statuses to send, and messages of Slack.
INSERT INTO deliveries (id, event, host, repository_id, repository, body, body_sha256, received_at, disposition, next_attempt_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
SELECT printf('01JD%022d', i), 'deployment', 'github.com', 1, 'octo/full', zeroblob(8000), '', 1732000000000 + i, 'received',
    4000000000000 FROM n;

INSERT INTO runs (id, host, repository_id, deployment_id, delivery_id, repository, environment, git_ref, sha, task, order_json,
    lane, state, requested_at, created_at, rung_at, check_after, hold_until, config_digest)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
SELECT printf('01JD1%021d', i), 'github.com', 1, 1000000 + i, printf('01JD%022d', i), 'octo/full', 'lane-' || (i % ?2), 'main',
    '0123456789abcdef0123456789abcdef01234567', 'deploy',
    '{"app":"full","environment":"lane-' || (i % ?2) || '","sha":"0123456789abcdef0123456789abcdef01234567","git_ref":"main","task":"deploy","hosts":[]}',
    'github.com/1/lane-' || (i % ?2), 'queued', 1732000000000 + i, 1732000000000 + i, 1732000000000 + i, NULL, NULL, '' FROM n;

INSERT INTO runs (id, host, repository_id, deployment_id, delivery_id, repository, environment, git_ref, sha, task, order_json,
    lane, state, requested_at, created_at, rung_at, check_after, hold_until, config_digest)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
SELECT printf('01JD2%021d', i), 'github.com', 1, 2000000 + i, printf('01JD%022d', i), 'octo/full', 'lane-' || (i % ?2), 'main',
    '0123456789abcdef0123456789abcdef01234567', 'deploy',
    '{"app":"full","environment":"lane-' || (i % ?2) || '","sha":"0123456789abcdef0123456789abcdef01234567","git_ref":"main","task":"deploy","hosts":[]}',
    'github.com/1/lane-' || (i % ?2), 'held', 1732000000000 + i, 1732000000000 + i, NULL, 4000000000000, 4000000000000, '' FROM n;

INSERT INTO outbox (id, key, kind, run_id, terminal, says, body, next_attempt_at, created_at)
SELECT '01JE' || substr(id, 5), 'status/' || deployment_id, 'deployment_status', id, 0, state, '{}', 4000000000000, created_at
FROM runs;

INSERT INTO slack_messages (run_id, room, open, created_at) SELECT id, 'C01234567', 1, created_at FROM runs;
