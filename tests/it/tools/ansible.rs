//! Ansible twice, Debian's and a newer one, and projects to run them on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::docs::root;
use crate::tools::folder::copy_folder;
use crate::tools::target::Target;
use crate::tools::tool::Tool;

/// Both programs, the older first. What holds for Ansible holds for each.
pub fn playbook_programs() -> [PathBuf; 2] {
    let both = [
        PathBuf::from("/usr/bin/ansible-playbook"),
        root().join("target/tools/ansible/bin/ansible-playbook"),
    ];
    for program in &both {
        assert!(program.exists(), "`{}` is missing; run script/test", program.display());
    }
    both
}

/// Files for a playbook, laid out as Chima does it: what is temporary lies beside the checkout.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

/// How a playbook ended.
#[derive(Debug)]
pub struct Played {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// What our callback wrote, line by line.
    pub events: Vec<Value>,
}

impl Project {
    /// Paths in the checkout, and their texts.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let project = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        for folder in ["checkout", "home", "tmp"] {
            fs::create_dir(project.folder.path().join(folder)).expect("the folder is ours");
        }
        for (path, text) in files {
            fs::write(project.path(path), text).expect("the folder is ours");
        }
        project
    }

    /// A copy of this folder as the checkout.
    pub fn copy(from: &Path) -> Self {
        let project = Self::new(&[]);
        copy_folder(from, &project.path(""));
        project
    }

    /// A path in the checkout.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("checkout").join(name)
    }

    /// Runs a playbook as Chima does: with our callback, and nothing of the tester's environment.
    pub fn play(&self, program: &Path, arguments: &[&str]) -> Played {
        let results = self.folder.path().join("results");
        let _ = fs::remove_file(&results);
        self.play_into(program, arguments, Some(&results))
    }

    /// The same, with the results in this file, or without our callback.
    pub fn play_into(&self, program: &Path, arguments: &[&str], results: Option<&Path>) -> Played {
        #[expect(clippy::disallowed_methods, reason = "the test runs the tool itself")]
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.path(""))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.folder.path().join("home"))
            .env("LANG", "C.UTF-8")
            .env("ANSIBLE_SSH_CONTROL_PATH", "../tmp/%%C")
            // One host after the other, so that the order is the same each time.
            .env("ANSIBLE_FORKS", "1")
            .env("ANSIBLE_PYTHON_INTERPRETER", "/usr/bin/python3")
            .stdin(Stdio::null());
        if let Some(results) = results {
            command
                .env("ANSIBLE_CALLBACK_PLUGINS", root().join("providers/ansible"))
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .env("CHIMA_RESULTS", results);
        }
        let output = command.output().expect("it can be run");
        let events = results.and_then(|results| fs::read_to_string(results).ok());
        Played {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            events: events
                .unwrap_or_default()
                .lines()
                .map(|line| serde_json::from_str(line).expect("a line of JSON"))
                .collect(),
        }
    }
}

impl Played {
    /// The events of this kind.
    pub fn of(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["event"] == kind).collect()
    }

    /// The events as they were written.
    pub fn account(&self) -> String {
        self.events.iter().map(|event| format!("{event}\n")).collect()
    }
}

/// The target under two names.
pub fn inventory(target: &Target) -> String {
    format!(
        "[web]\nweb1\nweb2\n[web:vars]\nansible_host=127.0.0.1\nansible_port={}\nansible_python_interpreter=/usr/bin/python3\n",
        target.server.port()
    )
}

/// A playbook of these tasks, each in YAML's flow form, for the hosts of [`inventory`].
pub fn playbook(tasks: &[&str]) -> String {
    let tasks: String = tasks.iter().map(|task| format!("    - {task}\n")).collect();
    format!("- hosts: web\n  gather_facts: false\n  tasks:\n{tasks}")
}

/// Both of [`playbook_programs`], as runs of Chima find them.
pub fn both() -> [Tool; 2] {
    [debian(), pypi()]
}

pub fn debian() -> Tool {
    Tool::debian("ansible", "ansible-playbook")
}

pub fn pypi() -> Tool {
    Tool::pypi("ansible", "ansible-playbook")
}
