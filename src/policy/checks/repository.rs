//! Whether the repository is configured. One that is not is none of our business: no status.

use crate::domain::deployment::Deployment;
use crate::domain::names::shown;
use crate::domain::reason::Reason;
use crate::policy::checks::{Finding, kept, listed};
use crate::policy::decision::{CheckName, CheckVerdict};
use crate::policy::rules::{AppRules, Rules};

/// Reads the apps of the repository: several may share one, each with environments of its own.
pub(crate) fn check<'r>(deployment: &Deployment, rules: &'r Rules) -> Finding<Vec<&'r AppRules>> {
    let apps: Vec<&AppRules> = rules
        .apps
        .iter()
        .filter(|app| app.repository.matches(&deployment.repository))
        .collect();
    let found = shown(&deployment.repository);
    if apps.is_empty() {
        let repository = kept(&deployment.repository);
        return Finding::against(
            CheckName::Repository,
            CheckVerdict::Ignored,
            found,
            "a repository that an app names".to_owned(),
            vec![Reason::RepositoryNotConfigured { repository }],
        );
    }
    let wanted = listed(apps.iter().map(|app| app.repository.as_str()));
    Finding::passed(CheckName::Repository, found, wanted, apps)
}
