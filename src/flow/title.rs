//! Notes what a run's commit is called and when it was made, for people: the mirror knows, once it was checked out. Nothing waits for it.

use std::time::Duration;

use crate::domain::run::Run;
use crate::flow::engine::Engine;
use crate::provider::checkout::Described;

/// A git that takes longer has other trouble.
const LIMIT: Duration = Duration::from_secs(5);

/// Writes the title down, where the commit was checked out and nobody has written it down before.
pub async fn note(engine: &Engine, run: &Run) {
    let Some(order) = &run.order else {
        return;
    };
    let described = engine.checkouts.describe(run.repository_id, &order.sha);
    let Ok(Some(Described { title, committed_at })) = tokio::time::timeout(LIMIT, described).await else {
        return;
    };
    let noted = engine.store.note_commit(run.id, title.as_deref(), committed_at);
    if let Err(error) = noted.await {
        tracing::debug!(run.id = %run.id, error = %error, "cannot note what a commit is called");
    }
}
