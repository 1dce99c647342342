//! What a runner's record means for the run: its state, its reason, its steps. Pure.

use chrono::DateTime;

use crate::domain::reason::Reason;
use crate::domain::run::RunState;
use crate::provider::exit::{Exit, Outcome, StepEnd, StepOutcome};
use crate::store::runs::StepRecord;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Its last state.
    pub state: RunState,
    /// Why, unless it succeeded.
    pub reason: Option<Reason>,
    /// Its steps, as far as they were begun.
    pub steps: Vec<StepRecord>,
}

impl Ending {
    /// An end without steps.
    #[must_use]
    pub fn plain(state: RunState, reason: Reason) -> Self {
        Self {
            state,
            reason: Some(reason),
            steps: Vec::new(),
        }
    }
}

/// The end that a runner's record tells of.
#[must_use]
pub fn of_exit(exit: &Exit) -> Ending {
    let (state, reason) = match &exit.outcome {
        Outcome::Succeeded => (RunState::Succeeded, None),
        Outcome::Cancelled { by } => (RunState::Cancelled, Some(Reason::Cancelled { by: by.clone() })),
        Outcome::RunnerFailed { detail } => (RunState::Errored, Some(Reason::Interrupted { detail: detail.clone() })),
        Outcome::Failed => match exit.steps.last() {
            Some(step) => of_step(step),
            None => {
                let detail = "the runner says that it failed, but names no step".to_owned();
                (RunState::Errored, Some(Reason::Interrupted { detail }))
            }
        },
    };
    Ending {
        state,
        reason,
        steps: exit.steps.iter().map(record).collect(),
    }
}

fn of_step(end: &StepEnd) -> (RunState, Option<Reason>) {
    let step = end.name.clone();
    match &end.outcome {
        StepOutcome::Exited { code } => (RunState::Failed, Some(Reason::ExitCode { step, exit_code: *code })),
        StepOutcome::Signalled { signal } => (RunState::Failed, Some(Reason::Signalled { step, signal: *signal })),
        StepOutcome::TimedOut { limit_ms } | StepOutcome::Inactive { limit_ms } => (
            RunState::Failed,
            Some(Reason::TimedOut {
                step,
                limit_seconds: limit_ms.div_ceil(1000),
            }),
        ),
        StepOutcome::Cancelled { by } => (RunState::Cancelled, Some(Reason::Cancelled { by: by.clone() })),
        StepOutcome::NotStarted { program, detail } => {
            let (program, detail) = (program.clone(), detail.clone());
            (RunState::Errored, Some(Reason::CommandNotStarted { program, detail }))
        }
    }
}

fn record(end: &StepEnd) -> StepRecord {
    let at = |milliseconds: u64| {
        i64::try_from(milliseconds)
            .ok()
            .and_then(DateTime::from_timestamp_millis)
    };
    StepRecord {
        name: end.name.clone(),
        outcome: serde_json::to_string(&end.outcome).unwrap_or_else(|_| "null".to_owned()),
        started_at: at(end.started_at_ms),
        finished_at: at(end.finished_at_ms),
    }
}
