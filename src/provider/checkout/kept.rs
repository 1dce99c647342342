//! What is kept of repositories, how much of the disk it takes, and how it is given up.
//!
//! It is in use while a checkout is made, which is told by a lock beside it, and as long as that checkout is there, which its mirror
//! has noted. Whoever gives it up holds that lock alone for a moment, in which it is renamed: from then on it is not there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use crate::domain::ids::RepositoryId;
use crate::provider::checkout::error::{CheckoutError, disk};
use crate::provider::checkout::{Checkouts, remove_folder};
use crate::provider::lock;

/// Between two tries to use what is being given up: a moment's matter.
const PAUSE: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(60);

/// The end of the name of what was given up.
const GONE: &str = "gone";

/// Blocks, as files count them.
const BLOCK: u64 = 512;

/// What is kept of one repository: its mirror, those of its submodules, its files of Git LFS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Whose it is.
    pub repository: RepositoryId,
    /// What it takes of the disk.
    pub bytes: u64,
    /// When it was used last.
    pub used_at: SystemTime,
}

impl Checkouts {
    /// All that is kept, what was used longest ago first. Walks through all of it.
    #[must_use]
    pub fn kept(&self) -> Vec<Kept> {
        let mut found: BTreeMap<u64, Kept> = BTreeMap::new();
        let mut touched: BTreeMap<u64, SystemTime> = BTreeMap::new();
        for (id, path) in self.entries() {
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            let used_at = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let newest = touched.entry(id).or_insert(used_at);
            *newest = used_at.max(*newest);
            if metadata.is_dir() {
                let kept = found.entry(id).or_insert(Kept {
                    repository: RepositoryId(id),
                    bytes: 0,
                    used_at,
                });
                kept.bytes += size(&path);
            }
        }
        let mut kept: Vec<Kept> = found.into_values().collect();
        for one in &mut kept {
            one.used_at = touched.get(&one.repository.0).copied().unwrap_or(one.used_at);
        }
        kept.sort_by_key(|one| one.used_at);
        kept
    }

    /// Removes all that is kept of a repository, unless it is in use: says whether it did.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn give_up(&self, repository: RepositoryId) -> io::Result<bool> {
        let Some(alone) = lock::try_take(&self.use_file(repository))? else {
            return Ok(false);
        };
        if self.has_checkouts(repository) {
            return Ok(false);
        }
        let folders = self.entries().filter(|(id, path)| *id == repository.0 && path.is_dir());
        let mut gone = Vec::new();
        for (_, path) in folders {
            if path.extension().is_some_and(|it| it == GONE) {
                gone.push(path);
                continue;
            }
            let mut aside = path.clone().into_os_string();
            aside.push(format!(".{GONE}"));
            let aside = PathBuf::from(aside);
            remove_folder(&aside)?;
            fs::rename(&path, &aside)?;
            gone.push(aside);
        }
        drop(alone);
        gone.iter().try_for_each(|folder| remove_folder(folder))?;
        Ok(true)
    }

    /// Says that a repository is used from now on, until the file is closed.
    pub(super) async fn begin_use(&self, repository: RepositoryId) -> Result<File, CheckoutError> {
        fs::create_dir_all(&self.mirrors).map_err(disk("make the folder of the mirrors"))?;
        let path = self.use_file(repository);
        let begun = Instant::now();
        loop {
            if let Some(file) = lock::try_share(&path).map_err(disk("lock the mirror"))? {
                // a written file is as old as the disk's own clock says
                file.write_all_at(b"\n", 0)
                    .map_err(disk("note that the mirror is used"))?;
                return Ok(file);
            }
            if begun.elapsed() > PATIENCE {
                return Err(CheckoutError::Busy { limit: PATIENCE });
            }
            sleep(PAUSE).await;
        }
    }

    fn use_file(&self, repository: RepositoryId) -> PathBuf {
        self.mirrors.join(format!("{repository}.use"))
    }

    /// Whether a checkout of it is there.
    fn has_checkouts(&self, repository: RepositoryId) -> bool {
        self.all_mirrors(repository).iter().any(|mirror| mirror.has_checkouts())
    }

    /// Everything in the folder that is some repository's.
    fn entries(&self) -> impl Iterator<Item = (u64, PathBuf)> + use<> {
        let entries = fs::read_dir(&self.mirrors).into_iter().flatten().flatten();
        entries.filter_map(|entry| {
            let name = entry.file_name();
            let (id, _) = name.to_str()?.split_once('.')?;
            Some((id.parse().ok()?, entry.path()))
        })
    }
}

/// What a folder takes of the disk, as far as it can be told. Follows no links.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        let own = metadata.blocks() * BLOCK;
        Some(if metadata.is_dir() {
            own + size(&entry.path())
        } else {
            own
        })
    });
    sizes.sum()
}
