//! A real git repository on disk, for the commits that the simulated GitHub speaks of.
//!
//! It runs the `git` of this machine with a configuration of its own, so that nobody's settings change what is made.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A repository with a work tree.
#[derive(Debug, Clone)]
pub struct GitRepository {
    path: PathBuf,
}

impl GitRepository {
    /// Makes an empty repository with the branch `main`.
    ///
    /// # Errors
    ///
    /// When there is no `git`, or the folder cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let repository = Self { path: path.to_owned() };
        repository.git(&["init", "--quiet", "--initial-branch=main", "."])?;
        // as GitHub does; a plain repository hands out the heads of branches only
        repository.git(&["config", "uploadpack.allowAnySHA1InWant", "true"])?;
        Ok(repository)
    }

    /// Where it is: what `remote` of an app names.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, executable where its first line names an interpreter.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.path.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text)?;
        let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))
    }

    /// Commits everything there is and answers the full SHA.
    ///
    /// # Errors
    ///
    /// When git refuses.
    pub fn commit(&self, message: &str) -> io::Result<String> {
        self.git(&["add", "--all", "."])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message])?;
        self.git(&["rev-parse", "HEAD"])
    }

    /// Makes a branch at the present commit and goes there, or goes to one there is.
    ///
    /// # Errors
    ///
    /// When git refuses.
    pub fn switch(&self, branch: &str) -> io::Result<()> {
        let exists = self
            .git(&["rev-parse", "--quiet", "--verify", &format!("refs/heads/{branch}")])
            .is_ok();
        let arguments: &[&str] = if exists {
            &["switch", "--quiet", branch]
        } else {
            &["switch", "--quiet", "--create", branch]
        };
        self.git(arguments).map(drop)
    }

    /// Runs git here and answers what it printed.
    ///
    /// # Errors
    ///
    /// When it cannot be run, or refuses: its own words.
    pub fn git(&self, arguments: &[&str]) -> io::Result<String> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the simulator makes its repositories with the real git"
        )]
        let output: Output = Command::new("git")
            .args(arguments)
            .current_dir(&self.path)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "Mona")
            .env("GIT_AUTHOR_EMAIL", "mona@example.com")
            .env("GIT_COMMITTER_NAME", "Mona")
            .env("GIT_COMMITTER_EMAIL", "mona@example.com")
            .output()
            .map_err(|error| io::Error::new(error.kind(), format!("cannot run `git`: {error}; install git")))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!(
                "git {}: {}",
                arguments.first().unwrap_or(&""),
                words.trim()
            )));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
