-- When this ledger was put in the place of a newer one: what was asked for before that may have been answered by the other.
CREATE TABLE restorations (
    made_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
);
