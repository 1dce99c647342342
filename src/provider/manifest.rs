//! `provider.yaml`: what can be run, as data.
//!
//! One struct holds for every tool; Rust knows only the closed sets (kinds, input types, result readers). A manifest is
//! checked when it is loaded, so that a plan can only fail because of the values it gets.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::document::{At, Document, Fault};
use crate::config::problem::{ConfigError, KeyPath};
use crate::provider::manifest::form::Form;
use crate::provider::manifest::input::Input;
use crate::provider::manifest::support::{Cause, FileSource, Program, SecretUse, VariableValue};

pub mod catalogue;
mod check;
pub mod form;
pub mod input;
pub mod reference;
pub mod request;
pub mod schema;
pub mod support;

/// The values that `with:` and every manifest may use beside the inputs.
pub const RUN_WORDS: [&str; 6] = ["environment", "sha", "ref", "task", "hosts", "app"];

/// The values that only manifests may use: of the run's own files, and whether it is a dry run.
pub const MANIFEST_WORDS: [&str; 9] = [
    "sha8",
    "all_hosts",
    "noop",
    "files",
    "results",
    "tmp",
    "ssh_config",
    "ssh_key",
    "known_hosts",
];

/// What can be run under one name: command lines, the inputs that fill them, and what is to be known about the tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What `provider:` says in the configuration; the same as the folder's name.
    pub name: String,
    /// One sentence for people who choose a provider.
    pub description: String,
    /// How a step of it is carried out.
    #[serde(default)]
    pub kind: Kind,
    /// What `with:` may hold.
    #[serde(default)]
    pub inputs: BTreeMap<String, Input>,
    /// The command lines to choose from: the first form whose `when` inputs are all given is the one that runs.
    #[serde(default)]
    pub forms: Vec<Form>,
    /// Variables for every command of it; values may use placeholders. One whose value comes out empty is not set.
    #[serde(default)]
    pub environment: BTreeMap<String, VariableValue>,
    /// Variables that no configuration may set beside it, because what it enforces hangs on them.
    #[serde(default)]
    pub reserved: Vec<String>,
    /// Secrets it knows what to do with, by the variable that the tool reads. The configuration says where they are found.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretUse>,
    /// Files of the run's own, by their names in `{{files}}`: written before the first command, removed after the last.
    #[serde(default)]
    pub files: BTreeMap<String, FileSource>,
    /// Programs that must be installed, and how.
    #[serde(default)]
    pub programs: Vec<Program>,
    /// How long a run may take, all its steps together, in seconds, where the environment's `timeout_seconds` does not say.
    /// Absent means 1800.
    #[serde(default)]
    pub timeout_seconds: Option<u64>,
    /// How long a step may print nothing before it is stopped, in seconds. Absent means as long as it likes.
    #[serde(default)]
    pub inactivity_seconds: Option<u64>,
    /// What becomes of processes that outlive their command.
    #[serde(default)]
    pub leftover: Leftover,
    /// Whether the command works on other hosts over a connection: stopping it here may not stop it there.
    #[serde(default)]
    pub remote: bool,
    /// Whether its commands get a terminal instead of a pipe. Most tools are better read without one.
    #[serde(default)]
    pub pty: bool,
    /// Whether it can show what it would do.
    #[serde(default)]
    pub dry_run: DryRun,
    /// How the end of the last command is read.
    #[serde(default)]
    pub results: Results,
    /// What its output says about why it failed. The first whose pattern is found is told, in the log and in the status.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// What lies beside `provider.yaml` and is named in `files`.
    #[serde(skip)]
    pub attachments: BTreeMap<String, String>,
}

/// How a step is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A process on this machine.
    #[default]
    Command,
    /// A person does it and says so.
    Manual,
    /// A request to a server.
    Http,
}

impl Kind {
    /// As a manifest writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Manual => "manual",
            Self::Http => "http",
        }
    }
}

/// What becomes of processes that outlive their command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leftover {
    /// They get a moment, then they are stopped and named in the log.
    #[default]
    Stop,
    /// They are stopped at once, and nothing is said: for tools that always leave something, and mean nothing by it.
    StopAtOnce,
    /// They live on, without the lane's lock.
    Allow,
}

/// How the end of a command is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Results {
    /// 0 is success.
    #[default]
    ExitCode,
    /// 0 is success where the hosts' own results, written as JSON lines to `{{results}}`, agree.
    Ansible,
}

/// How a deployment is planned instead of made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DryRun {
    /// Not at all: a plan of it is refused.
    #[default]
    None,
    /// The forms add the tool's own option where `{{noop}}` is set.
    Arguments,
    /// The command is told by `DRY_RUN=1` and has to obey. Nothing makes it, so the configuration must say that it does,
    /// with the input `dry_run: true`.
    Environment,
}

/// What is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file or folder cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not YAML, not a manifest's form, or against a rule: every problem with its line.
    #[error(transparent)]
    Refused(#[from] ConfigError),
}

impl Manifest {
    /// Reads one manifest and checks it. `beside` reads what lies in its folder.
    ///
    /// # Errors
    /// With everything in which it is not of this form or breaks a rule.
    pub fn parse(path: &str, text: &str, beside: &dyn Fn(&str) -> io::Result<String>) -> Result<Self, ManifestError> {
        let path = Path::new(path);
        let document = Document::parse(path, text)?;
        let mut manifest: Self = document.read(schema::schema())?;
        let mut faults = check::check(&manifest);
        faults.extend(manifest.wrong_name(path));
        for (name, source) in &manifest.files {
            let Some(copy) = &source.copy else { continue };
            match beside(copy) {
                Ok(text) => {
                    manifest.attachments.insert(copy.clone(), text);
                }
                Err(error) => faults.push(Fault {
                    path: KeyPath::of(&["files", name, "copy"]),
                    text: format!("file `{name}`: cannot read `{copy}` beside the manifest: {error}"),
                    hint: None,
                    at: At::Value,
                }),
            }
        }
        if faults.is_empty() {
            Ok(manifest)
        } else {
            Err(document.refuse(faults).into())
        }
    }

    /// People look for a provider by its folder, and the configuration names it by this.
    fn wrong_name(&self, path: &Path) -> Option<Fault> {
        let folder = path.parent()?.file_name()?.to_string_lossy();
        (self.name != folder).then(|| Fault {
            path: KeyPath::of(&["name"]),
            text: format!("name `{}` differs from its folder `{folder}`", self.name),
            hint: Some("give both the same name".to_owned()),
            at: At::Value,
        })
    }

    /// The input of this name or alias.
    #[must_use]
    pub fn find_input(&self, name: &str) -> Option<(&str, &Input)> {
        self.inputs
            .iter()
            .find(|(key, input)| *key == name || input.aliases.iter().any(|alias| alias == name))
            .map(|(key, input)| (key.as_str(), input))
    }
}

#[cfg(test)]
mod tests;
