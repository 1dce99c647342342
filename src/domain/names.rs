//! Names that come from outside, checked once where they enter.
//!
//! A value of one of these types is safe to show, to store and to hand to a command as one argument or one variable:
//! no control characters, never a leading `-`, bounded length.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a name was refused: what was found, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {what}; expected {expected}")]
pub struct InvalidName {
    /// The text as found, cut and with control characters escaped.
    pub found: String,
    what: &'static str,
    /// The form it should have had, in words.
    pub expected: &'static str,
}

impl InvalidName {
    /// `found` is no `what`, where `expected` was.
    pub(crate) fn new(found: &str, what: &'static str, expected: &'static str) -> Self {
        Self {
            found: shown(found),
            what,
            expected,
        }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidName { found: shown(text), what: $what, expected: $expected })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

name!(
    /// A full commit id. Short ones are refused: a branch of the same name would win against them.
    Sha,
    "a commit SHA",
    "40 or 64 lower-case hexadecimal digits",
    |text| matches!(text.len(), 40 | 64)
        && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

impl Sha {
    /// The id of no commit, as git writes it: stands for one where there is none yet.
    #[must_use]
    pub fn null() -> Self {
        Self("0".repeat(40))
    }

    /// The first eight digits, for people; never for git.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

/// Whether a ref says no more than its commit: it is the commit's SHA, or a beginning of it that is long enough for git.
#[must_use]
pub fn is_its_sha(git_ref: &str, sha: &str) -> bool {
    git_ref.len() >= 7
        && sha
            .get(..git_ref.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(git_ref))
}

name!(
    /// `owner/name`. Compare with [`RepositoryName::matches`]: GitHub ignores case.
    RepositoryName,
    "a repository name",
    "`owner/name` of letters, digits, `.`, `_` and `-`",
    |text| match text.split_once('/') {
        Some((owner, name)) => [owner, name].iter().all(|part| {
            !part.is_empty()
                && part.len() <= 100
                && !part.starts_with(['.', '-'])
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        }),
        None => false,
    }
);

impl RepositoryName {
    /// Whether two spellings name the same repository.
    #[must_use]
    pub fn matches(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

name!(
    /// GitHub's environment of a deployment. May hold spaces and slashes.
    EnvironmentName,
    "an environment name",
    "1 to 100 letters, digits, spaces, `.`, `_`, `/` and `-`, starting with a letter or digit",
    |text| text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.ends_with(' ')
        && !text.contains("..")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '_' | '/' | '-'))
);

name!(
    /// GitHub's task of a deployment, for example `deploy:migrate`. Tools such as rake read `-e…` or `NAME=value` in this
    /// place as options and settings, so neither can be spelled.
    TaskName,
    "a task name",
    "1 to 100 letters, digits, `_`, `:` and `-`, starting with a letter",
    |text| text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'))
);

name!(
    /// Branch, tag or SHA as the requester typed it: for people and for variables, never for git.
    RefName,
    "a ref name",
    "1 to 255 letters, digits and `. _ / + # @ = , -`, starting with a letter, digit or `_`",
    |text| text.len() <= 255
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && !text.contains("..")
        && !text.contains("@{")
        && text.chars().all(|c| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '+' | '#' | '@' | '=' | ',' | '-')
        })
);

impl From<Sha> for RefName {
    /// A commit may be asked for by its own id.
    fn from(sha: Sha) -> Self {
        Self(sha.0)
    }
}

name!(
    /// The short name people use in chat, the key under `apps:`.
    AppName,
    "an app name",
    "1 to 100 letters, digits, `.`, `_` and `-`, starting with a letter or digit",
    |text| text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
);

name!(
    /// One host of an environment, as chat may name it to narrow a deployment.
    HostName,
    "a host name",
    "1 to 253 letters, digits, `.`, `_` and `-`, starting with a letter or digit",
    |text| text.len() <= 253
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
);

/// Text from outside, fit to stand in a sentence: cut to 60 characters, everything unprintable escaped.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == 60 {
            out.push('…');
            break;
        }
        let invisible =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c == '`' {
            out.push('\'');
        } else if c.is_control() || invisible {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ref_that_is_its_sha_says_no_more() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        for (git_ref, says_no_more) in [
            (sha, true),
            ("0123456", true),
            ("0123456789ABCDEF", true),
            // too short to be sure, another, longer than a SHA, and a branch
            ("012345", false),
            ("0123457", false),
            ("0123456789abcdef0123456789abcdef012345678", false),
            ("main", false),
            ("", false),
        ] {
            assert_eq!(is_its_sha(git_ref, sha), says_no_more, "{git_ref}");
        }
        assert!(!is_its_sha("0123456", "01234\u{e9}"));
    }

    #[test]
    fn a_sha_is_full_and_lower_case() {
        assert!("0123456789abcdef0123456789abcdef01234567".parse::<Sha>().is_ok());
        for bad in [
            "",
            "0123456",
            "0123456789ABCDEF0123456789abcdef01234567",
            "main",
            "-123456789abcdef0123456789abcdef012345678",
        ] {
            assert!(bad.parse::<Sha>().is_err(), "{bad}");
        }
    }

    #[test]
    fn no_name_can_be_an_option_or_shell_code() {
        let hostile = [
            "-x",
            "--upload-pack=touch${IFS}pwn",
            "-eputs 1",
            "$(id)",
            "`id`",
            "a|id",
            "a&b",
            "a\"b",
            "a'b",
            "a\nb",
            "a\0b",
            "x;echo${IFS}INJECTED",
            "{{ lookup(\"pipe\",\"id\") }}",
            "{% x %}",
            "%{environment}",
            "../../x",
            "a\u{202e}b",
            "",
            "zzz\";echo${IFS}\"hello\";#",
            "<script>",
            "a\u{200b}b",
            "@/etc/hostname",
            "HEAD@{1}",
        ];
        for text in hostile {
            assert!(text.parse::<RefName>().is_err(), "ref {text}");
            assert!(text.parse::<TaskName>().is_err(), "task {text}");
            assert!(text.parse::<EnvironmentName>().is_err(), "environment {text}");
            assert!(text.parse::<HostName>().is_err(), "host {text}");
            assert!(text.parse::<AppName>().is_err(), "app {text}");
            assert!(text.parse::<RepositoryName>().is_err(), "repository {text}");
        }
        assert!("BRANCH=zzz".parse::<TaskName>().is_err());
        assert!("a".repeat(256).parse::<RefName>().is_err());
    }

    #[test]
    fn ordinary_names_pass() {
        for text in [
            "main",
            "feature/x",
            "v1.2.3",
            "dependabot/npm_and_yarn/@babel/core-7.1",
            "release+1",
            "fix/#42",
        ] {
            assert!(text.parse::<RefName>().is_ok(), "{text}");
        }
        assert!("deploy:migrate".parse::<TaskName>().is_ok());
        assert!("my env/eu west".parse::<EnvironmentName>().is_ok());
        assert!(
            "oursky/trelhub"
                .parse::<RepositoryName>()
                .unwrap()
                .matches("Oursky/TrelHub")
        );
    }

    #[test]
    fn a_refusal_shows_what_was_found_without_its_teeth() {
        let error = "a\u{1b}[31m`x`\u{202e}".parse::<TaskName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a\\u{1b}[31m'x'\\u{202e}` is not a task name; expected 1 to 100 letters, digits, `_`, `:` and `-`, starting with a letter"
        );
    }
}
