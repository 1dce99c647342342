//! Why a run waits.

use crate::domain::run::{Run, RunState};
use crate::report::sentence::sentence;

/// The first of a lane in which nothing runs waits for somebody who carries it out.
const NO_WORKER: &str = "waits_for_worker";

/// A code and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// A reason's code, or `waits_for_worker`.
    pub code: &'static str,
    /// For people.
    pub text: String,
}

/// Why it waits at this place of its lane, in which something runs or not. Of one that runs, nothing.
#[must_use]
pub fn waits_for(run: &Run, position: Option<u32>, busy: bool) -> Waits {
    match (&run.reason, run.state, position) {
        (Some(reason), RunState::Held, _) => Waits {
            code: reason.code(),
            text: sentence(reason),
        },
        (_, RunState::Queued, Some(1)) if !busy => Waits {
            code: NO_WORKER,
            text: "it is next, and begins as soon as a worker is free".to_owned(),
        },
        (_, RunState::Queued, Some(1)) => Waits {
            code: "lane_busy",
            text: "it is next, and begins when what runs there has ended".to_owned(),
        },
        (_, RunState::Queued, Some(position)) => Waits {
            code: "lane_busy",
            text: format!("it is at position {position} in its lane, and begins when those before it have ended"),
        },
        _ => Waits {
            code: "",
            text: String::new(),
        },
    }
}
