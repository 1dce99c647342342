-- How deployments went, day by day: counted in the transaction that ends a run, and kept when the run is removed. A row for each of
-- the lengths that `src/domain/histogram.rs` tells apart; 0 where there is no length, -1 for what is longer than all.
CREATE TABLE daily_tallies (
    -- days since 1970, UTC
    day         BIGINT NOT NULL,
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    what        TEXT NOT NULL,
    up_to       BIGINT NOT NULL,
    runs        BIGINT NOT NULL,
    PRIMARY KEY (day, app, environment, what, up_to)
);
-- When the commit was made, as far as it was checked out.
ALTER TABLE runs ADD COLUMN committed_at BIGINT;
-- What went wrong in an environment, for the time until it came right.
CREATE INDEX runs_bad ON runs (repository COLLATE NOCASE, environment COLLATE NOCASE, finished_at)
    WHERE state IN ('failed', 'errored', 'interrupted');
-- What has ended so far. When its commits were made is not known.
CREATE TEMPORARY TABLE ended AS
    SELECT id, finished_at / 86400000 AS day, json_extract(order_json, '$.app') AS app,
        json_extract(order_json, '$.environment') AS environment, host, lower(repository) AS repository, lower(environment) AS place,
        state = 'succeeded' AS good, finished_at, MAX(finished_at - started_at, 0) AS took, MAX(started_at - created_at, 0) AS waited
    FROM runs
    WHERE state IN ('succeeded', 'failed', 'errored', 'interrupted') AND order_json IS NOT NULL AND started_at IS NOT NULL
        AND finished_at IS NOT NULL AND lane NOT LIKE 'plan:%' AND command IS NULL;
INSERT INTO daily_tallies (day, app, environment, what, up_to, runs)
    SELECT day, app, environment, CASE WHEN good THEN 'succeeded' ELSE 'failed' END, 0, COUNT(*) FROM ended GROUP BY 1, 2, 3, 4;
INSERT INTO daily_tallies (day, app, environment, what, up_to, runs)
    SELECT day, app, environment, 'took', CASE WHEN took <= 1000 THEN 1 WHEN took <= 2000 THEN 2 WHEN took <= 5000 THEN 5 WHEN took <= 10000 THEN 10
        WHEN took <= 15000 THEN 15 WHEN took <= 20000 THEN 20 WHEN took <= 30000 THEN 30 WHEN took <= 45000 THEN 45
        WHEN took <= 60000 THEN 60 WHEN took <= 90000 THEN 90 WHEN took <= 120000 THEN 120 WHEN took <= 180000 THEN 180
        WHEN took <= 240000 THEN 240 WHEN took <= 300000 THEN 300 WHEN took <= 420000 THEN 420 WHEN took <= 600000 THEN 600
        WHEN took <= 900000 THEN 900 WHEN took <= 1200000 THEN 1200 WHEN took <= 1800000 THEN 1800 WHEN took <= 2700000 THEN 2700
        WHEN took <= 3600000 THEN 3600 WHEN took <= 5400000 THEN 5400 WHEN took <= 7200000 THEN 7200 WHEN took <= 10800000 THEN 10800
        WHEN took <= 21600000 THEN 21600 WHEN took <= 43200000 THEN 43200 WHEN took <= 86400000 THEN 86400 WHEN took <= 172800000 THEN 172800
        WHEN took <= 259200000 THEN 259200 WHEN took <= 604800000 THEN 604800 WHEN took <= 2592000000 THEN 2592000 ELSE -1 END, COUNT(*)
    FROM ended WHERE good GROUP BY 1, 2, 3, 5;
INSERT INTO daily_tallies (day, app, environment, what, up_to, runs)
    SELECT day, app, environment, 'waited', CASE WHEN waited <= 1000 THEN 1 WHEN waited <= 2000 THEN 2 WHEN waited <= 5000 THEN 5 WHEN waited <= 10000 THEN 10
        WHEN waited <= 15000 THEN 15 WHEN waited <= 20000 THEN 20 WHEN waited <= 30000 THEN 30 WHEN waited <= 45000 THEN 45
        WHEN waited <= 60000 THEN 60 WHEN waited <= 90000 THEN 90 WHEN waited <= 120000 THEN 120 WHEN waited <= 180000 THEN 180
        WHEN waited <= 240000 THEN 240 WHEN waited <= 300000 THEN 300 WHEN waited <= 420000 THEN 420 WHEN waited <= 600000 THEN 600
        WHEN waited <= 900000 THEN 900 WHEN waited <= 1200000 THEN 1200 WHEN waited <= 1800000 THEN 1800 WHEN waited <= 2700000 THEN 2700
        WHEN waited <= 3600000 THEN 3600 WHEN waited <= 5400000 THEN 5400 WHEN waited <= 7200000 THEN 7200 WHEN waited <= 10800000 THEN 10800
        WHEN waited <= 21600000 THEN 21600 WHEN waited <= 43200000 THEN 43200 WHEN waited <= 86400000 THEN 86400 WHEN waited <= 172800000 THEN 172800
        WHEN waited <= 259200000 THEN 259200 WHEN waited <= 604800000 THEN 604800 WHEN waited <= 2592000000 THEN 2592000 ELSE -1 END, COUNT(*)
    FROM ended GROUP BY 1, 2, 3, 5;
-- From the first failure after a success to the next success.
CREATE TEMPORARY TABLE mended AS
    SELECT MAX(CASE WHEN good THEN day END) AS day, MAX(CASE WHEN good THEN app END) AS app,
        MAX(CASE WHEN good THEN environment END) AS environment,
        MAX(CASE WHEN good THEN finished_at END) - MIN(CASE WHEN NOT good THEN finished_at END) AS length
    FROM (SELECT *, SUM(good) OVER (PARTITION BY host, repository, place ORDER BY finished_at, id) - good AS streak FROM ended) AS s
    GROUP BY host, repository, place, streak;
INSERT INTO daily_tallies (day, app, environment, what, up_to, runs)
    SELECT day, app, environment, 'restored', CASE WHEN length <= 1000 THEN 1 WHEN length <= 2000 THEN 2 WHEN length <= 5000 THEN 5 WHEN length <= 10000 THEN 10
        WHEN length <= 15000 THEN 15 WHEN length <= 20000 THEN 20 WHEN length <= 30000 THEN 30 WHEN length <= 45000 THEN 45
        WHEN length <= 60000 THEN 60 WHEN length <= 90000 THEN 90 WHEN length <= 120000 THEN 120 WHEN length <= 180000 THEN 180
        WHEN length <= 240000 THEN 240 WHEN length <= 300000 THEN 300 WHEN length <= 420000 THEN 420 WHEN length <= 600000 THEN 600
        WHEN length <= 900000 THEN 900 WHEN length <= 1200000 THEN 1200 WHEN length <= 1800000 THEN 1800 WHEN length <= 2700000 THEN 2700
        WHEN length <= 3600000 THEN 3600 WHEN length <= 5400000 THEN 5400 WHEN length <= 7200000 THEN 7200 WHEN length <= 10800000 THEN 10800
        WHEN length <= 21600000 THEN 21600 WHEN length <= 43200000 THEN 43200 WHEN length <= 86400000 THEN 86400 WHEN length <= 172800000 THEN 172800
        WHEN length <= 259200000 THEN 259200 WHEN length <= 604800000 THEN 604800 WHEN length <= 2592000000 THEN 2592000 ELSE -1 END, COUNT(*)
    FROM mended WHERE day IS NOT NULL AND length >= 0 GROUP BY 1, 2, 3, 5;
DROP TABLE mended;
DROP TABLE ended;
