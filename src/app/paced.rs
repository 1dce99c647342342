//! Gives a client of GitHub its places in the one pace of writes, which all processes of an installation share.

use std::sync::Arc;

use crate::config::Config;
use crate::domain::clock::Clock;
use crate::domain::pace::Pace;
use crate::github::GitHub;
use crate::github::places::Places;
use crate::store::Store;
use crate::store::outbox::GITHUB_PACE;

/// As the configuration has it.
pub(crate) fn pace(config: &Config) -> Pace {
    Pace::new(config.github.writes_per_minute).with_hour(config.github.writes_per_hour)
}

/// The client, whose deployments take places in it.
pub(crate) fn paced(github: GitHub, config: &Config, store: &Store, clock: Arc<dyn Clock>) -> GitHub {
    let (store, pace) = (store.clone(), pace(config));
    github.paced(Places(Arc::new(move || {
        let (store, now) = (store.clone(), clock.now());
        Box::pin(async move {
            let taken = store.take_place(GITHUB_PACE, &pace, now).await;
            taken.unwrap_or_else(|error| {
                // a ledger in trouble is no reason to keep a person from GitHub
                tracing::warn!(error = %error, "cannot keep the pace of writes for a deployment");
                true
            })
        })
    })))
}
