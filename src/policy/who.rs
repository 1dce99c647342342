//! Who asked, and whether the configuration lets them.
//!
//! A payload is untrusted: whoever may create deployments may write any name into it. Two things count: what Chima itself
//! wrote down before it asked GitHub ([`Warrant`]), where all of it fits this one deployment; and the creator, which GitHub signs.

use crate::domain::actor::{Actor, Named, Via};
use crate::domain::deployment::{Deployment, Order};
use crate::domain::reason::Reason;
use crate::domain::warrant::Warrant;
use crate::policy::checks::{deployer, kept, room};
use crate::policy::facts::{Found, Membership, Own, WhoFacts};
use crate::policy::rules::EnvironmentRules;

/// Whether somebody may, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum May {
    /// They may.
    Yes,
    /// They may not.
    No,
    /// It hangs on what GitHub does not say now.
    Unknown {
        /// What happened, for people.
        detail: String,
    },
}

/// Who asked for a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<'a> {
    /// Chima did, on behalf of somebody: this is proven.
    For(&'a Warrant),
    /// Whoever made it on GitHub.
    By(Actor),
    /// It cannot be told now.
    Unknown {
        /// What would prove it.
        warrant: &'a Warrant,
        /// What happened, for people.
        detail: String,
    },
}

impl Asked<'_> {
    /// The person, where one is known.
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        match self {
            Self::For(warrant) => Some(&warrant.actor),
            Self::By(actor) => Some(actor),
            Self::Unknown { .. } => None,
        }
    }
}

/// Who asked for this deployment.
#[must_use]
pub fn asked<'a>(deployment: &Deployment, order: &Order, who: &'a WhoFacts) -> Asked<'a> {
    let creator = deployment.creator.as_deref().unwrap_or_default();
    let by = || Asked::By(Actor::on_github(creator));
    let Some(warrant) = who.warrant.as_ref().filter(|warrant| fits(warrant, deployment, order)) else {
        return by();
    };
    match &who.own {
        Own::Login(own) if own.eq_ignore_ascii_case(creator) => Asked::For(warrant),
        Own::Login(_) => by(),
        // then only GitHub's own answer, which named the deployment, tells ours from a copy
        Own::Untold if warrant.deployment == Some(deployment.id) => Asked::For(warrant),
        Own::Untold => by(),
        Own::Unavailable { detail } => Asked::Unknown {
            warrant,
            detail: detail.clone(),
        },
        // never proven by omission: whoever gathered did not ask `needs`
        Own::NotNeeded => Asked::Unknown {
            warrant,
            detail: "nobody asked GitHub who we are".to_owned(),
        },
    }
}

/// What the commit was called that Chima was asked for; `None` where the deployment is of something else, or was made otherwise.
///
/// Who made it need not be known for that: a copy of our payload that names the same commit does deploy what was called so.
#[must_use]
pub fn branch<'a>(deployment: &Deployment, order: &Order, who: &'a WhoFacts) -> Option<&'a str> {
    let warrant = who
        .warrant
        .as_ref()
        .filter(|warrant| fits(warrant, deployment, order))?;
    let branch = warrant.branch.as_deref()?;
    (warrant.git_ref == deployment.git_ref && deployment.git_ref == deployment.sha).then_some(branch)
}

/// Whether a record is that of this deployment, and of no other.
fn fits(warrant: &Warrant, deployment: &Deployment, order: &Order) -> bool {
    deployment.nonce() == Some(warrant.nonce.as_str())
        && deployment.host.eq_ignore_ascii_case(&warrant.host)
        && deployment.repository_id == warrant.repository_id
        && order.place().key() == warrant.place.key()
        && deployment.task == warrant.task
        && warrant.deployment.is_none_or(|bound| bound == deployment.id)
}

/// Whether anything about who asked decides what becomes of a deployment: only then GitHub is asked about people.
#[must_use]
pub fn matters(environment: &EnvironmentRules, warrant: Option<&Warrant>) -> bool {
    !environment.deployers.is_empty() || warrant.is_some_and(|warrant| warrant.force)
}

/// Whether somebody may deploy there, lock it, cancel what runs. Admins may always.
#[must_use]
pub fn may_deploy(environment: &EnvironmentRules, actor: &Actor, memberships: &[Membership]) -> May {
    if environment.deployers.is_empty() || matches!(actor.via, Via::Itself | Via::Terminal) {
        return May::Yes;
    }
    among(
        environment.deployers.iter().chain(&environment.admins),
        actor,
        memberships,
    )
}

/// Whether somebody may make a deployment pass what others have to wait for.
///
/// At the terminal of Chima's own machine are the ledger, the key and the configuration: a check there would only look like one.
#[must_use]
pub fn may_force(environment: &EnvironmentRules, actor: &Actor, memberships: &[Membership]) -> May {
    match actor.via {
        Via::Terminal => May::Yes,
        Via::Itself => May::No,
        Via::Chat(_) | Via::GitHub | Via::Page | Via::Token => among(environment.admins.iter(), actor, memberships),
    }
}

/// What becomes of somebody's wish to change something on our own ledger: to lock, unlock, cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is done.
    Yes,
    /// It is not.
    No(Reason),
    /// It hangs on what GitHub does not say now.
    Unknown {
        /// What happened, for people.
        detail: String,
    },
}

/// Whether somebody may change something there.
#[must_use]
pub fn change(environment: &EnvironmentRules, actor: &Actor, memberships: &[Membership]) -> Change {
    match may_deploy(environment, actor, memberships) {
        May::Yes => Change::Yes,
        May::No => Change::No(deployer::deployer_refused(actor, environment)),
        May::Unknown { detail } => Change::Unknown { detail },
    }
}

/// Why nothing may be changed from a room of a chat, which is named here, other than a payload's, by whoever vouches for it.
#[must_use]
pub fn room_refused(allowed: Option<&[String]>, room: &str, id: Option<&str>) -> Option<Reason> {
    let allowed = allowed?;
    let named = [Some(room), id].into_iter().flatten();
    (!room::allows(allowed, named)).then(|| Reason::RoomNotAllowed {
        found: kept(room),
        allowed: allowed.to_vec(),
    })
}

/// Teams that GitHub must be asked about before both can be told, with whose membership.
#[must_use]
pub fn to_ask(environment: &EnvironmentRules, actor: &Actor, force: bool) -> Vec<(Named, String)> {
    let Some(login) = actor
        .login
        .as_deref()
        .filter(|_| !matches!(actor.via, Via::Itself | Via::Terminal))
    else {
        return Vec::new();
    };
    let deployer = may_deploy(environment, actor, &[]);
    let admin = if force {
        may_force(environment, actor, &[])
    } else {
        May::Yes
    };
    let mut teams: Vec<(Named, String)> = Vec::new();
    let mut add = |all: &[Named]| {
        for team in all.iter().filter(|named| matches!(named, Named::Team { .. })) {
            if !teams.iter().any(|(known, _)| known == team) {
                teams.push((team.clone(), login.to_owned()));
            }
        }
    };
    if deployer != May::Yes {
        add(&environment.deployers);
        add(&environment.admins);
    }
    if admin != May::Yes {
        add(&environment.admins);
    }
    teams
}

fn among<'a>(named: impl Iterator<Item = &'a Named>, actor: &Actor, memberships: &[Membership]) -> May {
    let mut unknown = None;
    for one in named {
        if actor.is(one) {
            return May::Yes;
        }
        if !matches!(one, Named::Team { .. }) {
            continue;
        }
        let Some(login) = &actor.login else {
            continue;
        };
        let asked = memberships
            .iter()
            .find(|known| known.team == *one && known.login.eq_ignore_ascii_case(login));
        match asked.map(|known| &known.found) {
            Some(Found::Yes) => return May::Yes,
            Some(Found::No) => {}
            Some(Found::Unavailable { detail }) => unknown = Some(detail.clone()),
            None => unknown = Some(format!("nobody asked GitHub who is in `{one}`")),
        }
    }
    match unknown {
        Some(detail) => May::Unknown { detail },
        None => May::No,
    }
}
