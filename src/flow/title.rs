//! Notes what a run's commit is called, for people: the mirror knows, once it was checked out. Nothing waits for it.

use std::time::Duration;

use crate::domain::run::Run;
use crate::flow::engine::Engine;

/// A git that takes longer has other trouble.
const LIMIT: Duration = Duration::from_secs(5);

/// Writes the title down, where the commit was checked out and nobody has written it down before.
pub async fn note(engine: &Engine, run: &Run) {
    let Some(order) = &run.order else {
        return;
    };
    let title = engine.checkouts.title(run.repository_id, &order.sha);
    let Ok(Some(title)) = tokio::time::timeout(LIMIT, title).await else {
        return;
    };
    if let Err(error) = engine.store.note_title(run.id, &title).await {
        tracing::debug!(run.id = %run.id, error = %error, "cannot note what a commit is called");
    }
}
