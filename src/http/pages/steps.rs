//! The steps of a run as its page shows them, and how each host fared.

use crate::flow::view::steps::how;
use crate::http::pages::harmless;
use crate::provider::exit::StepEnd;
use crate::report::duration;
use crate::store::runs::StepRecord;

/// One step.
pub(super) struct StepRow {
    pub(super) name: String,
    pub(super) how: String,
    pub(super) took: String,
}

/// One host of the last step that told of hosts.
pub(super) struct HostRow {
    pub(super) host: String,
    /// A word for what counts most, which the style sheet has a colour for.
    pub(super) state: &'static str,
    pub(super) ok: u32,
    pub(super) changed: u32,
    pub(super) failed: u32,
    pub(super) unreachable: u32,
    pub(super) skipped: u32,
    pub(super) message: String,
}

/// Both tables.
pub(super) fn rows(steps: &[StepRecord]) -> (Vec<StepRow>, Vec<HostRow>) {
    let mut hosts = Vec::new();
    let rows = steps
        .iter()
        .map(|step| {
            let end: Option<StepEnd> = serde_json::from_str(&step.outcome).ok();
            if let Some(end) = end.as_ref().filter(|end| !end.hosts.is_empty()) {
                hosts = end.hosts.iter().map(host).collect();
            }
            let took = step.started_at.zip(step.finished_at);
            StepRow {
                name: harmless(&step.name),
                how: end.as_ref().map(how).unwrap_or_default(),
                took: took.map(|(from, to)| duration::span(to - from)).unwrap_or_default(),
            }
        })
        .collect();
    (rows, hosts)
}

fn host(result: &crate::provider::results::HostResult) -> HostRow {
    HostRow {
        host: harmless(&result.host),
        state: match (result.unreachable, result.failed, result.changed) {
            (1.., _, _) => "unreachable",
            (_, 1.., _) => "failed",
            (_, _, 1..) => "changed",
            _ => "ok",
        },
        ok: result.ok,
        changed: result.changed,
        failed: result.failed,
        unreachable: result.unreachable,
        skipped: result.skipped,
        message: result.message.as_deref().map(harmless).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(outcome: &str) -> StepRecord {
        StepRecord {
            name: "ansible-playbook".to_owned(),
            outcome: outcome.to_owned(),
            started_at: None,
            finished_at: None,
        }
    }

    #[test]
    fn hosts_are_shown_with_what_counts_most() {
        let (steps, hosts) = rows(&[record(
            r#"{"name":"x","outcome":"exited","code":4,"started_at_ms":0,"finished_at_ms":0,"hosts":[
                {"host":"web1","ok":3,"changed":1},{"host":"web2","unreachable":1,"message":"no \u001b[31mroute"}]}"#,
        )]);
        assert_eq!(steps[0].how, "exited with code 4");
        let told: Vec<_> = hosts
            .iter()
            .map(|host| (host.host.as_str(), host.state, host.message.as_str()))
            .collect();
        assert_eq!(told, [("web1", "changed", ""), ("web2", "unreachable", "no route")]);
    }

    #[test]
    fn a_record_that_cannot_be_read_is_a_step_all_the_same() {
        let (steps, hosts) = rows(&[record("null")]);
        assert_eq!(
            (steps[0].name.as_str(), steps[0].how.as_str()),
            ("ansible-playbook", "")
        );
        assert!(hosts.is_empty());
    }
}
