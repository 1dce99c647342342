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

use rustix::process::{Pid, Resource, Rlimit, Signal};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

pub mod askpass;
pub mod remote;
mod words;

use crate::provider::git::askpass::Desk;
pub use crate::provider::git::remote::{Remote, SshAccess};
use crate::provider::mask::Patterns;
use crate::provider::probe;

/// Kept of what git says, from the end.
const WORDS: usize = 16 << 10;

/// Settings that hold for every call.
const SETTINGS: [(&str, &str); 18] = [
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
    // Files are written by several processes where there are many; it took a fifth off the time on two processors and ext4.
    ("checkout.workers", "4"),
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
    /// This program, which git asks for the token.
    pub askpass: PathBuf,
    /// Variables it gets beside our own: `PATH`, and for ssh and proxies `HOME`, `SSH_AUTH_SOCK`, `HTTPS_PROXY`.
    pub environment: BTreeMap<String, String>,
    /// For one call.
    pub time_limit: Duration,
    /// Bytes of memory for each process of a call. A small repository can name more files than any machine can hold.
    pub memory_limit: u64,
}

/// One command on one repository.
#[derive(Debug, Clone, Default)]
pub struct Call<'a> {
    /// The repository.
    pub git_dir: PathBuf,
    /// Its files, where the command is about them.
    pub work_tree: Option<&'a Path>,
    /// Whom it may speak to.
    pub remote: Option<&'a Remote>,
    /// The command and its arguments.
    pub args: Vec<OsString>,
    /// Further settings.
    pub settings: Vec<(String, String)>,
    /// What it reads.
    pub input: Vec<u8>,
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
    /// Whether the same call may work later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NotRun { .. } => false,
            Self::TimedOut { .. } => true,
            Self::Failed { cause, .. } => words::may_pass(cause),
        }
    }
}

impl Git {
    /// Runs one command on this repository and returns the last of what it printed.
    ///
    /// # Errors
    /// When it cannot be run, takes too long, or ends with another code than 0.
    pub async fn run(&self, git_dir: &Path, remote: Option<&Remote>, args: &[OsString]) -> Result<String, GitError> {
        let call = Call {
            git_dir: git_dir.to_owned(),
            remote,
            args: args.to_vec(),
            ..Call::default()
        };
        self.call(&call).await
    }

    /// As [`Git::run`], with everything that a command may need.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub async fn call(&self, call: &Call<'_>) -> Result<String, GitError> {
        let printed = self.execute(call, last_bytes).await?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// Runs one command that prints records with a NUL after each, and hands them over one by one, however many.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub async fn records(&self, call: &Call<'_>, mut each: impl FnMut(&[u8])) -> Result<(), GitError> {
        let read = async |source: Option<ChildStdout>| {
            let Some(source) = source else { return };
            let mut source = BufReader::new(source);
            let mut record = Vec::new();
            while source.read_until(0, &mut record).await.is_ok_and(|count| count > 0) {
                each(record.strip_suffix(&[0]).unwrap_or(&record));
                record.clear();
            }
        };
        self.execute(call, read).await
    }

    async fn execute<T>(
        &self,
        call: &Call<'_>,
        read: impl AsyncFnOnce(Option<ChildStdout>) -> T,
    ) -> Result<T, GitError> {
        let action = call
            .args
            .first()
            .map(|word| word.to_string_lossy().into_owned())
            .unwrap_or_default();
        let not_run = |source| GitError::NotRun {
            program: self.program.clone(),
            source,
        };
        let remote = call.remote.filter(|remote| remote.has_token());
        let desk = remote.map(|_| Desk::open()).transpose().map_err(not_run)?;
        let mut child = self.command(call, desk.as_ref()).spawn().map_err(not_run)?;
        if let Some(pid) = pid(&child) {
            bound(pid, self.memory_limit);
        }
        let group = Group::of(&child);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                // A command that stops reading says why itself.
                let _ = stdin.write_all(&call.input).await;
            }
        };
        let work = async { tokio::join!(read(stdout), last_bytes(stderr), child.wait(), write) };
        let ended = timeout(self.time_limit, async {
            match remote.zip(desk.as_ref()) {
                Some((remote, desk)) => tokio::select! {
                    ended = work => ended,
                    never = desk.serve(remote) => match never {},
                },
                None => work.await,
            }
        });
        let Ok((printed, words, status, ())) = ended.await else {
            drop(group);
            let _ = child.wait().await;
            return Err(GitError::TimedOut {
                action,
                limit: self.time_limit,
            });
        };
        group.has_ended();
        let status = status.map_err(not_run)?;
        if status.success() {
            return Ok(printed);
        }
        let secrets = call.remote.map(Remote::secrets).unwrap_or_default();
        let words = match Patterns::new(&secrets) {
            Ok(patterns) => patterns.mask(&words),
            Err(_) => Vec::new(),
        };
        let cause = words::cause(&String::from_utf8_lossy(&words)).unwrap_or_else(|| status.to_string());
        Err(GitError::Failed { action, cause })
    }

    fn command(&self, call: &Call<'_>, desk: Option<&Desk>) -> Command {
        // Found here, because whoever is to look for it in the `PATH` of the call must first copy our memory into a child.
        let path = self.environment.get("PATH").map_or("", String::as_str);
        let name = self.program.to_str().filter(|name| !name.contains('/'));
        let found = name.and_then(|name| probe::find(name, path));
        #[expect(clippy::disallowed_methods, reason = "the one place where git is started")]
        let mut command = Command::new(found.as_ref().unwrap_or(&self.program));
        command.arg(joined("--git-dir=", &call.git_dir));
        if let Some(work_tree) = call.work_tree {
            command.arg(joined("--work-tree=", work_tree));
        }
        let protocols = call.remote.map_or("https:ssh", Remote::protocols);
        let ssh = remote::ssh_command(call.remote.and_then(|remote| remote.ssh.as_ref()));
        command
            .args(&call.args)
            .env_clear()
            .envs(&self.environment)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "")
            .env("GIT_LFS_SKIP_SMUDGE", "1")
            // An object is what its id says, and one that is not here is not fetched behind our back.
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", protocols)
            .env("GIT_SSH_COMMAND", ssh)
            .current_dir(call.work_tree.unwrap_or(Path::new("/")))
            .process_group(0)
            .stdin(if call.input.is_empty() {
                Stdio::null()
            } else {
                Stdio::piped()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut settings: Vec<(String, String)> = SETTINGS
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .chain(call.settings.iter().cloned())
            .collect();
        if let Some(desk) = desk {
            command
                .env("GIT_ASKPASS", &self.askpass)
                .env(askpass::VARIABLE, &desk.name);
            // to another host it would not give the token; this says so in words that can be understood
            settings.push(("http.followRedirects".to_owned(), "false".to_owned()));
        }
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (index, (name, value)) in settings.into_iter().enumerate() {
            command
                .env(format!("GIT_CONFIG_KEY_{index}"), name)
                .env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command
    }
}

fn pid(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
}

/// Bounds the memory of a process and of what it starts. What it starts from now on inherits the limit; what was quicker is
/// bounded by itself.
fn bound(pid: Pid, bytes: u64) {
    let limit = Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    // Refused where the machine allows less already, or where it has ended.
    let _ = rustix::process::prlimit(Some(pid), Resource::Data, limit);
    let number = pid.as_raw_nonzero();
    let children = std::fs::read_to_string(format!("/proc/{number}/task/{number}/children")).unwrap_or_default();
    for child in children
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .filter_map(Pid::from_raw)
    {
        bound(child, bytes);
    }
}

/// Ends the whole group of a call that is given up, also when its future is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(pid(child))
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

fn joined(option: &str, path: &Path) -> OsString {
    let mut word = OsString::from(option);
    word.push(path);
    word
}
