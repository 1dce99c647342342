//! Takes a restored ledger into use: what it holds is older than what happened.
//!
//! What was open when the backup was made may have run since. GitHub is asked what became of each; where it does not show an end,
//! nobody can tell, and a person has to look. Until all of that is known nothing begins and nothing is said.

use crate::domain::clock::Timestamp;
use crate::domain::reason::Reason;
use crate::domain::run::{DeploymentState, Run, RunState};
use crate::flow::announce::announce;
use crate::flow::engine::Engine;
use crate::github::call::CallError;
use crate::github::listing::SignedStatus;
use crate::provider::marker;
use crate::store::backup::Became;
use crate::store::error::StoreError;

/// Looks up what happened since the backup, where this ledger was one. Returns whether work may go on.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<bool, StoreError> {
    let Some(made_at) = engine.store.copied_at().await? else {
        return Ok(true);
    };
    let open = engine.store.open_runs().await?;
    let mut became = Vec::with_capacity(open.len());
    for run in open {
        // boxed: the client's futures are large
        match Box::pin(shown(engine, &run)).await {
            Ok(shown) => became.extend(ending(engine, run, &shown)),
            Err(error) => {
                tracing::warn!(
                    run.id = %run.id,
                    error = %error,
                    "this ledger was restored from a backup, and GitHub cannot be asked yet what happened since: nothing begins before"
                );
                return Ok(false);
            }
        }
    }
    if engine.store.take_into_use(made_at, &became, engine.now()).await? {
        tell(made_at, &became);
        engine.outbox.notify_one();
    }
    Ok(true)
}

fn tell(made_at: Timestamp, became: &[Became]) {
    let unknown = became.iter().filter(|one| one.state == RunState::Interrupted).count();
    tracing::warn!(
        made_at = %made_at,
        ended = became.len() - unknown,
        unknown,
        "this ledger was restored from a backup; what was open then has ended as GitHub shows it, or as `interrupted` where it shows \
         no end; nothing of it is repeated"
    );
}

/// What GitHub shows of a run's deployment, the newest first. One that is gone shows nothing.
async fn shown(engine: &Engine, run: &Run) -> Result<Vec<SignedStatus>, CallError> {
    if !engine.github.is_set_up() {
        return Ok(Vec::new());
    }
    let asked = engine
        .github
        .signed_statuses(run.installation, run.repository.as_str(), run.deployment);
    match asked.await {
        Err(CallError::Refused { status: 404 | 410, .. }) => Ok(Vec::new()),
        other => other,
    }
}

/// How the run has ended; nothing where its runner's own files tell.
fn ending(engine: &Engine, run: Run, shown: &[SignedStatus]) -> Option<Became> {
    if let Some(state) = end_shown(shown) {
        let reason = (state != RunState::Succeeded).then(|| Reason::AlreadyReported {
            state: shown.first().map(|status| status.state.clone()).unwrap_or_default(),
        });
        return Some(Became {
            run,
            state,
            reason,
            outgoing: Vec::new(),
        });
    }
    let dir = engine.attempt_dir(run.id, run.attempts);
    let begun_here = run.state == RunState::Running && matches!(marker::read(&dir), Ok(Some(_)));
    if begun_here {
        return None;
    }
    let reason = Reason::Restored {
        state: shown.first().map(|status| status.state.clone()),
    };
    let state = RunState::Interrupted;
    let ended = Run {
        state,
        reason: Some(reason.clone()),
        finished_at: Some(engine.now()),
        ..run.clone()
    };
    let outgoing = announce(engine, &ended, None);
    Some(Became {
        run,
        state,
        reason: Some(reason),
        outgoing,
    })
}

/// A success stays one when a newer deployment has made it inactive.
fn end_shown(shown: &[SignedStatus]) -> Option<RunState> {
    let is = |status: &SignedStatus, state: DeploymentState| status.state == state.as_str();
    if shown.iter().any(|status| is(status, DeploymentState::Success)) {
        return Some(RunState::Succeeded);
    }
    let last = shown.first()?;
    [
        (DeploymentState::Failure, RunState::Failed),
        (DeploymentState::Error, RunState::Errored),
        (DeploymentState::Inactive, RunState::Superseded),
    ]
    .into_iter()
    .find_map(|(state, ended)| is(last, state).then_some(ended))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn github_tells_how_a_run_has_ended() {
        for (shown, expected) in [
            (&[][..], None),
            (&["queued"][..], None),
            (&["in_progress", "queued"], None),
            (&["success", "in_progress", "queued"], Some(RunState::Succeeded)),
            (&["inactive", "success", "in_progress"], Some(RunState::Succeeded)),
            (&["inactive", "queued"], Some(RunState::Superseded)),
            (&["failure", "in_progress"], Some(RunState::Failed)),
            (&["error"], Some(RunState::Errored)),
        ] {
            let shown: Vec<SignedStatus> = shown
                .iter()
                .map(|state| SignedStatus {
                    state: (*state).to_owned(),
                    creator: None,
                })
                .collect();
            assert_eq!(end_shown(&shown), expected);
        }
    }
}
