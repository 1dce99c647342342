//! What `with:` may hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a `string` or the entries of a `list` must match where the manifest says nothing: no option, no shell, no `..`-free
/// guarantee, which is why paths are a type of their own.
pub const DEFAULT_PATTERN: &str = "[A-Za-z0-9][A-Za-z0-9._/-]*";

/// What a `path` must match where the manifest says nothing: absolute or relative to the folder the command runs in; no part of
/// it is `..` or begins with `-`.
pub const PATH_PATTERN: &str =
    r"(?:/|\./)?(?:\.?[A-Za-z0-9_@+][A-Za-z0-9_.@+ -]*/)*\.?[A-Za-z0-9_@+][A-Za-z0-9_.@+ -]*/?";

/// What a `url` must match where the manifest says nothing. It may begin with `${…}`, of which `provider::request::late` says
/// more.
pub const URL_PATTERN: &str = r"(?:https?://|\$\{)[!-~]+";

/// What a text must be to match a pattern, as the end of a sentence.
#[must_use]
pub fn pattern_in_words(pattern: &str) -> String {
    match pattern {
        DEFAULT_PATTERN => "letters, digits and `. _ / -`, a letter or digit first".to_owned(),
        PATH_PATTERN => "a path of letters, digits, spaces and `. _ @ + -`, without `..`".to_owned(),
        URL_PATTERN => "an address that begins with `https://` or `http://`".to_owned(),
        pattern => format!("text that matches `{pattern}`"),
    }
}

/// What one key of `with:` may hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What kind of value it is.
    #[serde(rename = "type")]
    pub kind: InputKind,
    /// One sentence for whoever writes `with:`.
    pub description: String,
    /// Its value where `with:` has none; may use the run's values.
    #[serde(default)]
    pub default: Option<Value>,
    /// What its texts must match from end to end. For `string`, `path` and `list` there is a strict one when none is given.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The most bytes that a text of it may have; 255 where the manifest says nothing.
    #[serde(default)]
    pub longest: Option<usize>,
    /// Whether a plan without it is refused.
    #[serde(default)]
    pub required: bool,
    /// Of a `path`: whether it must be there before anything starts.
    #[serde(default)]
    pub must_exist: bool,
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
    /// The path of a file or folder; a relative one starts where the command runs.
    Path,
    /// The address of something on a server. Values that are put into it are percent-encoded.
    Url,
    /// One command: a list of texts.
    Argv,
    /// Several commands: a list of lists of texts.
    ArgvList,
    /// Names to values, for `each` and for `vars`.
    Map,
    /// Several texts. A lone placeholder of it becomes as many arguments; within an argument they are separated by commas.
    List,
    /// `true` or `false`. As a part of an argument it is that word; a condition takes `false` for not set.
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
            Self::Path => "path",
            Self::Url => "url",
            Self::Argv => "argv",
            Self::ArgvList => "argv_list",
            Self::Map => "map",
            Self::List => "list",
            Self::Bool => "bool",
            Self::Integer => "integer",
        }
    }

    /// What its texts must match where the manifest says nothing.
    #[must_use]
    pub fn pattern(self) -> &'static str {
        match self {
            Self::Path => PATH_PATTERN,
            Self::Url => URL_PATTERN,
            Self::String | Self::Argv | Self::ArgvList | Self::Map | Self::List | Self::Bool | Self::Integer => {
                DEFAULT_PATTERN
            }
        }
    }
}
