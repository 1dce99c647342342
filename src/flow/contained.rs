//! What a run brings to its environment, beside what ran there before: GitHub is asked once, and the ledger remembers.

use std::time::Duration;

use crate::domain::clock::Timestamp;
use crate::domain::names::Sha;
use crate::domain::run::Run;
use crate::flow::chat::Conversation;
use crate::flow::chat::preview::Brings;
use crate::flow::view::commits::RunCommits;
use crate::github::call::CallError;
use crate::report::chat::compare_url;
use crate::store::Store;
use crate::store::error::StoreError;

/// Nobody waits longer for a list of commits.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ContainedError {
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// GitHub does not say.
    #[error(transparent)]
    GitHub(#[from] CallError),
    /// GitHub does not say in time.
    #[error("GitHub has not answered within {} s", PATIENCE.as_secs())]
    Late,
}

/// What is known of it without asking anybody; nothing where GitHub has not been asked yet.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn known(store: &Store, run: &Run, now: Timestamp) -> Result<Option<RunCommits>, StoreError> {
    if let Some(known) = store.commits_of(run.id).await? {
        return Ok(serde_json::from_str(&known).ok());
    }
    Ok(without_asking(
        run,
        store.ran_before(run, moment(run, now)).await?.as_ref(),
    ))
}

/// The same, and GitHub is asked where that is needed.
///
/// # Errors
///
/// When the ledger cannot be used, or GitHub does not say.
pub async fn look(conversation: &Conversation<'_>, run: &Run) -> Result<RunCommits, ContainedError> {
    let (store, now) = (conversation.desk.store, conversation.desk.now());
    if let Some(known) = known(store, run, now).await? {
        return Ok(known);
    }
    let before = store.ran_before(run, moment(run, now)).await?;
    let Some(before) = before else {
        return Ok(RunCommits::default());
    };
    // boxed: the client's futures are large
    let asked = tokio::time::timeout(PATIENCE, Box::pin(compared(conversation, run, &before))).await;
    let commits = asked.map_err(|_| ContainedError::Late)??;
    // as long as it waits something else may run before it
    if run.started_at.is_some() || run.state.is_terminal() {
        let text = serde_json::to_string(&commits).unwrap_or_default();
        store.note_commits(run.id, &text, now).await?;
    }
    Ok(commits)
}

/// When it began, or would have.
fn moment(run: &Run, now: Timestamp) -> Timestamp {
    let waits = !run.state.is_terminal();
    run.started_at.unwrap_or(if waits { now } else { run.created_at })
}

/// What goes without saying.
fn without_asking(run: &Run, before: Option<&Run>) -> Option<RunCommits> {
    let Some(before) = before else {
        return Some(RunCommits::default());
    };
    let nothing = Brings {
        ahead: 0,
        behind: 0,
        commits: Vec::new(),
    };
    if before.sha == run.sha {
        return Some(RunCommits {
            brings: Some(nothing),
            ..beside(before)
        });
    }
    // nobody knows such a commit
    run.sha.parse::<Sha>().is_err().then(|| beside(before))
}

fn beside(before: &Run) -> RunCommits {
    RunCommits {
        before: Some(before.sha.clone()),
        before_run: Some(before.id.to_string()),
        ..RunCommits::default()
    }
}

async fn compared(conversation: &Conversation<'_>, run: &Run, before: &Run) -> Result<RunCommits, CallError> {
    let github = conversation.github;
    let installation = github.installation_of(&run.repository).await?;
    let home = github.repository(installation, &run.repository).await?;
    let between = github
        .between(installation, &home.full_name, (&before.sha, &run.sha))
        .await?;
    let name = home.full_name.as_str();
    Ok(RunCommits {
        brings: between.map(Brings::from),
        url: compare_url(&conversation.config().github.url, name, &before.sha, &run.sha),
        ..beside(before)
    })
}
