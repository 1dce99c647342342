//! Who is looking, and what they may see and ask for: the one notion of that, for pages, the API and the command line.
//!
//! A viewer says what somebody may ask for at all. Whether it is done is for the same rules to say as in chat
//! (`deployers`, `admins`): they judge the person, not the way.

use serde::{Deserialize, Serialize};

use crate::domain::conversation::{Place, Speaker};
use crate::domain::names::AppName;
use crate::domain::role::Role;
use crate::domain::run::Run;

/// What may be asked for. The names are stored and shown: add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// To look.
    Read,
    /// To deploy, retry, roll back, cancel and say how a run went.
    Deploy,
    /// To lock and unlock.
    Lock,
    /// To force, and to have deliveries worked on again.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Deploy, Self::Lock, Self::Admin];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Lock => "lock",
            Self::Admin => "admin",
        }
    }

    /// Reads a name back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// Whether whoever has this one may do what takes `other`. Whoever may change something may look; an admin may all of it.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self == other || other == Self::Read || self == Self::Admin
    }
}

/// Somebody who looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// Who.
    pub who: Who,
    /// What they may ask for.
    pub scopes: Vec<Scope>,
    /// What they may see; `None` for everything.
    pub apps: Option<Vec<AppName>>,
}

/// How Chima knows who looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// They show a token.
    Token {
        /// Its id.
        id: String,
        /// The login on GitHub that it was made for.
        login: String,
    },
    /// They are signed in, and GitHub vouched for them.
    Session {
        /// Its id.
        id: String,
        /// Their login on GitHub.
        login: String,
        /// What they are to each app that they see.
        roles: Vec<(AppName, Role)>,
    },
    /// They may write the ledger, and came in without GitHub. They may everything, as at the terminal.
    Emergency {
        /// The session's id.
        id: String,
        /// Their account on Chima's own machine.
        account: String,
    },
    /// They need not say, because they sit at Chima's own machine and nobody else can get here. They may look, and no more.
    Local,
}

impl Viewer {
    /// Whoever sits at Chima's own machine.
    #[must_use]
    pub fn local() -> Self {
        Self {
            who: Who::Local,
            scopes: vec![Scope::Read],
            apps: None,
        }
    }

    /// Somebody who is signed in. They see the apps that they are something to; everything, where they may everything in every
    /// app there is.
    #[must_use]
    pub fn in_session(id: &str, login: &str, roles: Vec<(AppName, Role)>, apps: usize) -> Self {
        let mut scopes: Vec<Scope> = Vec::new();
        for (_, role) in &roles {
            scopes.extend(
                role.scopes()
                    .iter()
                    .filter(|scope| !scopes.contains(scope))
                    .copied()
                    .collect::<Vec<_>>(),
            );
        }
        let admins = roles.iter().filter(|(_, role)| *role == Role::Admin).count();
        let seen = (admins < apps || apps == 0).then(|| roles.iter().map(|(app, _)| app.clone()).collect());
        Self {
            who: Who::Session {
                id: id.to_owned(),
                login: login.to_owned(),
                roles,
            },
            scopes,
            apps: seen,
        }
    }

    /// Whoever may write the ledger.
    #[must_use]
    pub fn in_emergency(id: &str, account: &str) -> Self {
        Self {
            who: Who::Emergency {
                id: id.to_owned(),
                account: account.to_owned(),
            },
            scopes: vec![Scope::Admin],
            apps: None,
        }
    }

    /// Whether they may ask for what takes this scope, about this app. Of one that they do not see they may nothing.
    #[must_use]
    pub fn may_in(&self, scope: Scope, app: &str) -> bool {
        if !self.sees(app) {
            return false;
        }
        match &self.who {
            Who::Session { roles, .. } => roles
                .iter()
                .any(|(own, role)| own.as_str().eq_ignore_ascii_case(app) && role.may(scope)),
            Who::Token { .. } | Who::Emergency { .. } | Who::Local => self.may(scope),
        }
    }

    /// Whether they may ask for what takes this scope, somewhere.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|own| own.covers(scope))
    }

    /// Whether they see an app. Of one that they do not see they are told what they would be told if it were not there.
    #[must_use]
    pub fn sees(&self, app: &str) -> bool {
        self.apps
            .as_ref()
            .is_none_or(|apps| apps.iter().any(|own| own.as_str().eq_ignore_ascii_case(app)))
    }

    /// Whether nothing is kept from them.
    #[must_use]
    pub fn sees_everything(&self) -> bool {
        self.apps.is_none()
    }

    /// Whether they see a run. One that was refused for its form belongs to no app: only those see it who see everything.
    #[must_use]
    pub fn sees_run(&self, run: &Run) -> bool {
        match &run.order {
            Some(order) => self.sees(order.app.as_str()),
            None => self.sees_everything(),
        }
    }

    /// As whom they speak; nobody in particular where they need not say who they are.
    #[must_use]
    pub fn speaker(&self, ask: Option<String>) -> Option<Speaker> {
        match &self.who {
            Who::Token { id, login } => Some(Speaker {
                name: login.clone(),
                id: Some(id.clone()),
                place: Place::Api {
                    login: login.clone(),
                    ask,
                },
            }),
            Who::Session { id, login, roles } => Some(Speaker {
                name: login.clone(),
                id: Some(id.clone()),
                place: Place::Page {
                    login: login.clone(),
                    ask,
                    deploys: roles
                        .iter()
                        .filter(|(_, role)| role.may(Scope::Deploy))
                        .map(|(app, _)| app.clone())
                        .collect(),
                },
            }),
            // as somebody at the terminal, whom the rules do not judge; by which way they came is written beside the account
            Who::Emergency { account, .. } => Some(Speaker {
                name: account.clone(),
                id: Some(format!("{account} by break-glass")),
                place: Place::Terminal,
            }),
            Who::Local => None,
        }
    }

    /// What others call them; nothing where they need not say who they are.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.who {
            Who::Token { login, .. } | Who::Session { login, .. } => Some(login),
            Who::Emergency { account, .. } => Some(account),
            Who::Local => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(scopes: &[Scope], apps: Option<&[&str]>) -> Viewer {
        Viewer {
            who: Who::Local,
            scopes: scopes.to_vec(),
            apps: apps.map(|apps| apps.iter().map(|app| app.parse().unwrap()).collect()),
        }
    }

    #[test]
    fn whoever_may_change_something_may_look_and_an_admin_may_all() {
        for (own, may) in [
            (&[][..], &[][..]),
            (&[Scope::Read], &[Scope::Read]),
            (&[Scope::Deploy], &[Scope::Read, Scope::Deploy]),
            (&[Scope::Lock], &[Scope::Read, Scope::Lock]),
            (&[Scope::Admin], &Scope::ALL),
        ] {
            let viewer = with(own, None);
            let found: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| viewer.may(*scope)).collect();
            assert_eq!(found, may, "{own:?}");
        }
    }

    #[test]
    fn apps_that_are_not_named_are_not_seen() {
        let some = with(&[Scope::Read], Some(&["site"]));
        assert!(some.sees("Site") && !some.sees("shop") && !some.sees_everything());
        assert!(with(&[Scope::Read], None).sees("shop"));
        assert!(!with(&[Scope::Read], Some(&[])).sees("site"));
    }

    fn signed_in(roles: &[(&str, Role)], apps: usize) -> Viewer {
        let roles = roles.iter().map(|(app, role)| (app.parse().unwrap(), *role)).collect();
        Viewer::in_session("1", "mona", roles, apps)
    }

    #[test]
    fn whoever_is_signed_in_may_in_each_app_what_their_role_there_says() {
        let mona = signed_in(&[("site", Role::Deployer), ("shop", Role::Viewer)], 3);
        for (scope, app, expected) in [
            (Scope::Read, "site", true),
            (Scope::Deploy, "Site", true),
            (Scope::Lock, "site", true),
            (Scope::Admin, "site", false),
            (Scope::Read, "shop", true),
            (Scope::Deploy, "shop", false),
            (Scope::Read, "other", false),
        ] {
            assert_eq!(mona.may_in(scope, app), expected, "{scope:?} {app}");
        }
        assert!(mona.may(Scope::Deploy) && !mona.may(Scope::Admin) && !mona.sees_everything());
        let speaker = mona.speaker(None).unwrap();
        let site: AppName = "site".parse().unwrap();
        assert!(matches!(speaker.place, Place::Page { deploys, .. } if deploys == [site]));
    }

    #[test]
    fn only_who_may_all_everywhere_sees_what_belongs_to_no_app() {
        assert!(signed_in(&[("site", Role::Admin)], 1).sees_everything());
        assert!(!signed_in(&[("site", Role::Admin)], 2).sees_everything());
        assert!(!signed_in(&[("site", Role::Deployer)], 1).sees_everything());
        assert!(!signed_in(&[], 0).sees_everything() && !signed_in(&[], 0).may(Scope::Read));
        let root = Viewer::in_emergency("1", "root");
        assert!(root.sees_everything() && root.may_in(Scope::Admin, "site"));
    }

    #[test]
    fn names_of_scopes_read_back() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_name(scope.as_str()), Some(scope));
        }
    }
}
