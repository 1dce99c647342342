-- Where a delivery came from: `webhook`, or `listing` where nobody delivered it and it was found in GitHub's list.
ALTER TABLE deliveries ADD COLUMN source TEXT NOT NULL DEFAULT 'webhook';

-- What is looked through for what was missed: the log of the App's hook, and the lists of each configured repository. Rows
-- are made at the start from the configuration.
CREATE TABLE catch_ups (
    host            TEXT NOT NULL,
    -- `owner/name` as configured; empty for the log of the App's hook
    source          TEXT NOT NULL,
    -- nothing that happened before this is ever looked for: it was nobody's, or an earlier installation's
    since           BIGINT NOT NULL,
    due_at          BIGINT NOT NULL,
    -- who looks, and how many have: a look that was overtaken writes nothing down
    claimed_by      TEXT,
    claimed_until   BIGINT,
    fence           BIGINT NOT NULL DEFAULT 0,
    -- looks in a row that came to nothing, and why
    failures        BIGINT NOT NULL DEFAULT 0,
    trouble         TEXT,
    looked_at       BIGINT,
    -- how far it has been read, as JSON
    progress        TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (host, source)
);
CREATE INDEX catch_ups_due ON catch_ups (due_at);

-- Deliveries that GitHub has in its log and that never arrived, until they have, or something else has taken their place.
CREATE TABLE lost_deliveries (
    host            TEXT NOT NULL,
    source          TEXT NOT NULL,
    guid            TEXT NOT NULL,
    -- GitHub's number of the hook, where it is a repository's
    hook_id         BIGINT,
    -- GitHub's number of the newest attempt
    attempt         BIGINT NOT NULL,
    event           TEXT NOT NULL,
    repository_id   BIGINT,
    delivered_at    BIGINT NOT NULL,
    -- how often GitHub was asked for it, and when to ask next
    asks            BIGINT NOT NULL DEFAULT 0,
    ask_after       BIGINT NOT NULL,
    PRIMARY KEY (host, source, guid)
);
