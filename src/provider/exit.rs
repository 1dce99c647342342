//! `exit.json`: how an attempt ended, as the runner saw it. It is written once, whole, and only when nothing of the command
//! is left.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::ids::{Fence, RunId};
use crate::provider::marker::sync_dir;
use crate::provider::results::{Fault, HostResult};

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum StepOutcome {
    /// By itself.
    Exited {
        /// 0 is success.
        code: i32,
    },
    /// By a signal that was not ours.
    Signalled {
        /// Its number.
        signal: i32,
    },
    /// It ran longer than it may.
    TimedOut {
        /// The limit.
        limit_ms: u64,
    },
    /// It was silent longer than it may be.
    Inactive {
        /// The limit.
        limit_ms: u64,
    },
    /// Somebody stopped it.
    Cancelled {
        /// Who.
        by: String,
    },
    /// It ended with code 0, but its results say that it did not do what it should.
    Disproved {
        /// What they say.
        fault: Fault,
    },
    /// A person says that it is done.
    Confirmed {
        /// Who.
        by: String,
        /// In their words; may be empty.
        #[serde(default)]
        note: String,
    },
    /// A person says that it could not be done.
    Refused {
        /// Who.
        by: String,
        /// Why, in their words; may be empty.
        note: String,
    },
    /// Something that an input names is not there. It never ran.
    Missing {
        /// The input.
        input: String,
        /// As it was written.
        path: String,
    },
    /// It never ran.
    NotStarted {
        /// As the command names it.
        program: String,
        /// Why.
        detail: String,
    },
}

/// One step that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEnd {
    /// Its name in the plan.
    pub name: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: StepOutcome,
    /// Unix milliseconds.
    pub started_at_ms: u64,
    /// Unix milliseconds.
    pub finished_at_ms: u64,
    /// What outlived its command: stopped, or allowed to live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<String>,
    /// Whether what it did elsewhere may go on, though it was stopped here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remote: bool,
    /// What its output says about why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// How each host fared, where the tool tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostResult>,
}

impl StepOutcome {
    /// Whether the next step may begin.
    #[must_use]
    pub fn is_success(&self) -> bool {
        match self {
            Self::Exited { code } => *code == 0,
            Self::Confirmed { .. } => true,
            Self::Signalled { .. }
            | Self::TimedOut { .. }
            | Self::Inactive { .. }
            | Self::Cancelled { .. }
            | Self::Disproved { .. }
            | Self::Refused { .. }
            | Self::Missing { .. }
            | Self::NotStarted { .. } => false,
        }
    }
}

/// What a person said beside `done` or `not done`: `: "the store refused it"`, or nothing.
#[must_use]
pub fn beside(note: &str) -> String {
    if note.is_empty() {
        return String::new();
    }
    format!(": \"{note}\"")
}

/// How the attempt as a whole ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// Every step ended with code 0.
    Succeeded,
    /// The last of the steps says how.
    Failed,
    /// Somebody stopped it; perhaps between two steps.
    Cancelled {
        /// Who.
        by: String,
    },
    /// The runner itself could not go on.
    RunnerFailed {
        /// Why.
        detail: String,
    },
}

/// The whole end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Whose.
    pub run: RunId,
    /// Of which claim.
    pub fence: Fence,
    /// The attempt as a whole.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The steps that were begun, in order.
    pub steps: Vec<StepEnd>,
    /// What could not be stopped and still holds the lane.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub survivors: Vec<String>,
    /// What went wrong with the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_trouble: Option<String>,
    /// Whether something that may live could still use the attempt's own folders. A result that does not say so is of an older runner.
    #[serde(default = "unsaid")]
    pub scratch_in_use: bool,
    /// Unix milliseconds.
    pub started_at_ms: u64,
    /// Unix milliseconds.
    pub finished_at_ms: u64,
}

fn unsaid() -> bool {
    true
}

/// The result's place in an attempt's folder.
#[must_use]
pub fn path(attempt_dir: &Path) -> PathBuf {
    attempt_dir.join("exit.json")
}

/// Reads the result; `None` while there is none.
///
/// # Errors
/// When it cannot be read, or is not ours.
pub fn read(attempt_dir: &Path) -> io::Result<Option<Exit>> {
    match fs::read(path(attempt_dir)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Enough for nearly every result, and taken from the disk before anything starts: a command whose output, or whatever else, fills
/// the disk must not cost its own result.
const RESERVE: usize = 64 << 10;

/// Takes room for the result.
///
/// # Errors
/// When there is none.
pub fn reserve(attempt_dir: &Path) -> io::Result<()> {
    let mut file = open_aside(attempt_dir)?;
    file.write_all(&vec![b' '; RESERVE])?;
    // Some filesystems look for the room only now.
    file.sync_all()
}

/// Gives it back: this process writes no result.
pub fn release(attempt_dir: &Path) {
    let _ = fs::remove_file(aside(attempt_dir));
}

/// Its own for each process: one that comes too late must not write into the result of the one before it.
fn aside(attempt_dir: &Path) -> PathBuf {
    attempt_dir.join(format!("exit.json.{}", std::process::id()))
}

/// Not made empty: what it has taken from the disk is written over.
fn open_aside(attempt_dir: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(aside(attempt_dir))
}

/// A result that is durable but not yet visible.
#[derive(Debug)]
pub struct Prepared {
    attempt_dir: PathBuf,
    aside: PathBuf,
}

/// Writes the result beside its place.
///
/// # Errors
/// When the disk refuses.
pub fn prepare(attempt_dir: &Path, exit: &Exit) -> io::Result<Prepared> {
    let result = serde_json::to_vec(exit)?;
    let mut file = open_aside(attempt_dir)?;
    file.write_all(&result)?;
    file.set_len(result.len() as u64)?;
    file.sync_all()?;
    Ok(Prepared {
        attempt_dir: attempt_dir.to_owned(),
        aside: aside(attempt_dir),
    })
}

impl Prepared {
    /// Makes it visible.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn publish(self) -> io::Result<()> {
        fs::rename(&self.aside, path(&self.attempt_dir))?;
        sync_dir(&self.attempt_dir)
    }
}
