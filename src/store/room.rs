//! How much room there is on a disk.

use std::path::Path;

/// Below this, a checkout may fill the disk, and then deliveries are refused.
pub const LITTLE: u64 = 1 << 30;
/// Below this, the ledger is about to stop.
pub const NOTHING: u64 = 64 << 20;

/// A disk, by what is on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// `ledger`, or `data` for logs and checkouts where they are on another disk.
    pub of: &'static str,
    /// What is left for us, in bytes.
    pub free: u64,
    /// All of it, in bytes.
    pub total: u64,
}

impl Room {
    /// Whether somebody should make room.
    #[must_use]
    pub fn is_low(&self) -> bool {
        self.free < LITTLE
    }
}

/// The disk that a folder is on, or will be once it is made; none where the system does not tell.
#[must_use]
pub fn of(name: &'static str, folder: &Path) -> Option<Room> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let place = folder
        .ancestors()
        .find(|path| path.exists())
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let found = rustix::fs::statvfs(place).ok()?;
    Some(Room {
        of: name,
        free: found.f_bavail.saturating_mul(found.f_frsize),
        total: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

/// The disks of some folders, each once.
#[must_use]
pub fn of_all(folders: &[(&'static str, &Path)]) -> Vec<Room> {
    let mut rooms: Vec<(u64, Room)> = Vec::new();
    for &(name, folder) in folders {
        let device = folder
            .ancestors()
            .find_map(|path| {
                rustix::fs::stat(if path.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    path
                })
                .ok()
            })
            .map_or(0, |found| found.st_dev);
        if rooms.iter().all(|(known, _)| *known != device) {
            rooms.extend(of(name, folder).map(|room| (device, room)));
        }
    }
    rooms.into_iter().map(|(_, room)| room).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_is_on_the_disk_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("data/not/yet");
        let (above, found) = (of("ledger", folder.path()).unwrap(), of("data", &below).unwrap());
        assert_eq!(found.total, above.total);
        assert!(found.free > 0 && found.free <= found.total);
        assert_eq!(of_all(&[("ledger", folder.path()), ("data", &below)]).len(), 1);
    }
}
