//! What Chima needs of GitHub, in one table: the App is made with it, tokens ask for no more than it, `chima doctor` compares
//! an installation with it, and the reference page shows it.
//! <https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps>

use std::collections::BTreeMap;

/// How far a permission goes. Writing includes reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// To look.
    Read,
    /// To change.
    Write,
}

impl Level {
    /// GitHub's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// What GitHub's word means; `admin` is more than anything asked for here.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "read" => Some(Self::Read),
            "write" | "admin" => Some(Self::Write),
            _ => None,
        }
    }
}

/// One permission of the App.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// GitHub's name in its API.
    pub name: &'static str,
    /// GitHub's name on its pages.
    pub title: &'static str,
    /// What the App is made with.
    pub of_app: Level,
    /// What a token for calls about a repository asks for; nothing where no call uses it yet.
    pub of_token: Option<Level>,
    /// What it is for.
    pub purpose: &'static str,
    /// What does not work without it.
    pub without: &'static str,
    /// Whether deployments themselves depend on it.
    pub vital: bool,
}

/// Raised to writing where an app lets GitHub merge before it deploys.
pub const CONTENTS: &str = "contents";

/// Of the organization, not of a repository: only calls about teams use it.
pub const MEMBERS: &str = "members";

/// Every permission. An App's owner must agree to each later change, so those of comment commands are asked for from the start.
pub const PERMISSIONS: [Permission; 9] = [
    Permission {
        name: "deployments",
        title: "Deployments",
        of_app: Level::Write,
        of_token: Some(Level::Write),
        purpose: "create deployments, report their statuses, answer protection rules",
        without: "no deployment is heard of, and no status is reported",
        vital: true,
    },
    Permission {
        name: CONTENTS,
        title: "Contents",
        of_app: Level::Read,
        of_token: Some(Level::Read),
        purpose: "fetch private repositories, find branches, compare commits (what is new, how far behind \
                  what runs is); read and write with `auto_merge: true`",
        without: "private repositories cannot be checked out, nothing is deployed by itself, and the \
                  overview does not know how far behind what runs is",
        vital: true,
    },
    Permission {
        name: "metadata",
        title: "Metadata",
        of_app: Level::Read,
        of_token: Some(Level::Read),
        purpose: "know the repository, its name and its default branch",
        without: "GitHub grants nothing else without it",
        vital: true,
    },
    Permission {
        name: "statuses",
        title: "Commit statuses",
        of_app: Level::Read,
        of_token: Some(Level::Read),
        purpose: "read commit statuses: for `required_contexts`, for auto-deployments that wait for green, \
                  and to show how a commit stands",
        without: "deployments with required contexts are held until their time is up, auto-deployments that \
                  wait for green do not come, and the overview knows neither how the newest commit stands \
                  nor how far behind what runs is",
        vital: false,
    },
    Permission {
        name: "checks",
        title: "Checks",
        of_app: Level::Read,
        of_token: Some(Level::Read),
        purpose: "read check runs: for `required_contexts`, for auto-deployments that wait for green, and \
                  to show how a commit stands",
        without: "deployments with required contexts are held until their time is up, auto-deployments that \
                  wait for green do not come, and the overview knows neither how the newest commit stands \
                  nor how far behind what runs is",
        vital: false,
    },
    Permission {
        name: "pull_requests",
        title: "Pull requests",
        of_app: Level::Write,
        of_token: Some(Level::Write),
        purpose: "find out which pull request a commit came with, answer comments on it",
        without: "a merge is not told from another push, and comments on pull requests are not answered",
        vital: false,
    },
    Permission {
        name: "issues",
        title: "Issues",
        of_app: Level::Write,
        of_token: None,
        purpose: "read and answer comments on pull requests, which GitHub keeps with those on issues",
        without: "comments on pull requests are not heard",
        vital: false,
    },
    Permission {
        name: "actions",
        title: "Actions",
        of_app: Level::Read,
        of_token: None,
        purpose: "hear of workflow runs, serve deployment protection rules",
        without: "an auto-deployment that waits for a workflow is only looked at every five minutes",
        vital: false,
    },
    Permission {
        name: MEMBERS,
        title: "Members",
        of_app: Level::Read,
        of_token: None,
        purpose: "find out who is in a team that `viewers`, `deployers` or `admins` name",
        without: "whatever hangs on who is in a team is held until its time is up, and its members do not \
                  get into the pages",
        vital: false,
    },
];

/// One event that GitHub sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// GitHub's name.
    pub name: &'static str,
    /// The permission that lets an App subscribe to it.
    pub permission: &'static str,
    /// What happens without it.
    pub without: &'static str,
    /// Whether deployments themselves depend on it.
    pub vital: bool,
}

/// Every event. Those about the App's own installations are sent without being asked for.
pub const EVENTS: [Event; 11] = [
    Event {
        name: "deployment",
        permission: "deployments",
        without: "no deployment is heard of",
        vital: true,
    },
    Event {
        name: "deployment_status",
        permission: "deployments",
        without: "what others report about a deployment is not heard",
        vital: false,
    },
    Event {
        name: "deployment_protection_rule",
        permission: "deployments",
        without: "protection rules of GitHub Actions are not answered",
        vital: false,
    },
    Event {
        name: "status",
        permission: "statuses",
        without: "a held deployment goes on up to a minute late, an auto-deployment comes up to five \
                  minutes late, and the overview shows up to a quarter of an hour late how the newest \
                  commit stands",
        vital: false,
    },
    Event {
        name: "check_run",
        permission: "checks",
        without: "a held deployment goes on up to a minute late, an auto-deployment comes up to five \
                  minutes late, and the overview shows up to a quarter of an hour late how the newest \
                  commit stands",
        vital: false,
    },
    Event {
        name: "check_suite",
        permission: "checks",
        without: "auto-deployments that wait for checks come up to five minutes late",
        vital: false,
    },
    Event {
        name: "push",
        permission: CONTENTS,
        without: "auto-deployments come up to five minutes late, and the overview shows up to a quarter of \
                  an hour late what is new and how far behind what runs is",
        vital: false,
    },
    Event {
        name: "pull_request",
        permission: "pull_requests",
        without: "auto-deployments of merges come up to five minutes late",
        vital: false,
    },
    Event {
        name: "workflow_run",
        permission: "actions",
        without: "auto-deployments that wait for a workflow come up to five minutes late",
        vital: false,
    },
    Event {
        name: "issue_comment",
        permission: "issues",
        without: "comments on pull requests are not heard",
        vital: false,
    },
    Event {
        name: "repository",
        permission: "metadata",
        without: "renamed and archived repositories are noticed late",
        vital: false,
    },
];

/// What an App is made with, by GitHub's name. `merges`: some app lets GitHub merge before it deploys.
#[must_use]
pub fn of_app(merges: bool) -> BTreeMap<&'static str, Level> {
    let raised = |one: &Permission| {
        if merges && one.name == CONTENTS {
            Level::Write
        } else {
            one.of_app
        }
    };
    PERMISSIONS.iter().map(|one| (one.name, raised(one))).collect()
}

/// What a token is for. Each purpose has the permissions that its calls use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Calls about a repository.
    Work,
    /// The same, and a merge on the way.
    Merge,
    /// To fetch with git, nothing else.
    Fetch,
    /// To find out which repository a name is, or whose a login is.
    Identify,
    /// To find out who is in a team, nothing else.
    People,
}

impl Purpose {
    /// What is asked for.
    #[must_use]
    pub fn permissions(self) -> BTreeMap<&'static str, Level> {
        match self {
            Self::Work | Self::Merge => {
                let asked = PERMISSIONS.iter().filter_map(|one| Some((one.name, one.of_token?)));
                let mut asked: BTreeMap<_, _> = asked.collect();
                if self == Self::Merge {
                    asked.insert(CONTENTS, Level::Write);
                }
                asked
            }
            Self::Fetch => [(CONTENTS, Level::Read), ("metadata", Level::Read)].into(),
            Self::Identify => [("metadata", Level::Read)].into(),
            Self::People => [(MEMBERS, Level::Read), ("metadata", Level::Read)].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_the_permission_that_it_takes() {
        let granted = of_app(false);
        for event in EVENTS {
            assert!(granted.contains_key(event.permission), "{}", event.name);
        }
    }

    #[test]
    fn no_token_asks_for_more_than_the_app_has() {
        for purpose in [
            Purpose::Work,
            Purpose::Merge,
            Purpose::Fetch,
            Purpose::Identify,
            Purpose::People,
        ] {
            let granted = of_app(purpose == Purpose::Merge);
            for (name, level) in purpose.permissions() {
                assert!(granted[name] >= level, "{purpose:?}: {name}");
            }
        }
        assert_eq!(of_app(false)[CONTENTS], Level::Read);
        assert!(!of_app(true).contains_key("administration"));
    }

    #[test]
    fn git_may_read_and_nothing_else() {
        let asked = Purpose::Fetch.permissions();
        assert!(asked.values().all(|level| *level == Level::Read), "{asked:?}");
        assert_eq!(asked.len(), 2);
    }
}
