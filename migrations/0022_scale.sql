-- Whatever is looked for at every tick, or in a transaction that others wait for, is found by its own index: what waits behind
-- it, or has ended long ago, costs nothing.

-- The next row of a line, the last words first; and since when the oldest waits.
CREATE INDEX outbox_due ON outbox (kind, COALESCE(recipient, ''), terminal DESC, id, created_at)
    WHERE state IN ('pending', 'sending');
-- What stands under one key, whatever became of it.
CREATE INDEX outbox_key ON outbox (key, id);
DROP INDEX outbox_open;
CREATE INDEX outbox_senders ON outbox (claimed_by) WHERE state = 'sending';
CREATE INDEX outbox_recipients ON outbox (recipient) WHERE state IN ('pending', 'sending') AND recipient IS NOT NULL;

-- What a decision looks at in a lane.
DROP INDEX runs_lane;
CREATE INDEX runs_lane ON runs (lane, requested_at, deployment_id);
CREATE INDEX runs_accepted ON runs (lane, requested_at, deployment_id) WHERE state NOT IN ('rejected', 'superseded');
CREATE INDEX runs_held_lane ON runs (lane, requested_at, deployment_id) WHERE state = 'held';
-- Held runs one after the other, a few at a time.
CREATE INDEX runs_held_ids ON runs (id) WHERE state = 'held';
-- What has not ended in one environment.
CREATE INDEX runs_open ON runs (repository COLLATE NOCASE, environment COLLATE NOCASE, requested_at, deployment_id)
    WHERE state IN ('running', 'queued', 'held');

-- What waits to be worked on, without the bodies.
DROP INDEX deliveries_open;
CREATE INDEX deliveries_open ON deliveries (id, next_attempt_at, repository_id) WHERE disposition = 'received';
