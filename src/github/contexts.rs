//! What has been reported about a commit: commit statuses and check runs, both, because either may be required.
//!
//! The combined state is not used: it is `pending` for ever where a repository has check runs only.
//! <https://docs.github.com/en/rest/commits/statuses>, <https://docs.github.com/en/rest/checks/runs>

use serde::Deserialize;

use crate::domain::ids::InstallationId;
use crate::domain::names::Sha;
use crate::github::GitHub;
use crate::github::call::CallError;
use crate::policy::contexts;
use crate::policy::facts::ContextState;

const PAGE: usize = 100;
/// GitHub shows the newest 1,000 check suites of a commit; nothing lies beyond.
const PAGES: usize = 10;

#[derive(Debug, Deserialize)]
struct Combined {
    statuses: Vec<Status>,
}

#[derive(Debug, Deserialize)]
struct Status {
    context: String,
    state: String,
}

#[derive(Debug, Deserialize)]
struct CheckRuns {
    check_runs: Vec<CheckRun>,
}

#[derive(Debug, Deserialize)]
struct CheckRun {
    name: String,
    status: String,
    conclusion: Option<String>,
    details_url: Option<String>,
}

impl CheckRun {
    /// A job's check run links to the job, below its workflow run.
    fn belongs_to(&self, workflow_run: Option<u64>) -> bool {
        let Some(id) = workflow_run else { return false };
        let address = self.details_url.as_deref().unwrap_or_default();
        let below = address.split_once("/actions/runs/").map(|(_, rest)| rest);
        below.is_some_and(|rest| rest.split('/').next() == Some(id.to_string().as_str()))
    }
}

impl GitHub {
    /// Everything that has been reported about a commit, the latest of each context.
    ///
    /// # Errors
    ///
    /// When GitHub cannot tell all of it; half an answer could let a red commit pass.
    pub async fn contexts(
        &self,
        repository: &str,
        installation: Option<InstallationId>,
        sha: &Sha,
    ) -> Result<Vec<ContextState>, CallError> {
        Box::pin(self.contexts_beside(repository, installation, sha, None)).await
    }

    /// The same without the check runs of one workflow run of GitHub Actions.
    ///
    /// # Errors
    ///
    /// As [`Self::contexts`].
    pub async fn contexts_beside(
        &self,
        repository: &str,
        installation: Option<InstallationId>,
        sha: &Sha,
        workflow_run: Option<u64>,
    ) -> Result<Vec<ContextState>, CallError> {
        // one after the other, as GitHub asks for: when one of them is told to wait, the other is not on its way
        let statuses = self.statuses(repository, installation, sha).await?;
        let runs = self.check_runs(repository, installation, sha, workflow_run).await?;
        Ok(statuses.into_iter().chain(runs).collect())
    }

    async fn statuses(
        &self,
        repository: &str,
        installation: Option<InstallationId>,
        sha: &Sha,
    ) -> Result<Vec<ContextState>, CallError> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let path = format!("/repos/{repository}/commits/{sha}/status?per_page={PAGE}&page={page}");
            let combined: Combined = self.get(installation, &path).await?;
            let last = combined.statuses.len() < PAGE;
            all.extend(
                combined
                    .statuses
                    .iter()
                    .map(|one| contexts::status(&one.context, &one.state)),
            );
            if last {
                break;
            }
        }
        Ok(all)
    }

    async fn check_runs(
        &self,
        repository: &str,
        installation: Option<InstallationId>,
        sha: &Sha,
        beside: Option<u64>,
    ) -> Result<Vec<ContextState>, CallError> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let path =
                format!("/repos/{repository}/commits/{sha}/check-runs?filter=latest&per_page={PAGE}&page={page}");
            let runs: CheckRuns = self.get(installation, &path).await?;
            let last = runs.check_runs.len() < PAGE;
            let states = runs.check_runs.iter().filter(|run| !run.belongs_to(beside));
            all.extend(states.map(|run| contexts::check_run(&run.name, &run.status, run.conclusion.as_deref())));
            if last {
                break;
            }
        }
        Ok(all)
    }
}
