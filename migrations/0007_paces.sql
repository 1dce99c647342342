-- How fast this installation may write to GitHub and to Slack, all of its processes together: what is left of the allowance of
-- the minute and of the hour, and until when the other side asked for silence.
CREATE TABLE paces (
    name         TEXT NOT NULL PRIMARY KEY,
    minute       DOUBLE PRECISION NOT NULL,
    hour         DOUBLE PRECISION NOT NULL,
    filled_at    BIGINT NOT NULL,
    closed_until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX outbox_dead ON outbox (key, id) WHERE state = 'dead';
