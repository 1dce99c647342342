//! Whether a deployment was made for somebody else: jobs of GitHub Actions, Pages and hosting Apps use the same event.
//!
//! Such a deployment is left alone without a status, because a status of ours would break somebody else's product.

use crate::domain::deployment::Deployment;
use crate::domain::names::shown;
use crate::domain::reason::Reason;
use crate::policy::checks::{Finding, kept, listed};
use crate::policy::decision::{CheckName, CheckVerdict};
use crate::policy::rules::Rules;

pub(crate) fn check(deployment: &Deployment, rules: &Rules) -> Finding<()> {
    let wanted = match rules.known_apps.as_slice() {
        [] => "a person".to_owned(),
        known => format!("a person, or one of these Apps: {}", listed(known)),
    };
    let creator = shown(deployment.creator.as_deref().unwrap_or("nobody"));
    let ignored = |found, reason| {
        Finding::against(
            CheckName::Foreign,
            CheckVerdict::Ignored,
            found,
            wanted.clone(),
            vec![reason],
        )
    };
    if deployment.from_workflow {
        return ignored("a job of GitHub Actions".to_owned(), Reason::ForeignWorkflow);
    }
    let (creator_login, app) = (deployment.creator.as_deref(), deployment.app_slug.as_deref());
    match foreign_app(creator_login, app, &rules.known_apps) {
        Some(app) => ignored(format!("the App {}", shown(app)), Reason::ForeignApp { app: kept(app) }),
        None => Finding::passed(CheckName::Foreign, creator, wanted, ()),
    }
}

/// The App that made a deployment, unless we were told about it. An App acts as `slug[bot]`, or through a person's account.
pub(crate) fn foreign_app<'d>(
    creator: Option<&'d str>,
    app_slug: Option<&'d str>,
    known_apps: &[String],
) -> Option<&'d str> {
    let itself = creator.and_then(|login| login.strip_suffix("[bot]"));
    let known = |slug: &str| known_apps.iter().any(|app| app.eq_ignore_ascii_case(slug));
    [app_slug, itself].into_iter().flatten().find(|slug| !known(slug))
}
