-- What Chima itself asks GitHub for, written down before it asks: the proof of who asked. The deployment's payload says the nonce.
CREATE TABLE warrants (
    nonce           TEXT NOT NULL PRIMARY KEY,
    host            TEXT NOT NULL,
    repository_id   BIGINT NOT NULL,
    app             TEXT NOT NULL,
    environment     TEXT NOT NULL,
    task            TEXT NOT NULL,
    git_ref         TEXT NOT NULL,
    -- by whom, as JSON: by which way, name, id, linked login
    actor           TEXT NOT NULL,
    room            TEXT,
    force           BIGINT NOT NULL,
    asked_at        BIGINT NOT NULL,
    -- the one deployment that it proves, by GitHub's answer or by the delivery that was decided on, whichever came first
    deployment_id   BIGINT
);
-- That somebody made it pass what others have to wait for, as JSON: who, and what stood in the way.
ALTER TABLE runs ADD COLUMN forced TEXT;
