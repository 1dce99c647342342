//! A fresh worktree of exactly one commit, from a mirror that several environments share.
//!
//! The mirror is a cache: bare, without branches, one for each repository. Only full commit ids ever reach git, in places where
//! a branch of that name cannot win, and what was checked out is compared with what was asked for before anything runs.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::DateTime;

use crate::config::CheckoutOptions;
use crate::domain::clock::Timestamp;
use crate::domain::ids::RepositoryId;
use crate::domain::names::Sha;
use crate::provider::checkout::error::disk;
use crate::provider::checkout::mirror::Mirror;
use crate::provider::checkout::submodules::Tree;
use crate::provider::git::{Git, Remote};

mod address;
pub mod error;
pub mod kept;
pub mod lfs;
mod mirror;
mod modules_file;
mod pointer;
pub mod submodules;

pub use crate::provider::checkout::error::CheckoutError;

/// More of a title is not kept.
const TITLE: usize = 200;

/// Makes checkouts.
#[derive(Debug, Clone)]
pub struct Checkouts {
    /// Where the mirrors are.
    pub mirrors: PathBuf,
    /// How git is called.
    pub git: Git,
}

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Whose commit; names the mirror, because repositories are renamed.
    pub repository: RepositoryId,
    /// Where it comes from.
    pub remote: &'a Remote,
    /// Exactly this commit.
    pub sha: &'a Sha,
    /// The folder to make; absolute, absent or empty.
    pub directory: &'a Path,
    /// What is brought beside the commit's own files.
    pub options: CheckoutOptions,
}

/// How long a checkout took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Bringing the commit here; `None` where it was here already.
    pub fetch: Option<Duration>,
    /// Everything after that: the worktree, submodules, files of Git LFS.
    pub checkout: Duration,
}

/// What people read of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// The first line of its message, where it has one.
    pub title: Option<String>,
    /// When it was made, as whoever made it says.
    pub committed_at: Option<Timestamp>,
}

impl Checkouts {
    /// Makes the worktree.
    ///
    /// # Errors
    /// When something of it cannot be brought here; the folder is then gone again.
    pub async fn prepare(&self, wanted: &Wanted<'_>) -> Result<Spent, CheckoutError> {
        if let Some(parent) = wanted.directory.parent() {
            fs::create_dir_all(parent).map_err(disk("make the run's folder"))?;
        }
        let _in_use = self.begin_use(wanted.repository).await?;
        let made = self.make(wanted).await;
        if made.is_err() {
            self.remove(wanted.repository, wanted.directory).await?;
        }
        made
    }

    async fn make(&self, wanted: &Wanted<'_>) -> Result<Spent, CheckoutError> {
        let began = Instant::now();
        let mirror = Mirror {
            git: &self.git,
            path: self.mirror(wanted.repository),
        };
        let fetch = mirror.check_out(wanted.remote, wanted.sha, wanted.directory).await?;
        if wanted.options != CheckoutOptions::default() {
            let top = Tree::top(mirror, wanted);
            submodules::complete(top, wanted, &self.modules(wanted.repository)).await?;
        }
        Ok(Spent {
            fetch,
            checkout: began.elapsed().saturating_sub(fetch.unwrap_or_default()),
        })
    }

    /// What people read of a commit, where it is here.
    pub async fn describe(&self, repository: RepositoryId, sha: &Sha) -> Option<Described> {
        let mirror = self.mirror(repository);
        if !mirror.exists() {
            return None;
        }
        let commit = format!("{sha}^{{commit}}");
        let text = self
            .git
            .run(&mirror, None, &words(["cat-file", "-p", &commit]))
            .await
            .ok()?;
        Some(described(&text))
    }

    /// Removes a worktree after its run. It is no error when it is gone already.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn remove(&self, repository: RepositoryId, directory: &Path) -> Result<(), CheckoutError> {
        let (all, directory) = (self.clone(), directory.to_owned());
        let removed = tokio::task::spawn_blocking(move || all.remove_worktree(repository, &directory)).await;
        removed
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(disk("remove the checkout"))
    }

    /// Packs the mirrors of a repository and its submodules. For quiet hours; safe beside fetches and checkouts.
    ///
    /// # Errors
    /// When git says no.
    pub async fn pack(&self, repository: RepositoryId) -> Result<(), CheckoutError> {
        for mirror in self.all_mirrors(repository) {
            mirror.pack().await?;
        }
        Ok(())
    }

    fn mirror(&self, repository: RepositoryId) -> PathBuf {
        self.mirrors.join(format!("{repository}.git"))
    }

    /// Where the mirrors of its submodules are. They are its own: a commit that is here already is not asked for again, so
    /// that what one repository may read must not be here for another.
    fn modules(&self, repository: RepositoryId) -> PathBuf {
        self.mirrors.join(format!("{repository}.modules"))
    }

    fn all_mirrors(&self, repository: RepositoryId) -> Vec<Mirror<'_>> {
        let modules = fs::read_dir(self.modules(repository)).into_iter().flatten().flatten();
        let modules = modules
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "git"));
        let mirror = |path| Mirror { git: &self.git, path };
        [self.mirror(repository)]
            .into_iter()
            .chain(modules)
            .map(mirror)
            .collect()
    }

    /// The folder, and what the mirrors noted of it.
    fn remove_worktree(&self, repository: RepositoryId, directory: &Path) -> io::Result<()> {
        // Git notes the real path, whatever links lead there.
        let real = directory.parent().and_then(|parent| fs::canonicalize(parent).ok());
        let real = match (real, directory.file_name()) {
            (Some(parent), Some(name)) => parent.join(name),
            _ => directory.to_owned(),
        };
        remove_folder(directory)?;
        for mirror in self.all_mirrors(repository) {
            mirror.forget(&real)?;
        }
        Ok(())
    }
}

/// Removes a folder and what is in it, also where a command left folders without the right to write. Follows no links. A
/// folder that is not there is fine.
///
/// # Errors
/// When the disk refuses.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            fs::remove_dir_all(folder)
        }
        other => other,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

fn words<const N: usize>(words: [&str; N]) -> Vec<OsString> {
    words.into_iter().map(OsString::from).collect()
}

/// Of a commit as git keeps it: lines about it, an empty one, its message.
fn described(text: &str) -> Described {
    let (about, message) = text.split_once("\n\n").unwrap_or((text, ""));
    let title = message.lines().next().unwrap_or_default().trim();
    let title: String = title.chars().take(TITLE).collect();
    let committer = about.lines().find_map(|line| line.strip_prefix("committer "));
    let seconds = committer.and_then(|line| line.rsplit(' ').nth(1)?.parse().ok());
    Described {
        title: (!title.is_empty()).then_some(title),
        committed_at: seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_read_as_git_keeps_it() {
        let text = "tree 0\nparent 1\nauthor A <a@x> 1 +0000\ncommitter B C <b@x> 1700000000 +0200\ngpgsig -----BEGIN\n \n -----END\n\n\
                    Title\n\nMore\n\ncommitter X <x> 5 +0000\n";
        let found = described(text);
        assert_eq!(found.title.as_deref(), Some("Title"));
        assert_eq!(found.committed_at.map(|at| at.timestamp()), Some(1_700_000_000));
        assert_eq!(
            described("tree 0\ncommitter B <b@x> soon +0000\n\n"),
            Described::default()
        );
        assert_eq!(described(""), Described::default());
    }
}
