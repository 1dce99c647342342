//! `chima sessions`: on the machine that has the ledger.

use crate::app::clock::SystemClock;
use crate::app::offline::with_store;
use crate::app::{Exit, account, say};
use crate::cli::args::SessionsCommand;
use crate::config::Config;
use crate::domain::audit::By;
use crate::domain::clock::Clock;

/// Ends sessions of the pages.
///
/// # Errors
///
/// When the ledger cannot be used.
pub(crate) fn sessions(config: &Config, command: &SessionsCommand) -> anyhow::Result<Exit> {
    match command {
        // clap sees to it that `--all` is said
        SessionsCommand::End { all: _ } => with_store(config, async |store| {
            let by = By::through(&account(), "terminal");
            let ended = store.end_all_sessions(by, SystemClock::default().now()).await?;
            say(&match ended {
                0 => "nobody is signed in\n".to_owned(),
                1 => "1 session opens nothing any more\n".to_owned(),
                many => format!("{many} sessions open nothing any more\n"),
            })
        }),
    }
}
