//! Submodules, brought here as the app's own commit is: the recorded commit, from a mirror, into a worktree of its own.
//!
//! `git submodule` is not used. It copies what the repository says into settings, follows names into folders, and asks a
//! server for branches; here nothing but a path, a commit id and a judged address comes from the repository.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::domain::names::{Sha, shown};
use crate::provider::checkout::Wanted;
use crate::provider::checkout::address::{self, AddressError};
use crate::provider::checkout::error::CheckoutError;
use crate::provider::checkout::lfs;
use crate::provider::checkout::mirror::Mirror;
use crate::provider::checkout::modules_file::{self, Described};
use crate::provider::git::Remote;

/// In one checkout, at all levels. A repository that contains older commits of itself grows without end.
const MOST: usize = 300;

/// What the repository says about its submodules, and cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum SubmoduleError {
    /// `.gitmodules` is no file.
    #[error("`{0}` is a link, expected a file; commit it as a file")]
    Link(String),
    /// It does not describe the submodule.
    #[error("submodule `{0}` has no address in `.gitmodules`; add it there, or remove the folder from the repository")]
    NoAddress(String),
    /// The address is not fetched.
    #[error("submodule `{path}`: {problem}")]
    Address {
        /// Where it belongs.
        path: String,
        /// What is wrong with it.
        problem: AddressError,
    },
    /// The address is a path where there is nothing.
    #[error("submodule `{path}`: there is no folder `{address}`; correct its address in `.gitmodules`")]
    NoSuchPath {
        /// Where it belongs.
        path: String,
        /// Where it was looked for.
        address: String,
    },
    /// It is to be updated by a command of the repository.
    #[error("submodule `{0}` is updated by a command, which is not run; remove `update` from `.gitmodules`")]
    Command(String),
    /// Its place is not a folder of the checkout.
    #[error("submodule `{0}` lies behind a link; move it to a folder of the repository")]
    Behind(String),
    /// There is no end to them.
    #[error("there are more than {MOST} submodules; set `checkout: {{ submodules: false }}` or use fewer")]
    TooMany,
}

/// A worktree that may lack something yet.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    pub(super) mirror: Mirror<'a>,
    pub(super) remote: Remote,
    pub(super) sha: Sha,
    pub(super) directory: PathBuf,
    /// Where it belongs in the checkout; empty for the top.
    pub(super) place: PathBuf,
}

impl<'a> Tree<'a> {
    /// The app's own.
    pub(super) fn top(mirror: Mirror<'a>, wanted: &Wanted<'_>) -> Self {
        Self {
            mirror,
            remote: wanted.remote.clone(),
            sha: wanted.sha.clone(),
            directory: wanted.directory.to_owned(),
            place: PathBuf::new(),
        }
    }

    /// A path below it, as people see it.
    pub(super) fn shown(&self, path: &Path) -> String {
        shown(&self.place.join(path).to_string_lossy())
    }
}

/// Brings what the options ask for into a fresh checkout, level by level.
pub(super) async fn complete(top: Tree<'_>, wanted: &Wanted<'_>, modules: &Path) -> Result<(), CheckoutError> {
    let mut trees = vec![top];
    let mut count = 0;
    while let Some(tree) = trees.pop() {
        if wanted.options.lfs {
            lfs::fill(&tree).await.map_err(|error| within(&tree.place, error))?;
        }
        if wanted.options.submodules {
            let below = submodules(&tree, wanted.remote, modules).await?;
            count += below.len();
            if count > MOST {
                return Err(SubmoduleError::TooMany.into());
            }
            for submodule in below {
                let Tree {
                    mirror,
                    remote,
                    sha,
                    directory,
                    place,
                } = &submodule;
                mirror
                    .check_out(remote, sha, directory)
                    .await
                    .map_err(|error| within(place, error))?;
                trees.push(submodule);
            }
        }
    }
    Ok(())
}

/// Says in which submodule something went wrong.
fn within(place: &Path, error: CheckoutError) -> CheckoutError {
    if place.as_os_str().is_empty() || matches!(error, CheckoutError::Submodules(_)) {
        return error;
    }
    let path = shown(&place.to_string_lossy());
    if let CheckoutError::NoSuchPath { remote } = error {
        return SubmoduleError::NoSuchPath { path, address: remote }.into();
    }
    CheckoutError::Submodule {
        path,
        source: Box::new(error),
    }
}

/// The submodules of a tree, judged and not yet fetched.
async fn submodules<'a>(tree: &Tree<'a>, app: &Remote, modules: &Path) -> Result<Vec<Tree<'a>>, CheckoutError> {
    let recorded = modules_file::recorded(tree.mirror.git, &tree.directory).await?;
    if recorded.commits.is_empty() {
        return Ok(Vec::new());
    }
    if recorded.is_link {
        return Err(SubmoduleError::Link(tree.shown(Path::new(".gitmodules"))).into());
    }
    let described = match &recorded.file {
        Some(file) => modules_file::described(tree.mirror.git, &tree.directory, file).await?,
        None => Default::default(),
    };
    let mut found = Vec::new();
    for (path, sha) in recorded.commits {
        let one = described.get(&path).cloned().unwrap_or_default();
        let path = PathBuf::from(OsStr::from_bytes(&path));
        if one.update.as_deref() == Some(b"none") {
            continue;
        }
        let name = tree.shown(&path);
        let remote = judge(one, &name, app, &tree.remote)?;
        if !is_plain(&tree.directory, &path) {
            return Err(SubmoduleError::Behind(name).into());
        }
        found.push(Tree {
            mirror: Mirror {
                git: tree.mirror.git,
                path: modules.join(format!("{}.git", digest(&remote.url))),
            },
            remote,
            sha,
            directory: tree.directory.join(&path),
            place: tree.place.join(&path),
        });
    }
    Ok(found)
}

fn judge(described: Described, name: &str, app: &Remote, parent: &Remote) -> Result<Remote, SubmoduleError> {
    if described.update.is_some_and(|update| update.starts_with(b"!")) {
        return Err(SubmoduleError::Command(name.to_owned()));
    }
    let Some(url) = described.url else {
        return Err(SubmoduleError::NoAddress(name.to_owned()));
    };
    let url = String::from_utf8_lossy(&url);
    address::resolve(app, parent, &url).map_err(|problem| SubmoduleError::Address {
        path: name.to_owned(),
        problem,
    })
}

/// Whether every part of the path is a folder of its own; git makes an empty one for each submodule. Git has just written the tree, and nothing else was
/// started in it.
fn is_plain(directory: &Path, path: &Path) -> bool {
    let mut at = directory.to_owned();
    path.components().all(|part| {
        let Component::Normal(name) = part else { return false };
        if name.eq_ignore_ascii_case(".git") {
            return false;
        }
        at.push(name);
        fs::symlink_metadata(&at).is_ok_and(|found| found.is_dir())
    })
}

/// Names the mirror of an address.
fn digest(url: &str) -> String {
    hex::encode(&Sha256::digest(url)[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_the_checkout_take_a_submodule() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/sub")).unwrap();
        fs::create_dir_all(dir.path().join("a/.git")).unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("a", dir.path().join("link")).unwrap();
        for (path, expected) in [
            ("a/sub", true),
            ("a/new", false),
            ("link", false),
            ("link/sub", false),
            ("file", false),
            ("a/.git", false),
            ("../a", false),
            ("/tmp", false),
        ] {
            assert_eq!(is_plain(dir.path(), Path::new(path)), expected, "{path}");
        }
    }
}
