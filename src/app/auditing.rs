//! `chima audit`.

use anyhow::Context;

use crate::app::clock::SystemClock;
use crate::app::offline::{find, with_store};
use crate::app::{Exit, say};
use crate::cli::args::{AuditArgs, AuditCommand};
use crate::cli::audit::{self as words, KeptHead};
use crate::config::Config;
use crate::domain::audit::Head;
use crate::domain::clock::Clock;
use crate::store::audit::Filter;

/// Lists, checks, or says where the log ends. Ends with 1 when something is wrong with it.
///
/// # Errors
///
/// When the ledger cannot be read.
pub fn audit(config: &Config, args: AuditArgs) -> anyhow::Result<Exit> {
    match args.command {
        Some(AuditCommand::Verify { heads, json }) => verify(config, heads, json),
        Some(AuditCommand::Head) => with_store(config, async |store| say(&words::head(&store.audit_head().await?))),
        None => list(config, args),
    }
}

fn list(config: &Config, args: AuditArgs) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        let run = match &args.run {
            Some(run) => Some(find(&store, run).await?.id),
            None => None,
        };
        let filter = Filter {
            run,
            app: args.app,
            environment: args.environment,
            by: args.by,
            since: args.since.map(|since| since.moment(SystemClock::default().now())),
        };
        say(&words::list(&store.audit_rows(&filter, args.limit).await?, args.json))
    })
}

fn verify(config: &Config, heads: Vec<KeptHead>, json: bool) -> anyhow::Result<Exit> {
    let heads: Vec<Head> = heads.into_iter().map(|KeptHead(head)| head).collect();
    with_store(config, async |store| {
        let found = store
            .verify_audit(&heads)
            .await
            .context("the audit log cannot be read to its end")?;
        say(&words::verified(&found, json))?;
        Ok(if found.faults.is_empty() {
            Exit::Done
        } else {
            Exit::Failed
        })
    })
}
