//! What somebody is to an app: one who looks, one who deploys, one who may all.

use serde::{Deserialize, Serialize};

use crate::domain::viewer::Scope;

/// What somebody is to an app. Each may what the one before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Deploys, cancels, locks.
    Deployer,
    /// Forces, and has deliveries worked on again.
    Admin,
}

impl Role {
    /// What whoever is this may ask for.
    #[must_use]
    pub fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Viewer => &[Scope::Read],
            Self::Deployer => &[Scope::Deploy, Scope::Lock],
            Self::Admin => &[Scope::Admin],
        }
    }

    /// Whether whoever is this may ask for what takes a scope.
    #[must_use]
    pub fn may(self, scope: Scope) -> bool {
        self.scopes().iter().any(|own| own.covers(scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_one_before_it_may() {
        for (role, may) in [
            (Role::Viewer, &[Scope::Read][..]),
            (Role::Deployer, &[Scope::Read, Scope::Deploy, Scope::Lock]),
            (Role::Admin, &Scope::ALL),
        ] {
            let found: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| role.may(*scope)).collect();
            assert_eq!(found, may, "{role:?}");
        }
    }
}
