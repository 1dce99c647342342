//! Compares the event named in the header with what the body looks like.
//!
//! Only the body is signed: whoever captured one could send it again under another event's name. So the name counts only
//! where the body agrees with it. <https://docs.github.com/en/webhooks/webhook-events-and-payloads>

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::webhook::lenient::{Present, number, object, text};

/// The few keys of any event's body that say what it is. Everything else is skipped without being kept: a body may have
/// 25 MB.
#[derive(Debug, Deserialize)]
pub(crate) struct Root {
    #[serde(default, deserialize_with = "text")]
    pub(crate) action: Option<String>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) repository: Option<RepositoryKeys>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) installation: Option<InstallationKeys>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) deployment: Option<IdKey>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) check_run: Option<HeadKey>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) check_suite: Option<HeadKey>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) sha: Option<String>,
    state: Option<IgnoredAny>,
    context: Option<IgnoredAny>,
    zen: Option<IgnoredAny>,
    hook_id: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "object")]
    deployment_status: Option<Present>,
    deployment_callback_url: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "object")]
    workflow_job: Option<Present>,
    #[serde(default, deserialize_with = "object")]
    workflow_run: Option<HeadKey>,
    #[serde(default, deserialize_with = "object")]
    pull_request: Option<Present>,
    review: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) comment: Option<IdKey>,
    issue: Option<IgnoredAny>,
    thread: Option<IgnoredAny>,
    #[serde(default, rename = "ref", deserialize_with = "text")]
    git_ref: Option<String>,
    before: Option<IgnoredAny>,
    after: Option<IgnoredAny>,
    repositories_added: Option<IgnoredAny>,
    repositories_removed: Option<IgnoredAny>,
}

/// What names a repository.
#[derive(Debug, Deserialize)]
pub(crate) struct RepositoryKeys {
    #[serde(default, deserialize_with = "number")]
    pub(crate) id: Option<u64>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) full_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) default_branch: Option<String>,
}

/// What names an installation. Most events name it by its number alone.
#[derive(Debug, Deserialize)]
pub(crate) struct InstallationKeys {
    #[serde(default, deserialize_with = "number")]
    pub(crate) id: Option<u64>,
    app_id: Option<IgnoredAny>,
}

/// An object of which only the number matters.
#[derive(Debug, Deserialize)]
pub(crate) struct IdKey {
    #[serde(default, deserialize_with = "number")]
    pub(crate) id: Option<u64>,
}

/// An object of which only the commit matters.
#[derive(Debug, Deserialize)]
pub(crate) struct HeadKey {
    #[serde(default, deserialize_with = "text")]
    pub(crate) head_sha: Option<String>,
}

impl Root {
    /// Whether this can be the body of that event. An event we know nothing about may look like anything, except like one
    /// that has an effect.
    pub(crate) fn agrees_with(&self, event: &str) -> bool {
        match event {
            "ping" => self.zen.is_some() || self.hook_id.is_some(),
            "deployment" => self.is_deployment(),
            "deployment_status" => self.deployment_status.is_some() && self.deployment.is_some(),
            "status" => self.is_status(),
            "check_run" => self.check_run.is_some(),
            "check_suite" => self.check_suite.is_some() && self.check_run.is_none(),
            "push" => self.is_push(),
            "pull_request" => self.is_pull_request(),
            "workflow_run" => self.is_workflow_run(),
            "deployment_protection_rule" => self.deployment_callback_url.is_some(),
            "installation" => self.is_installation(),
            "installation_repositories" => self.lists_repositories(),
            "issue_comment" => self.is_issue_comment(),
            "repository" => self.repository.is_some() && self.hook_id.is_none() && !self.has_effect(),
            _ => !self.has_effect() && self.zen.is_none(),
        }
    }

    fn has_effect(&self) -> bool {
        self.is_deployment()
            || self.is_status()
            || self.is_push()
            || self.is_issue_comment()
            || self.check_run.is_some()
            || self.check_suite.is_some()
            || self.deployment_status.is_some()
            || self.deployment_callback_url.is_some()
            || self.lists_repositories()
    }

    fn is_installation(&self) -> bool {
        let whole = self.installation.as_ref().is_some_and(|one| one.app_id.is_some());
        whole && self.repository.is_none() && !self.has_effect()
    }

    fn lists_repositories(&self) -> bool {
        self.repositories_added.is_some() || self.repositories_removed.is_some()
    }

    /// Several other events carry a `deployment` beside what they are about.
    fn is_deployment(&self) -> bool {
        self.deployment.is_some()
            && self.deployment_status.is_none()
            && self.deployment_callback_url.is_none()
            && self.workflow_job.is_none()
            && self.check_run.is_none()
            && self.check_suite.is_none()
    }

    fn is_push(&self) -> bool {
        self.git_ref.is_some() && self.before.is_some() && self.after.is_some() && self.pull_request.is_none()
    }

    /// Reviews and comments carry the pull request that they are about.
    fn is_pull_request(&self) -> bool {
        self.pull_request.is_some() && self.review.is_none() && self.comment.is_none() && self.thread.is_none()
    }

    fn is_issue_comment(&self) -> bool {
        self.issue.is_some() && self.comment.is_some()
    }

    /// A deployment carries the run whose job made it.
    fn is_workflow_run(&self) -> bool {
        self.workflow_run.is_some() && self.deployment.is_none() && self.workflow_job.is_none()
    }

    fn is_status(&self) -> bool {
        self.sha.is_some() && self.state.is_some() && self.context.is_some()
    }

    /// The commit whose contexts changed, for the four events that say so.
    pub(crate) fn commit(&self) -> Option<&str> {
        if self.deployment.is_some() {
            return None;
        }
        let of_check = self.check_run.as_ref().or(self.check_suite.as_ref());
        of_check
            .or(self.workflow_run.as_ref())
            .and_then(|check| check.head_sha.as_deref())
            .or(self.sha.as_deref())
    }
}
