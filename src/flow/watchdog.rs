//! Speaks about what should have happened and has not: a deployment that was asked for and is not heard of, a run without
//! output for longer than its history suggests, contexts that stay pending.
//!
//! It changes nothing. Each thing is said once, by whichever process writes down first that it says it.

use crate::domain::clock::Timestamp;
use crate::domain::delivery::Disposition;
use crate::domain::deployment::listener;
use crate::domain::run::Run;
use crate::domain::watch::{
    About, AskedDeployment, HEARD_WITHIN, SaidSilence, Unheard, Watched, Word, pending_since, silence_before,
    waits_for_contexts,
};
use crate::flow::announce::Noticed;
use crate::flow::engine::Engine;
use crate::flow::forecast::estimate_of;
use crate::provider::attempt;
use crate::provider::log;
use crate::provider::log::reader::LogReader;
use crate::report::watch as words;
use crate::store::error::StoreError;
use crate::webhook::envelope::effect_key;

/// So many held runs are looked at in one pass; the next one goes on with those that come after.
const BATCH: u32 = 100;
/// Nobody waits for a deployment of yesterday.
const FORGOTTEN: chrono::TimeDelta = chrono::TimeDelta::days(1);

/// Looks once. Returns how much was said.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    let said = unheard(engine).await? + silent(engine).await? + pending(engine).await?;
    if said > 0 {
        engine.outbox.notify_one();
    }
    Ok(said)
}

/// Deployments that were asked for and came to nothing that is known.
async fn unheard(engine: &Engine) -> Result<usize, StoreError> {
    let now = engine.now();
    if !engine.store.forget_heard(now - FORGOTTEN).await? {
        return Ok(0);
    }
    // in pull mode nobody delivers: it is found by one of the next two questions
    let within = match engine.config.github.polling {
        Some(interval) => HEARD_WITHIN
            .max(chrono::TimeDelta::from_std(interval * 2).unwrap_or(HEARD_WITHIN) + chrono::TimeDelta::seconds(10)),
        None => HEARD_WITHIN,
    };
    let mut said = 0;
    for one in engine.store.asked_deployments().await? {
        if one.said_at.is_some() || one.at > now - within {
            continue;
        }
        let Some(why) = why_unheard(engine, &one).await? else {
            // left to others, or told of elsewhere
            engine.store.forget_asked(&one).await?;
            continue;
        };
        let text = words::unheard(&one, why, now);
        let key = format!("asked/{}/{}/{}", one.host, one.repository_id, one.id);
        let outgoing = engine.voice().about_watch(&Noticed {
            key: &key,
            says: "unheard",
            run: None,
            app: &one.app,
            environment: &one.environment,
            listener: listener(&one.place).as_ref(),
            text: &text,
        });
        if engine.store.tell_unheard(&one, &outgoing, now).await? {
            tracing::warn!(deployment.id = %one.id, repository = one.repository, "{text}");
            said += 1;
        }
    }
    Ok(said)
}

async fn why_unheard(engine: &Engine, one: &AskedDeployment) -> Result<Option<Unheard>, StoreError> {
    let key = effect_key(&one.host, one.repository_id.0, one.id.0);
    Ok(match engine.store.delivered_as(&key).await?.as_deref() {
        None => Some(Unheard::Undelivered),
        Some(found) if found == Disposition::Received.as_str() => Some(Unheard::Undecided),
        Some(_) => None,
    })
}

/// Runs of this machine without output.
async fn silent(engine: &Engine) -> Result<usize, StoreError> {
    let now = engine.now();
    let running = engine.store.claimed_runs().await?;
    if running.is_empty() {
        return Ok(0);
    }
    let known = engine.store.said_silences().await?;
    let mut said = 0;
    for run in &running {
        let before = known.get(&run.id).copied();
        let Some(heard_at) = heard_at(engine, run) else {
            continue;
        };
        // most are not silent, and need no history
        if before.is_none() && heard_at > silence_before(now) {
            continue;
        }
        said += usize::from(about(engine, run, heard_at, before).await?);
    }
    Ok(said)
}

async fn about(engine: &Engine, run: &Run, heard_at: Timestamp, said: Option<SaidSilence>) -> Result<bool, StoreError> {
    let now = engine.now();
    let estimate = estimate_of(&engine.store, run).await?;
    let watched = Watched {
        by_person: run.instructions.is_some(),
        heard_at,
        estimate,
        said,
    };
    let key = format!("watch/{}", run.id);
    let (text, told) = match watched.word(now) {
        None => return Ok(false),
        Some(Word::Silent { length }) => {
            let text = words::silent(run, length, estimate.as_ref(), &engine.run_url(run.id));
            let outgoing = engine.voice().about_watch(&of_run(run, &key, "silent", &text));
            let about = (About::Silence, Some(heard_at));
            (text, engine.store.tell_watched(run.id, about, &outgoing, now).await?)
        }
        Some(Word::GoesOn) => {
            let text = words::goes_on(run);
            let outgoing = engine.voice().about_watch(&of_run(run, &key, "goes on", &text));
            (text, engine.store.tell_heard_again(run.id, &outgoing, now).await?)
        }
    };
    if told {
        tracing::warn!(run.id = %run.id, "{text}");
    }
    Ok(told)
}

fn of_run<'a>(run: &'a Run, key: &'a str, says: &'a str, text: &'a str) -> Noticed<'a> {
    let place = run
        .order
        .as_ref()
        .map(|order| (order.app.as_str(), order.environment.as_str()));
    let (app, environment) = place.unwrap_or(("", run.environment.as_str()));
    Noticed {
        key,
        says,
        run: Some(run.id),
        app,
        environment,
        listener: run.listener.as_ref(),
        text,
    }
}

/// When a run's last output came, where its runner works on this machine.
fn heard_at(engine: &Engine, run: &Run) -> Option<Timestamp> {
    let folder = attempt::dir(&engine.config.data_dir, run.id, run.attempts);
    if !folder.join("started").exists() {
        return None;
    }
    let last = LogReader::open(log::dir(&folder)).last_output();
    last.or(run.started_at).max(run.started_at)
}

/// Runs that are held for contexts, and that for long.
async fn pending(engine: &Engine) -> Result<usize, StoreError> {
    let now = engine.now();
    let turn = &engine.turns.held;
    let held = engine.store.long_held(pending_since(now), &turn.after(), BATCH).await?;
    let last = held.last().map(|(run, _)| run.id.to_string());
    turn.went(held.len(), BATCH, last.as_deref());
    let mut said = 0;
    for (run, _) in held.iter().filter(|(run, said)| !said && waits_for_contexts(run)) {
        let text = words::contexts(run, now);
        let key = format!("watch/{}", run.id);
        let outgoing = engine.voice().about_watch(&of_run(run, &key, "contexts", &text));
        if engine
            .store
            .tell_watched(run.id, (About::Contexts, None), &outgoing, now)
            .await?
        {
            tracing::warn!(run.id = %run.id, "{text}");
            said += 1;
        }
    }
    Ok(said)
}
