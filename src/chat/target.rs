//! `app[/ref] [to|in|on] environment[/host,host]`: what people type when they mean a deployment.
//!
//! The same words as hubot-deploy's. A ref may hold slashes itself; an environment may too, where one of that name is
//! configured: then the longest name wins.

use crate::domain::names::shown;

/// What was typed, cut into its parts and not yet looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The app's short name.
    pub app: String,
    /// Branch, tag or SHA; the repository's default branch where nothing is said.
    pub git_ref: Option<String>,
    /// The environment, and hosts behind a slash; nothing where nothing is said.
    pub environment: Option<String>,
}

/// Why it is no target: what was found. What is expected, whoever asked for one says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nothing was said.
    #[error("nothing is named")]
    Empty,
    /// A word too many.
    #[error("`{found}` follows the environment")]
    WordTooMany {
        /// The word.
        found: String,
    },
    /// `app/` or `/ref`.
    #[error("`{found}` lacks the app or the ref")]
    HalfAnApp {
        /// As typed.
        found: String,
    },
    /// The preposition is the last word.
    #[error("no environment follows `{preposition}`")]
    NoEnvironment {
        /// As typed.
        preposition: String,
    },
}

impl Target {
    /// Reads the words behind a command.
    ///
    /// # Errors
    /// When they are not of the form.
    pub fn parse(words: &[&str]) -> Result<Self, TargetError> {
        Self::of(words.iter().flat_map(|word| word.split_whitespace()).collect())
    }

    /// Reads words that may hold spaces themselves.
    ///
    /// # Errors
    /// When they are not of the form.
    pub fn of(mut words: Vec<&str>) -> Result<Self, TargetError> {
        if words.is_empty() {
            return Err(TargetError::Empty);
        }
        let subject = words.remove(0);
        let (app, git_ref) = match subject.split_once('/') {
            Some((app, git_ref)) if !app.is_empty() && !git_ref.is_empty() => (app, Some(git_ref)),
            Some(_) => {
                return Err(TargetError::HalfAnApp { found: shown(subject) });
            }
            None => (subject, None),
        };
        if let Some(preposition) = words.first().copied().filter(|word| is_preposition(word)) {
            words.remove(0);
            if words.is_empty() {
                return Err(TargetError::NoEnvironment {
                    preposition: preposition.to_owned(),
                });
            }
        }
        if let Some(found) = words.get(1) {
            return Err(TargetError::WordTooMany { found: shown(found) });
        }
        Ok(Self {
            app: app.to_owned(),
            git_ref: git_ref.map(str::to_owned),
            environment: words.first().map(|word| (*word).to_owned()),
        })
    }

    /// The configured environment that is meant, and the hosts it is narrowed to. Case does not matter.
    #[must_use]
    pub fn choose<'n>(&self, environments: &[&'n str]) -> Option<(&'n str, Vec<String>)> {
        let typed = self.environment.as_deref()?;
        let mut found: Vec<(&str, &str)> = environments
            .iter()
            .filter_map(|name| {
                let head = typed.get(..name.len())?;
                let rest = &typed[name.len()..];
                let ends = rest.is_empty() || rest.starts_with('/');
                (head.eq_ignore_ascii_case(name) && ends).then_some((*name, rest))
            })
            .collect();
        found.sort_by_key(|(name, _)| name.len());
        let (name, rest) = found.pop()?;
        let hosts = rest.trim_start_matches('/').split(',').map(str::trim);
        Some((name, hosts.filter(|host| !host.is_empty()).map(str::to_owned).collect()))
    }
}

pub(super) fn is_preposition(word: &str) -> bool {
    ["to", "in", "on"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match Target::parse(&[text]) {
            Ok(Target {
                app,
                git_ref,
                environment,
            }) => format!(
                "{app} {} {}",
                git_ref.unwrap_or_else(|| "-".to_owned()),
                environment.unwrap_or_else(|| "-".to_owned())
            ),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_people_type() {
        for (typed, expected) in [
            ("site", "site - -"),
            ("site/main", "site main -"),
            ("site to production", "site - production"),
            ("site/feature/x/y in staging", "site feature/x/y staging"),
            ("site/main ON Prod/web1,web2", "site main Prod/web1,web2"),
            ("site production", "site - production"),
            ("site/0a1b2c3 to eu", "site 0a1b2c3 eu"),
            ("", "nothing is named"),
            ("/main to x", "`/main` lacks the app or the ref"),
            ("site/ to x", "`site/` lacks the app or the ref"),
            ("site to", "no environment follows `to`"),
            ("site to a b", "`b` follows the environment"),
        ] {
            assert_eq!(read(typed), expected, "{typed}");
        }
    }

    #[test]
    fn the_longest_environment_of_the_name_is_meant() {
        let choose = |typed: &str| {
            Target::parse(&["x", typed])
                .unwrap()
                .choose(&["eu", "eu/west", "production"])
                .map(|(name, hosts)| format!("{name} {}", hosts.join("+")))
        };
        assert_eq!(choose("EU"), Some("eu ".to_owned()));
        assert_eq!(choose("eu/west"), Some("eu/west ".to_owned()));
        assert_eq!(choose("eu/west/web1,web2"), Some("eu/west web1+web2".to_owned()));
        assert_eq!(choose("eu/web1"), Some("eu web1".to_owned()));
        assert_eq!(choose("europe"), None);
    }
}
