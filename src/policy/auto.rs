//! Which commit should an environment run that is deployed without being asked for? Pure, and asked again and again.
//!
//! The answer depends on what is there now and never on what happened: events only say when to ask. What must be known is
//! asked for one question at a time, cheapest first, so that most looks end after two or three calls.

mod facts;
#[cfg(test)]
mod tests;

pub use facts::{AutoFacts, AutoRules, Comparison, Head, Merge, Progress, Relation, Seen, When};

use chrono::TimeDelta;

use crate::domain::auto_deploy::AutoReason;
use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, What};
use crate::domain::lock::Lock;
use crate::domain::names::Sha;
use crate::domain::reason::Reason;
use crate::policy::checks::{foreign, required_contexts};
use crate::policy::facts::{ContextState, Contexts};

/// A deployment that nobody reports on ends some day: no run of ours, no status, and older than this.
const FORGOTTEN: TimeDelta = TimeDelta::days(1);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// GitHub is to be asked to deploy exactly this commit.
    Deploy(Choice),
    /// Not yet.
    Wait(AutoReason),
    /// Not by itself.
    Nothing(AutoReason),
}

/// The commit that an environment should run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Which.
    pub sha: Sha,
    /// What brought it to the branch, where that was asked.
    pub pull_request: Option<u64>,
    /// GitHub named the first of the changed files only: it counts as if one of the others matched.
    pub files_cut: bool,
}

/// What must be known to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Where the branch is.
    Head,
    /// What was last merged into it.
    Merged,
    /// Which deployments the environment has.
    Deployments,
    /// How one commit stands to another.
    Comparison {
        /// The commit that is or will be deployed.
        base: Sha,
        /// The one that may follow.
        head: Sha,
    },
    /// What has been reported about a commit.
    Contexts(Sha),
}

enum Stop {
    Ask(Question),
    Not(AutoReason),
}

impl From<Question> for Stop {
    fn from(question: Question) -> Self {
        Self::Ask(question)
    }
}

/// Whether a lock stops it. Asked first, and answered without asking anybody: nothing goes to a locked environment by itself.
#[must_use]
pub fn stopped_by(lock: Option<&Lock>, now: Timestamp) -> Option<AutoReason> {
    let lock = lock.filter(|lock| lock.holds_at(now))?;
    Some(AutoReason::Locked {
        lock: Box::new(lock.clone()),
    })
}

/// Decides, or asks for the next fact.
///
/// # Errors
///
/// The question, when more must be known.
pub fn decide(rules: &AutoRules, facts: &AutoFacts) -> Result<Decision, Question> {
    match choose(rules, facts) {
        Ok(choice) => Ok(Decision::Deploy(choice)),
        Err(Stop::Ask(question)) => Err(question),
        Err(Stop::Not(reason)) if reason.waits() => Ok(Decision::Wait(reason)),
        Err(Stop::Not(reason)) => Ok(Decision::Nothing(reason)),
    }
}

fn choose(rules: &AutoRules, facts: &AutoFacts) -> Result<Choice, Stop> {
    let (sha, pull_request) = candidate(rules, facts)?;
    let deployments = facts.deployments.as_deref().ok_or(Question::Deployments)?;
    let deployed = deployments
        .iter()
        .filter_map(|one| one.succeeded_at().map(|at| (at, one)))
        .max_by_key(|(at, one)| (*at, one.id))
        .map(|(_, one)| one);
    if let Some(same) = deployments.iter().find(|one| one.sha == sha) {
        return Err(Stop::Not(had_its_turn(same, deployed)));
    }
    let under_way: Vec<&Seen> = deployments.iter().filter(|one| is_under_way(one, facts)).collect();
    for other in &under_way {
        if facts.compared(&other.sha, &sha)?.relation != Relation::Ahead {
            return Err(Stop::Not(waits_for(other)));
        }
    }
    match deployed {
        Some(deployed) => is_ahead(facts, deployed, &sha)?,
        None if !facts.marked => return Err(Stop::Not(AutoReason::NeverDeployed)),
        None => {}
    }
    let files_cut = match under_way.first().copied().or(deployed) {
        Some(base) if !rules.paths.is_empty() => {
            let comparison = facts.compared(&base.sha, &sha)?;
            let counts = |file: &String| rules.paths.iter().any(|glob| glob.matches(file));
            match (comparison.files.iter().any(counts), under_way.first()) {
                (true, _) => false,
                (false, _) if comparison.files_cut => true,
                (false, Some(other)) => return Err(Stop::Not(waits_for(other))),
                (false, None) => {
                    let deployed = base.sha.clone();
                    return Err(Stop::Not(AutoReason::NoPathChanged { deployed }));
                }
            }
        }
        Some(_) | None => false,
    };
    if rules.when == When::Green {
        are_green(rules.required_contexts.as_deref(), facts, &sha)?;
    }
    Ok(Choice {
        sha,
        pull_request,
        files_cut,
    })
}

/// The commit in question: the head of the branch, or what was last merged into it. Never anything of another branch or of a
/// fork: only the branch itself says what is on it.
fn candidate(rules: &AutoRules, facts: &AutoFacts) -> Result<(Sha, Option<u64>), Stop> {
    let head = match facts.head.as_ref().ok_or(Question::Head)? {
        Head::At(sha) => sha,
        Head::Gone => {
            let branch = rules.branch.clone();
            return Err(Stop::Not(AutoReason::BranchGone { branch }));
        }
    };
    if rules.when != When::MergedPullRequest {
        return Ok((head.clone(), None));
    }
    let Some(merge) = facts.merged.as_ref().ok_or(Question::Merged)? else {
        let branch = rules.branch.clone();
        return Err(Stop::Not(AutoReason::NothingMerged { branch }));
    };
    let pull_request = merge.pull_request;
    if merge.sha != *head && facts.compared(&merge.sha, head)?.relation != Relation::Ahead {
        return Err(Stop::Not(AutoReason::MergeUndone { pull_request }));
    }
    Ok((merge.sha.clone(), Some(pull_request)))
}

/// One deployment of a commit is enough: if it failed, or something else was deployed after it, a person decides.
fn had_its_turn(same: &Seen, deployed: Option<&Seen>) -> AutoReason {
    if deployed.is_some_and(|deployed| deployed.sha == same.sha) {
        return AutoReason::Deployed {
            deployment: deployed.map_or(same.id, |deployed| deployed.id),
        };
    }
    AutoReason::AskedBefore {
        deployment: same.id,
        state: match &same.progress {
            Progress::UnderWay => "under way".to_owned(),
            Progress::Succeeded { .. } => "success".to_owned(),
            Progress::Ended { state } => state.clone(),
        },
    }
}

fn is_under_way(one: &Seen, facts: &AutoFacts) -> bool {
    let forgotten = !one.here && facts.now - one.requested_at > FORGOTTEN;
    one.progress == Progress::UnderWay && !forgotten
}

fn waits_for(other: &Seen) -> AutoReason {
    AutoReason::UnderWay {
        deployment: other.id,
        sha: other.sha.clone(),
    }
}

fn is_ahead(facts: &AutoFacts, deployed: &Seen, sha: &Sha) -> Result<(), Stop> {
    let runs = deployed.sha.clone();
    match facts.compared(&deployed.sha, sha)?.relation {
        Relation::Ahead => Ok(()),
        Relation::Identical => Err(Stop::Not(AutoReason::Deployed {
            deployment: deployed.id,
        })),
        Relation::Behind => Err(Stop::Not(AutoReason::Behind { deployed: runs })),
        Relation::Diverged => Err(Stop::Not(AutoReason::Diverged { deployed: runs })),
    }
}

/// Without a list at least one context must have been reported, or a commit would pass before its checks have begun.
fn are_green(required: Option<&[String]>, facts: &AutoFacts, sha: &Sha) -> Result<(), Stop> {
    if !required_contexts::matter(required) {
        return Ok(());
    }
    let reported: &[ContextState] = match &facts.contexts {
        Some(reported) => reported,
        None => return Err(Stop::Ask(Question::Contexts(sha.clone()))),
    };
    if required.is_none() && reported.is_empty() {
        return Err(Stop::Not(AutoReason::NoContexts));
    }
    // what is red comes first, and is all that matters then
    match required_contexts::check(required, &Contexts::Gathered(reported.to_vec()))
        .reasons
        .into_iter()
        .next()
    {
        None => Ok(()),
        Some(Reason::RequiredContextFailed { contexts }) => Err(Stop::Not(AutoReason::ContextsFailed { contexts })),
        Some(Reason::RequiredContextPending { contexts }) => Err(Stop::Not(AutoReason::ContextsPending { contexts })),
        Some(other) => Err(Stop::Not(AutoReason::Refused {
            detail: other.code().to_owned(),
        })),
    }
}

/// Whether a deployment was made for us: those of other Apps say nothing about what we deployed.
#[must_use]
pub fn is_ours(creator: Option<&str>, app_slug: Option<&str>, known_apps: &[String]) -> bool {
    foreign::foreign_app(creator, app_slug, known_apps).is_none()
}

/// What an environment follows, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed<'a> {
    /// The branch, as configured.
    pub branch: Option<&'a str>,
    /// The repository's default branch, when somebody last looked.
    pub default_branch: Option<&'a str>,
    /// The commit in question, when somebody last looked.
    pub sha: Option<&'a str>,
}

/// Whether a change is a reason to look. Where that cannot be told it is one; but checks of commits that are on no branch
/// (those of pull requests from forks) are many, and are no reason.
#[must_use]
pub fn concerns(followed: Followed<'_>, change: &Change) -> bool {
    let branch = followed
        .branch
        .or(change.default_branch.as_deref())
        .or(followed.default_branch);
    let named = match (&change.branches, branch) {
        (Some(branches), Some(branch)) => branches.iter().any(|one| one == branch),
        (Some(_), None) => true,
        (None, _) => false,
    };
    match &change.what {
        What::Moved { .. } => named,
        What::Contexts { sha } => named || followed.sha == Some(sha),
    }
}
