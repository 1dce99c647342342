//! Whether whoever asks may deploy there, and, where they want that, whether they may make it pass what others have to wait for.

use crate::domain::actor::{Actor, Named};
use crate::domain::names::shown;
use crate::domain::reason::Reason;
use crate::domain::warrant::Warrant;
use crate::policy::checks::{Finding, kept, listed};
use crate::policy::decision::{CheckName, CheckVerdict};
use crate::policy::facts::Membership;
use crate::policy::rules::EnvironmentRules;
use crate::policy::who::{Asked, May, may_deploy, may_force};

/// `None` where the configuration names nobody: then anybody may.
pub(crate) fn deployer(
    asked: &Asked<'_>,
    environment: &EnvironmentRules,
    memberships: &[Membership],
) -> Option<Finding<()>> {
    if environment.deployers.is_empty() {
        return None;
    }
    let all: Vec<String> = names(environment.deployers.iter().chain(&environment.admins));
    let wanted = format!("one of {}", listed(&all));
    Some(judged(CheckName::Deployer, asked, wanted, |actor| {
        let reason = deployer_refused(actor, environment);
        (may_deploy(environment, actor, memberships), reason)
    }))
}

/// `None` where nobody asked for it. A wish for it that is not proven is none: whoever makes a deployment may write what they like.
pub(crate) fn force(
    asked: &Asked<'_>,
    environment: &EnvironmentRules,
    memberships: &[Membership],
) -> Option<Finding<()>> {
    match asked {
        Asked::For(warrant) | Asked::Unknown { warrant, .. } if warrant.force => {}
        Asked::For(_) | Asked::By(_) | Asked::Unknown { .. } => return None,
    }
    let admins = names(environment.admins.iter());
    let wanted = if admins.is_empty() {
        "nobody".to_owned()
    } else {
        format!("one of {}", listed(&admins))
    };
    Some(judged(CheckName::Force, asked, wanted, |actor| {
        let reason = force_refused(actor, environment);
        (may_force(environment, actor, memberships), reason)
    }))
}

pub(crate) fn deployer_refused(actor: &Actor, environment: &EnvironmentRules) -> Reason {
    Reason::DeployerNotAllowed {
        found: kept(actor.known_as()),
        entry: kept(&actor.entry()),
        allowed: names(environment.deployers.iter().chain(&environment.admins)),
    }
}

pub(crate) fn force_refused(actor: &Actor, environment: &EnvironmentRules) -> Reason {
    Reason::ForceNotAllowed {
        found: kept(actor.known_as()),
        entry: kept(&actor.entry()),
        admins: names(environment.admins.iter()),
    }
}

fn judged(
    name: CheckName,
    asked: &Asked<'_>,
    wanted: String,
    judge: impl FnOnce(&Actor) -> (May, Reason),
) -> Finding<()> {
    let (found, may) = match asked {
        Asked::For(Warrant { actor, .. }) => (format!("{} (proven)", shown(&actor.entry())), Ok(judge(actor))),
        Asked::By(actor) => (format!("{} (the creator)", shown(&actor.entry())), Ok(judge(actor))),
        Asked::Unknown { detail, .. } => ("unavailable".to_owned(), Err(detail.clone())),
    };
    match may {
        Ok((May::Yes, _)) => Finding::passed(name, found, wanted, ()),
        Ok((May::No, reason)) => Finding::rejected(name, found, wanted, reason),
        Ok((May::Unknown { detail }, _)) | Err(detail) => {
            let reasons = vec![Reason::FactsUnavailable { detail: kept(&detail) }];
            Finding::against(name, CheckVerdict::Held, found, wanted, reasons)
        }
    }
}

/// Each once.
fn names<'a>(all: impl Iterator<Item = &'a Named>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in all.map(Named::to_string) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            names.push(name);
        }
    }
    names
}
