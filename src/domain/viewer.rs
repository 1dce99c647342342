//! Who is looking, and what they may see and ask for: the one notion of that, for pages, the API and the command line.
//!
//! A viewer says what somebody may ask for at all. Whether it is done is for the same rules to say as in chat
//! (`deployers`, `admins`): they judge the person, not the way.

use serde::{Deserialize, Serialize};

use crate::domain::conversation::{Place, Speaker};
use crate::domain::names::AppName;
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

    /// Whether they may ask for what takes this scope.
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

    #[test]
    fn names_of_scopes_read_back() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_name(scope.as_str()), Some(scope));
        }
    }
}
