//! Repositories that are called something else than the configuration says.

use crate::app::doctor::Finding;
use crate::app::offline::find_ledger;
use crate::config::Config;
use crate::queue::findings::Severity;
use crate::report::repositories::{renamed, renamed_fix};

/// One finding for each. What is wrong with the ledger is told elsewhere.
pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let Ok(Some(store)) = find_ledger(config).await else {
        return Vec::new();
    };
    let known = store.repositories(&config.github.host).await.unwrap_or_default();
    known
        .iter()
        .filter(|one| config.apps_of(&one.configured).next().is_some() && one.is_renamed())
        .map(|one| Finding {
            severity: Some(Severity::Warn),
            text: renamed(one),
            fix: Some(renamed_fix(one)),
        })
        .collect()
}
