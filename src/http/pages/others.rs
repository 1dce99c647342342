//! What others carry out, on the list of runs: deployments of other tools, and jobs that asked for our word.

use crate::domain::foreign::ForeignDeployment;
use crate::http::pages::{harmless, moment};
use crate::report::foreign;
use crate::report::sentence::sentence;
use crate::store::protection::StoredRequest;

/// A job of GitHub Actions that asked.
pub(super) struct JobRow {
    pub(super) state: &'static str,
    pub(super) what: String,
    pub(super) why: String,
    pub(super) sha: String,
    pub(super) who: String,
    pub(super) at: String,
    pub(super) at_exact: String,
}

/// A deployment of somebody else.
pub(super) struct OtherRow {
    pub(super) state: String,
    pub(super) what: String,
    pub(super) why: String,
    pub(super) link: String,
    pub(super) sha: String,
    pub(super) who: String,
    pub(super) at: String,
    pub(super) at_exact: String,
}

pub(super) fn job(one: &StoredRequest) -> JobRow {
    let deployment = &one.request.deployment;
    JobRow {
        state: one.state.as_str(),
        what: foreign::what(&ForeignDeployment::of(deployment, None)),
        why: one.reason.as_ref().map(sentence).unwrap_or_default(),
        sha: short(&deployment.sha),
        who: deployment.creator.as_deref().map(harmless).unwrap_or_default(),
        at: moment(one.created_at),
        at_exact: one.created_at.to_rfc3339(),
    }
}

pub(super) fn other(one: &ForeignDeployment) -> OtherRow {
    let link = one.status.as_ref().and_then(|status| status.log_url.clone());
    OtherRow {
        state: harmless(one.state()),
        what: foreign::what(one),
        why: foreign::why(one),
        link: link.unwrap_or_default(),
        sha: short(&one.sha),
        who: one.creator.as_deref().map(harmless).unwrap_or_default(),
        at: moment(one.created_at),
        at_exact: one.created_at.to_rfc3339(),
    }
}

fn short(sha: &str) -> String {
    harmless(&sha.chars().take(8).collect::<String>())
}
