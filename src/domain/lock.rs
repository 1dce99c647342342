//! A lock: one environment held by a person, and what can be asked about it.
//!
//! It belongs to an app's environment, by the names of the configuration: those stay when the repository is renamed on GitHub,
//! and need no GitHub to be known.

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::command::{WORDS_LIMIT, line};
use crate::domain::conversation::Listener;
use crate::domain::ids::{LockId, RunId};
use crate::domain::length::Length;
use crate::domain::names::{AppName, EnvironmentName};
use crate::domain::person::Person;

/// What is locked: an environment of an app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The app.
    pub app: AppName,
    /// Its environment, spelled as the configuration does.
    pub environment: EnvironmentName,
}

impl Place {
    /// The one form of both names by which places are compared: people type them in any case.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.app, self.environment).to_ascii_lowercase()
    }
}

/// An environment held by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Ours.
    pub id: LockId,
    /// What is locked.
    pub place: Place,
    /// Who holds it.
    pub owner: Person,
    /// Why, in that person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it exists.
    pub cause: Cause,
    /// Since when.
    pub since: Timestamp,
    /// Until when; without it, until somebody unlocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Why a lock exists. The names are stored; add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// A person wanted it.
    Person,
    /// A run was cancelled that may go on elsewhere: somebody must look first.
    AfterCancel {
        /// Which.
        run: RunId,
    },
}

impl Lock {
    /// Whether it holds at a moment. One that has expired is free, whether or not anybody has noticed.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    /// Whether its owner's own deployments pass.
    #[must_use]
    pub fn lets_its_owner_pass(&self) -> bool {
        self.cause == Cause::Person
    }
}

/// The tasks of deployments that are commands on our own ledger, as hubot-deploy sends them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockTask {
    /// `deploy:lock`.
    Lock,
    /// `deploy:unlock`.
    Unlock,
}

impl LockTask {
    /// What a task of this name is.
    #[must_use]
    pub fn from_name(task: &str) -> Option<Self> {
        match task {
            "deploy:lock" => Some(Self::Lock),
            "deploy:unlock" => Some(Self::Unlock),
            _ => None,
        }
    }
}

/// What somebody wants to lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRequest {
    /// Who.
    pub by: Person,
    /// All of these, or none.
    pub places: Vec<Place>,
    /// Why, in that person's words.
    pub reason: Option<String>,
    /// For how long; without it, until somebody unlocks.
    pub length: Option<Length>,
    /// What becomes of locks that are in the way.
    pub otherwise: Otherwise,
    /// The bot that wants to hear what becomes of it.
    pub listener: Option<Listener>,
}

/// What is done where somebody else holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// Nothing.
    Refuse,
    /// It is taken from that person, who is told.
    Steal,
    /// The person is told when it is theirs.
    Wait,
}

impl LockRequest {
    /// The words are cut to one line of bounded length.
    #[must_use]
    pub fn new(by: Person, places: Vec<Place>, reason: Option<&str>, length: Option<Length>) -> Self {
        Self {
            by,
            places,
            reason: words(reason),
            length,
            otherwise: Otherwise::Refuse,
            listener: None,
        }
    }
}

/// Somebody's words about a lock: one line of bounded length, or none.
#[must_use]
pub fn words(text: Option<&str>) -> Option<String> {
    text.and_then(|text| line(text, WORDS_LIMIT))
}

/// How a lock came to its end. The names are stored; add, never rename.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "snake_case")]
pub enum LockEnding {
    /// Its time was up.
    Expired,
    /// Somebody unlocked, or stopped waiting for it.
    Unlocked {
        /// Who.
        by: Person,
    },
    /// Somebody took it over.
    Stolen {
        /// Who.
        by: Person,
        /// Why, in that person's words, or because of a run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// A lock command that arrived as a deployment, as it was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum LockCommand {
    /// `deploy:lock`.
    Lock {
        /// The new lock.
        lock: Box<Lock>,
    },
    /// `deploy:unlock`.
    Unlock {
        /// The lock that was ended.
        lock: Box<Lock>,
        /// By whom.
        by: Person,
    },
}
