//! The small files by which the server and a runner speak about an attempt while it runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::provider::processes::ProcessId;

/// Name of the file that asks a runner to stop.
pub const CANCEL: &str = "cancel";

/// Name of the file by which a person says how a manual step went.
pub const VERDICT: &str = "verdict";

/// Somebody wants it to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Who, for people.
    pub by: String,
}

/// How a step went that a person carries out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonsVerdict {
    /// Who says so.
    pub by: String,
    /// Whether it is done.
    pub done: bool,
    /// In their words; may be empty.
    #[serde(default)]
    pub note: String,
}

/// Asks for a stop. The first request stays; `false` for later ones.
///
/// # Errors
/// When the file cannot be written.
pub fn request_cancel(attempt_dir: &Path, by: &str) -> io::Result<bool> {
    leave(attempt_dir, CANCEL, &Cancel { by: by.to_owned() })
}

/// The request, where there is one. One that cannot be read is still a request.
#[must_use]
pub fn cancel(attempt_dir: &Path) -> Option<Cancel> {
    let bytes = fs::read(attempt_dir.join(CANCEL)).ok()?;
    Some(serde_json::from_slice(&bytes).unwrap_or_else(|_| Cancel {
        by: "somebody unnamed".to_owned(),
    }))
}

/// Says how a manual step went. The first word stays; `false` for later ones.
///
/// # Errors
/// When the file cannot be written.
pub fn give_verdict(attempt_dir: &Path, verdict: &PersonsVerdict) -> io::Result<bool> {
    leave(attempt_dir, VERDICT, verdict)
}

/// What a person said of a manual step.
#[must_use]
pub fn verdict(attempt_dir: &Path) -> Option<PersonsVerdict> {
    serde_json::from_slice(&fs::read(attempt_dir.join(VERDICT)).ok()?).ok()
}

/// Linked into place, so that the runner never reads half of it and a second one does not replace the first.
fn leave(attempt_dir: &Path, name: &str, note: &impl Serialize) -> io::Result<bool> {
    let aside = attempt_dir.join(format!("{name}.{}.new", std::process::id()));
    fs::write(&aside, serde_json::to_vec(note)?)?;
    let linked = fs::hard_link(&aside, attempt_dir.join(name));
    let _ = fs::remove_file(&aside);
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Notes which process the present step is. It need not survive a reboot: no process does.
///
/// # Errors
/// When the file cannot be written.
pub fn note_command(attempt_dir: &Path, process: ProcessId) -> io::Result<()> {
    let aside = attempt_dir.join("command.new");
    fs::write(&aside, serde_json::to_vec(&process)?)?;
    fs::rename(&aside, command_path(attempt_dir))
}

/// The process of the latest step, where one was started.
#[must_use]
pub fn command(attempt_dir: &Path) -> Option<ProcessId> {
    serde_json::from_slice(&fs::read(command_path(attempt_dir)).ok()?).ok()
}

fn command_path(attempt_dir: &Path) -> PathBuf {
    attempt_dir.join("command")
}
