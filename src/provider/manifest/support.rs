//! What surrounds the commands of a manifest: programs, files, secrets, and what their output means.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::provider::manifest::form::Condition;
use crate::provider::manifest::form::with_conditions;

/// A program that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// As it is called.
    pub name: String,
    /// The program and arguments that print its version.
    #[serde(default)]
    pub version_command: Vec<String>,
    /// Finds the version in what was printed: the first group.
    #[serde(default)]
    pub version_pattern: Option<String>,
    /// Whether only some uses of the provider need it.
    #[serde(default)]
    pub optional: bool,
    /// How to install it: package managers (`apt`, `pip`, `gem`, `npm`) to package names, or `see` to a page.
    #[serde(default)]
    pub install: BTreeMap<String, String>,
}

impl Program {
    /// How to install it, as commands to type; `None` where the manifest does not say.
    #[must_use]
    pub fn install_in_words(&self) -> Option<String> {
        let way = |(manager, package): (&String, &String)| match manager.as_str() {
            "apt" | "pip" | "gem" => format!("`{manager} install {package}`"),
            "npm" => format!("`npm install --global {package}`"),
            "see" => format!("see {package}"),
            other => format!("{other}: {package}"),
        };
        let ways: Vec<String> = self.install.iter().map(way).collect();
        (!ways.is_empty()).then(|| ways.join(" or "))
    }
}

/// A file of the run's own: a copy of one beside `provider.yaml`, or values, in one of the forms that tools read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSource {
    /// The name of a file beside `provider.yaml`.
    #[serde(default)]
    pub copy: Option<String>,
    /// The `map` input whose entries become a file of Ansible variables, in JSON. Ansible takes each text literally.
    #[serde(default)]
    pub vars: Option<String>,
    /// The `map` input whose entries become a file of plain JSON, which is YAML too.
    #[serde(default)]
    pub json: Option<String>,
    /// Values for such a file beside the input's, over which they win. One whose value comes out empty is left out.
    #[serde(default)]
    pub also: BTreeMap<String, String>,
    /// The input or value without which the file is not written.
    #[serde(default)]
    pub when: Option<String>,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = "a text, or `{ when: …, value: … }` (or `is`, `unless`)"))]
pub enum VariableValue {
    /// A text, in which placeholders may stand.
    Text(String),
    /// A text that is set only where its conditions hold.
    Optional(OptionalValue),
}

with_conditions! {
    /// A value with conditions, all of which must hold.
    struct OptionalValue {
        /// The text.
        pub value: String,
    }
}

impl VariableValue {
    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Optional(optional) => &optional.value,
        }
    }

    /// What it depends on.
    #[must_use]
    pub fn condition(&self) -> Option<Condition<'_>> {
        match self {
            Self::Text(_) => None,
            Self::Optional(optional) => Some(optional.condition()),
        }
    }
}

/// A secret that the tool reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretUse {
    /// One sentence for whoever has to find it.
    pub description: String,
    /// What the variable holds. An app's `secret_files` overrules it.
    #[serde(default, rename = "as")]
    pub form: SecretForm,
    /// Whether a plan without it is refused.
    #[serde(default)]
    pub required: bool,
}

/// How a secret reaches a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretForm {
    /// The variable holds the secret.
    #[default]
    Variable,
    /// The variable holds the path of a file with the secret, which only the command's account can read.
    File,
}

/// What an output means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// A regular expression, looked for in the end of the output, without colours.
    pub pattern: String,
    /// What to tell, in a few words; `$1` stands for the first group.
    pub says: String,
    /// What to do about it; for the log.
    #[serde(default)]
    pub hint: Option<String>,
    /// Whether it is looked for after exit code 0 too, and makes a failure of it: for tools that do not tell by their code.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disproves: bool,
}
