//! What somebody who is signed in is to an app: viewer, deployer, admin, or nothing at all.
//!
//! Whom the configuration names is that. Where it names nobody, whoever may push to the repository is: they could ask GitHub for a
//! deployment without us. What GitHub does not say makes nobody anything.

use crate::domain::actor::{Actor, Named};
use crate::domain::names::RepositoryName;
use crate::domain::role::Role;
use crate::policy::rules::EnvironmentRules;

/// Whom the configuration names for an app.
#[derive(Debug, Clone)]
pub struct AppPeople<'a> {
    /// Its repository.
    pub repository: &'a RepositoryName,
    /// Who may look; `None` for whoever may push to the repository.
    pub viewers: Option<&'a [Named]>,
    /// Who may more than that, by environment.
    pub environments: &'a [EnvironmentRules],
}

/// Something that only GitHub knows about somebody.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Question {
    /// Whether they are in a team.
    InTeam {
        /// The organization's login.
        organization: String,
        /// The team's name in addresses.
        team: String,
    },
    /// Whether they may push to a repository.
    Writes(RepositoryName),
    /// Whether their login is the one of the account with this number.
    Is(u64),
}

/// What GitHub says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It is so.
    Yes,
    /// It is not.
    No,
    /// Nothing, now.
    Nothing,
}

/// What somebody is to an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// As far as is known.
    pub role: Option<Role>,
    /// Whether they may be more, and GitHub does not say now.
    pub untold: bool,
}

/// What somebody is to an app. Only what matters is asked.
pub fn standing(people: &AppPeople<'_>, login: &str, mut ask: impl FnMut(&Question) -> Told) -> Standing {
    let actor = Actor::on_github(login);
    let mut untold = false;
    let mut is = |question: &Question| {
        let told = ask(question);
        untold |= told == Told::Nothing;
        told == Told::Yes
    };
    let among = |named: &[Named], is: &mut dyn FnMut(&Question) -> bool| {
        // whoever is named needs no question
        named.iter().any(|one| actor.is(one))
            || named.iter().any(|one| match one {
                Named::Team { organization, team } => is(&Question::InTeam {
                    organization: organization.clone(),
                    team: team.clone(),
                }),
                Named::Login(_) | Named::InChat { .. } => false,
            })
    };
    let writes = Question::Writes(people.repository.clone());
    let environments = people.environments;
    let role = if environments.iter().any(|one| among(&one.admins, &mut is)) {
        Some(Role::Admin)
    } else if environments.iter().any(|one| match one.deployers.as_slice() {
        [] => is(&writes),
        named => among(named, &mut is),
    }) {
        Some(Role::Deployer)
    } else if match people.viewers {
        None => is(&writes),
        Some(named) => among(named, &mut is),
    } {
        Some(Role::Viewer)
    } else {
        None
    };
    Standing { role, untold }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::rules::{LaneOrder, OnLock};

    fn named(names: &[&str]) -> Vec<Named> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn environment(deployers: &[&str], admins: &[&str]) -> EnvironmentRules {
        EnvironmentRules {
            name: "live".parse().unwrap(),
            tasks: Vec::new(),
            required_contexts: None,
            allowed_rooms: None,
            deployers: named(deployers),
            admins: named(admins),
            hosts: None,
            lane: LaneOrder::Fifo,
            on_lock: OnLock::Reject,
        }
    }

    /// Told are: `octo/web` and `octo/ops` have mona, `octo/gone` nobody tells of; mona may push where `writes` says so.
    fn is(viewers: Option<&[&str]>, environments: &[(&[&str], &[&str])], writes: Told) -> (Option<Role>, bool, usize) {
        let repository: RepositoryName = "octo/site".parse().unwrap();
        let viewers = viewers.map(named);
        let environments: Vec<_> = environments
            .iter()
            .map(|(some, others)| environment(some, others))
            .collect();
        let people = AppPeople {
            repository: &repository,
            viewers: viewers.as_deref(),
            environments: &environments,
        };
        let mut asked = 0;
        let found = standing(&people, "Mona", |question| {
            asked += 1;
            match question {
                Question::Writes(_) => writes,
                Question::Is(_) => Told::Yes,
                Question::InTeam { team, .. } => match team.as_str() {
                    "web" => Told::Yes,
                    "gone" => Told::Nothing,
                    _ => Told::No,
                },
            }
        });
        (found.role, found.untold, asked)
    }

    #[test]
    fn whom_the_configuration_names_is_that() {
        type Names<'a> = &'a [&'a str];
        type Row<'a> = (Option<Names<'a>>, (Names<'a>, Names<'a>), Option<Role>);
        let rows: [Row<'_>; 10] = [
            (None, (&["mona"], &[]), Some(Role::Deployer)),
            (None, (&["lisa"], &["mona"]), Some(Role::Admin)),
            (None, (&["octo/web"], &[]), Some(Role::Deployer)),
            (None, (&["octo/ops"], &["octo/web"]), Some(Role::Admin)),
            (None, (&["lisa"], &[]), None),
            (Some(&["mona"]), (&["lisa"], &[]), Some(Role::Viewer)),
            (Some(&["octo/web"]), (&["lisa"], &[]), Some(Role::Viewer)),
            (Some(&["lisa"]), (&["lisa"], &[]), None),
            (Some(&["lisa"]), (&["mona"], &[]), Some(Role::Deployer)),
            (Some(&["slack:mona"]), (&["chat:mona"], &[]), None),
        ];
        for (viewers, environment, expected) in rows {
            let (found, untold, _) = is(viewers, &[environment], Told::No);
            assert_eq!((found, untold), (expected, false), "{viewers:?} {environment:?}");
        }
    }

    #[test]
    fn where_nobody_is_named_whoever_may_push_is() {
        assert_eq!(is(None, &[(&[], &[])], Told::Yes).0, Some(Role::Deployer));
        assert_eq!(is(None, &[(&[], &[])], Told::No).0, None);
        assert_eq!(is(None, &[(&["lisa"], &[])], Told::Yes).0, Some(Role::Viewer));
        assert_eq!(is(Some(&["mona"]), &[(&[], &[])], Told::No).0, Some(Role::Viewer));
        assert_eq!(is(Some(&["lisa"]), &[(&[], &[])], Told::No).0, None);
        // one environment is enough
        assert_eq!(
            is(None, &[(&["lisa"], &[]), (&["mona"], &[])], Told::No).0,
            Some(Role::Deployer)
        );
    }

    #[test]
    fn what_github_does_not_say_makes_nobody_anything() {
        assert_eq!(is(None, &[(&[], &[])], Told::Nothing), (None, true, 2));
        assert_eq!(is(None, &[(&["octo/gone"], &[])], Told::No), (None, true, 2));
        let (role, untold, _) = is(Some(&["mona"]), &[(&["octo/gone"], &[])], Told::No);
        assert_eq!((role, untold), (Some(Role::Viewer), true));
    }

    #[test]
    fn whoever_is_named_by_login_is_not_asked_about() {
        let (role, untold, asked) = is(None, &[(&[], &["octo/gone", "mona"])], Told::Nothing);
        assert_eq!((role, untold, asked), (Some(Role::Admin), false, 0));
    }
}
