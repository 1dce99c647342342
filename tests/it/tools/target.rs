//! A host to deploy to: an `sshd`, and a program on it that takes as long as a test wants.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::tools::sshd::Sshd;

/// Notes its process, and works until it is let go or stopped.
const LINGER: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit
echo $$ > "$1.new" && mv "$1.new" "$1.begun"
while [ ! -e "$1.go" ]; do sleep 0.05; done
: > "$1.done"
"#;

/// What tools deploy to. The host has as many names as an inventory gives it.
#[derive(Debug)]
pub struct Target {
    pub server: Sshd,
}

impl Target {
    pub fn start() -> Self {
        let target = Self { server: Sshd::start() };
        let program = target.path("linger");
        fs::write(&program, LINGER).expect("the folder is ours");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("the file is ours");
        target
    }

    /// A path in the `HOME` of those who log in.
    pub fn path(&self, name: &str) -> PathBuf {
        self.server.home().join(name)
    }

    /// What a file there holds; `None` while there is none.
    pub fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    /// The remote command that lasts until [`Target::let_go`]. One name for each use.
    pub fn linger(&self, name: &str) -> String {
        format!("{} {name}", self.path("linger").display())
    }

    /// Whether the lingering command has been seen at work.
    pub fn has_begun(&self, name: &str) -> bool {
        self.path(&format!("{name}.begun")).exists()
    }

    /// Whether it is at work now.
    pub fn is_lingering(&self, name: &str) -> bool {
        let pid = self.read(&format!("{name}.begun")).unwrap_or_default();
        let remote = self.server.remote_processes();
        remote.iter().any(|process| process.id.pid.to_string() == pid.trim())
    }

    /// Lets it come to its end.
    pub fn let_go(&self, name: &str) {
        fs::write(self.path(&format!("{name}.go")), "").expect("the folder is ours");
    }

    /// Whether it came to its own end.
    pub fn came_to_its_end(&self, name: &str) -> bool {
        self.path(&format!("{name}.done")).exists()
    }
}
