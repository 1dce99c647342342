//! The list of a repository's deployments: those that nobody delivered are stored as deliveries, made from GitHub's answer.
//!
//! What an App made that we were not told about is somebody else's, and is not even stored. A job of GitHub Actions may act in
//! a person's name; it reports at once, so nothing is taken before others had a moment to do so.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::domain::delivery::{Disposition, Source};
use crate::domain::ids::{DeliveryId, InstallationId, RepositoryId};
use crate::domain::names::RepositoryName;
use crate::flow::catch_up::Look;
use crate::flow::obstacle::Obstacle;
use crate::flow::traces::told::{self, Received};
use crate::github::call::CallError;
use crate::github::listing::ListedDeployment;
use crate::github::page::News;
use crate::policy::auto::is_ours;
use crate::store::catch_ups::Progress;
use crate::store::inbox::{Accepted, NewDelivery};
use crate::webhook::envelope::effect_key;

/// Three thousand deployments in three days are more than anybody makes.
const PAGES: usize = 30;
/// GitHub's lists may show something late.
const OVERLAP: Duration = Duration::from_secs(600);
/// A webhook takes a second or two, and whoever is at work on a deployment of its own says so at once.
const GRACE: Duration = Duration::from_secs(10);
/// The same where no webhook comes.
const PULL_GRACE: Duration = Duration::from_secs(5);
const REPOSITORY: &str = "repository";
const DEPLOYMENTS: &str = "deployments";

/// A repository, as GitHub knows it now.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) id: RepositoryId,
    pub(super) name: RepositoryName,
    pub(super) default_branch: String,
    pub(super) installation: Option<InstallationId>,
}

/// Finds the repository by its configured name, which may be an old one.
pub(super) async fn resolve(look: &mut Look<'_>) -> Result<Place, Obstacle> {
    let configured: RepositoryName = look.source.parse().map_err(|_| CallError::Garbled {
        status: 200,
        detail: format!("`{}` is no repository's name", look.source),
    })?;
    let github = &look.engine.github;
    let installation = match look.progress.installation {
        Some(known) => Some(known),
        None => github.installation_of(&configured).await?,
    };
    look.progress.installation = installation;
    let etag = look
        .progress
        .etags
        .get(REPOSITORY)
        .filter(|_| look.progress.full_name.is_some());
    let news = github.repository_news(installation, &configured, etag.map(String::as_str));
    if let News::Changed { value, etag, .. } = news.await? {
        if look.progress.repository_id.is_some_and(|known| known != value.id) {
            tracing::warn!(
                repository = look.source,
                "another repository has this name now; nothing that was made before is looked for"
            );
            look.since = look.now;
            look.progress = Progress {
                installation,
                ..Progress::default()
            };
        }
        look.progress.repository_id = Some(value.id);
        look.progress.full_name = Some(value.full_name.to_string());
        look.progress.default_branch = Some(value.default_branch);
        note(&mut look.progress, REPOSITORY, etag);
    }
    let progress = &look.progress;
    let name = progress.full_name.as_deref().and_then(|name| name.parse().ok());
    Ok(Place {
        id: progress.repository_id.unwrap_or(RepositoryId(0)),
        name: name.unwrap_or(configured),
        default_branch: progress.default_branch.clone().unwrap_or_default(),
        installation,
    })
}

/// Stores every deployment that the ledger does not know, the newest first.
pub(super) async fn adopt(look: &mut Look<'_>, place: &Place) -> Result<(), Obstacle> {
    let engine = look.engine;
    let grace = match engine.config.github.polling {
        Some(_) => PULL_GRACE,
        None => GRACE,
    };
    let ripe = look.now - grace;
    let (listed, etag) = match read(look, place).await? {
        Some(found) => found,
        None => {
            look.progress.listed_at = Some(ripe);
            return Ok(());
        }
    };
    let unknown = unknown(look, place, listed).await?;
    let (missed, young): (Vec<ListedDeployment>, Vec<ListedDeployment>) =
        unknown.into_iter().partition(|one| one.created_at <= ripe);
    if !missed.is_empty() {
        let polled = engine.config.github.polling.is_some();
        let deliveries: Vec<NewDelivery> = missed.iter().map(|one| delivery(look, place, one)).collect();
        let keys: Vec<_> = deliveries.iter().map(|one| (one.id, one.effect_key.clone())).collect();
        let accepted = engine.store.accept_all(deliveries).await?;
        for ((delivery, key), accepted) in keys.iter().zip(accepted) {
            let duplicate_of = match accepted {
                Accepted::Stored => None,
                Accepted::Duplicate(earlier) => Some(earlier),
            };
            told::received(
                engine,
                Received {
                    key: key.as_deref().unwrap_or_default(),
                    delivery: *delivery,
                    from: look.now,
                    disposition: duplicate_of.map_or(Disposition::Received, |_| Disposition::Duplicate),
                    duplicate_of,
                    status: None,
                },
            );
        }
        engine.deliveries.notify_one();
        let (count, repository) = (missed.len(), place.name.as_str());
        if polled {
            tracing::info!(repository, count, "new deployments found");
        } else {
            tracing::warn!(repository, count, "deployments found that nobody delivered");
        }
    }
    let youngest = young.iter().map(|one| one.created_at).max();
    let first = young.iter().map(|one| one.created_at).min();
    match youngest {
        // not noted: asked for the same again, GitHub would say that nothing has changed
        Some(youngest) => {
            look.progress.etags.remove(DEPLOYMENTS);
            look.no_later_than(youngest + grace);
        }
        None => note(&mut look.progress, DEPLOYMENTS, etag),
    }
    look.progress.listed_at = Some(first.map_or(ripe, |first| first.min(ripe)));
    Ok(())
}

type Found = (Vec<ListedDeployment>, Option<String>);

/// What GitHub lists as far back as somebody must look, and what it calls the first page; nothing where that has not changed.
async fn read(look: &Look<'_>, place: &Place) -> Result<Option<Found>, Obstacle> {
    let floor = match look.progress.listed_at {
        Some(listed) => (listed - OVERLAP).max(look.oldest()),
        None => look.oldest(),
    };
    let known = look.progress.etags.get(DEPLOYMENTS).map(String::as_str);
    let github = &look.engine.github;
    let (mut all, mut name) = (Vec::new(), None);
    for page in 1..=PAGES {
        let etag = known.filter(|_| page == 1);
        let news = github.deployments_page(place.installation, &place.name, page, etag);
        let News::Changed { value, etag, next } = news.await? else {
            return Ok(None);
        };
        if page == 1 {
            name = etag;
        }
        let reached = value.last().is_none_or(|oldest| oldest.created_at < floor);
        all.extend(value.into_iter().filter(|one| one.created_at >= floor));
        if reached || next.is_none() {
            break;
        }
    }
    Ok(Some((all, name)))
}

/// Those that are ours, and that no delivery has told of.
async fn unknown(
    look: &Look<'_>,
    place: &Place,
    listed: Vec<ListedDeployment>,
) -> Result<Vec<ListedDeployment>, Obstacle> {
    let engine = look.engine;
    let mut known_apps = engine.config.github.known_apps.clone();
    known_apps.extend(engine.github.own_slug().await?);
    let key = |one: &ListedDeployment| effect_key(look.host, place.id.0, one.id.0);
    let keys: Vec<String> = listed.iter().map(key).collect();
    let known = engine.store.known_of(&keys).await?;
    Ok(listed
        .into_iter()
        .filter(|one| is_ours(one.creator.as_deref(), one.app_slug.as_deref(), &known_apps))
        .filter(|one| !known.contains(&key(one)))
        .collect())
}

/// A deployment as its webhook would have told it, as far as GitHub's list does.
fn delivery(look: &Look<'_>, place: &Place, one: &ListedDeployment) -> NewDelivery {
    let mut body = json!({
        "action": "created",
        "deployment": one.record,
        "repository": {
            "id": place.id,
            "full_name": place.name,
            "default_branch": place.default_branch,
        },
    });
    if let Some(installation) = place.installation {
        body["installation"] = json!({"id": installation});
    }
    let body = Bytes::from(body.to_string());
    NewDelivery {
        id: DeliveryId::new(look.engine.clock.fresh_ulid()),
        source: Source::Listing,
        guid: None,
        event: "deployment".to_owned(),
        hook_id: None,
        host: look.engine.config.github.host.clone(),
        repository_id: Some(place.id.0),
        repository: Some(place.name.to_string()),
        effect_key: Some(effect_key(look.host, place.id.0, one.id.0)),
        content_type: Some("application/json".to_owned()),
        body_sha256: hex::encode(Sha256::digest(&body)),
        body,
        received_at: look.engine.now(),
        disposition: Disposition::Received,
        detail: None,
    }
}

/// Remembers what GitHub calls an answer.
pub(super) fn note(progress: &mut Progress, path: &str, etag: Option<String>) {
    match etag {
        Some(etag) => progress.etags.insert(path.to_owned(), etag),
        None => progress.etags.remove(path),
    };
}
