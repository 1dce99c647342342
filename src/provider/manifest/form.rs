//! The command lines of a manifest, and when they hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::provider::manifest::request::{Poll, Request};

/// What an argument may be, as the end of a sentence.
const ARGUMENT: &str = "a text, `{ when: …, args: […] }` (or `is`, `unless`, `file`), or `{ each: …, arg: … }`";

/// The same of a command line among several.
const COMMAND_LINE: &str =
    "a list of arguments, the placeholder of an `argv_list` input, or `{ when: …, command: […] }`";

/// One way to call the tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// The inputs that must be given for this form; none fits always.
    #[serde(default)]
    pub when: Vec<String>,
    /// One command.
    #[serde(default)]
    pub command: Option<Vec<Argument>>,
    /// Several, one after the other, until the first that fails. A lone `{{placeholder}}` stands for a whole list of them.
    #[serde(default)]
    pub commands: Option<Vec<CommandLine>>,
    /// Of kind `manual`: what the person is to do.
    #[serde(default)]
    pub instructions: Option<String>,
    /// Of kind `http`: what is asked of a server.
    #[serde(default)]
    pub request: Option<Request>,
    /// Of kind `http`: how what the request began is watched; without it the answer is the end.
    #[serde(default)]
    pub poll: Option<Poll>,
    /// Of kind `http`: what is sent when the run is stopped after the request was answered.
    #[serde(default)]
    pub cancel: Option<Request>,
    /// Whether it runs in a checkout of the commit.
    #[serde(default = "yes")]
    pub checkout: bool,
    /// The existing folder it runs in, where there is no checkout.
    #[serde(default)]
    pub folder: Option<String>,
    /// Versions without which this form would mean something else. They are asked for before it runs.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// As the manifest's `remote`, for this form.
    #[serde(default)]
    pub remote: Option<bool>,
}

/// A version that a form needs, because another generation of the tool reads the same arguments differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// Which of the manifest's `programs`; it must have a `version_command` and a `version_pattern`.
    pub program: String,
    /// This version or a later one.
    #[serde(default)]
    pub at_least: Option<String>,
    /// An earlier one than this.
    #[serde(default)]
    pub below: Option<String>,
    /// What to do where the version is another.
    #[serde(default)]
    pub hint: Option<String>,
}

/// Declares a part that is left out where its conditions do not hold: its own keys, and those of the conditions.
macro_rules! with_conditions {
    ($(#[$meta:meta])* struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The input or value that must be set.
            #[serde(default)]
            pub when: Option<String>,
            /// The text that `when` must have.
            #[serde(default)]
            pub is: Option<String>,
            /// The input or value that must not be set.
            #[serde(default)]
            pub unless: Option<String>,
            /// A file of the folder it runs in, which must be there.
            #[serde(default)]
            pub file: Option<String>,
            $($own)*
        }

        impl $name {
            /// What it depends on.
            #[must_use]
            pub fn condition(&self) -> Condition<'_> {
                Condition {
                    when: self.when.as_deref(),
                    is: self.is.as_deref(),
                    unless: self.unless.as_deref(),
                    file: self.file.as_deref(),
                }
            }
        }
    };
}
pub(super) use with_conditions;

/// One command of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = COMMAND_LINE))]
pub enum CommandLine {
    /// An argv list.
    Argv(Vec<Argument>),
    /// A placeholder of an `argv_list` input.
    List(String),
    /// A command that is left out where its conditions do not hold.
    Optional(OptionalCommand),
}

with_conditions! {
    /// A command with conditions, all of which must hold.
    struct OptionalCommand {
        /// The command.
        pub command: Vec<Argument>,
    }
}

/// One argument, or several that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = ARGUMENT))]
pub enum Argument {
    /// One argument. A lone placeholder of a list stands for as many arguments.
    Text(String),
    /// Arguments that are left out where their conditions do not hold.
    Optional(OptionalArguments),
    /// One argument for each entry of a map.
    Each(EachEntry),
}

with_conditions! {
    /// Arguments with conditions, all of which must hold.
    struct OptionalArguments {
        /// The arguments.
        pub args: Vec<String>,
    }
}

/// One argument for each entry of a map, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EachEntry {
    /// The input, of type `map`.
    pub each: String,
    /// The argument, in which `{{key}}` and `{{value}}` stand for the entry.
    pub arg: String,
    /// What the entries are appended to, so that all of them are one argument with it.
    #[serde(default)]
    pub onto: Option<String>,
    /// Characters that no value may hold, because the tool gives them a meaning.
    #[serde(default)]
    pub without: Option<String>,
}

/// What an optional part depends on.
#[derive(Debug, Clone, Copy)]
pub struct Condition<'a> {
    /// See [`OptionalArguments::when`].
    pub when: Option<&'a str>,
    /// See [`OptionalArguments::is`].
    pub is: Option<&'a str>,
    /// See [`OptionalArguments::unless`].
    pub unless: Option<&'a str>,
    /// See [`OptionalArguments::file`].
    pub file: Option<&'a str>,
}

impl<'a> Condition<'a> {
    /// The inputs and values it looks at.
    pub fn names(self) -> impl Iterator<Item = &'a str> {
        [self.when, self.unless].into_iter().flatten()
    }
}

impl Form {
    /// Its command lines, each with what it depends on. A placeholder of a whole list has none of its own.
    pub fn argvs(&self) -> impl Iterator<Item = (&[Argument], Option<Condition<'_>>)> {
        let one = self.command.iter().map(|argv| (argv.as_slice(), None));
        let several = self.commands.iter().flatten().filter_map(|line| match line {
            CommandLine::Argv(argv) => Some((argv.as_slice(), None)),
            CommandLine::List(_) => None,
            CommandLine::Optional(optional) => Some((optional.command.as_slice(), Some(optional.condition()))),
        });
        one.chain(several)
    }

    /// What it asks of servers, as JSON: every text of it is somewhere in there.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Value> {
        let requests = [&self.request, &self.cancel];
        let requests = requests.into_iter().flatten().map(serde_json::to_value);
        let poll = self.poll.iter().map(serde_json::to_value);
        requests.chain(poll).flatten().collect()
    }
}

fn yes() -> bool {
    true
}
