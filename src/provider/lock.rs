//! The lane's lock file: whoever has it locked works in that environment, and nobody else on this machine does.
//!
//! The lock belongs to the open file, not to a process: the commands inherit it from the runner, so that it is free only when
//! the last process of the tree is gone. The file itself is never removed, or two could lock two files of one name.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::{Errno, FdFlags};

/// How often a busy lock is tried again before it counts as busy: a probe ([`is_free`]) or a predecessor that is just
/// ending may hold it for a moment.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(5);

/// The lock, held as long as this and every inherited copy of it lives.
#[derive(Debug)]
pub struct LaneLock {
    file: File,
}

impl LaneLock {
    /// Takes the lock; `None` while somebody else has it. May sleep for a fifth of a second.
    ///
    /// # Errors
    /// When the file cannot be opened or the file system has no locks.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        for attempt in 0..TRIES {
            if attempt > 0 {
                std::thread::sleep(PAUSE);
            }
            if let Some(file) = try_take(path)? {
                return Ok(Some(Self { file }));
            }
        }
        Ok(None)
    }

    /// Writes into the file whose it is, for [`is_named`].
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn name(&self, attempt_dir: &Path) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all_at(attempt_dir.as_os_str().as_bytes(), 0)
    }

    /// Whether the next command that is started shares the lock.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_inherited(&self, inherited: bool) -> io::Result<()> {
        let flags = if inherited { FdFlags::empty() } else { FdFlags::CLOEXEC };
        Ok(rustix::io::fcntl_setfd(&self.file, flags)?)
    }
}

/// Whether nobody holds the lock. Never disturbs a holder; may disturb somebody who is just taking it, who then tries again.
///
/// # Errors
/// When the file cannot be opened or the file system has no locks.
pub fn is_free(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether the last one who took the lock did so for this attempt, or did not say: earlier versions did not.
///
/// # Errors
/// When the file cannot be read.
pub fn is_named(path: &Path, attempt_dir: &Path) -> io::Result<bool> {
    match std::fs::read(path) {
        Ok(name) => Ok(name.is_empty() || name == attempt_dir.as_os_str().as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Takes a lock of this kind for as long as the file stays open; `None` while somebody else has it. Returns at once.
///
/// # Errors
/// When the file cannot be opened or the file system has no locks.
pub fn try_take(path: &Path) -> io::Result<Option<File>> {
    let file = open(path)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(is_at(&file, path).then_some(file)),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Shares a lock of this kind with whoever else shares it, for as long as the file stays open; `None` while somebody has it alone. Returns
/// at once.
///
/// # Errors
/// When the file cannot be opened or the file system has no locks.
pub fn try_share(path: &Path) -> io::Result<Option<File>> {
    let file = open(path)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(is_at(&file, path).then_some(file)),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Somebody may have removed the file between opening and locking it; then the lock is worth nothing.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(named)) => held.dev() == named.dev() && held.ino() == named.ino(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it_and_probing_does_not_take_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lane");
        assert!(is_free(&path).unwrap());
        let held = LaneLock::take(&path).unwrap().unwrap();
        assert!(!is_free(&path).unwrap());
        assert!(LaneLock::take(&path).unwrap().is_none());
        drop(held);
        assert!(is_free(&path).unwrap());
        assert!(LaneLock::take(&path).unwrap().is_some());
    }
}
