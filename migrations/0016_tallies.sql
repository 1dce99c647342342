-- How many runs ended how, and how long they took: counted in the transaction that ends them, because nobody counts a million
-- rows at every look. A row for each of the lengths that `src/store/tallies.rs` tells apart.
CREATE TABLE run_tallies (
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    state       TEXT NOT NULL,
    -- the upper end in seconds; 0 where nothing was begun, -1 for what is longer than all
    up_to       BIGINT NOT NULL,
    runs        BIGINT NOT NULL,
    took_ms     BIGINT NOT NULL,
    PRIMARY KEY (app, environment, state, up_to)
);
