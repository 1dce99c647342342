//! Required contexts: commit statuses and check runs of a commit, taken together as GitHub's own gate does.

use serde_json::{Value, json};

use crate::github::deploy::{Contexts, DeploymentRequest};
use crate::github::refused::Refused;
use crate::github::world::Repository;

impl Repository {
    /// The latest word of every context of a commit, statuses first: name and `success`, `pending`, `failure`, `error`.
    #[must_use]
    pub fn contexts(&self, sha: &str) -> Vec<(String, String)> {
        let mut contexts: Vec<(String, String)> = Vec::new();
        let statuses = self
            .statuses
            .iter()
            .filter(|status| status.sha == sha)
            .map(|status| (status.context.clone(), status.state.clone()));
        let runs = self
            .check_runs
            .iter()
            .filter(|run| run.sha == sha)
            .map(|run| (run.name.clone(), run_state(run.conclusion.as_deref()).to_owned()));
        for (name, state) in statuses.chain(runs) {
            match contexts.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                Some(known) => known.1 = state,
                None => contexts.push((name, state)),
            }
        }
        contexts
    }

    /// Refuses a commit whose required contexts are not all green.
    pub(crate) fn check_contexts(&self, sha: &str, request: &DeploymentRequest) -> Result<(), Refused> {
        let reported = self.contexts(sha);
        let (listed, complete) = match &request.required_contexts {
            Contexts::Reported => (reported, true),
            Contexts::Named(names) => {
                let is_required =
                    |(name, _): &(String, String)| names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
                let listed: Vec<_> = reported.into_iter().filter(is_required).collect();
                let complete = listed.len() >= names.len();
                (listed, complete)
            }
        };
        if complete && listed.iter().all(|(_, state)| state == "success") {
            return Ok(());
        }
        // A context that never reported is missing from the list, not shown as missing.
        let contexts: Vec<Value> = listed
            .iter()
            .map(|(context, state)| json!({"context": context, "state": state}))
            .collect();
        Err(Refused {
            status: 409,
            message: format!("Conflict: Commit status checks failed for {}", request.git_ref),
            errors: vec![json!({
                "contexts": contexts,
                "resource": "Deployment",
                "field": "required_contexts",
                "code": "invalid",
            })],
        })
    }
}

/// A run's conclusion in the words of commit statuses.
fn run_state(conclusion: Option<&str>) -> &'static str {
    match conclusion {
        Some("success" | "neutral" | "skipped") => "success",
        None => "pending",
        Some(_) => "failure",
    }
}
