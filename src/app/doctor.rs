//! `chima doctor`: looks at the installation as it is and says what to mend.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::json;

use crate::app::clock::SystemClock;
use crate::app::offline::find_ledger;
use crate::app::providers::machine;
use crate::app::start::{Surroundings, queue_address};
use crate::app::{Exit, say};
use crate::config::{Config, environment};
use crate::domain::auto_deploy::Outcome;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::names::shown;
use crate::provider::manifest::catalogue::Catalogue;
use crate::provider::processes;
use crate::queue::Queue;
use crate::queue::address::{QueueAddress, WorkerName};
use crate::queue::findings::Severity;
use crate::report::auto_deploy::sentence;
use crate::store::catch_ups::{APP, CatchUp};
use crate::store::{Store, disk};

mod environments;
mod github;
mod machine;
mod repositories;
mod slack;
mod ssh;

/// Runs every check and prints each finding with its fix. Ends with 1 when something must be mended.
///
/// # Errors
///
/// When the checks themselves cannot be made.
pub fn doctor(config: &Config, json: bool) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let findings = runtime.block_on(examine(config))?;
    let mut text = String::new();
    for finding in &findings {
        text.push_str(&if json { finding.as_json() } else { finding.shown() });
    }
    say(&text)?;
    let bad = findings
        .iter()
        .any(|finding| finding.severity == Some(Severity::Refuse));
    Ok(if bad { Exit::Failed } else { Exit::Done })
}

#[derive(Debug, PartialEq)]
struct Finding {
    /// Nothing where all is well.
    severity: Option<Severity>,
    text: String,
    fix: Option<String>,
}

impl Finding {
    fn shown(&self) -> String {
        let mark = match self.severity {
            None => "ok  ",
            Some(Severity::Warn) => "warn",
            Some(Severity::Refuse) => "FAIL",
        };
        let fix = self.fix.iter().map(|fix| format!("      fix: {fix}\n"));
        format!("{mark}  {}\n", self.text) + &fix.collect::<String>()
    }

    /// One line for programs.
    fn as_json(&self) -> String {
        let severity = match self.severity {
            None => "ok",
            Some(Severity::Warn) => "warn",
            Some(Severity::Refuse) => "fail",
        };
        format!(
            "{}\n",
            json!({"severity": severity, "text": self.text, "fix": self.fix})
        )
    }

    fn well(text: String) -> Self {
        Self {
            severity: None,
            text,
            fix: None,
        }
    }

    fn odd(text: String, fix: &str) -> Self {
        Self {
            severity: Some(Severity::Warn),
            ..Self::bad(text, fix)
        }
    }

    /// Something that is not there: as bad as what depends on it.
    fn missing(vital: bool, text: String, fix: &str) -> Self {
        if vital {
            Self::bad(text, fix)
        } else {
            Self::odd(text, fix)
        }
    }

    fn bad(text: String, fix: &str) -> Self {
        Self {
            severity: Some(Severity::Refuse),
            text,
            fix: Some(fix.to_owned()),
        }
    }
}

async fn examine(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let _ = Surroundings::real()?;
    let mut findings = vec![ledger(config).await];
    findings.extend(queue(config).await);
    let home = tempfile::tempdir().context("cannot make a temporary folder")?;
    let catalogue = Catalogue::read(&config.providers);
    let account = PathBuf::from(environment::variable("HOME").unwrap_or_default());
    findings.extend(environments::examine(config, &catalogue, &machine(home.path()), &account).await);
    findings.extend(repositories::examine(config).await);
    findings.extend(auto_deploys(config).await);
    findings.extend(machine::disks(config));
    findings.extend(machine::pages(config));
    findings.extend(Box::pin(github::examine(config)).await);
    findings.extend(catch_ups(config).await);
    findings.extend(Box::pin(slack::examine(config)).await);
    Ok(findings)
}

/// Where each environment stands that is deployed without being asked for. What is wrong with the ledger is told before.
async fn auto_deploys(config: &Config) -> Vec<Finding> {
    let Ok(Some(store)) = find_ledger(config).await else {
        return Vec::new();
    };
    let rows = store.auto_deploys(&config.github.host).await.unwrap_or_default();
    rows.iter()
        .map(|row| {
            let at = row
                .sha
                .as_deref()
                .map(|sha| format!(" at {}", shown(&sha[..8.min(sha.len())])));
            let (app, environment) = (&row.followed.app, &row.followed.environment);
            let what = format!("auto-deploy of `{app}` to `{environment}`{}", at.unwrap_or_default());
            match &row.outcome {
                None => Finding::well(format!("{what}: nobody has looked yet; `chima serve` does")),
                Some(outcome @ Outcome::Unavailable { .. }) => Finding {
                    severity: Some(Severity::Warn),
                    ..Finding::well(format!("{what}: {}", sentence(outcome)))
                },
                Some(outcome) => Finding::well(format!("{what}: {}", sentence(outcome))),
            }
        })
        .collect()
}

/// How Chima hears of deployments, and where looking for missed ones stands.
async fn catch_ups(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(interval) = config.github.polling {
        let seconds = interval.as_secs();
        findings.push(Finding::well(format!(
            "deployments: GitHub is asked for new ones every {seconds} s; no webhook is needed"
        )));
    }
    let Ok(Some(store)) = find_ledger(config).await else {
        return findings;
    };
    let rows = store.catch_ups(&config.github.host).await.unwrap_or_default();
    findings.extend(rows.iter().map(catch_up));
    findings.extend(rows.iter().filter_map(unread));
    findings
}

/// In pull mode, where comments cannot be read.
fn unread(row: &CatchUp) -> Option<Finding> {
    let (what, why) = (shown(&row.source), row.progress.no_comments.as_ref()?);
    Some(Finding {
        severity: Some(Severity::Warn),
        ..Finding::well(format!(
            "comments on pull requests of `{what}` cannot be read, so that commands in them are not heard: {why}"
        ))
    })
}

fn catch_up(row: &CatchUp) -> Finding {
    let what = if row.source == APP {
        "missed deliveries: the log of the App's hook".to_owned()
    } else {
        format!("missed deployments of `{}`", shown(&row.source))
    };
    let at = |at: Timestamp| at.format("%Y-%m-%d %H:%M UTC").to_string();
    match (&row.trouble, &row.progress.no_log, row.looked_at) {
        (Some(trouble), _, _) => Finding {
            severity: Some(Severity::Warn),
            ..Finding::well(format!("{what}: cannot be looked through: {trouble}"))
        },
        (None, Some(why), Some(looked)) => Finding::well(format!(
            "{what}: listed last at {}; deliveries cannot be asked for: {why}",
            at(looked)
        )),
        (None, None, Some(looked)) => Finding::well(format!("{what}: looked through last at {}", at(looked))),
        (None, _, None) => Finding::well(format!("{what}: nobody has looked yet; `chima serve` does")),
    }
}

async fn ledger(config: &Config) -> Finding {
    let path = config.store.display();
    if let Err(error) = disk::check(&config.store, config.ephemeral) {
        return Finding::bad(error.to_string(), "`chima serve` does not start until then");
    }
    if !config.store.exists() {
        return Finding::well(format!("ledger `{path}`: not there yet; `chima serve` makes it"));
    }
    let checked = async {
        let store = Store::open(&config.store).await?;
        store.probe_write().await
    };
    match checked.await {
        Ok(()) => Finding::well(format!("ledger `{path}`: opens, commits reach the disk")),
        Err(error) => Finding::bad(
            format!("ledger `{path}`: {error}"),
            "see the text; deliveries are answered with 503 until then",
        ),
    }
}

async fn queue(config: &Config) -> Vec<Finding> {
    let address = queue_address(config);
    let name = match &address {
        QueueAddress::Sqlite(path) => {
            if !path.exists() {
                return vec![Finding::well(format!(
                    "queue `{}`: not there yet; `chima serve` makes it",
                    path.display()
                ))];
            }
            format!("queue `{}`", path.display())
        }
        QueueAddress::Redis { .. } => "queue on Redis".to_owned(),
    };
    let worker = WorkerName::new(
        "doctor",
        &processes::boot_id().unwrap_or_default(),
        SystemClock::default().fresh_ulid(),
    );
    let asked = async {
        let queue = Queue::connect(&address, worker).await?;
        queue.findings().await
    };
    match asked.await {
        Err(error) => vec![Finding::bad(
            format!("{name}: {error:#}"),
            "start it, or correct `queue` in the configuration; meanwhile deliveries are accepted and wait",
        )],
        Ok(found) if found.is_empty() => vec![Finding::well(format!(
            "{name}: answers, and its settings keep what it is given"
        ))],
        Ok(found) => found
            .into_iter()
            .map(|finding| Finding {
                severity: Some(finding.severity),
                text: format!("{name}: {}", finding.text),
                fix: Some(finding.fix.to_owned()),
            })
            .collect(),
    }
}
