//! The steps of a run, and how each host fared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::provider::exit::{StepEnd, StepOutcome, beside};
use crate::provider::results::HostResult;
use crate::report::log_text::plain;
use crate::store::runs::StepRecord;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    /// Its name in the plan.
    pub name: String,
    /// How it ended, in words.
    pub how: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// How each host fared, where the tool tells.
    pub hosts: Vec<HostView>,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostView {
    /// As the tool calls it.
    pub host: String,
    /// What counts most: `ok`, `changed`, `failed` or `unreachable`.
    pub state: String,
    /// Tasks that found or left it as it should be.
    pub ok: u32,
    /// Tasks that changed it.
    pub changed: u32,
    /// Tasks that failed.
    pub failed: u32,
    /// Whether, or how often, it could not be reached.
    pub unreachable: u32,
    /// Tasks that were left out.
    pub skipped: u32,
    /// The first thing that went wrong there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl StepView {
    /// A step as it is shown. A record that cannot be read is a step all the same.
    #[must_use]
    pub fn of(record: &StepRecord) -> Self {
        let end: Option<StepEnd> = serde_json::from_str(&record.outcome).ok();
        Self {
            name: harmless(&record.name),
            how: end.as_ref().map(how).unwrap_or_default(),
            started_at: record.started_at,
            finished_at: record.finished_at,
            hosts: end.iter().flat_map(|end| &end.hosts).map(HostView::of).collect(),
        }
    }
}

impl HostView {
    fn of(result: &HostResult) -> Self {
        let state = match (result.unreachable, result.failed, result.changed) {
            (1.., _, _) => "unreachable",
            (_, 1.., _) => "failed",
            (_, _, 1..) => "changed",
            _ => "ok",
        };
        Self {
            host: harmless(&result.host),
            state: state.to_owned(),
            ok: result.ok,
            changed: result.changed,
            failed: result.failed,
            unreachable: result.unreachable,
            skipped: result.skipped,
            message: result.message.as_deref().map(harmless),
        }
    }
}

/// How a step ended, in words.
#[must_use]
pub fn how(end: &StepEnd) -> String {
    let text = match &end.outcome {
        StepOutcome::Exited { code: 0 } => "done".to_owned(),
        StepOutcome::Exited { code } => match &end.cause {
            Some(cause) => format!("exited with code {code}: {cause}"),
            None => format!("exited with code {code}"),
        },
        StepOutcome::Signalled { signal } => format!("ended by signal {signal}"),
        StepOutcome::TimedOut { .. } => "stopped: its time was over".to_owned(),
        StepOutcome::Inactive { .. } => "stopped: it printed nothing for too long".to_owned(),
        StepOutcome::Cancelled { by } => format!("cancelled by {by}"),
        StepOutcome::Disproved { .. } => "exited with code 0, but its results say that it did not succeed".to_owned(),
        StepOutcome::Confirmed { by, note } => format!("done, says {by}{}", beside(note)),
        StepOutcome::Refused { by, note } => format!("not done, says {by}{}", beside(note)),
        StepOutcome::Missing { input, path } => format!("`{input}` names `{path}`, which does not exist"),
        StepOutcome::NotStarted { program, detail } => format!("`{program}` could not be started: {detail}"),
    };
    let elsewhere = if end.remote {
        "; what it began on other hosts may still be running"
    } else {
        ""
    };
    harmless(&format!("{text}{elsewhere}"))
}

/// Without what would change how others are shown.
fn harmless(text: &str) -> String {
    plain(text.as_bytes())
}
