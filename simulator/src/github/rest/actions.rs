//! An App's word to jobs of a workflow run that wait for it.
//! <https://docs.github.com/en/rest/actions/workflow-runs#review-custom-deployment-protection-rules-for-a-workflow-run>

use crate::github::job::{COMMENT, REPORTS};
use crate::github::refused::Refused;
use crate::github::rest::Outcome;
use crate::github::rest::call::Call;
use crate::github::world::World;
use crate::message::Answer;

/// Only an App may answer, and only a job that waits.
pub(crate) fn review(world: &mut World, call: &Call<'_>, repository: u64, run: &str) -> Outcome {
    call.needs("deployments", "write")?;
    let fields = call.fields()?;
    let environment = fields.required_text("environment_name")?;
    let state = fields.text("state")?;
    let comment = fields.text("comment")?;
    if let Some(state) = state
        .as_deref()
        .filter(|state| !["approved", "rejected"].contains(state))
    {
        return Err(Refused::malformed(&format!(
            "{state} is not a member of [\"approved\", \"rejected\"]."
        )));
    }
    if state.is_none() && comment.as_deref().is_none_or(str::is_empty) {
        return Err(Refused::malformed("\"comment\" wasn't supplied."));
    }
    let comment = comment.unwrap_or_default();
    if comment.chars().count() > COMMENT {
        return Err(Refused::malformed("comment is too long (maximum is 1024 characters)"));
    }
    let mut jobs: Vec<_> = world
        .jobs
        .iter_mut()
        .filter(|job| job.repository == repository && job.workflow_run.to_string() == run)
        .collect();
    if jobs.is_empty() {
        return Err(Refused::not_found());
    }
    jobs.retain(|job| job.environment == environment && job.answer.is_none());
    if jobs.is_empty() {
        return Err(Refused::new(422, "No pending deployment requests to approve or reject"));
    }
    for job in jobs {
        match &state {
            Some(state) => job.answer = Some((state.clone(), comment.clone())),
            None if job.reports.len() >= REPORTS => {
                return Err(Refused::new(422, "Too many status reports for this deployment"));
            }
            None => job.reports.push(comment.clone()),
        }
    }
    Ok(Answer::text(204, ""))
}
