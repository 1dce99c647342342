//! Removes what ended attempts leave on the disk: worktrees, and the scratch folders of runners that were killed.
//!
//! Markers, logs and results stay. Nothing here may fail a run: a folder that cannot be removed is named in the log.

use std::path::{Path, PathBuf};

use crate::domain::ids::RunId;
use crate::domain::run::Run;
use crate::flow::engine::Engine;
use crate::flow::prepare::Places;
use crate::provider::checkout::remove_folder;
use crate::provider::exit;

/// What an attempt has while it goes on: [`Places`] has them whole.
const FOLDERS: [&str; 4] = ["checkout", "home", "tmp", "own"];

/// Removes the worktree of the run's present attempt.
pub async fn remove_checkout(engine: &Engine, run: &Run) {
    let places = Places::of(engine, run);
    if !places.checkout.exists() {
        return;
    }
    if let Err(error) = engine.checkouts.remove(run.repository_id, &places.checkout).await {
        tracing::warn!(run.id = %run.id, error = %error, "cannot remove a checkout; it takes up disk until someone does");
    }
}

/// Removes the scratch folders of an attempt whose runner is dead, and can no longer do it; they may hold secrets. Only
/// when nothing of the command is left.
pub async fn remove_scratch(engine: &Engine, run: &Run) {
    let scratch = Places::of(engine, run).scratch();
    let removed = tokio::task::spawn_blocking(move || scratch.iter().try_for_each(|folder| remove_folder(folder)));
    if let Ok(Err(error)) = removed.await {
        tracing::warn!(run.id = %run.id, error = %error, "cannot remove the scratch folders of a run; someone must");
    }
}

/// Removes what should be gone with attempts that have ended: a process died between the end of a run and tidying up, or a power cut
/// brought back what was removed a moment before.
pub async fn remove_leftovers(engine: &Engine) {
    let runs = engine.config.data_dir.join("runs");
    let Ok(found) = tokio::task::spawn_blocking(move || attempts_with(&runs, &FOLDERS)).await else {
        return;
    };
    for (run, attempt) in found {
        match engine.store.find_run(run).await {
            // of an attempt that was given up, or of a run that has ended
            Ok(Some(run)) if attempt < run.attempts || run.state.is_terminal() => {
                let ended = Run {
                    attempts: attempt,
                    ..run
                };
                remove_checkout(engine, &ended).await;
                if is_out_of_use(engine, &ended) {
                    remove_scratch(engine, &ended).await;
                }
            }
            Ok(_) => {}
            Err(error) => return tracing::warn!(error = %error, "cannot tell which folders are left over"),
        }
    }
}

/// Whether nobody uses the folders of an attempt that has ended. Its runner says so; where one left no word, everything it had started
/// was stopped before the run was ended.
fn is_out_of_use(engine: &Engine, ended: &Run) -> bool {
    match exit::read(&engine.attempt_dir(ended.id, ended.attempts)) {
        Ok(exit) => exit.is_none_or(|exit| !exit.scratch_in_use),
        Err(error) => {
            tracing::warn!(run.id = %ended.id, error = %error, "cannot tell whether the folders of a run are still in use");
            false
        }
    }
}

/// The attempts that have one of these folders.
fn attempts_with(runs: &Path, folders: &[&str]) -> Vec<(RunId, u32)> {
    let names = |folder: PathBuf| {
        std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
    };
    let mut found = Vec::new();
    for run in names(runs.to_owned()) {
        let Ok(id) = run.parse() else { continue };
        for attempt in names(runs.join(&run)) {
            let number = attempt.strip_prefix("attempt-").and_then(|number| number.parse().ok());
            let dir = runs.join(&run).join(&attempt);
            if let Some(number) = number
                && folders.iter().any(|folder| dir.join(folder).exists())
            {
                found.push((id, number));
            }
        }
    }
    found
}
