//! The `started` marker: the border between a run that may be queued again and one that may only be adopted.
//!
//! The runner creates it, durably, before its first command. A worker that wants to give a run back creates the same name
//! first, as a seal. Creation is exclusive, so that exactly one of them wins, whatever else is slow, paused or dead.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::ids::Fence;
use crate::provider::processes::{self, ProcessId};

/// Folders above an attempt's that are made for it: the run's, that of all runs, and the data directory's own.
const ABOVE: usize = 3;

/// The runner, as it introduced itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Which process.
    #[serde(flatten)]
    pub process: ProcessId,
    /// In which boot.
    pub boot_id: String,
    /// Of which claim.
    pub fence: Fence,
    /// Unix milliseconds.
    pub at_ms: u64,
}

impl Started {
    /// Whether this runner still lives.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        processes::boot_id().is_some_and(|boot| boot == self.boot_id) && self.process.is_alive()
    }
}

/// What the marker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Marker {
    /// A runner has begun.
    Started(Started),
    /// No runner ever will.
    Sealed {
        /// Always `true`.
        sealed: bool,
    },
}

/// The marker's place in an attempt's folder.
#[must_use]
pub fn path(attempt_dir: &Path) -> PathBuf {
    attempt_dir.join("started")
}

/// Claims the attempt for a runner. `false` when the marker exists already.
///
/// # Errors
/// When it cannot be made durable; nothing may be started then.
pub fn claim(attempt_dir: &Path, started: &Started) -> io::Result<bool> {
    create(attempt_dir, &Marker::Started(started.clone()), started.process.pid)
}

/// Makes sure that no runner will ever begin this attempt. `false` when one has.
///
/// # Errors
/// When it cannot be made durable.
pub fn seal(attempt_dir: &Path) -> io::Result<bool> {
    fs::create_dir_all(attempt_dir)?;
    let me = i32::try_from(std::process::id()).unwrap_or_default();
    Ok(create(attempt_dir, &Marker::Sealed { sealed: true }, me)?
        || matches!(read(attempt_dir)?, Some(Marker::Sealed { .. })))
}

/// What the marker says; `None` while there is none.
///
/// # Errors
/// When it cannot be read, or is not ours.
pub fn read(attempt_dir: &Path) -> io::Result<Option<Marker>> {
    match fs::read(path(attempt_dir)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the content aside first and then links it into place: linking is as exclusive as creating, and nobody ever reads a
/// marker that is only half written.
fn create(attempt_dir: &Path, marker: &Marker, pid: i32) -> io::Result<bool> {
    let aside = attempt_dir.join(format!("started.{pid}.{:?}", std::thread::current().id()).replace(['(', ')'], ""));
    let _ = fs::remove_file(&aside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(&serde_json::to_vec(marker)?)?;
    file.sync_all()?;
    let linked = match fs::hard_link(&aside, path(attempt_dir)) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => {
            let _ = fs::remove_file(&aside);
            return Err(error);
        }
    };
    let _ = fs::remove_file(&aside);
    if linked {
        sync_dir(attempt_dir)?;
        // a marker is no better than the names that lead to it
        for folder in attempt_dir.ancestors().skip(1).take(ABOVE) {
            sync_dir(folder)?;
        }
    }
    Ok(linked)
}

/// Makes the names in a folder durable.
///
/// # Errors
/// When the disk refuses.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Started {
        Started {
            process: processes::myself().unwrap().id,
            boot_id: processes::boot_id().unwrap(),
            fence: Fence(1),
            at_ms: 5,
        }
    }

    #[test]
    fn the_first_decides() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        assert!(claim(dir.path(), &started()).unwrap());
        assert!(!seal(dir.path()).unwrap());
        assert!(!claim(dir.path(), &started()).unwrap());
        assert_eq!(read(dir.path()).unwrap(), Some(Marker::Started(started())));

        let dir = tempfile::tempdir().unwrap();
        assert!(seal(dir.path()).unwrap());
        assert!(seal(dir.path()).unwrap(), "sealing twice is sealed");
        assert!(!claim(dir.path(), &started()).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_many_at_once_exactly_one_wins() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let wins = std::thread::scope(|scope| {
                let claims: Vec<_> = (0..8)
                    .map(|_| scope.spawn(|| claim(dir.path(), &started()).unwrap()))
                    .collect();
                claims
                    .into_iter()
                    .map(|claim| claim.join().unwrap())
                    .filter(|won| *won)
                    .count()
            });
            assert_eq!(wins, 1);
        }
    }

    #[test]
    fn a_runner_of_an_earlier_boot_is_not_alive() {
        assert!(started().is_alive());
        assert!(
            !Started {
                boot_id: "other".to_owned(),
                ..started()
            }
            .is_alive()
        );
    }
}
