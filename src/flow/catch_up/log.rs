//! GitHub's log of deliveries: which of them never arrived, and asking for those again.
//!
//! What counts is whether the ledger has a delivery, not what GitHub thinks of it: an answer may have been lost after the
//! delivery was stored, and a proxy may have answered for us.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::domain::clock::Timestamp;
use crate::flow::catch_up::Look;
use crate::flow::catch_up::listing::Place;
use crate::flow::obstacle::Obstacle;
use crate::github::call::CallError;
use crate::github::hooks::{Attempt, HookLog};
use crate::store::catch_ups::APP;
use crate::store::lost_deliveries::Lost;
use crate::webhook::envelope::Class;

/// So much is read in one look: five thousand deliveries.
const PAGES: usize = 50;
/// What GitHub shows late, and what was under way when it was read, is read again.
const OVERLAP: Duration = Duration::from_secs(120);
/// What GitHub calls delivered and we do not have may be on its way into the ledger.
const QUIET: Duration = Duration::from_secs(60);
/// What GitHub holds back because it sent us too much may take minutes.
const THROTTLED: Duration = Duration::from_secs(300);
/// Nobody asks twice for the same delivery within this; each time it takes longer.
const ASK_AGAIN: Duration = Duration::from_secs(180);
const ASKS: u32 = 5;
/// There is no room for more questions now.
const PACED: Duration = Duration::from_secs(5);
/// Rights may have been granted since.
const NO_LOG: &str = "the owner of `github.token` may not read the repository's webhooks (`admin:repo_hook`, or \
                      `Webhooks: read and write`)";

/// Reads what is new in a log, and asks for what never arrived.
pub(super) async fn catch_up(look: &mut Look<'_>, log: &HookLog) -> Result<(), Obstacle> {
    read(look, log).await?;
    ask(look, log).await
}

/// The same for a repository's own hook, where we may see it. Otherwise deployments are found by listing, and this is said
/// once.
pub(super) async fn of_repository(look: &mut Look<'_>, place: &Place) -> Result<(), Obstacle> {
    let engine = look.engine;
    let path = "/webhooks/github";
    let address = format!("{}{path}", engine.config.public_url);
    let hooks = engine.github.hooks_to(place.installation, &place.name, &address, path);
    let hooks = match hooks.await {
        Ok(hooks) => hooks,
        Err(CallError::Refused { status: 403 | 404, .. }) => {
            look.progress.no_log = Some(NO_LOG.to_owned());
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    look.progress.no_log = match hooks.first() {
        Some(_) => None,
        None => Some(format!("it has no active webhook that posts to `{address}`")),
    };
    // several would deliver the same events
    if let Some(hook) = hooks.into_iter().next() {
        let log = HookLog::Repository {
            name: place.name.clone(),
            hook,
            installation: place.installation,
        };
        Box::pin(catch_up(look, &log)).await?;
    }
    Ok(())
}

async fn read(look: &mut Look<'_>, log: &HookLog) -> Result<(), Obstacle> {
    let floor = look
        .progress
        .read_to
        .map_or(look.oldest(), |read| read.max(look.oldest()));
    let wanted = followed(look).await?;
    let (mut cursor, mut read_to) = match look.progress.unread.take() {
        Some((cursor, read_to)) => (Some(cursor), read_to),
        None => (None, look.now - OVERLAP),
    };
    let mut attempts = Vec::new();
    for _ in 0..PAGES {
        let (page, next) = look.engine.github.attempts(log, cursor.as_deref()).await?;
        let end = page.iter().position(|one| one.delivered_at < floor);
        cursor = next.filter(|_| end.is_none());
        attempts.extend(page.into_iter().take(end.unwrap_or(usize::MAX)));
        if cursor.is_none() {
            break;
        }
    }
    attempts.retain(|one| Class::of(&one.event, one.action.as_deref()) == Class::Handled);
    attempts.retain(|one| match (&wanted, one.repository_id) {
        (Some(wanted), Some(repository)) => wanted.contains(&repository),
        (Some(_), None) | (None, _) => true,
    });
    let (lost, left) = judge(look, log, attempts).await?;
    if !lost.is_empty() {
        look.engine
            .store
            .note_lost(look.host, look.source, &lost, look.now)
            .await?;
        tracing::info!(count = lost.len(), "deliveries in GitHub's log never arrived");
    }
    read_to = left.map_or(read_to, |left| left.min(read_to));
    match cursor {
        Some(cursor) => {
            look.progress.unread = Some((cursor, read_to));
            look.no_later_than(look.now);
        }
        None => look.progress.read_to = Some(read_to.max(floor)),
    }
    Ok(())
}

/// The repositories whose events mean anything; `None` while one of them is not known by number yet.
async fn followed(look: &Look<'_>) -> Result<Option<HashSet<u64>>, Obstacle> {
    if look.source != APP {
        return Ok(None);
    }
    let all = look.engine.store.catch_ups(look.host).await?;
    let repositories = all.iter().filter(|one| one.source != APP);
    Ok(repositories
        .map(|one| one.progress.repository_id.map(|id| id.0))
        .collect())
}

/// Which deliveries are lost, and since when some are left alone because it is too early to tell.
async fn judge(
    look: &Look<'_>,
    log: &HookLog,
    attempts: Vec<Attempt>,
) -> Result<(Vec<Lost>, Option<Timestamp>), Obstacle> {
    let names: Vec<(String, String)> = attempts
        .iter()
        .map(|one| (one.guid.clone(), one.event.clone()))
        .collect();
    let arrived = look.engine.store.arrived(&names).await?;
    let mut unknown: BTreeMap<String, Vec<Attempt>> = BTreeMap::new();
    for one in attempts {
        if !arrived.contains(&(one.guid.clone(), one.event.clone())) {
            unknown.entry(one.guid.clone()).or_default().push(one);
        }
    }
    let (mut lost, mut left) = (Vec::new(), None::<Timestamp>);
    for (guid, attempts) in unknown {
        let Some(newest) = attempts.iter().max_by_key(|one| one.id) else {
            continue;
        };
        let first = attempts
            .iter()
            .map(|one| one.delivered_at)
            .min()
            .unwrap_or(newest.delivered_at);
        if too_early(newest, look.now) {
            left = Some(left.map_or(first, |left| left.min(first)));
            continue;
        }
        lost.push(Lost {
            guid,
            hook: match log {
                HookLog::App => None,
                HookLog::Repository { hook, .. } => Some(*hook),
            },
            attempt: newest.id,
            event: newest.event.clone(),
            repository_id: newest.repository_id,
            delivered_at: first,
            asks: 0,
            ask_after: look.now,
        });
    }
    Ok((lost, left))
}

fn too_early(newest: &Attempt, now: Timestamp) -> bool {
    let throttled = newest.throttled_at.is_some_and(|at| at + THROTTLED > now);
    throttled || (!newest.has_failed() && newest.delivered_at + QUIET > now)
}

/// The pace of asking for redelivery, shared by every process of an installation.
const REDELIVERIES: &str = "redeliveries";

/// Asks for what is lost, as fast as GitHub's pace allows.
async fn ask(look: &mut Look<'_>, log: &HookLog) -> Result<(), Obstacle> {
    let (engine, source) = (look.engine, look.source);
    let lost = engine.store.lost_deliveries(look.host, source).await?;
    if lost.is_empty() {
        return Ok(());
    }
    let names: Vec<(String, String)> = lost.iter().map(|one| (one.guid.clone(), one.event.clone())).collect();
    let arrived = engine.store.arrived(&names).await?;
    let listed = listed(look).await?;
    let (mut over, mut asked) = (Vec::new(), 0_usize);
    for one in &lost {
        let here = arrived.contains(&(one.guid.clone(), one.event.clone()));
        if here || is_listed(one, &listed) {
            over.push(one.guid.clone());
            continue;
        }
        if one.ask_after > look.now {
            look.no_later_than(one.ask_after);
            continue;
        }
        if one.asks >= ASKS {
            tracing::error!(
                guid = one.guid,
                event.name = one.event,
                "GitHub was asked {ASKS} times for a delivery that never arrives; given up"
            );
            over.push(one.guid.clone());
            continue;
        }
        let place = engine
            .store
            .take_place(REDELIVERIES, &engine.redeliveries, engine.now());
        if !place.await? {
            look.no_later_than(look.now + PACED);
            if source == APP && one.event == "deployment" {
                // so many are lost that reading the lists is quicker
                engine.store.look_again(look.host, look.now, look.now).await?;
            }
            break;
        }
        // written down first: whoever comes next does not ask again at once, also after a crash
        let pause = ASK_AGAIN * (one.asks + 1);
        engine
            .store
            .asked_for(look.host, source, one, engine.now(), pause)
            .await?;
        match engine.github.deliver_again(log, one.attempt).await {
            Ok(()) => {
                asked += 1;
                look.no_later_than(look.now + pause);
            }
            // a refusal may be somebody's to mend: asked again like what never arrives, and no more often
            Err(error @ CallError::Refused { .. }) if !error.is_transient() => {
                tracing::warn!(guid = one.guid, event.name = one.event, error = %error, "GitHub does not deliver again");
                look.no_later_than(look.now + pause);
            }
            Err(error) => {
                engine.store.forget_lost(look.host, source, &over).await?;
                return Err(error.into());
            }
        }
    }
    engine.store.forget_lost(look.host, source, &over).await?;
    if asked > 0 {
        tracing::info!(
            count = asked,
            lost = lost.len() - over.len(),
            "GitHub was asked to deliver again what never arrived"
        );
    }
    Ok(())
}

/// Up to when the deployments of each repository have been read from GitHub's list.
async fn listed(look: &Look<'_>) -> Result<HashMap<u64, Timestamp>, Obstacle> {
    let all = look.engine.store.catch_ups(look.host).await?;
    let listed = all.into_iter().map(|one| one.progress);
    Ok(listed
        .filter_map(|progress| Some((progress.repository_id?.0, progress.listed_at?)))
        .collect())
}

/// A deployment that was read from GitHub's list, or could have been, need not be delivered any more.
fn is_listed(lost: &Lost, listed: &HashMap<u64, Timestamp>) -> bool {
    let at = lost.repository_id.and_then(|repository| listed.get(&repository));
    lost.event == "deployment" && at.is_some_and(|at| lost.delivered_at < *at)
}
