//! The stages that the ledger remembers: told when they are over, by whoever wrote that, from the times that are written there.

use serde_json::Value as Json;

use crate::domain::clock::Timestamp;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::domain::timeline::RunEvent;
use crate::report::trace::{Place, Span, TraceId, Value};

/// So many waits of a run are told of: a check that goes on and off may hold it as often as it likes.
const WAITS: usize = 32;

/// A run's timeline, oldest first.
pub type Timeline = [(Timestamp, RunEvent)];

/// A command that was begun.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Its name in the plan.
    pub name: &'a str,
    /// How it ended, as JSON of the runner's record.
    pub outcome: &'a str,
    /// When it began.
    pub from: Option<Timestamp>,
    /// When it ended.
    pub until: Option<Timestamp>,
}

/// The whole of a run, and what it waited for, once its last word has been said, or never can be.
#[must_use]
pub fn whole(trace: TraceId, run: &Run, timeline: &Timeline, until: Timestamp) -> Vec<Span> {
    let from = timeline.first().map_or(run.created_at, |(at, _)| *at);
    let code = run.reason.as_ref().map(Reason::code);
    let went_wrong = match run.state {
        RunState::Failed | RunState::Errored | RunState::Interrupted => true,
        RunState::Held
        | RunState::Queued
        | RunState::Running
        | RunState::Succeeded
        | RunState::Rejected
        | RunState::Cancelled
        | RunState::Superseded => false,
    };
    let mut spans = waits(trace, timeline);
    spans.push(
        Span::new(trace, Place::Deployment, from, until)
            .with("deployment.id", run.deployment.0)
            .with("repository", run.repository.as_str())
            .with("environment", run.environment.as_str())
            .with("task", run.task.as_str())
            .with("sha", run.sha.as_str())
            .with("run.id", run.id.to_string())
            .with("delivery.id", run.delivery.to_string())
            .with("state", run.state.as_str())
            .with("attempts", run.attempts)
            .with_some("reason", code)
            .trouble(code.filter(|_| went_wrong)),
    );
    spans
}

/// Where it waited, and for what.
fn waits(trace: TraceId, timeline: &Timeline) -> Vec<Span> {
    let mut spans = Vec::new();
    // since when, where, and why
    let mut open: Option<(Timestamp, RunState, Vec<&'static str>)> = None;
    let (mut held, mut queued) = (0, 0);
    for (at, event) in timeline {
        let next = match event {
            RunEvent::Decided { state, reasons } => {
                let codes = reasons.iter().map(Reason::code).collect();
                matches!(state, RunState::Held | RunState::Queued).then_some((*state, codes))
            }
            RunEvent::Requeued { .. } => Some((RunState::Queued, Vec::new())),
            RunEvent::Claimed { .. } | RunEvent::Superseded { .. } | RunEvent::Finished { .. } => None,
            RunEvent::Delivered { .. }
            | RunEvent::Listed { .. }
            | RunEvent::Forced(_)
            | RunEvent::CheckedOut { .. }
            | RunEvent::Started { .. }
            | RunEvent::Adopted { .. }
            | RunEvent::AwaitsPerson
            | RunEvent::PersonSaid(_)
            | RunEvent::CancelRequested(_)
            | RunEvent::ReportedByOther { .. }
            | RunEvent::Restored { .. }
            | RunEvent::LogIncomplete { .. } => continue,
        };
        if let Some((since, state, codes)) = open.take()
            && spans.len() < WAITS
        {
            let place = if state == RunState::Held {
                held += 1;
                Place::Held { index: held - 1 }
            } else {
                queued += 1;
                Place::Queued { index: queued - 1 }
            };
            let reasons: Option<Value> = (!codes.is_empty()).then(|| codes.into_iter().collect());
            spans.push(Span::new(trace, place, since, *at).with_some("reasons", reasons));
        }
        open = next.map(|(state, codes)| (*at, state, codes));
    }
    spans
}

/// One attempt and its steps, when it has ended or was given back. Nothing where nobody ever claimed it.
#[must_use]
pub fn attempt(
    trace: TraceId,
    timeline: &Timeline,
    attempt: u32,
    steps: &[Step<'_>],
    provider: Option<&str>,
    until: Timestamp,
) -> Vec<Span> {
    let mut whole: Option<Span> = None;
    for (at, event) in timeline {
        if let RunEvent::Claimed {
            attempt: number,
            worker,
            ..
        } = event
        {
            if whole.is_some() {
                break;
            }
            if *number == attempt {
                let span = Span::new(trace, Place::Attempt { attempt }, *at, until);
                let span = span.with("attempt", attempt).with("worker", worker.as_str());
                whole = Some(span.with_some("provider", provider));
            }
            continue;
        }
        let Some(span) = whole.take() else { continue };
        whole = Some(match event {
            RunEvent::CheckedOut { .. } => span.when(*at, "prepared"),
            RunEvent::Started { .. } => span.when(*at, "started"),
            RunEvent::Adopted { .. } => span.when(*at, "adopted"),
            RunEvent::AwaitsPerson => span.when(*at, "awaits_person"),
            RunEvent::PersonSaid(_) => span.when(*at, "person_said"),
            RunEvent::CancelRequested(_) => span.when(*at, "cancel_requested"),
            RunEvent::LogIncomplete { .. } => span.when(*at, "log_incomplete"),
            RunEvent::Requeued { .. } => span.when(*at, "requeued").trouble(Some("requeued")),
            RunEvent::Finished { state, reason } => {
                let code = reason.as_ref().map(Reason::code);
                let span = span.with("state", state.as_str()).with_some("reason", code);
                let wrong = !matches!(state, RunState::Succeeded | RunState::Cancelled);
                span.trouble(code.filter(|_| wrong))
            }
            RunEvent::Delivered { .. }
            | RunEvent::Listed { .. }
            | RunEvent::Decided { .. }
            | RunEvent::Forced(_)
            | RunEvent::Claimed { .. }
            | RunEvent::Superseded { .. }
            | RunEvent::ReportedByOther { .. }
            | RunEvent::Restored { .. } => span,
        });
        if matches!(event, RunEvent::Requeued { .. } | RunEvent::Finished { .. }) {
            break;
        }
    }
    let Some(whole) = whole else {
        return Vec::new();
    };
    let mut spans: Vec<Span> = steps
        .iter()
        .enumerate()
        .filter_map(|(index, one)| step(trace, attempt, index, one, provider))
        .collect();
    spans.push(whole);
    spans
}

fn step(trace: TraceId, attempt: u32, index: usize, step: &Step<'_>, provider: Option<&str>) -> Option<Span> {
    let place = Place::Step { attempt, index };
    let outcome: Json = serde_json::from_str(step.outcome).unwrap_or_default();
    let ended = outcome["outcome"].as_str();
    let code = outcome["code"].as_i64();
    let good = matches!((ended, code), (Some("exited"), Some(0)) | (Some("confirmed"), _));
    Some(
        Span::new(trace, place, step.from?, step.until?)
            .with("step", step.name)
            .with_some("provider", provider)
            .with_some("outcome", ended)
            .with_some("exit_code", code)
            .with_some("signal", outcome["signal"].as_i64())
            .trouble(ended.filter(|_| !good)),
    )
}
