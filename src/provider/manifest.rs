//! `provider.yaml`: what can be run, as data.
//!
//! One struct holds for every tool; Rust knows only the closed sets (kinds, input types, result readers). A manifest is
//! checked when it is loaded, so that a plan can only fail because of the values it gets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub mod catalogue;
mod check;

/// The values that `with:` and every manifest may use beside the inputs.
pub const RUN_WORDS: [&str; 6] = ["environment", "sha", "ref", "task", "hosts", "app"];

/// One provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What `provider:` says in the configuration; the same as the folder's name.
    pub name: String,
    /// One sentence for people who choose one.
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
    /// Variables for every command of it; values may use placeholders.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// What must be installed.
    #[serde(default)]
    pub programs: Vec<Program>,
    /// How long one step may take where the environment does not say so.
    #[serde(default)]
    pub timeout_seconds: Option<u64>,
    /// How long a step may stay silent.
    #[serde(default)]
    pub inactivity_seconds: Option<u64>,
    /// What becomes of processes that outlive their command.
    #[serde(default)]
    pub leftover: Leftover,
    /// Whether the command works on other hosts over a connection: stopping it here may not stop it there.
    #[serde(default)]
    pub remote: bool,
    /// Reserved: a terminal for the command. Must be `false`.
    #[serde(default)]
    pub pty: bool,
    /// How the end of the command is read.
    #[serde(default)]
    pub results: Results,
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

/// What becomes of processes that outlive their command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leftover {
    /// They get a moment, then they are stopped and named in the log.
    #[default]
    Stop,
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
}

/// One way to call the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// The inputs that must be given for this form.
    #[serde(default)]
    pub when: Vec<String>,
    /// One command.
    #[serde(default)]
    pub command: Option<Vec<Argument>>,
    /// Several, one after the other, until the first that fails. A lone `{{placeholder}}` stands for a whole list of them.
    #[serde(default)]
    pub commands: Option<Vec<CommandLine>>,
    /// Whether it runs in a checkout of the commit.
    #[serde(default = "yes")]
    pub checkout: bool,
    /// The existing folder it runs in, where there is no checkout.
    #[serde(default)]
    pub folder: Option<String>,
}

/// One command of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CommandLine {
    /// An argv list.
    Argv(Vec<Argument>),
    /// A placeholder of an `argv_list` input.
    List(String),
}

/// One argument, or several that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Argument {
    /// One argument. A lone placeholder of a list stands for as many arguments.
    Text(String),
    /// Arguments that are left out where the value is absent or empty.
    Optional {
        /// The input or run value that decides.
        when: String,
        /// The arguments.
        args: Vec<String>,
    },
}

/// One entry of `with:`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its form.
    #[serde(rename = "type")]
    pub kind: InputKind,
    /// One sentence.
    pub description: String,
    /// Its value where `with:` has none; may use the run's values.
    #[serde(default)]
    pub default: Option<Value>,
    /// What its texts must match from end to end. For `string` and `list` there is a strict one when none is given.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Whether a plan without it is refused.
    #[serde(default)]
    pub required: bool,
    /// Whether a deployment's payload may fill it. Not for commands.
    #[serde(default)]
    pub open: bool,
    /// Other names for it in `with:`.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// The form of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// One text.
    String,
    /// One command: a list of texts.
    Argv,
    /// Several commands.
    ArgvList,
    /// Names to texts.
    Map,
    /// Several texts.
    List,
    /// Yes or no.
    Bool,
    /// A whole number.
    Integer,
}

impl InputKind {
    /// As a manifest writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Argv => "argv",
            Self::ArgvList => "argv_list",
            Self::Map => "map",
            Self::List => "list",
            Self::Bool => "bool",
            Self::Integer => "integer",
        }
    }
}

/// A program that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// As it is called.
    pub name: String,
    /// Prints its version.
    #[serde(default)]
    pub version_command: Vec<String>,
    /// Finds the version in what was printed: the first group.
    #[serde(default)]
    pub version_pattern: Option<String>,
}

/// What is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not YAML, or not a manifest's form.
    #[error("{path}: {detail}")]
    Malformed {
        /// Which one.
        path: String,
        /// Where and what, with an excerpt.
        detail: String,
    },
    /// The name is not the folder's.
    #[error("{path}: name `{found}` differs from its folder `{expected}`")]
    WrongName {
        /// Which one.
        path: String,
        /// In the file.
        found: String,
        /// The folder's.
        expected: String,
    },
    /// A rule of manifests is broken.
    #[error("provider `{provider}`, {place}: {detail}")]
    Inconsistent {
        /// The manifest's name.
        provider: String,
        /// Where in it.
        place: String,
        /// What is wrong and what is expected.
        detail: String,
    },
}

impl Manifest {
    /// Reads one manifest and checks it.
    ///
    /// # Errors
    /// When it is not YAML of this form, or breaks a rule.
    pub fn parse(path: &str, text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = serde_yaml::from_str(text).map_err(|error| ManifestError::Malformed {
            path: path.to_owned(),
            detail: error.to_string(),
        })?;
        check::check(&manifest)?;
        Ok(manifest)
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

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests;
