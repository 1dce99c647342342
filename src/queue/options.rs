//! The queue's periods and limits, in one place, because they only make sense together.

use std::time::Duration;

/// Periods and limits. The defaults are what production uses; tests shorten them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueOptions {
    /// Whose bells these are, where several installations share one Redis: part of the queue's name there. Letters, digits
    /// and `-`. Empty for the one that needs no name.
    pub installation: String,
    /// How often a worker says that it lives. Whole seconds, at least one: backends count in seconds.
    pub heartbeat: Duration,
    /// After how many missed heartbeats a worker's fetched jobs go back to the queue.
    pub missed_heartbeats: u32,
    /// How often a worker looks at the queue when nobody wakes it: the delay of a bell rung by another process.
    pub tick: Duration,
    /// The longest that one call may take for its caller.
    pub ring_within: Duration,
    /// How long a worker waits for one answer of Redis before it starts anew.
    pub response: Duration,
    /// How long a worker waits for another process' write to the SQLite file before it starts anew.
    pub busy: Duration,
    /// The pause before a worker that ended starts again; doubled each time up to [`Self::restart_at_most`].
    pub restart: Duration,
    /// The longest pause before a worker starts again.
    pub restart_at_most: Duration,
    /// How long a stopping worker waits for the calls that it started.
    pub drain: Duration,
    /// How often what is finished is cleared away.
    pub tidy: Duration,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            installation: String::new(),
            heartbeat: Duration::from_secs(5),
            missed_heartbeats: 6,
            tick: Duration::from_millis(250),
            ring_within: Duration::from_secs(2),
            response: Duration::from_secs(10),
            busy: Duration::from_secs(30),
            restart: Duration::from_millis(200),
            restart_at_most: Duration::from_secs(2),
            drain: Duration::from_secs(1),
            tidy: Duration::from_secs(30),
        }
    }
}
