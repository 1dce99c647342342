//! One call of git: safe settings, no questions, a time limit, and its last words as the error.
//!
//! What git reads from its surroundings is shut off: no system or user configuration, no hooks, no helper programs, only the
//! transports that are meant. Every setting here has a test with a hostile repository.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::domain::names::shown;
use crate::provider::mask::{Patterns, forms};
use crate::provider::spec::Secret;

/// Kept of what git says, from the end.
const WORDS: usize = 16 << 10;

/// Of git's words, those that only follow from others.
const VAGUE: [&str; 5] = [
    "Could not read from remote repository",
    "Please make sure you have the correct access rights",
    "and the repository exists",
    "fetch-pack: invalid index-pack output",
    "fsck error in packed object",
];

/// Settings that hold for every call.
const SETTINGS: [(&str, &str); 17] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.askPass", ""),
    ("credential.helper", ""),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("protocol.ext.allow", "never"),
    ("transfer.fsckObjects", "true"),
    // Flaws of old but honest histories, harmless to us.
    ("fetch.fsck.zeroPaddedFilemode", "ignore"),
    ("fetch.fsck.badTimezone", "ignore"),
    ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
    // A pack is flushed to the disk; loose objects are not, and an empty one would break the mirror for good.
    ("fetch.unpackLimit", "1"),
    // No work in the background that outlives the call.
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("advice.detachedHead", "false"),
];

/// How git is called here.
#[derive(Debug, Clone)]
pub struct Git {
    /// Which git.
    pub program: PathBuf,
    /// Variables it gets beside our own: `PATH`, and for ssh and proxies `HOME`, `SSH_AUTH_SOCK`, `HTTPS_PROXY`.
    pub environment: BTreeMap<String, String>,
    /// For one call.
    pub time_limit: Duration,
}

/// How ssh proves who we are, and who the other side must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAccess {
    /// The private key's file.
    pub key: PathBuf,
    /// The file of known host keys.
    pub known_hosts: PathBuf,
}

/// Where commits come from.
#[derive(Debug, Clone)]
pub struct Remote {
    /// A URL, git's `user@host:path`, or an absolute path.
    pub url: String,
    /// For `https`: sent to that host alone.
    pub token: Option<SecretString>,
    /// For ssh.
    pub ssh: Option<SshAccess>,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git, or it cannot be run.
    #[error("cannot run `{}`", program.display())]
    NotRun {
        /// Which one.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was stopped.
    #[error("git {action} took longer than {} s", limit.as_secs())]
    TimedOut {
        /// Which command.
        action: String,
        /// The limit.
        limit: Duration,
    },
    /// It said no.
    #[error("git {action}: {cause}")]
    Failed {
        /// Which command.
        action: String,
        /// Its last words, masked, on one line.
        cause: String,
    },
}

impl GitError {
    /// Whether the same call may work later. Git has one exit code for everything, so this one place reads its words.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        const PASSING: [&str; 14] = [
            "Could not resolve host",
            "Couldn't connect",
            "Failed to connect",
            "Connection refused",
            "Connection reset",
            "Connection timed out",
            "Connection closed",
            "Operation timed out",
            "early EOF",
            "unexpected disconnect",
            "remote end hung up",
            "returned error: 5",
            "returned error: 429",
            "Temporary failure",
        ];
        match self {
            Self::NotRun { .. } => false,
            Self::TimedOut { .. } => true,
            Self::Failed { cause, .. } => PASSING.iter().any(|words| cause.contains(words)),
        }
    }
}

impl Remote {
    /// The remote's path, where it is one on this machine.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        if let Some(path) = self.url.strip_prefix("file://") {
            return Some(Path::new(path));
        }
        let first = self.url.split('/').next().unwrap_or_default();
        (!first.contains(':')).then(|| Path::new(&self.url))
    }

    /// What git may speak to reach it.
    fn protocols(&self) -> &'static str {
        if self.path().is_some() {
            "https:ssh:file"
        } else {
            "https:ssh"
        }
    }

    /// The secrets that must not show in an error.
    fn secrets(&self) -> Vec<Secret> {
        self.token
            .iter()
            .map(|token| Secret {
                name: "git token".to_owned(),
                value: token.expose_secret().to_owned(),
            })
            .collect()
    }

    /// The header that carries the token, as a setting for this host alone. In a variable of this one process: an argument
    /// list or a URL would show it to everybody.
    fn header(&self) -> Option<(String, String)> {
        let token = self.token.as_ref()?;
        let host = self.url.strip_prefix("https://")?.split('/').next()?;
        let host = host.rsplit('@').next()?;
        let basic = forms::base64(format!("x-access-token:{}", token.expose_secret()).as_bytes());
        Some((
            format!("http.https://{host}/.extraHeader"),
            format!("Authorization: Basic {basic}"),
        ))
    }
}

impl Git {
    /// Runs one command on this repository and returns what it printed.
    ///
    /// # Errors
    /// When it cannot be run, takes too long, or ends with another code than 0.
    pub async fn run(&self, git_dir: &Path, remote: Option<&Remote>, args: &[OsString]) -> Result<String, GitError> {
        let action = args
            .first()
            .map(|word| word.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut child = self
            .command(git_dir, remote, args)
            .spawn()
            .map_err(|source| GitError::NotRun {
                program: self.program.clone(),
                source,
            })?;
        let group = Group::of(&child);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = timeout(self.time_limit, async {
            tokio::join!(last_bytes(stdout), last_bytes(stderr), child.wait())
        });
        let Ok((printed, words, status)) = ended.await else {
            drop(group);
            let _ = child.wait().await;
            return Err(GitError::TimedOut {
                action,
                limit: self.time_limit,
            });
        };
        group.has_ended();
        let status = status.map_err(|source| GitError::NotRun {
            program: self.program.clone(),
            source,
        })?;
        if status.success() {
            return Ok(String::from_utf8_lossy(&printed).into_owned());
        }
        let secrets = remote.map(Remote::secrets).unwrap_or_default();
        let words = match Patterns::new(&secrets) {
            Ok(patterns) => patterns.mask(&words),
            Err(_) => Vec::new(),
        };
        let cause = cause(&String::from_utf8_lossy(&words)).unwrap_or_else(|| status.to_string());
        Err(GitError::Failed { action, cause })
    }

    fn command(&self, git_dir: &Path, remote: Option<&Remote>, args: &[OsString]) -> Command {
        #[expect(clippy::disallowed_methods, reason = "the one place where git is started")]
        let mut command = Command::new(&self.program);
        let mut option = OsString::from("--git-dir=");
        option.push(git_dir);
        command
            .arg(option)
            .args(args)
            .env_clear()
            .envs(&self.environment)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "")
            .env("GIT_LFS_SKIP_SMUDGE", "1")
            .env("GIT_ALLOW_PROTOCOL", remote.map_or("https:ssh", Remote::protocols))
            .env(
                "GIT_SSH_COMMAND",
                ssh_command(remote.and_then(|remote| remote.ssh.as_ref())),
            )
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let own = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings: Vec<(String, String)> = own.into_iter().chain(remote.and_then(Remote::header)).collect();
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (index, (name, value)) in settings.into_iter().enumerate() {
            command
                .env(format!("GIT_CONFIG_KEY_{index}"), name)
                .env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command
    }
}

/// Ends the whole group of a call that is given up, also when its future is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Reads to the end and keeps the last bytes.
async fn last_bytes(source: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut source) = source else { return kept };
    let mut buffer = vec![0; 8192];
    while let Ok(count) = source.read(&mut buffer).await {
        if count == 0 {
            break;
        }
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > 2 * WORDS {
            kept.drain(..kept.len() - WORDS);
        }
    }
    kept
}

/// The line that says why: the last that claims to be fatal or an error, else the last of all. Without its label, fit for a
/// sentence.
fn cause(words: &str) -> Option<String> {
    let lines: Vec<&str> = words
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    // Some last words only say that something before them went wrong.
    let telling = |line: &&&str| !VAGUE.iter().any(|vague| line.contains(vague));
    let labelled = |label: &'static str| {
        lines
            .iter()
            .rev()
            .filter(telling)
            .find_map(|line| line.strip_prefix(label))
    };
    let line = labelled("fatal: ")
        .or_else(|| labelled("error: "))
        .or_else(|| labelled("ERROR: "))
        .or_else(|| lines.iter().rev().find(telling).copied())
        .or_else(|| lines.last().copied())?;
    Some(one_line(line))
}

fn one_line(line: &str) -> String {
    // `shown` cuts at 60 characters; a cause may be longer.
    let chars: Vec<char> = line.chars().take(240).collect();
    chars
        .chunks(60)
        .map(|part| shown(&part.iter().collect::<String>()))
        .collect()
}

fn ssh_command(access: Option<&SshAccess>) -> String {
    let mut command = "ssh -o BatchMode=yes".to_owned();
    if let Some(access) = access {
        let option = |name: &str, path: &Path| format!(" -o {}", quoted(&format!("{name}=\"{}\"", path.display())));
        command.push_str(" -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes");
        command.push_str(&option("UserKnownHostsFile", &access.known_hosts));
        command.push_str(&option("IdentityFile", &access.key));
    }
    command
}

/// One word for the shell through which git starts its helpers.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str) -> Remote {
        Remote {
            url: url.to_owned(),
            token: Some("ghs_0123456789".into()),
            ssh: None,
        }
    }

    #[test]
    fn only_a_path_may_use_the_file_protocol() {
        for (url, is_path) in [
            ("/srv/x.git", true),
            ("file:///srv/x.git", true),
            ("https://github.com/o/r.git", false),
            ("git@github.com:o/r.git", false),
            ("ssh://git@host/x", false),
            ("ext::sh -c id", false),
        ] {
            assert_eq!(remote(url).path().is_some(), is_path, "{url}");
        }
    }

    #[test]
    fn the_token_goes_to_its_own_host_over_https_only() {
        let (name, value) = remote("https://ghe.example.com/o/r.git").header().unwrap();
        assert_eq!(name, "http.https://ghe.example.com/.extraHeader");
        assert_eq!(value, "Authorization: Basic eC1hY2Nlc3MtdG9rZW46Z2hzXzAxMjM0NTY3ODk=");
        assert!(remote("http://ghe.example.com/o/r.git").header().is_none());
        assert!(remote("git@github.com:o/r.git").header().is_none());
    }

    #[test]
    fn the_cause_is_the_line_that_says_why() {
        for (words, expected) in [
            (
                "warning: x\nfatal: remote error: upload-pack: not our ref 01\n",
                "remote error: upload-pack: not our ref 01",
            ),
            (
                "ssh: connect to host h port 22: Connection refused\r\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n",
                "ssh: connect to host h port 22: Connection refused",
            ),
            ("fatal: a\u{1b}[31mb\n", "a\\u{1b}[31mb"),
        ] {
            assert_eq!(cause(words).as_deref(), Some(expected));
        }
        assert_eq!(cause(""), None);
    }
}
