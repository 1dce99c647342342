//! A glob of files in a repository, checked once where it enters.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

use crate::domain::names::shown;

/// Matches paths as git writes them: relative to the repository, with `/` between their parts. `*` and `?` stay within one
/// part, `**` crosses parts, `{a,b}` and `[a-z]` choose. Case counts.
#[derive(Debug, Clone)]
pub struct PathGlob {
    text: String,
    matcher: GlobMatcher,
}

/// Why a text is no glob of files in a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGlob {
    /// It starts outside.
    #[error("`{found}` leaves the repository; expected a glob relative to it")]
    Outside {
        /// The text, cut.
        found: String,
    },
    /// Git spells no path like this.
    #[error("`{found}` matches no file; expected a glob of files, spelled as git spells their paths")]
    Nothing {
        /// The text, cut.
        found: String,
    },
    /// Its own form is broken.
    #[error("`{found}` is no glob: {why}")]
    Broken {
        /// The text, cut.
        found: String,
        /// What is wrong.
        why: String,
    },
}

impl PathGlob {
    /// As it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a file's path matches.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.matcher.is_match(path)
    }
}

impl FromStr for PathGlob {
    type Err = InvalidGlob;

    fn from_str(text: &str) -> Result<Self, InvalidGlob> {
        let found = shown(text);
        if text.starts_with('/') || text.split('/').any(|part| part == "..") {
            return Err(InvalidGlob::Outside { found });
        }
        if text.split('/').any(|part| part.is_empty() || part == ".") {
            return Err(InvalidGlob::Nothing { found });
        }
        let glob = GlobBuilder::new(text).literal_separator(true).build();
        let glob = glob.map_err(|error| InvalidGlob::Broken {
            found,
            why: error.kind().to_string(),
        })?;
        Ok(Self {
            text: text.to_owned(),
            matcher: glob.compile_matcher(),
        })
    }
}

impl fmt::Display for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for PathGlob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PathGlob {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_cross_folders_only_in_pairs() {
        for (glob, path, expected) in [
            ("web/**", "web/index.html", true),
            ("web/**", "web/a/b/c.css", true),
            ("web/**", "website/index.html", false),
            ("web/**", "old/web/index.html", false),
            ("web/*", "web/index.html", true),
            ("web/*", "web/a/b.css", false),
            ("*", "README.md", true),
            ("*", "docs/README.md", false),
            ("**", "docs/README.md", true),
            ("**/*.rs", "lib.rs", true),
            ("**/*.rs", "src/a/lib.rs", true),
            ("**/*.rs", "src/lib.rs.orig", false),
            ("{web,api}/**", "api/x", true),
            ("{web,api}/**", "docs/x", false),
            ("v[0-9]/*", "v1/x", true),
            ("Makefile", "makefile", false),
            ("web/?", "web//", false),
            (".github/workflows/*", ".github/workflows/ci.yml", true),
            ("**", ".env", true),
            ("süd/*", "süd/ä", true),
        ] {
            let parsed: PathGlob = glob.parse().unwrap();
            assert_eq!(parsed.matches(path), expected, "{glob} {path}");
        }
    }

    #[test]
    fn what_could_never_match_is_refused() {
        let error = |text: &str| text.parse::<PathGlob>().unwrap_err().to_string();
        assert_eq!(
            error("../x"),
            "`../x` leaves the repository; expected a glob relative to it"
        );
        assert_eq!(
            error("/x"),
            "`/x` leaves the repository; expected a glob relative to it"
        );
        for text in ["web/", "./web/**", "a//b", ""] {
            assert!(error(text).contains("matches no file"), "{text}");
        }
        for text in ["web/[a", "web/{a", "a\\", "[z-a]"] {
            assert!(error(text).contains("is no glob: "), "{text}: {}", error(text));
        }
    }
}
