-- What was rolled back counts as a failed change from here on. What a rollback has undone so far: the deployment that ended well
-- before it, where that is the commit which Chima was asked to leave.
INSERT INTO daily_tallies (day, app, environment, what, up_to, runs)
    SELECT s.day, s.app, s.environment, 'rolled_back', 0, COUNT(*)
    FROM (SELECT host, repository_id, finished_at / 86400000 AS day, json_extract(order_json, '$.app') AS app,
            json_extract(order_json, '$.environment') AS environment, lower(sha) AS sha, started_at, order_json,
            LEAD(deployment_id) OVER (PARTITION BY host, lower(repository), lower(environment) ORDER BY finished_at, id) AS next
        FROM runs
        WHERE state = 'succeeded' AND finished_at IS NOT NULL AND lane NOT LIKE 'plan:%' AND command IS NULL) AS s
    JOIN deployments d ON d.host = s.host AND d.repository_id = s.repository_id AND d.deployment_id = s.next
    JOIN warrants w ON w.nonce = json_extract(d.record, '$.payload.nonce') AND w.host = d.host COLLATE NOCASE
        AND w.repository_id = d.repository_id AND w.deployment_id = d.deployment_id
    WHERE s.started_at IS NOT NULL AND s.order_json IS NOT NULL
        AND lower(json_extract(d.record, '$.payload.rollback_from')) = s.sha
    GROUP BY 1, 2, 3;
