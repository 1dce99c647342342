-- What people say to Chima in Slack, each written down before anybody works on it.
CREATE TABLE slack_asks (
    id              TEXT NOT NULL PRIMARY KEY,
    -- Slack's own: the event's id, or the trigger's. It has one effect, however often it comes
    slack_key       TEXT NOT NULL UNIQUE,
    -- as it was read: who, where, what, and where the answer goes
    heard           TEXT NOT NULL,
    -- who works on it, and when it is tried next
    claimed_by      TEXT,
    claimed_until   BIGINT,
    attempts        BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT NOT NULL,
    -- what GitHub is being asked to deploy, written before it is asked
    wished          TEXT,
    deployment_id   BIGINT,
    answer          TEXT,
    open            BIGINT NOT NULL DEFAULT 1,
    created_at      BIGINT NOT NULL
);
CREATE INDEX slack_asks_open ON slack_asks (id) WHERE open = 1;

-- The one message about a run in a room of Slack, which changes as things go on.
CREATE TABLE slack_messages (
    run_id          TEXT NOT NULL PRIMARY KEY,
    -- where it goes: an id or a name as it was configured; none where it goes nowhere
    room            TEXT,
    -- whose person is told how it ended, by Slack's id
    asker           TEXT,
    -- where it is: the channel from when it is first tried, the time once it is there
    channel         TEXT,
    ts              TEXT,
    -- what it says, as far as it was put into the outbox
    told            TEXT,
    -- what stands in its thread already: that which comes with it, and how it ended
    commits_told    BIGINT NOT NULL DEFAULT 0,
    end_told        BIGINT NOT NULL DEFAULT 0,
    attempts        BIGINT NOT NULL DEFAULT 0,
    next_look_at    BIGINT NOT NULL DEFAULT 0,
    open            BIGINT NOT NULL DEFAULT 1,
    created_at      BIGINT NOT NULL
);
CREATE INDEX slack_messages_open ON slack_messages (run_id) WHERE open = 1;
