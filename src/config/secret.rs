//! Secrets: where one is found, and reading it.
//!
//! The configuration names a secret and never holds it. Values leave here only as [`SecretString`], which neither prints
//! nor serialises itself. A `command` is not run here: only `provider` starts programs.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::config::environment;

/// Shorter ones can be guessed where they prove who is speaking.
pub const STRONG_BYTES: usize = 16;

/// Shorter ones cannot be masked in logs without masking ordinary words.
pub const MASKABLE_BYTES: usize = 8;

/// A secret file is not larger than this.
const MOST_BYTES: u64 = 1 << 20;

/// Where a secret is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In an environment variable of this process.
    Env(String),
    /// In a file; a relative path starts at the working directory.
    File(PathBuf),
    /// In the output of a command, given as argv; only for secrets of an app.
    Command(Vec<String>),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable `{name}`"),
            Self::File(path) => write!(f, "file `{}`", path.display()),
            Self::Command(argv) => write!(f, "command `{}`", argv.first().map_or("", String::as_str)),
        }
    }
}

/// Why a secret that is there was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It is shorter than its use allows.
    #[error("{place} holds {found} bytes; expected at least {least}")]
    TooShort {
        /// Where it was found.
        place: SecretSource,
        /// Its length in bytes.
        found: usize,
        /// The length that is asked of it.
        least: usize,
    },
    /// It is not text.
    #[error("{place} does not hold UTF-8 text")]
    NotText {
        /// Where it was found.
        place: SecretSource,
    },
    /// Everybody on this machine can read it.
    #[error("file `{}` has mode {mode:04o}; expected one that only its owner or group can read", path.display())]
    WorldReadable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is larger than any secret.
    #[error("file `{}` is larger than {MOST_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("cannot read file `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A command's output is asked of the wrong room.
    #[error("{place} is run by the step that needs it, not here")]
    NotHere {
        /// The command.
        place: SecretSource,
    },
}

impl SecretError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TooShort {
                least: STRONG_BYTES, ..
            } => Some("`openssl rand -hex 32` makes a good one".to_owned()),
            Self::TooShort { .. } => {
                Some("a shorter one cannot be masked in logs; unset it if it is not a secret".to_owned())
            }
            Self::WorldReadable { path, .. } => Some(format!(
                "`chmod 600 {}`; a container's secret takes `mode: 0400` (Compose) or `defaultMode: 0400` (Kubernetes)",
                path.display()
            )),
            Self::NotText { .. } | Self::TooLarge { .. } | Self::Unreadable { .. } | Self::NotHere { .. } => None,
        }
    }
}

/// Reads a secret; `None` when it is not there, which means that what needs it is not set up. One newline at the end of
/// a file is not part of it.
///
/// # Errors
/// When it is there and cannot serve: see [`SecretError`].
pub fn read(source: &SecretSource) -> Result<Option<SecretString>, SecretError> {
    read_with(source, MASKABLE_BYTES, &environment::variable_os)
}

/// As [`read`], for secrets by which somebody proves who is speaking: [`STRONG_BYTES`] at least.
///
/// # Errors
/// When it is there and cannot serve: see [`SecretError`].
pub fn read_strong(source: &SecretSource) -> Result<Option<SecretString>, SecretError> {
    read_with(source, STRONG_BYTES, &environment::variable_os)
}

/// Reads a secret with a given look-up for variables.
pub(super) fn read_with(
    source: &SecretSource,
    least: usize,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<SecretString>, SecretError> {
    let found = match source {
        SecretSource::Env(name) => match variable(name) {
            None => return Ok(None),
            Some(value) => value.into_string().ok(),
        },
        SecretSource::File(path) => match read_file(path)? {
            None => return Ok(None),
            Some(bytes) => String::from_utf8(bytes)
                .ok()
                .map(|text| without_newline(&text).to_owned()),
        },
        SecretSource::Command(_) => return Err(SecretError::NotHere { place: source.clone() }),
    };
    let Some(text) = found else {
        return Err(SecretError::NotText { place: source.clone() });
    };
    judged(source, text, least).map(Some)
}

/// The output of a secret's command as the secret: one newline at its end is not part of it.
///
/// # Errors
/// When it cannot serve: see [`SecretError`].
pub fn of_output(source: &SecretSource, output: Vec<u8>) -> Result<SecretString, SecretError> {
    match String::from_utf8(output) {
        Ok(text) => judged(source, without_newline(&text).to_owned(), MASKABLE_BYTES),
        Err(_) => Err(SecretError::NotText { place: source.clone() }),
    }
}

fn judged(source: &SecretSource, text: String, least: usize) -> Result<SecretString, SecretError> {
    if text.len() < least {
        return Err(SecretError::TooShort {
            place: source.clone(),
            found: text.len(),
            least,
        });
    }
    Ok(SecretString::from(text))
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>, SecretError> {
    let unreadable = |source| SecretError::Unreadable {
        path: path.to_owned(),
        source,
    };
    // Opened first and asked afterwards: what is judged is what is read.
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o004 != 0 {
        return Err(SecretError::WorldReadable {
            path: path.to_owned(),
            mode,
        });
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(SecretError::TooLarge { path: path.to_owned() });
    }
    Ok(Some(bytes))
}

fn without_newline(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}
