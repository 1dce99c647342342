//! The mirror of one repository: bare, without branches, shared by all its environments, and only a cache.
//!
//! Deployed commands can write into it, because worktrees share it. What it says about itself is therefore put right before
//! every checkout: a setting or a program named there would have a say in the deployments of others.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tokio::time::{Duration, Instant, sleep};

use crate::domain::names::Sha;
use crate::provider::checkout::error::{CheckoutError, disk};
use crate::provider::checkout::{remove_folder, words};
use crate::provider::git::remote::quoted;
use crate::provider::git::{Git, GitError, Remote};
use crate::provider::lock;

/// Between two looks at a mirror that somebody else is fetching into.
const PAUSE: Duration = Duration::from_millis(10);

/// How often a worktree is tried again because another one was being made or removed: a moment's matter.
const NOTE_TRIES: u32 = 50;

/// All that a mirror has to say about itself.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

/// Files with which git lets a repository change what is checked out; a mirror has none.
const FOREIGN: [&str; 3] = ["info/attributes", "info/grafts", "objects/info/alternates"];

/// What git says of files that are empty or cut off, as a power cut leaves them.
const DAMAGED: [&str; 10] = [
    "not a git repository",
    "is empty",
    "corrupt",
    "bad object",
    "bad tree",
    "unable to read tree",
    "unable to read sha1",
    "failed to read",
    "too small",
    "missing object",
];

/// Head and digest of a pack, in bytes. An index is longer.
const SHORTEST_PACK: u64 = 32;

/// A mirror, made or not.
#[derive(Debug, Clone)]
pub(super) struct Mirror<'a> {
    pub(super) git: &'a Git,
    /// Its folder, which ends in `.git`; lock and LFS files are beside it.
    pub(super) path: PathBuf,
}

impl Mirror<'_> {
    /// Makes a worktree of exactly this commit, which is fetched where it is not here yet. A mirror that a power cut has damaged is
    /// made anew. Says how long fetching took, if it was fetched.
    pub(super) async fn check_out(
        &self,
        remote: &Remote,
        sha: &Sha,
        directory: &Path,
    ) -> Result<Option<Duration>, CheckoutError> {
        let found = self.opened();
        match self.try_check_out(remote, sha, directory).await {
            Err(error) if matches!(&error, CheckoutError::Git(error) if is_damage(error)) || self.has_cut_pack() => {
                tracing::warn!(mirror = %self.path.display(), error = %error, "the mirror is damaged; it is made anew");
                self.set_aside(found.as_ref()).await?;
                remove_folder(directory).map_err(disk("remove a half-made checkout"))?;
                self.try_check_out(remote, sha, directory).await
            }
            done => done,
        }
    }

    async fn try_check_out(
        &self,
        remote: &Remote,
        sha: &Sha,
        directory: &Path,
    ) -> Result<Option<Duration>, CheckoutError> {
        // Most commits that are deployed here were deployed elsewhere before: the attempt itself is the cheapest question.
        let present = self.exists() && self.add_worktree(sha, directory).await?;
        let fetched = match present {
            true => None,
            false => Some(self.fetch(remote, sha, directory).await?),
        };
        let found = head_of(&self.path, directory).map_err(disk("read what was checked out"))?;
        if found == sha.as_str() {
            return Ok(fetched);
        }
        Err(CheckoutError::WrongHead {
            found,
            expected: sha.clone(),
        })
    }

    pub(super) fn exists(&self) -> bool {
        self.path.join("HEAD").exists()
    }

    /// Whether a pack is shorter than any pack or index is. What is in it is then missed without a word of damage.
    fn has_cut_pack(&self) -> bool {
        let packs = fs::read_dir(self.path.join("objects/pack"));
        packs.into_iter().flatten().flatten().any(|entry| {
            let path = entry.path();
            let kind = path.extension().and_then(OsStr::to_str);
            matches!(kind, Some("pack" | "idx")) && entry.metadata().is_ok_and(|found| found.len() < SHORTEST_PACK)
        })
    }

    /// The folder that lies there, held open: as long as it is, no other gets its number.
    fn opened(&self) -> Option<fs::File> {
        fs::File::open(&self.path).ok()
    }

    /// Whether this is the folder that lies there.
    fn is_still(&self, found: Option<&fs::File>) -> bool {
        let number = |metadata: io::Result<fs::Metadata>| metadata.ok().map(|found| (found.dev(), found.ino()));
        number(fs::metadata(&self.path)) == found.and_then(|found| number(found.metadata()))
    }

    /// Takes this damaged mirror away, unless somebody else has done so meanwhile.
    async fn set_aside(&self, found: Option<&fs::File>) -> Result<(), CheckoutError> {
        let (_lock, _) = self.lock("lock").await?;
        if !self.is_still(found) {
            return Ok(());
        }
        let aside = self.path.with_extension("damaged");
        remove_folder(&aside).map_err(disk("remove a damaged mirror"))?;
        match fs::rename(&self.path, &aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(disk("set a damaged mirror aside")(error));
            }
            _ => {}
        }
        remove_folder(&aside).map_err(disk("remove a damaged mirror"))
    }

    /// Packs it. Safe beside fetches and checkouts.
    pub(super) async fn pack(&self) -> Result<(), CheckoutError> {
        if self.exists() {
            self.put_right().map_err(disk("write the mirror's settings"))?;
            self.git.run(&self.path, None, &words(["gc", "--quiet"])).await?;
        }
        Ok(())
    }

    /// Removes the notes of worktrees in this folder. They are found by what the mirror says, not by the folder's own `.git`:
    /// the command may have written anything there.
    pub(super) fn forget(&self, folder: &Path) -> io::Result<()> {
        let Ok(notes) = fs::read_dir(self.path.join("worktrees")) else {
            return Ok(());
        };
        for note in notes.flatten() {
            let lies_there = fs::read_to_string(note.path().join("gitdir"))
                .is_ok_and(|text| Path::new(text.trim_end()).starts_with(folder));
            if lies_there {
                remove_folder(&note.path())?;
            }
        }
        Ok(())
    }

    /// Whether one of the worktrees that it has noted is there.
    pub(super) fn has_checkouts(&self) -> bool {
        let notes = fs::read_dir(self.path.join("worktrees"))
            .into_iter()
            .flatten()
            .flatten();
        notes
            .filter_map(|note| fs::read_to_string(note.path().join("gitdir")).ok())
            .any(|place| Path::new(place.trim_end()).exists())
    }

    /// Brings the commit here and makes the worktree, one process at a time for each mirror.
    async fn fetch(&self, remote: &Remote, sha: &Sha, directory: &Path) -> Result<Duration, CheckoutError> {
        let began = Instant::now();
        let source = source_of(remote)?;
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(disk("make the folder of the mirrors"))?;
        }
        let (_lock, waited) = self.lock("lock").await?;
        if waited && self.exists() && self.add_worktree(sha, directory).await? {
            return Ok(began.elapsed());
        }
        if !self.exists() {
            self.create().await?;
        }
        self.put_right().map_err(disk("write the mirror's settings"))?;
        // Left by a git that was killed; nobody else is fetching now.
        let _ = fs::remove_file(self.path.join(format!("refs/chima/{sha}.lock")));
        // A whole id on the left is taken as the object, also where the remote has a branch of that name. The name on the
        // right keeps the commit when the mirror is packed.
        let exactly = format!("+{sha}:refs/chima/{sha}");
        let mut fetched = self.fetch_refs(remote, &source, &exactly, false).await;
        if fetched
            .as_ref()
            .is_err_and(|error| says(error, &["returned error: 30"]))
        {
            // With the token git follows no redirect. It may not need the token where it leads.
            let anybody = Remote {
                token: None,
                ..remote.clone()
            };
            let again = self.fetch_refs(&anybody, &source, &exactly, false).await;
            fetched = again.or(fetched);
        }
        if fetched
            .as_ref()
            .is_err_and(|error| says(error, &["unadvertised object"]))
        {
            // Some servers give away only what a branch ends in. They have it all the same, if it is in some branch.
            let branches = "+refs/heads/*:refs/chima/heads/*";
            fetched = self.fetch_refs(remote, &source, branches, true).await;
        }
        fetched.map_err(|error| explained(error, remote, sha))?;
        let took = began.elapsed();
        if self.add_worktree(sha, directory).await? {
            Ok(took)
        } else {
            Err(missing(remote, sha))
        }
    }

    async fn fetch_refs(&self, remote: &Remote, source: &OsString, refs: &str, prune: bool) -> Result<(), GitError> {
        let mut args = words([
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
        ]);
        if prune {
            args.push("--prune".into());
        }
        if remote.path().is_some() {
            // The path may belong to another account; git asks its server side about that, which our settings do not reach.
            let server = format!(
                "{} -c 'safe.directory=*' upload-pack",
                quoted(&self.git.program.to_string_lossy())
            );
            args.push(format!("--upload-pack={server}").into());
        }
        args.push("--".into());
        args.push(source.clone());
        args.push(refs.into());
        self.patiently(Some(remote), &args).await
    }

    /// Git looks at the notes of all worktrees first, and gives up where one comes or goes meanwhile: then again, after a pause.
    async fn patiently(&self, remote: Option<&Remote>, args: &[OsString]) -> Result<(), GitError> {
        let mut left = NOTE_TRIES;
        loop {
            match self.git.run(&self.path, remote, args).await {
                Err(error) if left > 0 && says(&error, &["failed to read"]) => {
                    left -= 1;
                    sleep(PAUSE).await;
                }
                done => return done.map(drop),
            }
        }
    }

    /// `false` when the commit is not in the mirror.
    async fn add_worktree(&self, sha: &Sha, directory: &Path) -> Result<bool, CheckoutError> {
        self.put_right().map_err(disk("write the mirror's settings"))?;
        let mut args = words(["worktree", "add", "--quiet", "--force", "--detach"]);
        args.push(directory.into());
        args.push(sha.as_str().into());
        match self.patiently(None, &args).await {
            Ok(()) => Ok(true),
            Err(error) if says(&error, &["invalid reference"]) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Made aside and renamed, so that a mirror is whole as soon as it is there.
    async fn create(&self) -> Result<(), CheckoutError> {
        let aside = self.path.with_extension("new");
        remove_folder(&aside).map_err(disk("remove a half-made mirror"))?;
        let mut args = words(["init", "--quiet", "--bare", "--template="]);
        args.push(aside.clone().into());
        self.git.run(&aside, None, &args).await?;
        fs::rename(&aside, &self.path).map_err(disk("put the new mirror in its place"))
    }

    /// Gives the mirror its own settings back, where a command has changed them.
    fn put_right(&self) -> io::Result<()> {
        for name in FOREIGN {
            let _ = fs::remove_file(self.path.join(name));
        }
        let config = self.path.join("config");
        if fs::read(&config).is_ok_and(|found| found == CONFIG.as_bytes()) {
            return Ok(());
        }
        // Renamed into place: a checkout that goes on beside this one reads the old or the new, never a half.
        let mut aside = tempfile::NamedTempFile::new_in(&self.path)?;
        io::Write::write_all(&mut aside, CONFIG.as_bytes())?;
        if let Ok(metadata) = fs::symlink_metadata(&config)
            && metadata.is_dir()
        {
            remove_folder(&config)?;
        }
        aside.persist(&config)?;
        Ok(())
    }

    /// A lock beside the mirror, shared by all processes of this machine, and whether it had to be waited for.
    pub(super) async fn lock(&self, extension: &str) -> Result<(fs::File, bool), CheckoutError> {
        let path = self.path.with_extension(extension);
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

/// What git's words mean to whoever deploys.
fn explained(error: GitError, remote: &Remote, sha: &Sha) -> CheckoutError {
    let url = || remote.url.clone();
    if says(&error, &["not our ref", "couldn't find remote ref"]) {
        missing(remote, sha)
    } else if says(&error, &["returned error: 30"]) {
        CheckoutError::Moved { remote: url() }
    } else if says(&error, &["could not read Username", "Authentication failed"]) {
        CheckoutError::Denied {
            remote: url(),
            had_token: remote.token.is_some(),
        }
    } else {
        error.into()
    }
}

fn says(error: &GitError, any: &[&str]) -> bool {
    match error {
        GitError::Failed { cause, .. } => any.iter().any(|words| cause.contains(words)),
        GitError::NotRun { .. } | GitError::TimedOut { .. } => false,
    }
}

/// Whether the trouble is the mirror's own. What the other side says of itself is not about it.
fn is_damage(error: &GitError) -> bool {
    let lost = matches!(error, GitError::Failed { cause, .. } if cause.starts_with("object ") && cause.ends_with(" not found"));
    lost || says(error, &DAMAGED) && !says(error, &["remote:"])
}

fn missing(remote: &Remote, sha: &Sha) -> CheckoutError {
    CheckoutError::MissingCommit {
        sha: sha.clone(),
        remote: remote.url.clone(),
    }
}
