//! What is asked for and what is known about an environment that is deployed without being asked for.

use std::collections::BTreeMap;

use crate::domain::clock::Timestamp;
use crate::domain::glob::PathGlob;
use crate::domain::ids::DeploymentId;
use crate::domain::names::Sha;
use crate::policy::auto::Question;
use crate::policy::facts::ContextState;

/// The moment of a deployment that nobody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The required contexts are green.
    Green,
    /// At once.
    Push,
    /// At once, and only what a merged pull request brought.
    MergedPullRequest,
}

/// What is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoRules {
    /// The one branch.
    pub branch: String,
    /// The moment.
    pub when: When,
    /// As for every deployment: `None` for all that have reported.
    pub required_contexts: Option<Vec<String>>,
    /// Files of which one must have changed; empty for every change.
    pub paths: Vec<PathGlob>,
}

/// What is known so far. What is absent was not asked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoFacts {
    /// The present moment.
    pub now: Timestamp,
    /// Whether anything has happened on the branch since the environment is followed.
    pub marked: bool,
    /// Where the branch is.
    pub head: Option<Head>,
    /// The newest pull request that was merged into the branch, if any.
    pub merged: Option<Option<Merge>>,
    /// Deployments of the environment with the task in question, the newest first.
    pub deployments: Option<Vec<Seen>>,
    /// How commits stand to each other, by base and head.
    pub comparisons: BTreeMap<(Sha, Sha), Comparison>,
    /// What has been reported about the commit in question.
    pub contexts: Option<Vec<ContextState>>,
}

/// Where a branch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// At a commit.
    At(Sha),
    /// Nowhere, or under another name.
    Gone,
}

/// A merged pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// GitHub's number of it in its repository.
    pub pull_request: u64,
    /// What the branch was at after the merge.
    pub sha: Sha,
}

/// A deployment of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// GitHub's number.
    pub id: DeploymentId,
    /// Its commit.
    pub sha: Sha,
    /// When GitHub made it.
    pub requested_at: Timestamp,
    /// How far it has come.
    pub progress: Progress,
    /// Whether we have a run for it.
    pub here: bool,
}

/// How far a deployment has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It may still change the environment.
    UnderWay,
    /// The environment ran its commit from then on.
    Succeeded {
        /// When.
        at: Timestamp,
    },
    /// It is over, without success.
    Ended {
        /// In a word of GitHub's or ours.
        state: String,
    },
}

/// How a commit stands to an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// In one word.
    pub relation: Relation,
    /// Files that differ, by all their names.
    pub files: Vec<String>,
    /// Whether there may be more of them.
    pub files_cut: bool,
}

/// How a commit stands to an earlier one, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It has everything the other has, and more.
    Ahead,
    /// The other has everything it has, and more.
    Behind,
    /// They are the same.
    Identical,
    /// Each has something of its own, or they have nothing to do with each other.
    Diverged,
}

impl Relation {
    /// GitHub's word. One that we do not know is not ahead.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "ahead" => Self::Ahead,
            "behind" => Self::Behind,
            "identical" => Self::Identical,
            _ => Self::Diverged,
        }
    }
}

impl AutoFacts {
    /// What is known before anybody has asked.
    #[must_use]
    pub fn new(now: Timestamp, marked: bool) -> Self {
        Self {
            now,
            marked,
            head: None,
            merged: None,
            deployments: None,
            comparisons: BTreeMap::new(),
            contexts: None,
        }
    }

    /// The commit in question, as far as it is known.
    #[must_use]
    pub fn sha(&self, rules: &AutoRules) -> Option<&Sha> {
        if rules.when == When::MergedPullRequest {
            return self.merged.as_ref()?.as_ref().map(|merge| &merge.sha);
        }
        match self.head.as_ref()? {
            Head::At(sha) => Some(sha),
            Head::Gone => None,
        }
    }

    pub(super) fn compared(&self, base: &Sha, head: &Sha) -> Result<&Comparison, Question> {
        let (base, head) = (base.clone(), head.clone());
        let key = (base, head);
        self.comparisons.get(&key).ok_or_else(|| Question::Comparison {
            base: key.0.clone(),
            head: key.1.clone(),
        })
    }
}

impl Seen {
    pub(super) fn succeeded_at(&self) -> Option<Timestamp> {
        match &self.progress {
            Progress::Succeeded { at } => Some(*at),
            Progress::UnderWay | Progress::Ended { .. } => None,
        }
    }
}
