//! `/deployments/{number}`: GitHub was asked for a deployment; as soon as its run is here, this leads there.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use crate::domain::ids::DeploymentId;
use crate::flow::view::Look;
use crate::http::pages::filters;
use crate::http::pages::looker::{Frame, Looker};
use crate::http::pages::{harmless, missing, page};
use crate::http::problem::server_fault;
use crate::http::state::Surface;
use crate::report::watch::on_its_way;
use crate::store::error::StoreError;
use crate::store::history::Filter;

/// Each GitHub has its own numbers.
const FEW: u32 = 10;

#[derive(Template)]
#[template(path = "sent.html")]
struct SentPage {
    frame: Frame,
    deployment: u64,
    what: String,
}

/// The page.
pub async fn sent(
    State(surface): State<Surface>,
    Looker { viewer, frame }: Looker,
    Path(id): Path<String>,
) -> Response {
    let Ok(id) = id.parse::<u64>() else {
        return missing(frame);
    };
    let look = Look::of(&surface.engine, &viewer);
    let filter = Filter {
        deployment: Some(DeploymentId(id)),
        ..Filter::default()
    };
    // by its number alone, which an index finds: whose it is is looked at then
    let read = async {
        Ok::<_, StoreError>((
            look.store.history(&filter, None, FEW).await?,
            look.store.asked_deployments().await?,
        ))
    };
    let (found, asked) = match read.await {
        Ok(read) => read,
        Err(error) => return server_fault(&error),
    };
    if let Some(one) = found.iter().find(|one| viewer.sees_run(&one.run)) {
        return Redirect::to(&format!("/runs/{}", one.run.id)).into_response();
    }
    let asked = asked.iter().find(|one| one.id.0 == id && viewer.sees(&one.app));
    match asked {
        Some(one) => page(&SentPage {
            frame,
            deployment: id,
            what: harmless(&on_its_way(one, look.now)),
        }),
        None => missing(frame),
    }
}
