//! A fresh worktree of exactly one commit, from a mirror that several environments share.
//!
//! The mirror is a cache: bare, without branches, one for each repository. Only full commit ids ever reach git, in places where
//! a branch of that name cannot win, and what was checked out is compared with what was asked for before anything runs.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::domain::ids::RepositoryId;
use crate::domain::names::Sha;
use crate::provider::git::{Git, GitError, Remote, quoted};
use crate::provider::lock;

/// Between two looks at a mirror that somebody else is fetching into.
const PAUSE: Duration = Duration::from_millis(10);

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
}

/// Why there is no checkout.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The remote has no such commit.
    #[error("`{remote}` has no commit `{sha}`; push it again or deploy another ref")]
    MissingCommit {
        /// The commit.
        sha: Sha,
        /// The remote, as configured.
        remote: String,
    },
    /// The remote is a path where there is no repository.
    #[error("remote `{remote}` is not an absolute path of a folder; correct `remote` of the app")]
    NoSuchPath {
        /// The remote, as configured.
        remote: String,
    },
    /// What was checked out is another commit.
    #[error("checked out `{found}`, expected `{expected}`; nothing was run")]
    WrongHead {
        /// What it is.
        found: String,
        /// What was asked for.
        expected: Sha,
    },
    /// Somebody else fetched into the mirror all the time.
    #[error("the mirror of the repository was busy for {} s; it is tried again", limit.as_secs())]
    Busy {
        /// How long it was waited.
        limit: Duration,
    },
    /// Git said no.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The disk said no.
    #[error("cannot {action}")]
    Disk {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl CheckoutError {
    /// Whether it may work later as it stands.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::MissingCommit { .. } | Self::NoSuchPath { .. } | Self::WrongHead { .. } | Self::Disk { .. } => false,
            Self::Busy { .. } => true,
            Self::Git(error) => error.is_transient(),
        }
    }
}

impl Checkouts {
    /// Makes the worktree.
    ///
    /// # Errors
    /// When the commit cannot be brought here; the folder is then gone again.
    pub async fn prepare(&self, wanted: &Wanted<'_>) -> Result<(), CheckoutError> {
        let mirror = self.mirror(wanted.repository);
        if let Some(parent) = wanted.directory.parent() {
            fs::create_dir_all(parent).map_err(disk("make the run's folder"))?;
        }
        // Most commits that are deployed here were deployed elsewhere before: the attempt itself is the cheapest question.
        let present = mirror.join("HEAD").exists() && self.add_worktree(&mirror, wanted).await?;
        if !present {
            self.fetch(&mirror, wanted).await?;
        }
        let found = head_of(&mirror, wanted.directory).map_err(disk("read what was checked out"))?;
        if found != wanted.sha.as_str() {
            self.remove(wanted.repository, wanted.directory).await?;
            return Err(CheckoutError::WrongHead {
                found,
                expected: wanted.sha.clone(),
            });
        }
        Ok(())
    }

    /// Removes a worktree after its run. It is no error when it is gone already.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn remove(&self, repository: RepositoryId, directory: &Path) -> Result<(), CheckoutError> {
        let (mirror, directory) = (self.mirror(repository), directory.to_owned());
        let removed = tokio::task::spawn_blocking(move || remove_worktree(&mirror, &directory)).await;
        removed
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(disk("remove the checkout"))
    }

    /// Packs the mirror of a repository. For quiet hours; safe beside fetches and checkouts.
    ///
    /// # Errors
    /// When git says no.
    pub async fn pack(&self, repository: RepositoryId) -> Result<(), CheckoutError> {
        let mirror = self.mirror(repository);
        if mirror.join("HEAD").exists() {
            self.git.run(&mirror, None, &words(["gc", "--quiet"])).await?;
        }
        Ok(())
    }

    fn mirror(&self, repository: RepositoryId) -> PathBuf {
        self.mirrors.join(format!("{repository}.git"))
    }

    /// Brings the commit here and makes the worktree, one process at a time for each mirror.
    async fn fetch(&self, mirror: &Path, wanted: &Wanted<'_>) -> Result<(), CheckoutError> {
        let source = source_of(wanted.remote)?;
        fs::create_dir_all(&self.mirrors).map_err(disk("make the folder of the mirrors"))?;
        let (_lock, waited) = self.lock(wanted.repository).await?;
        if waited && mirror.join("HEAD").exists() && self.add_worktree(mirror, wanted).await? {
            return Ok(());
        }
        if !mirror.join("HEAD").exists() {
            self.create(mirror).await?;
        }
        let sha = wanted.sha.as_str();
        // Left by a git that was killed; nobody else is fetching now.
        let _ = fs::remove_file(mirror.join(format!("refs/chima/{sha}.lock")));
        let mut args = words([
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
        ]);
        if wanted.remote.path().is_some() {
            // The path may belong to another account; git asks its server side about that, which our settings do not reach.
            let server = format!(
                "{} -c 'safe.directory=*' upload-pack",
                quoted(&self.git.program.to_string_lossy())
            );
            args.push(format!("--upload-pack={server}").into());
        }
        args.push("--".into());
        args.push(source);
        // A whole id on the left is taken as the object, also where the remote has a branch of that name. The name on the
        // right keeps the commit when the mirror is packed.
        args.push(format!("+{sha}:refs/chima/{sha}").into());
        match self.git.run(mirror, Some(wanted.remote), &args).await {
            Ok(_) => {}
            Err(GitError::Failed { cause, .. }) if is_missing(&cause) => return Err(missing(wanted)),
            Err(error) => return Err(error.into()),
        }
        if self.add_worktree(mirror, wanted).await? {
            Ok(())
        } else {
            Err(missing(wanted))
        }
    }

    /// `false` when the commit is not in the mirror.
    async fn add_worktree(&self, mirror: &Path, wanted: &Wanted<'_>) -> Result<bool, CheckoutError> {
        let mut args = words(["worktree", "add", "--quiet", "--force", "--detach"]);
        args.push(wanted.directory.into());
        args.push(wanted.sha.as_str().into());
        match self.git.run(mirror, None, &args).await {
            Ok(_) => Ok(true),
            Err(GitError::Failed { cause, .. }) if cause.contains("invalid reference") => Ok(false),
            Err(error) => {
                self.remove(wanted.repository, wanted.directory).await?;
                Err(error.into())
            }
        }
    }

    /// Made aside and renamed, so that a mirror is whole as soon as it is there.
    async fn create(&self, mirror: &Path) -> Result<(), CheckoutError> {
        let aside = mirror.with_extension("new");
        remove_folder(&aside).map_err(disk("remove a half-made mirror"))?;
        let mut args = words(["init", "--quiet", "--bare", "--template="]);
        args.push(aside.clone().into());
        self.git.run(&aside, None, &args).await?;
        fs::rename(&aside, mirror).map_err(disk("put the new mirror in its place"))
    }

    /// The lock of one mirror, shared by all processes of this machine, and whether it had to be waited for.
    async fn lock(&self, repository: RepositoryId) -> Result<(fs::File, bool), CheckoutError> {
        let path = self.mirrors.join(format!("{repository}.lock"));
        let limit = self.git.time_limit * 2;
        let begun = Instant::now();
        let mut waited = false;
        loop {
            if let Some(file) = lock::try_take(&path).map_err(disk("lock the mirror"))? {
                return Ok((file, waited));
            }
            if begun.elapsed() > limit {
                return Err(CheckoutError::Busy { limit });
            }
            waited = true;
            sleep(PAUSE).await;
        }
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

/// The folder, and the mirror's note of it. The note is found by what the mirror says, not by the folder's own `.git`: the
/// command may have written anything there.
fn remove_worktree(mirror: &Path, directory: &Path) -> io::Result<()> {
    // Git notes the real path, whatever links lead there.
    let real = directory.parent().and_then(|parent| fs::canonicalize(parent).ok());
    let pointer = match (real, directory.file_name()) {
        (Some(parent), Some(name)) => parent.join(name).join(".git"),
        _ => directory.join(".git"),
    };
    remove_folder(directory)?;
    let Ok(notes) = fs::read_dir(mirror.join("worktrees")) else {
        return Ok(());
    };
    for note in notes.flatten() {
        let names_it =
            fs::read_to_string(note.path().join("gitdir")).is_ok_and(|text| Path::new(text.trim_end()) == pointer);
        if names_it {
            remove_folder(&note.path())?;
        }
    }
    Ok(())
}

/// The commit of a fresh worktree: a detached `HEAD` holds the id itself, so that no process is needed to ask. Nothing but git
/// has written there yet.
fn head_of(mirror: &Path, directory: &Path) -> io::Result<String> {
    let pointer = fs::read_to_string(directory.join(".git"))?;
    let note = Path::new(pointer.trim_end().strip_prefix("gitdir: ").unwrap_or_default());
    let notes = fs::canonicalize(mirror)?.join("worktrees");
    if note.parent().map(fs::canonicalize).transpose()? != Some(notes) {
        return Err(io::Error::other(format!(
            "`{}` does not lie in the mirror",
            note.display()
        )));
    }
    Ok(fs::read_to_string(note.join("HEAD"))?.trim_end().to_owned())
}

fn source_of(remote: &Remote) -> Result<OsString, CheckoutError> {
    match remote.path() {
        Some(path) if path.is_absolute() && path.is_dir() => Ok(path.into()),
        Some(_) => Err(CheckoutError::NoSuchPath {
            remote: remote.url.clone(),
        }),
        None => Ok((&remote.url).into()),
    }
}

/// Git's several ways to say that the other side does not have it.
fn is_missing(cause: &str) -> bool {
    ["not our ref", "couldn't find remote ref", "unadvertised object"]
        .iter()
        .any(|words| cause.contains(words))
}

fn missing(wanted: &Wanted<'_>) -> CheckoutError {
    CheckoutError::MissingCommit {
        sha: wanted.sha.clone(),
        remote: wanted.remote.url.clone(),
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<OsString> {
    words.into_iter().map(OsString::from).collect()
}

fn disk(action: &'static str) -> impl FnOnce(io::Error) -> CheckoutError {
    move |source| CheckoutError::Disk { action, source }
}
