//! The names that can be meant: what is configured, as people type it.

use crate::chat::target::Target;
use crate::domain::names::shown;
use crate::domain::nearest::nearest;

/// Short names that hubot-deploy knew for environments that had not to be configured under them.
const SHORT: [(&str, &str); 4] = [
    ("prod", "production"),
    ("stg", "staging"),
    ("stage", "staging"),
    ("dev", "development"),
];

/// Every app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// In the order of the configuration.
    pub apps: Vec<KnownApp>,
}

/// One app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownApp {
    /// Its short name.
    pub name: String,
    /// Its environments.
    pub environments: Vec<String>,
    /// The one that is meant where nobody names one.
    pub default_environment: Option<String>,
}

/// Names, looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant<'v> {
    /// The app.
    pub app: &'v KnownApp,
    /// The environment.
    pub environment: &'v str,
    /// The hosts it is narrowed to; empty for all.
    pub hosts: Vec<String>,
}

/// Why a name means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// There is no such app.
    #[error("`{typed}`? never heard of it; {}", hint(nearest.as_deref(), "apps", known))]
    App {
        /// As typed.
        typed: String,
        /// What may have been meant.
        nearest: Option<String>,
        /// All apps.
        known: Vec<String>,
    },
    /// The app has no such environment.
    #[error("`{app}` has no environment `{typed}`; {}", hint(nearest.as_deref(), "it has", known))]
    Environment {
        /// Which app.
        app: String,
        /// As typed.
        typed: String,
        /// What may have been meant.
        nearest: Option<String>,
        /// All of its environments.
        known: Vec<String>,
    },
    /// None was named, and none is the default: production is never meant by silence.
    #[error("say where: `{app}` has {}", listed(known))]
    NoEnvironment {
        /// Which app.
        app: String,
        /// All of its environments.
        known: Vec<String>,
    },
}

impl Unknown {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::App { .. } => "app_unknown",
            Self::Environment { .. } => "environment_unknown",
            Self::NoEnvironment { .. } => "environment_not_named",
        }
    }
}

fn hint(nearest: Option<&str>, of: &str, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if known.is_empty() => "none is configured".to_owned(),
        None => format!("{of} {}", listed(known)),
    }
}

/// `` `a`, `b` ``, and how many more there are.
fn listed(names: &[String]) -> String {
    const LISTED: usize = 12;
    let quoted: Vec<String> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(LISTED) {
        0 => quoted.join(", "),
        more => format!("{} and {more} more", quoted.join(", ")),
    }
}

impl Vocabulary {
    /// The app of a name. Case does not matter.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn app(&self, typed: &str) -> Result<&KnownApp, Unknown> {
        self.apps
            .iter()
            .find(|app| app.name.eq_ignore_ascii_case(typed))
            .ok_or_else(|| Unknown::App {
                typed: shown(typed),
                nearest: nearest(typed, self.apps.iter().map(|app| app.name.as_str())).map(str::to_owned),
                known: self.apps.iter().map(|app| app.name.clone()).collect(),
            })
    }

    /// What a target means. `lock production on site` is taken as it is meant.
    ///
    /// # Errors
    ///
    /// When a name means nothing, or no environment is named and none is the default.
    pub fn look_up(&self, target: &Target) -> Result<Meant<'_>, Unknown> {
        match (self.app(&target.app), self.swapped(target)) {
            (Ok(app), _) => app.look_up(target),
            (Err(_), Some(swapped)) => self.app(&swapped.app)?.look_up(&swapped),
            (Err(unknown), None) => Err(unknown),
        }
    }

    fn swapped(&self, target: &Target) -> Option<Target> {
        let app = target.environment.as_deref().filter(|_| target.git_ref.is_none())?;
        let swapped = Target {
            app: app.to_owned(),
            git_ref: None,
            environment: Some(target.app.clone()),
        };
        self.app(app).ok()?.look_up(&swapped).ok().map(|_| swapped)
    }
}

impl KnownApp {
    /// The environment that is meant, and its hosts.
    ///
    /// # Errors
    ///
    /// When there is none of that name, or none is named and none is the default.
    pub fn look_up(&self, target: &Target) -> Result<Meant<'_>, Unknown> {
        let Some(typed) = target.environment.as_deref() else {
            return match (&self.default_environment, self.environments.as_slice()) {
                (Some(environment), _) | (None, [environment]) => Ok(self.meant(environment, Vec::new())),
                (None, known) => Err(Unknown::NoEnvironment {
                    app: self.name.clone(),
                    known: known.to_vec(),
                }),
            };
        };
        let names: Vec<&str> = self.environments.iter().map(String::as_str).collect();
        let spelled_out = Target {
            environment: Some(spelled_out(typed)),
            ..target.clone()
        };
        match target.choose(&names).or_else(|| spelled_out.choose(&names)) {
            Some((environment, hosts)) => Ok(self.meant(environment, hosts)),
            None => Err(Unknown::Environment {
                app: self.name.clone(),
                typed: shown(typed),
                nearest: nearest(typed, names).map(str::to_owned),
                known: self.environments.clone(),
            }),
        }
    }

    fn meant<'v>(&'v self, environment: &'v str, hosts: Vec<String>) -> Meant<'v> {
        Meant {
            app: self,
            environment,
            hosts,
        }
    }
}

/// `prod/web1` as `production/web1`.
fn spelled_out(typed: &str) -> String {
    let (name, hosts) = match typed.split_once('/') {
        Some((name, hosts)) => (name, Some(hosts)),
        None => (typed, None),
    };
    let long = SHORT.iter().find(|(short, _)| name.eq_ignore_ascii_case(short));
    let name = long.map_or(name, |(_, long)| long);
    hosts.map_or_else(|| name.to_owned(), |hosts| format!("{name}/{hosts}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let app = |name: &str, environments: &[&str], default: Option<&str>| KnownApp {
            name: name.to_owned(),
            environments: environments.iter().map(|&name| name.to_owned()).collect(),
            default_environment: default.map(str::to_owned),
        };
        Vocabulary {
            apps: vec![
                app("trelhub", &["staging", "production", "eu", "eu/west"], Some("staging")),
                app("site", &["production"], None),
                app("api", &["stg", "live"], None),
            ],
        }
    }

    fn meant(typed: &str) -> String {
        let target = Target::parse(&[typed]).unwrap();
        match vocabulary().look_up(&target) {
            Ok(meant) => [
                &[meant.app.name.as_str(), meant.environment],
                &*meant.hosts.iter().map(String::as_str).collect::<Vec<_>>(),
            ]
            .concat()
            .join(" "),
            Err(unknown) => unknown.to_string(),
        }
    }

    #[test]
    fn names_as_people_type_them() {
        for (typed, expected) in [
            ("trelhub to production", "trelhub production"),
            ("TrelHub to PRODUCTION", "trelhub production"),
            ("trelhub/edge to prod", "trelhub production"),
            ("trelhub to stg/web1,web2", "trelhub staging web1 web2"),
            ("trelhub", "trelhub staging"),
            ("site", "site production"),
            ("trelhub to eu/west/web1", "trelhub eu/west web1"),
            ("api to stg", "api stg"),
            ("production on trelhub", "trelhub production"),
            ("prod on site", "site production"),
            ("api", "say where: `api` has `stg`, `live`"),
            (
                "trelhbu to production",
                "`trelhbu`? never heard of it; did you mean `trelhub`?",
            ),
            ("x to y", "`x`? never heard of it; apps `trelhub`, `site`, `api`"),
            (
                "trelhub to porduction",
                "`trelhub` has no environment `porduction`; did you mean `production`?",
            ),
            ("api to moon", "`api` has no environment `moon`; it has `stg`, `live`"),
        ] {
            assert_eq!(meant(typed), expected, "{typed}");
        }
    }
}
