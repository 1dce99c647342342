//! The small files by which the server and a runner speak about an attempt while it runs.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::command::{PersonsVerdict, UNNAMED};
use crate::domain::ids::RunId;
use crate::provider::processes::ProcessId;

/// Name of the file that asks a runner to stop.
pub const CANCEL: &str = "cancel";

/// Name of the file by which a person says how a manual step went.
pub const VERDICT: &str = "verdict";

/// The folder of one attempt at a run.
#[must_use]
pub fn dir(data_dir: &Path, run: RunId, attempt: u32) -> PathBuf {
    data_dir
        .join("runs")
        .join(run.to_string())
        .join(format!("attempt-{attempt}"))
}

/// Somebody wants it to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Who, and perhaps why: a line for people, to stand in the log.
    pub by: String,
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
    let found = match fs::read(attempt_dir.join(CANCEL)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        found => found.unwrap_or_default(),
    };
    Some(serde_json::from_slice(&found).unwrap_or_else(|_| Cancel { by: UNNAMED.to_owned() }))
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
    // Whoever leaves it may be another account than the runner's, which must read it; the folder keeps all others out.
    fs::set_permissions(&aside, fs::Permissions::from_mode(0o644))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_stays_and_everybody_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(cancel(dir.path()), None);
        assert!(request_cancel(dir.path(), "@mona").unwrap());
        assert!(!request_cancel(dir.path(), "@hubot").unwrap());
        assert_eq!(cancel(dir.path()).map(|cancel| cancel.by).as_deref(), Some("@mona"));
        let mode = fs::metadata(dir.path().join(CANCEL)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }

    #[test]
    fn a_request_that_cannot_be_read_is_a_request() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(CANCEL)).unwrap();
        assert_eq!(cancel(dir.path()).map(|cancel| cancel.by).as_deref(), Some(UNNAMED));
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(CANCEL), "half a").unwrap();
        assert_eq!(cancel(dir.path()).map(|cancel| cancel.by).as_deref(), Some(UNNAMED));
    }
}
