//! What a runner's record means for the run: its state, its reason, its steps. Pure.

use chrono::DateTime;

use crate::domain::reason::{HostFinding, Reason};
use crate::domain::run::RunState;
use crate::provider::exit::{Exit, Outcome, StepEnd, StepOutcome};
use crate::provider::results::Fault;
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
    /// What of its output could not be kept, and why.
    pub log_trouble: Option<String>,
}

impl Ending {
    /// An end without steps.
    #[must_use]
    pub fn plain(state: RunState, reason: Reason) -> Self {
        Self {
            state,
            reason: Some(reason),
            steps: Vec::new(),
            log_trouble: None,
        }
    }
}

/// The end that a runner's record tells of.
#[must_use]
pub fn of_exit(exit: &Exit) -> Ending {
    let remote = exit.steps.last().is_some_and(|step| step.remote);
    let (state, reason) = match &exit.outcome {
        Outcome::Succeeded => (RunState::Succeeded, None),
        Outcome::Cancelled { by } => {
            let by = by.clone();
            (RunState::Cancelled, Some(Reason::Cancelled { by, remote }))
        }
        Outcome::RunnerFailed { detail } => (RunState::Errored, Some(Reason::Interrupted { detail: detail.clone() })),
        Outcome::Failed => match exit.steps.last() {
            Some(step) => {
                let (state, reason) = of_step(step);
                (state, Some(reason))
            }
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
        log_trouble: exit.log_trouble.clone(),
    }
}

fn of_step(end: &StepEnd) -> (RunState, Reason) {
    let (step, remote) = (end.name.clone(), end.remote);
    let bad_hosts = end.hosts.iter().any(|host| !host.is_good());
    let reason = match &end.outcome {
        StepOutcome::Exited { code } if bad_hosts => hosts_failed(end, *code),
        StepOutcome::Exited { code } => Reason::ExitCode {
            step,
            exit_code: *code,
            cause: end.cause.clone(),
        },
        StepOutcome::Signalled { signal } => Reason::Signalled { step, signal: *signal },
        StepOutcome::TimedOut { limit_ms } => Reason::TimedOut {
            step,
            limit_seconds: limit_ms.div_ceil(1000),
            remote,
        },
        StepOutcome::Inactive { limit_ms } => Reason::Inactive {
            step,
            limit_seconds: limit_ms.div_ceil(1000),
            remote,
        },
        StepOutcome::Disproved { fault } => match fault {
            Fault::NoHosts { play } => {
                let play = play.clone();
                Reason::NoHosts { step, play }
            }
            Fault::Unmatched { pattern } => Reason::HostsUnmatched {
                step,
                pattern: pattern.clone(),
            },
            Fault::HostsFailed => hosts_failed(end, 0),
            Fault::Unread => Reason::ResultsMissing { step },
            Fault::Told => Reason::ExitCode {
                step,
                exit_code: 0,
                cause: end.cause.clone(),
            },
        },
        StepOutcome::Refused { by, note } => Reason::NotDone {
            by: by.clone(),
            note: note.clone(),
        },
        StepOutcome::Missing { input, path } => Reason::FileMissing {
            input: input.clone(),
            path: path.clone(),
        },
        StepOutcome::Cancelled { by } => {
            let by = by.clone();
            return (RunState::Cancelled, Reason::Cancelled { by, remote });
        }
        StepOutcome::NotStarted { program, detail } => {
            let (program, detail) = (program.clone(), detail.clone());
            return (RunState::Errored, Reason::CommandNotStarted { program, detail });
        }
        StepOutcome::Confirmed { by, .. } => {
            let detail = format!("{by} confirmed the last step, and yet the runner says that it failed");
            return (RunState::Errored, Reason::Interrupted { detail });
        }
    };
    (RunState::Failed, reason)
}

fn hosts_failed(end: &StepEnd, exit_code: i32) -> Reason {
    let bad = end.hosts.iter().filter(|host| !host.is_good());
    Reason::HostsFailed {
        hosts: bad
            .map(|host| HostFinding {
                host: host.host.clone(),
                unreachable: host.unreachable > 0,
                message: host.message.clone(),
            })
            .collect(),
        of: u32::try_from(end.hosts.len()).unwrap_or(u32::MAX),
        exit_code,
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
        outcome: serde_json::to_string(end).unwrap_or_else(|_| "null".to_owned()),
        started_at: at(end.started_at_ms),
        finished_at: at(end.finished_at_ms),
    }
}
