//! GitHub's state as plain data. Tests read it; verbs, builders and the REST routes change it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::clock::Clock;
use crate::fault::Faults;
use crate::github::app::{App, Token};
use crate::github::comment::{Activity, Comment};
use crate::github::graph::number_of;
use crate::github::hook::{Hook, HookDelivery};
use crate::github::job::Job;
use crate::github::pull::PullRequest;
use crate::github::rest::manifests::Manifest;
use crate::github::rest::oauth::OAuth;
use crate::github::sending::Posting;
use crate::journal::Recorded;
use crate::limits::{Books, Limits};

/// Everything this GitHub knows.
#[derive(Debug)]
pub struct World {
    /// Base of pages and git addresses, without a trailing slash.
    pub url: String,
    /// Base of the REST API, without a trailing slash.
    pub api_url: String,
    /// In the order they were made.
    pub repositories: Vec<Repository>,
    /// In the order they were made.
    pub hooks: Vec<Hook>,
    /// Every attempt to deliver a webhook, oldest first.
    pub deliveries: Vec<HookDelivery>,
    /// Every request that was made, oldest first.
    pub requests: Vec<Recorded>,
    /// Jobs of GitHub Actions that asked the App for its word, in the order they did.
    pub jobs: Vec<Job>,
    /// The one App of this GitHub.
    pub app: App,
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) oauth: OAuth,
    pub(crate) tokens: Vec<Token>,
    pub(crate) teams: BTreeSet<(String, String, String)>,
    pub(crate) renamed: BTreeMap<String, u64>,
    /// How often another account has taken a login, by the login.
    pub(crate) taken: BTreeMap<String, u32>,
    /// Logins that nobody has.
    pub(crate) free: BTreeSet<String>,
    pub(crate) clock: Clock,
    pub(crate) books: Books,
    pub(crate) faults: Faults,
    pub(crate) outgoing: Vec<Posting>,
    pub(crate) next_id: u64,
}

/// A repository. GitHub ignores the case of its name.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Survives renames.
    pub id: u64,
    /// `owner/name`.
    pub name: String,
    /// `main` unless set otherwise.
    pub default_branch: String,
    /// False unless set otherwise.
    pub private: bool,
    /// By full SHA.
    pub commits: BTreeMap<String, Commit>,
    /// Name to SHA.
    pub branches: BTreeMap<String, String>,
    /// Name to SHA.
    pub tags: BTreeMap<String, String>,
    /// Oldest first.
    pub statuses: Vec<CommitStatus>,
    /// Oldest first.
    pub check_runs: Vec<CheckRun>,
    /// Oldest first.
    pub deployments: Vec<Deployment>,
    /// In the order they were made.
    pub pulls: Vec<PullRequest>,
    /// Oldest first.
    pub comments: Vec<Comment>,
    /// Every push, oldest first.
    pub activity: Vec<Activity>,
    /// Login to `admin`, `write`, `read` or `none`.
    pub permissions: BTreeMap<String, String>,
    /// Read only.
    pub archived: bool,
    pub(crate) conflicts: BTreeSet<(String, String)>,
    pub(crate) renamed_branches: BTreeMap<String, String>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Full.
    pub sha: String,
    /// First line and the rest.
    pub message: String,
    /// A login.
    pub author: String,
    /// Full SHAs.
    pub parents: Vec<String>,
    /// Paths of the files that it changes.
    pub files: Vec<String>,
    /// When it was made.
    pub at: DateTime<Utc>,
}

/// A commit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// GitHub's number.
    pub id: u64,
    /// Of which commit.
    pub sha: String,
    /// `error`, `failure`, `pending` or `success`.
    pub state: String,
    /// Compared without case.
    pub context: String,
    /// Free text.
    pub description: Option<String>,
    /// Where to read more.
    pub target_url: Option<String>,
    /// A login.
    pub creator: String,
    /// When it was made.
    pub at: DateTime<Utc>,
}

/// A check run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// GitHub's number.
    pub id: u64,
    /// Of which commit.
    pub sha: String,
    /// What people see, and what is required by name.
    pub name: String,
    /// `queued`, `in_progress`, `completed` …
    pub status: String,
    /// `success`, `failure`, `skipped` …; absent until completed.
    pub conclusion: Option<String>,
    /// Slug of the App that made it.
    pub app: String,
    /// When it was made.
    pub at: DateTime<Utc>,
}

/// What a `deployment` webhook says about the workflow that made the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Workflow {
    /// The keys `workflow` and `workflow_run` are missing, as in old bodies.
    Absent,
    /// The keys are there and null.
    #[default]
    Null,
    /// A job of GitHub Actions made the deployment.
    Run {
        /// The workflow's name.
        name: String,
    },
}

/// A deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// GitHub's number.
    pub id: u64,
    /// The commit that the ref was resolved to.
    pub sha: String,
    /// As asked for.
    pub git_ref: String,
    /// `deploy` unless asked otherwise.
    pub task: String,
    /// Where to; a status may move it.
    pub environment: String,
    /// Where to, when it was made.
    pub original_environment: String,
    /// An object or a string.
    pub payload: Value,
    /// Free text.
    pub description: Option<String>,
    /// A login; absent for a deleted account.
    pub creator: Option<String>,
    /// Slug of the App through which it was made.
    pub app: Option<String>,
    /// Goes away some day.
    pub transient: bool,
    /// Used by end users.
    pub production: bool,
    /// What its webhook says about workflows.
    pub workflow: Workflow,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its latest status came.
    pub updated_at: DateTime<Utc>,
    /// Oldest first.
    pub statuses: Vec<DeploymentStatus>,
}

impl Deployment {
    /// The state of the latest status; absent while there is none.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.statuses.last().map(|status| status.state.as_str())
    }

    /// The states of all statuses, oldest first.
    #[must_use]
    pub fn states(&self) -> Vec<&str> {
        self.statuses.iter().map(|status| status.state.as_str()).collect()
    }
}

/// A deployment status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentStatus {
    /// GitHub's number.
    pub id: u64,
    /// One of GitHub's seven.
    pub state: String,
    /// At most 140 characters.
    pub description: String,
    /// Of the deployment, at that moment.
    pub environment: String,
    /// Empty where unset, as GitHub shows it.
    pub log_url: String,
    /// Empty where unset, as GitHub shows it.
    pub environment_url: String,
    /// A login.
    pub creator: String,
    /// Slug of the App through which it was made.
    pub app: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl World {
    pub(crate) fn new(url: String) -> Self {
        Self {
            api_url: format!("{url}/api/v3"),
            url,
            repositories: Vec::new(),
            hooks: Vec::new(),
            deliveries: Vec::new(),
            requests: Vec::new(),
            jobs: Vec::new(),
            app: App::new(),
            manifests: Vec::new(),
            oauth: OAuth::default(),
            tokens: vec![Token::of_user(
                crate::github::DEFAULT_TOKEN,
                crate::github::DEFAULT_LOGIN,
            )],
            teams: BTreeSet::new(),
            renamed: BTreeMap::new(),
            taken: BTreeMap::new(),
            free: BTreeSet::new(),
            clock: Clock::system(),
            books: Books::new(Limits::generous()),
            faults: Faults::default(),
            outgoing: Vec::new(),
            next_id: 1_000,
        }
    }

    /// The present moment of this world.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The repository of this name.
    #[must_use]
    pub fn repository(&self, name: &str) -> Option<&Repository> {
        self.repositories
            .iter()
            .find(|repository| repository.name.eq_ignore_ascii_case(name))
    }

    /// The deployment of this number in a repository.
    #[must_use]
    pub fn deployment(&self, repository: &str, id: u64) -> Option<&Deployment> {
        self.repository(repository)?.deployment(id)
    }

    /// Attempts that have no outcome yet.
    #[must_use]
    pub fn deliveries_in_flight(&self) -> usize {
        self.deliveries
            .iter()
            .filter(|delivery| delivery.outcome.is_none())
            .count()
    }

    /// The number of the account that has a login now.
    pub(crate) fn account_of(&self, login: &str) -> u64 {
        let seed = match self.taken.get(login) {
            Some(times) => format!("{login} {times}"),
            None => login.to_owned(),
        };
        number_of(&seed, 10_000_000) + 1
    }

    /// A number that no other record has.
    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(crate) fn repository_by_id(&self, id: u64) -> Option<&Repository> {
        self.repositories.iter().find(|repository| repository.id == id)
    }

    pub(crate) fn repository_mut(&mut self, name: &str) -> Option<&mut Repository> {
        self.repositories
            .iter_mut()
            .find(|repository| repository.name.eq_ignore_ascii_case(name))
    }
}

impl Repository {
    /// The part before the slash.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// The part after the slash.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.name.split('/').nth(1).unwrap_or_default()
    }

    /// The deployment of this number.
    #[must_use]
    pub fn deployment(&self, id: u64) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.id == id)
    }

    pub(crate) fn deployment_mut(&mut self, id: u64) -> Option<&mut Deployment> {
        self.deployments.iter_mut().find(|deployment| deployment.id == id)
    }
}
