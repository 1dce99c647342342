//! Deliveries, with what became of each.

use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::domain::audit::By;
use crate::domain::delivery::Disposition;
use crate::domain::viewer::{Scope, Viewer};
use crate::flow::people;
use crate::flow::view::delivery::{DeliveryDetail, DeliveryView, deliveries, disposition_names, reasons};
use crate::flow::view::forms::Done;
use crate::flow::view::{Look, Page};
use crate::http::access::no_token;
use crate::http::api::Answered;
use crate::http::api::given::{Asked, At, bad};
use crate::http::api::guard::Caller;
use crate::http::api::route::Api;
use crate::http::api::runs::{done, size};
use crate::http::problem::{Problem, fault};
use crate::http::state::Surface;
use crate::provider::mask::Patterns;
use crate::provider::spec::Secret;
use crate::store::deliveries::Delivery;
use crate::store::delivery_list::{DeliveryFilter, ListedDelivery};

/// A larger body is not shown.
const SHOWN: usize = 256 * 1024;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only about this repository, `owner/name`.
    repository: Option<String>,
    /// Only of this event.
    event: Option<String>,
    /// Only those of which that became.
    #[schemars(extend("enum" = disposition_names()))]
    disposition: Option<String>,
    /// Only what made or moved this run.
    run: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many are on a page; 50 where nothing is said.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
}

pub(super) fn routes(api: &mut Api) {
    api.get(
        "/deliveries",
        "list_deliveries",
        "What GitHub delivered, and what was found in its lists, the newest first, with what became of each",
    )
    .query::<Which>()
    .answers::<Page<DeliveryView>>(200, "a page of them")
    .by(list);
    api.get("/deliveries/{delivery}", "delivery", "One delivery, with its body")
        .answers::<DeliveryDetail>(200, "the delivery")
        .by(one);
    api.post(
        "/deliveries/{delivery}/replay",
        "replay",
        "Work on a delivery again, unless it has had its effect",
        Scope::Admin,
    )
    .answers::<Done>(200, "it is worked on")
    .by(replay);
}

async fn list(State(surface): State<Surface>, caller: Caller, Asked(which): Asked<Which>) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let disposition = which
        .disposition
        .as_deref()
        .map(|name| Disposition::from_name(name).ok_or_else(|| bad("there is no such `disposition`")))
        .transpose()?;
    let before = which
        .cursor
        .as_deref()
        .map(|cursor| cursor.parse().map_err(|_| bad("`cursor` is none that a page gave")))
        .transpose()?;
    let filter = DeliveryFilter {
        repository: which.repository,
        event: which.event,
        disposition,
        run: which
            .run
            .as_deref()
            .map(|run| run.parse().map_err(|_| bad("`run` is no id of a run")))
            .transpose()?,
        before,
    };
    caller.answer(&deliveries(&look, &filter, size(which.limit)?).await?)
}

async fn one(State(surface): State<Surface>, caller: Caller, At(id): At<String>) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let delivery = seen(&look, &id).await?;
    caller.answer(&detail(&surface, &look, &delivery).await?)
}

/// All that is shown of it.
pub(crate) async fn detail(surface: &Surface, look: &Look<'_>, delivery: &Delivery) -> Result<DeliveryDetail, Problem> {
    let own = delivery.id.to_string();
    let decisions = look.store.decisions(&own).await?;
    let run = decisions.iter().find_map(|decision| decision.run);
    let listed = ListedDelivery {
        id: delivery.id,
        source: delivery.source,
        guid: delivery.guid.clone(),
        event: delivery.event.clone(),
        repository: delivery.repository.clone(),
        received_at: delivery.received_at,
        disposition: delivery.disposition,
        detail: delivery.detail.clone(),
        verdict: decisions.last().map(|decision| decision.evidence.verdict.clone()),
        run,
    };
    Ok(DeliveryDetail {
        reasons: reasons(look, &own).await?,
        can_replay: run.is_none() && delivery.disposition != Disposition::Received && !delivery.body.is_empty(),
        body: shown(surface, delivery)?,
        delivery: DeliveryView::from(&listed),
    })
}

/// A delivery that may be seen. Of one about nothing in particular only those see more who see everything.
pub(crate) async fn seen(look: &Look<'_>, id: &str) -> Result<Delivery, Problem> {
    let unknown = || {
        let detail = "there is no such delivery; `/api/v1/deliveries` lists those there are";
        Problem::new(StatusCode::NOT_FOUND, "delivery_unknown", detail)
    };
    let found = look.store.find_delivery(id).await?.ok_or_else(unknown)?;
    let Some(repositories) = look.seen_repositories() else {
        return Ok(found);
    };
    let about = found.repository.as_deref().unwrap_or_default();
    if repositories.iter().any(|own| own.eq_ignore_ascii_case(about)) {
        Ok(found)
    } else {
        Err(unknown())
    }
}

/// The body, without what nobody may see.
fn shown(surface: &Surface, delivery: &Delivery) -> Result<Option<String>, Problem> {
    if delivery.body.len() > SHOWN {
        return Ok(None);
    }
    Ok(Some(masked(surface, &delivery.body)?))
}

/// A text without any secret of ours.
pub(crate) fn masked(surface: &Surface, text: &[u8]) -> Result<String, Problem> {
    let secrets: Vec<Secret> = surface
        .engine
        .secrets
        .iter()
        .map(|(name, value)| Secret {
            name: name.clone(),
            value: value.expose_secret().to_owned(),
        })
        .collect();
    let patterns = Patterns::new(&secrets).map_err(|error| fault(&error))?;
    Ok(String::from_utf8_lossy(&patterns.mask(text)).into_owned())
}

async fn replay(State(surface): State<Surface>, caller: Caller, At(id): At<String>) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let delivery = seen(&look, &id).await?;
    replayed(&surface, &caller.viewer, &delivery).await?;
    done(StatusCode::OK, "it is worked on again", None)
}

/// Has it worked on again, where that is possible.
pub(crate) async fn replayed(surface: &Surface, viewer: &Viewer, delivery: &Delivery) -> Result<(), Problem> {
    let engine = &surface.engine;
    if delivery.body.is_empty() {
        let detail = "nothing is left of it but that it came: its bytes were removed after the time that \
                      `retention.deliveries_days` keeps them";
        return Err(Problem::new(StatusCode::CONFLICT, "bytes_removed", detail));
    }
    let unsettled = delivery.disposition == Disposition::Received;
    let by = By::from(&people::actor(
        &engine.config,
        &viewer.speaker(None).ok_or_else(no_token)?,
    ));
    if !unsettled && engine.store.reopen_delivery(delivery.id, by, engine.now()).await? {
        tracing::info!(delivery.id = %delivery.id, who = ?viewer.who, "a delivery is worked on again");
        engine.deliveries.notify_one();
        return Ok(());
    }
    let detail = if unsettled {
        "it waits to be worked on already"
    } else {
        "it has had its effect: a deployment was made of it, and runs once"
    };
    Err(Problem::new(StatusCode::CONFLICT, "had_its_effect", detail))
}
