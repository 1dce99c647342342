//! Where the App's secrets end up: files that only this account can read, in a folder of their own, whole or not at all.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use tempfile::NamedTempFile;

/// The App's private key.
pub const PRIVATE_KEY: &str = "private-key.pem";
/// What deliveries are signed with.
pub const WEBHOOK_SECRET: &str = "webhook-secret";
/// For signing in to the pages with the App; GitHub shows it only once.
pub const CLIENT_SECRET: &str = "client-secret";

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", path.display())]
pub struct WriteError {
    /// Which one.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Makes the folder where it is missing, and writes something into it for a try: nobody should make an App whose key cannot be
/// kept.
pub(super) fn prepare(folder: &Path) -> Result<(), WriteError> {
    let failed = |source| WriteError {
        path: folder.to_owned(),
        source,
    };
    if !folder.is_dir() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(failed)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    NamedTempFile::new_in(folder).map_err(failed)?;
    Ok(())
}

/// The first of the files that is there already.
pub(super) fn existing(folder: &Path) -> Option<PathBuf> {
    [PRIVATE_KEY, WEBHOOK_SECRET, CLIENT_SECRET]
        .map(|name| folder.join(name))
        .into_iter()
        .find(|path| path.symlink_metadata().is_ok())
}

/// Writes a file with mode 0600 that is there with its whole content, or not at all.
pub(super) fn write(folder: &Path, name: &str, content: &SecretString, replace: bool) -> Result<PathBuf, WriteError> {
    let path = folder.join(name);
    let written = (|| {
        // made with mode 0600
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(content.expose_secret().as_bytes())?;
        file.as_file().sync_all()?;
        if replace {
            file.persist(&path)?;
        } else {
            file.persist_noclobber(&path)?;
        }
        File::open(folder)?.sync_all()
    })();
    match written {
        Ok(()) => Ok(path),
        Err(source) => Err(WriteError { path, source }),
    }
}
