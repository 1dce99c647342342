//! What a person can ask for, once it is understood. Names are as they were typed: nothing is looked up yet.

use crate::chat::target::Target;
use crate::domain::length::Length;
use crate::domain::lock::Otherwise;
use crate::domain::names::Sha;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Deploy a ref to an environment.
    Deploy(Deploy),
    /// Show what that would do.
    Plan(Deploy),
    /// Deploy again what an environment ran before.
    Rollback {
        /// Of what, and where.
        target: Target,
        /// Back to this commit; to the one before the present one where nothing is said.
        to: Option<String>,
    },
    /// Deploy once more what was last tried there.
    Retry {
        /// Of what, and where.
        target: Target,
    },
    /// Stop what runs or waits there.
    Cancel {
        /// Of what, and where; or a run.
        target: Target,
        /// Why, in the person's words.
        reason: Option<String>,
    },
    /// What runs where.
    Status {
        /// Of one app or environment; of all where nothing is said.
        target: Option<Target>,
    },
    /// What waits, and why.
    Queue {
        /// Of one app or environment; of all where nothing is said.
        target: Option<Target>,
    },
    /// Why the newest deployment there stands as it does.
    Why {
        /// Of what, and where; or a run.
        target: Target,
    },
    /// The end of the newest log there.
    Log {
        /// Of what, and where; or a run.
        target: Target,
    },
    /// What the default branch, or another ref, has that the environment lacks.
    Diff {
        /// Of what, and where.
        target: Target,
    },
    /// The newest deployments.
    Deploys {
        /// Of what, and where.
        target: Target,
    },
    /// Where an app can be deployed.
    Where {
        /// Which app.
        app: String,
    },
    /// How the contexts of a ref stand.
    Builds {
        /// Of what.
        target: Target,
    },
    /// Which environments contain a commit.
    Contains {
        /// Its id, or the beginning of it.
        sha: String,
    },
    /// Keep others from deploying.
    Lock(Lock),
    /// Let them again.
    Unlock {
        /// Which app.
        app: String,
        /// Where; the default environment where nothing is said.
        environments: Vec<String>,
    },
    /// Give up all of one's own locks.
    UnlockAll,
    /// Who holds what.
    Locks {
        /// Of one app; of all where nothing is said.
        app: Option<String>,
    },
    /// How to say it.
    Help {
        /// About one command.
        about: Option<String>,
    },
    /// Which Chima this is.
    Version,
}

/// A deployment that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// GitHub's task.
    pub task: String,
    /// Whether gates that may be overridden are to be.
    pub force: bool,
    /// What, and where to.
    pub target: Target,
    /// A one-time code, as hubot-deploy took it.
    pub code: Option<String>,
    /// What the ref was when they looked at what would happen: no other commit is meant.
    pub seen: Option<Sha>,
    /// What people call the commit, where the target names it by its SHA.
    pub called: Option<String>,
}

/// A lock that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Which app.
    pub app: String,
    /// Where; the default environment where nothing is said.
    pub environments: Vec<String>,
    /// For how long; until it is unlocked where nothing is said.
    pub length: Option<Length>,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// What becomes of a lock that somebody else has.
    pub otherwise: Otherwise,
}
