//! Whether the environment is configured, and which app it belongs to.

use crate::domain::deployment::Deployment;
use crate::domain::names::{EnvironmentName, shown};
use crate::domain::reason::Reason;
use crate::policy::checks::{Finding, kept, listed};
use crate::policy::decision::CheckName;
use crate::policy::rules::{AppRules, EnvironmentRules};

/// Where a deployment goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'r> {
    pub(crate) app: &'r AppRules,
    pub(crate) environment: &'r EnvironmentRules,
}

/// Exact spelling first. Another case is accepted only where it can mean one thing.
pub(crate) fn check<'r>(deployment: &Deployment, apps: &[&'r AppRules]) -> Finding<Target<'r>> {
    let targets: Vec<Target<'r>> = apps
        .iter()
        .flat_map(|app| app.environments.iter().map(|environment| Target { app, environment }))
        .collect();
    let asked = deployment.environment.as_str();
    let found = shown(asked);
    let wanted = format!(
        "one of {}",
        listed(targets.iter().map(|target| target.environment.name.as_str()))
    );
    if let Some(target) = find(asked, &targets) {
        return Finding::passed(CheckName::Environment, found, wanted, target);
    }
    let reason = match asked.parse::<EnvironmentName>() {
        Ok(_) => Reason::EnvironmentUnknown {
            found: kept(asked),
            configured: targets
                .iter()
                .map(|target| target.environment.name.to_string())
                .collect(),
        },
        // Naming what there is helps more than describing what a name may be made of.
        Err(_) => Reason::EnvironmentMalformed {
            found: kept(asked),
            expected: wanted.clone(),
        },
    };
    Finding::rejected(CheckName::Environment, found, wanted, reason)
}

fn find<'r>(asked: &str, targets: &[Target<'r>]) -> Option<Target<'r>> {
    let exact = targets.iter().find(|target| target.environment.name.as_str() == asked);
    if exact.is_some() {
        return exact.copied();
    }
    let mut others = targets
        .iter()
        .filter(|target| target.environment.name.as_str().eq_ignore_ascii_case(asked));
    match (others.next(), others.next()) {
        (Some(only), None) => Some(*only),
        (Some(_), Some(_)) | (None, _) => None,
    }
}
