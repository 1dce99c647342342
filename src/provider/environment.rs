//! The variables of a command: an allow-list built from nothing.
//!
//! Nothing of the server's own environment gets through unless the configuration names it; `config` reads the values and
//! hands them in. Secrets are among these variables, so the type shows names only.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::domain::deployment::Order;
use crate::domain::ids::{DeploymentId, Fence, RunId};
use crate::domain::names::{HostName, RepositoryName};

/// Used where the server itself has no `PATH`.
pub const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What begins like this is said by Chima, and by no configuration.
const OWN: &str = "CHIMA_";

/// Names to values, whole: a command gets exactly these.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Sets one variable, in place of an earlier one of this name.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// The value of a variable.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Whose execution it is.
#[derive(Debug, Clone, Copy)]
pub struct RunIdentity<'a> {
    /// The repository as the order's deployment named it.
    pub repository: &'a RepositoryName,
    /// GitHub's number of the deployment.
    pub deployment: DeploymentId,
    /// Ours.
    pub run: RunId,
    /// So that a target can refuse a stale run.
    pub fence: Fence,
}

/// What the configuration lets through, values read by the caller.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The server's `PATH`; empty means [`DEFAULT_PATH`].
    pub path: &'a str,
    /// The account's name.
    pub user: &'a str,
    /// The locale; empty means `C.UTF-8`.
    pub lang: &'a str,
    /// An empty folder of the run's own. `inherited` may name the real `HOME` instead.
    pub home: &'a Path,
    /// Another one, for temporary files.
    pub temporary: &'a Path,
    /// `inherit_env`.
    pub inherited: &'a BTreeMap<String, String>,
    /// `env` of the app and environment.
    pub app: &'a BTreeMap<String, String>,
    /// `secrets` of the app and environment.
    pub secrets: &'a BTreeMap<String, SecretString>,
}

/// The variables every provider's command gets. A manifest's own come on top, below what `app` and `secrets` set; no
/// configuration sets a `CHIMA_` name.
#[must_use]
pub fn compose(
    order: &Order,
    identity: &RunIdentity<'_>,
    manifest: &Environment,
    sources: &Sources<'_>,
) -> Environment {
    let mut variables = Environment::default();
    // Names that Heaven's scripts read.
    variables.set("BRANCH", order.git_ref.as_str());
    variables.set("SHA", order.sha.as_str());
    variables.set("DEPLOY_ENV", order.environment.as_str());
    variables.set("DEPLOY_TASK", order.task.as_str());

    variables.set("PATH", or(sources.path, DEFAULT_PATH));
    variables.set("USER", sources.user);
    variables.set("LANG", or(sources.lang, "C.UTF-8"));
    variables.set("HOME", &sources.home.to_string_lossy());
    variables.set("TMPDIR", &sources.temporary.to_string_lossy());
    for (name, value) in sources.inherited {
        variables.set(name, value);
    }
    for (name, value) in manifest.iter().filter(|(name, _)| !name.starts_with(OWN)) {
        variables.set(name, value);
    }
    for (name, value) in sources.app {
        variables.set(name, value);
    }
    for (name, value) in sources.secrets {
        variables.set(name, value.expose_secret());
    }
    variables.0.retain(|name, _| !name.starts_with(OWN));
    // For helper files of Chima's own, and below what every command gets.
    for (name, value) in manifest.iter().filter(|(name, _)| name.starts_with(OWN)) {
        variables.set(name, value);
    }
    if order.noop {
        // Above all that was configured: a plan that deploys is the one thing it must never be.
        variables.set("DRY_RUN", "1");
        variables.set("CHIMA_NOOP", "1");
    }
    variables.set("CHIMA_APP", order.app.as_str());
    variables.set("CHIMA_REPOSITORY", identity.repository.as_str());
    variables.set("CHIMA_ENVIRONMENT", order.environment.as_str());
    variables.set("CHIMA_SHA", order.sha.as_str());
    variables.set("CHIMA_REF", order.git_ref.as_str());
    variables.set("CHIMA_TASK", order.task.as_str());
    variables.set("CHIMA_HOSTS", &host_list(&order.hosts));
    variables.set("CHIMA_DEPLOYMENT_ID", &identity.deployment.to_string());
    variables.set("CHIMA_RUN_ID", &identity.run.to_string());
    variables.set("CHIMA_FENCE", &identity.fence.to_string());
    variables
}

/// Hosts as one text; empty means all of the environment's.
#[must_use]
pub fn host_list(hosts: &[HostName]) -> String {
    hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(",")
}

fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compose_with(app: &[(&str, &str)], inherited: &[(&str, &str)], secrets: &[(&str, &str)]) -> Environment {
        let order = Order {
            app: "site".parse().unwrap(),
            environment: "eu west".parse().unwrap(),
            sha: "0123456789012345678901234567890123456789".parse().unwrap(),
            git_ref: "main".parse().unwrap(),
            task: "deploy".parse().unwrap(),
            hosts: vec!["a".parse().unwrap(), "b".parse().unwrap()],
            noop: false,
        };
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let (app, inherited): (BTreeMap<_, _>, BTreeMap<_, _>) = (map(app), map(inherited));
        let secrets = secrets
            .iter()
            .map(|(n, v)| ((*n).to_owned(), SecretString::from(*v)))
            .collect();
        let identity = RunIdentity {
            repository: &"o/site".parse().unwrap(),
            deployment: DeploymentId(7),
            run: "01JD0000000000000000000000".parse().unwrap(),
            fence: Fence(3),
        };
        let sources = Sources {
            path: "",
            user: "deploy",
            lang: "",
            home: Path::new("/run/home"),
            temporary: Path::new("/run/tmp"),
            inherited: &inherited,
            app: &app,
            secrets: &secrets,
        };
        compose(&order, &identity, &Environment::default(), &sources)
    }

    #[test]
    fn the_list_is_complete_and_closed() {
        let text: Vec<String> = compose_with(&[], &[], &[])
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        assert_eq!(
            text,
            [
                "BRANCH=main",
                "CHIMA_APP=site",
                "CHIMA_DEPLOYMENT_ID=7",
                "CHIMA_ENVIRONMENT=eu west",
                "CHIMA_FENCE=3",
                "CHIMA_HOSTS=a,b",
                "CHIMA_REF=main",
                "CHIMA_REPOSITORY=o/site",
                "CHIMA_RUN_ID=01JD0000000000000000000000",
                "CHIMA_SHA=0123456789012345678901234567890123456789",
                "CHIMA_TASK=deploy",
                "DEPLOY_ENV=eu west",
                "DEPLOY_TASK=deploy",
                "HOME=/run/home",
                "LANG=C.UTF-8",
                "PATH=/usr/local/bin:/usr/bin:/bin",
                "SHA=0123456789012345678901234567890123456789",
                "TMPDIR=/run/tmp",
                "USER=deploy",
            ]
        );
    }

    #[test]
    fn the_configuration_wins_except_over_our_own_names() {
        let variables = compose_with(
            &[("CHIMA_FENCE", "9"), ("CHIMA_X", "1"), ("BRANCH", "b")],
            &[("HOME", "/h")],
            &[],
        );
        assert_eq!(variables.find("CHIMA_FENCE"), Some("3"));
        assert_eq!(variables.find("CHIMA_X"), None);
        assert_eq!(variables.find("BRANCH"), Some("b"));
        assert_eq!(variables.find("HOME"), Some("/h"));
    }

    #[test]
    fn debug_output_holds_names_only() {
        let text = format!("{:?}", compose_with(&[], &[], &[("TOKEN", "hunter2hunter2")]));
        assert!(text.contains("TOKEN") && !text.contains("hunter2"), "{text}");
    }
}
