//! `/deployments/{number}`: GitHub was asked for a deployment; as soon as its run is here, this leads there.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use crate::domain::ids::DeploymentId;
use crate::flow::view::Look;
use crate::flow::view::run::history;
use crate::http::pages::looker::{Frame, Looker};
use crate::http::pages::{harmless, missing, page};
use crate::http::problem::server_fault;
use crate::http::state::Surface;
use crate::report::watch::on_its_way;
use crate::store::history::Filter;

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
    let read = async { Ok((history(&look, &filter, 1).await?, look.store.asked_deployments().await?)) };
    let (found, asked) = match read.await {
        Ok(read) => read,
        Err(error) => return not_read(&error),
    };
    if let Some(run) = found.items.first() {
        return Redirect::to(&format!("/runs/{}", run.id)).into_response();
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

fn not_read(error: &crate::store::error::StoreError) -> Response {
    server_fault(error)
}
