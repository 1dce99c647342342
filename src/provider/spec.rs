//! What the server tells the runner: one JSON document on its standard input.
//!
//! On standard input because it holds secrets: nothing of it is ever in an argument list or in a file.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{Fence, RunId};
use crate::provider::environment::Environment;
use crate::provider::manifest::support::Cause;
use crate::provider::manifest::{Leftover, Results};

/// Everything one attempt needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerSpec {
    /// Whose attempt.
    pub run: RunId,
    /// Of the claim that started it.
    pub fence: Fence,
    /// The attempt's own folder: marker, log, result. Exists already.
    pub attempt_dir: PathBuf,
    /// The lane's lock file.
    pub lock_file: PathBuf,
    /// Folders of this attempt alone (`HOME`, `TMPDIR`): made before the first step, removed after the last.
    pub scratch: Vec<PathBuf>,
    /// Files of this attempt alone, below `scratch`: written before the first step, for this account only.
    #[serde(default)]
    pub files: Vec<FileSpec>,
    /// In order; the first that does not end with success is the last.
    pub steps: Vec<StepSpec>,
    /// How long all of them together may take.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// What the log must not show.
    pub secrets: Vec<Secret>,
    /// How much of the log is kept.
    #[serde(default)]
    pub log: LogCaps,
    /// How patient it is.
    #[serde(default)]
    pub graces: Graces,
}

impl RunnerSpec {
    /// What a person is to do, where one of the steps is theirs.
    #[must_use]
    pub fn instructions(&self) -> Option<&str> {
        self.steps.iter().find_map(|step| match &step.action {
            Action::Manual { instructions } => Some(instructions.as_str()),
            Action::Command { .. } | Action::Request { .. } => None,
        })
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpec {
    /// For people.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// Where it runs; absolute.
    pub cwd: PathBuf,
    /// Its variables, complete.
    pub environment: Environment,
    /// How long it may stay silent.
    #[serde(rename = "inactivity_ms", with = "optional_millis", default)]
    pub inactivity: Option<Duration>,
    /// What becomes of processes that outlive it.
    #[serde(default)]
    pub leftover: Leftover,
    /// Whether stopping it here may not stop what it does elsewhere.
    #[serde(default)]
    pub remote: bool,
    /// Whether it gets a terminal.
    #[serde(default)]
    pub pty: bool,
    /// What must be there before it starts.
    #[serde(default)]
    pub must_exist: Vec<Required>,
    /// How its end is read beyond its code, and the file it may write results to.
    #[serde(default)]
    pub results: Option<(Results, PathBuf)>,
    /// What its output says about why it failed.
    #[serde(default)]
    pub causes: Vec<Cause>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A process on this machine.
    Command {
        /// Program and arguments.
        argv: Vec<String>,
    },
    /// A person does it and says so.
    Manual {
        /// What is to be done.
        instructions: String,
    },
    /// A server is asked for it, and asked how it goes.
    Request {
        /// Method and address, for people.
        shown: String,
        /// The file that says what is asked.
        file: PathBuf,
    },
}

impl Action {
    /// Program and arguments; empty where it starts no program.
    #[must_use]
    pub fn argv(&self) -> &[String] {
        match self {
            Self::Command { argv } => argv,
            Self::Manual { .. } | Self::Request { .. } => &[],
        }
    }
}

/// A path that an input names and that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Required {
    /// The input.
    pub input: String,
    /// As it was written.
    pub shown: String,
    /// Absolute.
    pub path: PathBuf,
}

/// A file of the run's own. Shows its place only: it may hold a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSpec {
    /// Absolute; the folders above it are made.
    pub path: PathBuf,
    /// All of it.
    pub content: String,
    /// Whether it is a program.
    #[serde(default)]
    pub executable: bool,
}

impl fmt::Debug for FileSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSpec")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// One value to mask. Shows its name only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// As the configuration calls it.
    pub name: String,
    /// The value.
    pub value: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How much of the log is kept, index included, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogCaps {
    /// From the beginning.
    pub head: u64,
    /// From the end.
    pub tail: u64,
    /// Of one file of the tail: the oldest is dropped whole.
    pub segment: u64,
}

impl Default for LogCaps {
    fn default() -> Self {
        Self {
            head: 1 << 20,
            tail: 15 << 20,
            segment: 1 << 20,
        }
    }
}

/// How patient the runner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graces {
    /// Between SIGTERM and SIGKILL.
    #[serde(rename = "terminate_ms", with = "millis")]
    pub terminate: Duration,
    /// For what a command leaves behind, before it is stopped.
    #[serde(rename = "leftover_ms", with = "millis")]
    pub leftover: Duration,
    /// For SIGKILL to work. What is still there then (a process in the kernel, or of another user) keeps the lane.
    #[serde(rename = "kill_ms", with = "millis")]
    pub kill: Duration,
}

impl Default for Graces {
    fn default() -> Self {
        Self {
            terminate: Duration::from_secs(5),
            leftover: Duration::from_secs(2),
            kill: Duration::from_secs(10),
        }
    }
}

pub(crate) mod millis {
    //! A duration as a whole number of milliseconds.
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

mod optional_millis {
    //! The same, where there may be none.
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration
            .map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Option::<u64>::deserialize(deserializer).map(|millis| millis.map(Duration::from_millis))
    }
}
