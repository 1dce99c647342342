//! Collects every fact a decision needs, and no other. Reads only.

use crate::domain::actor::Named;
use crate::domain::deployment::{Deployment, Order};
use crate::domain::ids::InstallationId;
use crate::domain::run::LaneKey;
use crate::flow::engine::Engine;
use crate::flow::history;
use crate::github::GitHub;
use crate::policy::facts::{Contexts, Facts, Found, History, LaneFacts, LockFacts, Membership, Own, Waiting, WhoFacts};
use crate::policy::needs::{needs, people};
use crate::policy::rules::{LaneOrder, Rules};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::runs::{Age, LaneContents, Part, SeenLane};

/// The facts of a decision, and the lane as it was when they were gathered.
#[derive(Debug)]
pub struct Gathered {
    /// What the decision reads.
    pub facts: Facts,
    /// What must still be true when the decision is written; none where it does not depend on a lane.
    pub seen: Option<SeenLane>,
}

/// The facts about a deployment. What GitHub cannot tell is a fact too: the policy holds then.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn gather(engine: &Engine, deployment: &Deployment, rules: &Rules) -> Result<Gathered, StoreError> {
    let needs = needs(deployment, rules);
    let contexts = match &needs.order {
        Some(order) if needs.contexts => {
            // boxed: the client's futures are large, and most decisions do not need them
            match Box::pin(
                engine
                    .github
                    .contexts(&deployment.repository, deployment.installation, &order.sha),
            )
            .await
            {
                Ok(contexts) => Contexts::Gathered(contexts),
                Err(error) => {
                    tracing::warn!(
                        deployment.id = %deployment.id,
                        repository = deployment.repository,
                        error = %error,
                        "cannot read the required contexts; the deployment is held"
                    );
                    Contexts::Unavailable {
                        detail: error.to_string(),
                    }
                }
            }
        }
        Some(_) | None => Contexts::NotNeeded,
    };
    let mut gathered = Gathered {
        facts: Facts {
            now: engine.now(),
            contexts,
            lane: LaneFacts::default(),
            history: History::NotNeeded,
            lock: None,
            who: WhoFacts::default(),
        },
        seen: match &needs.order {
            Some(order) if needs.lane => Some(SeenLane {
                lane: LaneKey::new(
                    &deployment.host,
                    deployment.repository_id,
                    &order.environment,
                    order.noop,
                ),
                place: (!order.noop).then(|| order.place()),
                part: part(deployment, rules, order),
                contents: LaneContents::default(),
            }),
            Some(_) | None => None,
        },
    };
    look_at_lane(engine, deployment, rules, &mut gathered).await?;
    // boxed: as above
    Box::pin(ask_about_people(
        &engine.github,
        deployment,
        rules,
        &mut gathered.facts.who,
    ))
    .await;
    Ok(gathered)
}

/// Asks GitHub what must be known of who asked. What it does not say is a fact too.
pub async fn ask_about_people(github: &GitHub, deployment: &Deployment, rules: &Rules, who: &mut WhoFacts) {
    if people(deployment, rules, who).own {
        who.own = match github.own_login().await {
            Ok(Some(login)) => Own::Login(login),
            Ok(None) => Own::Untold,
            Err(error) => {
                tracing::warn!(deployment.id = %deployment.id, error = %error, "cannot tell whether we made it ourselves");
                Own::Unavailable {
                    detail: error.to_string(),
                }
            }
        };
    }
    let teams = people(deployment, rules, who).teams;
    who.memberships = memberships(github, deployment.installation, teams).await;
}

/// Who is in these teams.
pub async fn memberships(
    github: &GitHub,
    installation: Option<InstallationId>,
    teams: Vec<(Named, String)>,
) -> Vec<Membership> {
    let mut found = Vec::new();
    for (team, login) in teams {
        let Named::Team {
            organization,
            team: slug,
        } = &team
        else {
            continue;
        };
        let answer = github.is_member(installation, (organization, slug), &login).await;
        let answer = match answer {
            Ok(true) => Found::Yes,
            Ok(false) => Found::No,
            Err(error) => {
                tracing::warn!(team = %team, login, error = %error, "cannot tell who is in a team");
                Found::Unavailable {
                    detail: error.to_string(),
                }
            }
        };
        found.push(Membership {
            team,
            login,
            found: answer,
        });
    }
    found
}

/// Looks at what the ledger has alone (the lane, its lock, who asked), for the first time or because it has changed.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn look_at_lane(
    engine: &Engine,
    deployment: &Deployment,
    rules: &Rules,
    gathered: &mut Gathered,
) -> Result<(), StoreError> {
    gathered.facts.who.warrant = match deployment.nonce() {
        Some(nonce) if needs(deployment, rules).warrant => engine.store.find_warrant(nonce).await?,
        Some(_) | None => None,
    };
    let Some(seen) = &mut gathered.seen else {
        return Ok(());
    };
    seen.contents = engine.store.lane(&seen.lane, seen.place.as_ref(), seen.part).await?;
    let mut contents = seen.contents.clone();
    let further = match seen.part {
        Part::Before(own) => further(&engine.store, &seen.lane, Some(own), &contents).await?,
        Part::Last | Part::Oldest => 0,
    };
    if let History::Gathered(missed) = &mut gathered.facts.history {
        missed.newer_here = history::newer_here(engine, deployment, &seen.lane).await?;
    }
    gathered.facts.lock = match contents.lock.take() {
        Some(lock) => {
            let (sha, id) = (&deployment.sha, deployment.id);
            let automatic = engine.store.asked_by_itself(&lock.place, sha, id).await?;
            Some(LockFacts { lock, automatic })
        }
        None => None,
    };
    // a newer deployment of a `latest` lane takes the place of held ones too; in a `fifo` lane they take no place
    if needs(deployment, rules)
        .order
        .is_some_and(|order| !order.noop && latest(rules, &order))
    {
        contents.queued.append(&mut contents.held);
    }
    contents.queued.retain(|(_, id, _)| *id != deployment.id);
    contents.newest = contents.newest.filter(|(id, _)| *id != deployment.id);
    gathered.facts.lane = lane_facts(contents, further);
    Ok(())
}

/// What a decision reads of a lane; `further` runs wait in it that are not looked at one by one.
#[must_use]
pub fn lane_facts(contents: LaneContents, further: u32) -> LaneFacts {
    let waiting = contents
        .queued
        .into_iter()
        .map(|(run, deployment, requested_at)| Waiting {
            run,
            deployment,
            requested_at,
        });
    LaneFacts {
        active: contents.active,
        waiting: waiting.collect(),
        further,
        newest: contents.newest,
    }
}

/// Queued runs before the last one, which is known.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn further(
    store: &Store,
    lane: &LaneKey,
    before: Option<Age>,
    contents: &LaneContents,
) -> Result<u32, StoreError> {
    if contents.queued.is_empty() {
        return Ok(0);
    }
    let queued = store.queued_before(lane, before).await?;
    Ok(u32::try_from(queued.saturating_sub(1)).unwrap_or(u32::MAX))
}

/// Which of the runs that wait matter to the decision.
fn part(deployment: &Deployment, rules: &Rules, order: &Order) -> Part {
    if latest(rules, order) {
        Part::Oldest
    } else {
        Part::Before((deployment.created_at, deployment.id))
    }
}

fn latest(rules: &Rules, order: &Order) -> bool {
    rules
        .apps
        .iter()
        .flat_map(|app| &app.environments)
        .any(|environment| environment.name == order.environment && environment.lane == LaneOrder::Latest)
}
