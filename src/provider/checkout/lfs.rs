//! Files that the repository keeps in Git LFS, put in the place of their pointers.
//!
//! `git lfs` only downloads, in a bare repository made for that one call: it finds no `.lfsconfig`, no setting of a mirror
//! and no attribute there, so that the repository cannot choose a server or a program. What git-lfs brought is compared with its
//! digest and written into the checkout here.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::domain::names::shown;
use crate::provider::checkout::error::{CheckoutError, disk};
use crate::provider::checkout::pointer::{self, Pointer};
use crate::provider::checkout::submodules::Tree;
use crate::provider::checkout::{remove_folder, words};
use crate::provider::git::{Call, GitError};

/// Why a file that is kept in LFS cannot be brought here.
#[derive(Debug, thiserror::Error)]
pub enum LfsError {
    /// There is no git-lfs.
    #[error("`git-lfs` is not installed, needed by `checkout: {{ lfs: true }}`; install the package `git-lfs`")]
    NotInstalled,
    /// The server does not give it away.
    #[error(
        "cannot fetch `{file}` from LFS: {problem}; push it with `git lfs push --all`, or check who may read there"
    )]
    Refused {
        /// The first file that is missing.
        file: String,
        /// What git-lfs said.
        problem: GitError,
    },
    /// The remote has no such object.
    #[error("the LFS store of `{remote}` has no `{file}`; push it with `git lfs push --all`")]
    Missing {
        /// The first file that is missing.
        file: String,
        /// Where it was looked for.
        remote: String,
    },
    /// What was stored is something else.
    #[error("what is stored for `{file}` has another digest than its pointer; it was removed and is fetched again")]
    Damaged {
        /// The file.
        file: String,
    },
    /// It is made by programs.
    #[error("`{file}` needs an LFS extension, which is not run; commit it without `lfs.extension`")]
    Extended {
        /// The file.
        file: String,
    },
}

impl LfsError {
    /// Whether it may work later as it stands.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::NotInstalled | Self::Missing { .. } | Self::Extended { .. } => false,
            Self::Damaged { .. } => true,
            Self::Refused { problem, .. } => problem.is_transient(),
        }
    }
}

/// A pointer in the checkout.
#[derive(Debug, Clone)]
struct Kept {
    path: PathBuf,
    shown: String,
    pointer: Pointer,
}

/// Puts the large files of a fresh worktree in their places.
pub(super) async fn fill(tree: &Tree<'_>) -> Result<(), CheckoutError> {
    let files = kept(tree).await?;
    if files.is_empty() {
        return Ok(());
    }
    if let Some(file) = files.iter().find(|file| file.pointer.is_extended) {
        return Err(LfsError::Extended {
            file: file.shown.clone(),
        }
        .into());
    }
    let store = Store {
        folder: tree.mirror.path.with_extension("lfs"),
    };
    if let Some(first) = store.first_missing(&files) {
        fetch(tree, &store, &files, first).await?;
    }
    let (directory, all) = (tree.directory.clone(), files.clone());
    let damaged = blocking(move || place(&store, &directory, &all))
        .await
        .map_err(disk("write a file of LFS"))?;
    match damaged {
        Some(file) => Err(LfsError::Damaged { file }.into()),
        None => settle(tree, &files).await,
    }
}

/// The files that git would hand to LFS, and that are pointers.
async fn kept(tree: &Tree<'_>) -> Result<Vec<Kept>, CheckoutError> {
    let mut args = words(["ls-files", "-z", "--"]);
    args.push(":(attr:filter=lfs)".into());
    let call = Call {
        git_dir: tree.directory.join(".git"),
        work_tree: Some(&tree.directory),
        args,
        ..Call::default()
    };
    let mut paths = Vec::new();
    let take = |record: &[u8]| paths.push(PathBuf::from(OsStr::from_bytes(record)));
    tree.mirror.git.records(&call, take).await?;
    let mut files = Vec::new();
    for path in paths {
        let full = tree.directory.join(&path);
        let is_small = fs::symlink_metadata(&full).is_ok_and(|it| it.is_file() && it.len() <= pointer::MOST_BYTES);
        if !is_small {
            continue;
        }
        let text = fs::read(&full).map_err(disk("read a file of the checkout"))?;
        if let Some(pointer) = pointer::parse(&text) {
            let shown = shown(&path.to_string_lossy());
            files.push(Kept { path, shown, pointer });
        }
    }
    Ok(files)
}

/// Brings missing objects into the store, one process at a time.
async fn fetch(tree: &Tree<'_>, store: &Store, files: &[Kept], first: &Kept) -> Result<(), CheckoutError> {
    let (_lock, _) = tree.mirror.lock("lfs.lock").await?;
    fs::create_dir_all(&store.folder).map_err(disk("make the folder of LFS"))?;
    if let Some(path) = tree.remote.path() {
        // Beside the remote's own objects, where `git lfs` keeps them too. No program is needed for that.
        let work_tree = path.join(".git");
        let git_dir = if work_tree.is_dir() { work_tree } else { path.to_owned() };
        let theirs = Store {
            folder: git_dir.join("lfs"),
        };
        let (ours, all) = (store.clone(), files.to_vec());
        blocking(move || all.iter().try_for_each(|file| ours.copy_from(&theirs, &file.pointer)))
            .await
            .map_err(disk("copy a file of LFS"))?;
        return match store.first_missing(files) {
            None => Ok(()),
            Some(file) => Err(LfsError::Missing {
                file: file.shown.clone(),
                remote: tree.remote.url.clone(),
            }
            .into()),
        };
    }
    let git_dir = store
        .room(&tree.mirror.path)
        .map_err(disk("make a folder for git-lfs"))?;
    let call = Call {
        git_dir: git_dir.clone(),
        work_tree: None,
        remote: Some(&tree.remote),
        args: [words(["lfs", "fetch", "origin"]), vec![tree.sha.as_str().into()]].concat(),
        settings: vec![
            ("remote.origin.url".to_owned(), tree.remote.url.clone()),
            ("lfs.storage".to_owned(), store.folder.to_string_lossy().into_owned()),
        ],
        input: Vec::new(),
    };
    let fetched = tree.mirror.git.call(&call).await;
    let _ = remove_folder(&git_dir);
    // git-lfs takes every pointer of the commit, also those that no attribute names: what we need is what counts.
    match (store.first_missing(files), fetched) {
        (None, _) => Ok(()),
        (Some(_), Err(GitError::Failed { cause, .. })) if cause.contains("'lfs' is not a git command") => {
            Err(LfsError::NotInstalled.into())
        }
        (Some(file), Err(problem)) => Err(LfsError::Refused {
            file: file.shown.clone(),
            problem,
        }
        .into()),
        (Some(_), Ok(_)) => Err(LfsError::Missing {
            file: first.shown.clone(),
            remote: tree.remote.url.clone(),
        }
        .into()),
    }
}

/// Writes all files, and names the first whose object is damaged; that is then removed.
fn place(store: &Store, directory: &Path, files: &[Kept]) -> io::Result<Option<String>> {
    for file in files {
        if !store.write_to(&file.pointer, &directory.join(&file.path))? {
            fs::remove_file(store.object(&file.pointer))?;
            return Ok(Some(file.shown.clone()));
        }
    }
    Ok(None)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Tells git to take the large files for the pointers it knows: it would have to run a filter to see that they are.
async fn settle(tree: &Tree<'_>, files: &[Kept]) -> Result<(), CheckoutError> {
    let mut input = Vec::new();
    for file in files {
        input.extend_from_slice(file.path.as_os_str().as_bytes());
        input.push(0);
    }
    let call = Call {
        git_dir: tree.directory.join(".git"),
        work_tree: Some(&tree.directory),
        args: words(["update-index", "-z", "--assume-unchanged", "--stdin"]),
        input,
        ..Call::default()
    };
    tree.mirror.git.call(&call).await?;
    Ok(())
}

/// Objects of LFS, each in a file that is named by its digest; laid out as git-lfs does.
#[derive(Debug, Clone)]
struct Store {
    folder: PathBuf,
}

impl Store {
    fn object(&self, pointer: &Pointer) -> PathBuf {
        let oid = &pointer.oid;
        self.folder.join("objects").join(&oid[..2]).join(&oid[2..4]).join(oid)
    }

    fn first_missing<'a>(&self, files: &'a [Kept]) -> Option<&'a Kept> {
        files.iter().find(|file| !self.has(&file.pointer))
    }

    fn has(&self, pointer: &Pointer) -> bool {
        fs::symlink_metadata(self.object(pointer)).is_ok_and(|found| found.is_file() && found.len() == pointer.size)
    }

    /// A bare repository for one call of git-lfs, which borrows the mirror's objects and has nothing else.
    fn room(&self, mirror: &Path) -> io::Result<PathBuf> {
        let room = self.folder.join("room.git");
        remove_folder(&room)?;
        fs::create_dir_all(room.join("objects/info"))?;
        fs::create_dir(room.join("refs"))?;
        fs::write(room.join("HEAD"), "ref: refs/heads/none\n")?;
        fs::write(
            room.join("config"),
            "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
        )?;
        let borrowed = std::path::absolute(mirror)?.join("objects");
        let mut line = borrowed.into_os_string().into_encoded_bytes();
        line.push(b'\n');
        fs::write(room.join("objects/info/alternates"), line)?;
        Ok(room)
    }

    /// Takes an object over, where the other store has it and this one has not.
    fn copy_from(&self, other: &Self, pointer: &Pointer) -> io::Result<()> {
        if self.has(pointer) || !other.has(pointer) {
            return Ok(());
        }
        let object = self.object(pointer);
        let aside = self.folder.join("incoming");
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut target = new_file(&aside, 0o600)?;
        if copy(&other.object(pointer), &mut target, pointer)? {
            target.sync_all()?;
            if let Some(folder) = object.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::rename(&aside, &object)?;
        }
        Ok(())
    }

    /// Writes the object in the place of its pointer, as a file of its own: a command may change it. `false` when what is
    /// stored is something else.
    fn write_to(&self, pointer: &Pointer, path: &Path) -> io::Result<bool> {
        let mode = fs::symlink_metadata(path)?.permissions().mode();
        fs::remove_file(path)?;
        let mut target = new_file(path, if mode & 0o100 == 0 { 0o666 } else { 0o777 })?;
        copy(&self.object(pointer), &mut target, pointer)
    }
}

/// A file that was not there: nothing is written through a link.
fn new_file(path: &Path, mode: u32) -> io::Result<File> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

/// Copies and says whether it was what the pointer names.
fn copy(from: &Path, target: &mut File, pointer: &Pointer) -> io::Result<bool> {
    let mut source = File::open(from)?.take(pointer.size.saturating_add(1));
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            return Ok(hex::encode(digest.finalize()) == pointer.oid);
        }
        digest.update(&buffer[..count]);
        target.write_all(&buffer[..count])?;
    }
}
