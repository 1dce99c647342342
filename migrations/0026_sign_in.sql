-- Sessions of the pages. Of each only a digest is kept: what opens one is in a browser's cookie and nowhere else.
CREATE TABLE sessions (
    id              TEXT NOT NULL PRIMARY KEY,
    digest          TEXT NOT NULL UNIQUE,
    -- the login on GitHub, or the account of this machine that had a word made
    name            TEXT NOT NULL,
    -- GitHub's number of the person; absent where GitHub was not asked
    user_id         BIGINT,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    last_seen_at    BIGINT NOT NULL,
    ended_at        BIGINT
);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Words to get in with when GitHub cannot be asked: each is good once, and for minutes.
CREATE TABLE break_glass (
    digest          TEXT NOT NULL PRIMARY KEY,
    account         TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    used_at         BIGINT
);
