//! What can be wrong with the values of a plan.

use crate::provider::manifest::input::pattern_in_words;
use crate::provider::template::MalformedTemplate;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// `with:` holds something the provider does not have.
    #[error("provider `{provider}` has no input `{found}`; inputs: {known}")]
    UnknownInput {
        /// The provider.
        provider: String,
        /// The key as found.
        found: String,
        /// What there is.
        known: String,
    },
    /// A required input is missing.
    #[error("provider `{provider}` needs the input `{input}` in `with`")]
    MissingInput {
        /// The provider.
        provider: String,
        /// The input.
        input: String,
    },
    /// Two spellings of one input.
    #[error("input `{input}` is given twice, by its name and by an alias")]
    GivenTwice {
        /// The input.
        input: String,
    },
    /// Not the input's type.
    #[error("input `{input}` is {found}; expected {expected}")]
    WrongType {
        /// The input.
        input: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Not the input's form.
    #[error("input `{input}` is `{found}`; expected {}", pattern_in_words(pattern))]
    PatternMismatch {
        /// The input.
        input: String,
        /// The text, shortened and with its teeth drawn.
        found: String,
        /// The pattern.
        pattern: String,
    },
    /// Longer than any input may be.
    #[error("input `{input}` has {found} bytes; expected at most {limit}")]
    TooLong {
        /// The input.
        input: String,
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A payload wants to fill an input that is not open to it.
    #[error("input `{input}` cannot be filled by a deployment's payload")]
    NotOpen {
        /// The input.
        input: String,
    },
    /// A placeholder that does not exist.
    #[error("`{{{{{placeholder}}}}}` in input `{input}` is unknown; known: {known}")]
    UnknownPlaceholder {
        /// The name between the braces.
        placeholder: String,
        /// Where it stands.
        input: String,
        /// What there is.
        known: String,
    },
    /// Braces that form no placeholder.
    #[error(transparent)]
    Malformed(#[from] MalformedTemplate),
    /// No form of the manifest fits what is given.
    #[error("provider `{provider}` cannot tell what to run; expected one of {expected} in `with`")]
    NoForm {
        /// The provider.
        provider: String,
        /// The combinations there are.
        expected: String,
    },
    /// Something is given that the chosen form does not use.
    #[error("input `{input}` {}", unused(with))]
    UnusedInput {
        /// The input.
        input: String,
        /// What decided the form; empty where there is only one.
        with: String,
    },
    /// A value would become an option.
    #[error("argument `{found}` begins with `-` because of a value; put fixed text before the placeholder")]
    LeadingDash {
        /// The argument.
        found: String,
    },
    /// A command without a program.
    #[error("a command of provider `{provider}` is empty; expected a program and its arguments")]
    EmptyCommand {
        /// The provider.
        provider: String,
    },
    /// No argument can hold a NUL byte.
    #[error("argument `{found}` holds a NUL byte")]
    HoldsNul {
        /// The argument.
        found: String,
    },
    /// An entry of a map that cannot be an argument.
    #[error("entry `{key}` of input `{input}` cannot be an argument; expected {expected}")]
    BadEntry {
        /// The input.
        input: String,
        /// The entry's name.
        key: String,
        /// What it should be.
        expected: String,
    },
    /// What the provider enforces would be gone.
    #[error("provider `{provider}` sets `{variable}` itself; remove it from `env`, `secrets` and `inherit_env`")]
    ReservedVariable {
        /// The provider.
        provider: String,
        /// The variable.
        variable: String,
    },
    /// A request that cannot be made as it is written.
    #[error("`{place}` cannot be sent: {detail}")]
    BadRequest {
        /// Which one.
        place: String,
        /// What is wrong, and what is expected.
        detail: String,
    },
    /// The provider cannot show what it would do.
    #[error("provider `{provider}` has no dry run; deploy without `:plan`")]
    NoDryRun {
        /// The provider.
        provider: String,
    },
    /// Nobody has promised that the command obeys.
    #[error("nothing says that the command obeys `DRY_RUN=1`; make it do so, then set `dry_run: true` in `with`")]
    DryRunNotPromised,
    /// A secret without which the tool cannot work.
    #[error("provider `{provider}` needs the secret `{secret}`; say in `secrets` where it is found")]
    MissingSecret {
        /// The provider.
        provider: String,
        /// The secret.
        secret: String,
    },
}

impl PlanError {
    /// The input it is about, by the name that the manifest gives it; the key as it was found where there is no such input.
    #[must_use]
    pub fn input(&self) -> Option<&str> {
        match self {
            Self::UnknownInput { found: input, .. }
            | Self::MissingInput { input, .. }
            | Self::GivenTwice { input }
            | Self::WrongType { input, .. }
            | Self::PatternMismatch { input, .. }
            | Self::TooLong { input, .. }
            | Self::NotOpen { input }
            | Self::UnknownPlaceholder { input, .. }
            | Self::UnusedInput { input, .. }
            | Self::BadEntry { input, .. } => Some(input),
            Self::Malformed(_)
            | Self::NoForm { .. }
            | Self::LeadingDash { .. }
            | Self::EmptyCommand { .. }
            | Self::HoldsNul { .. }
            | Self::ReservedVariable { .. }
            | Self::BadRequest { .. }
            | Self::NoDryRun { .. }
            | Self::DryRunNotPromised
            | Self::MissingSecret { .. } => None,
        }
    }
}

fn unused(with: &str) -> String {
    if with.is_empty() {
        "is not used; remove it".to_owned()
    } else {
        format!("is not used together with {with}; remove one of them")
    }
}
