//! Commits: what a run brought, what a deployment would bring, how a ref stands, and where a commit is.

use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::names::RefName;
use crate::flow::chat::Conversation;
use crate::flow::chat::lookups::{builds, difference, whereabouts};
use crate::flow::contained::{self, ContainedError};
use crate::flow::view::Look;
use crate::flow::view::commits::{Builds, Difference, RunCommits, Whereabouts};
use crate::http::api::Answered;
use crate::http::api::answer::refused;
use crate::http::api::board::{no_such_app, spot};
use crate::http::api::given::{Asked, At};
use crate::http::api::guard::Caller;
use crate::http::api::once::chat_failed;
use crate::http::api::route::Api;
use crate::http::api::runs::see;
use crate::http::problem::Problem;
use crate::http::state::Surface;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Branch, tag or SHA; the repository's default branch where nothing is said.
    #[serde(rename = "ref")]
    git_ref: Option<String>,
}

pub(super) fn routes(api: &mut Api) {
    api.get(
        "/runs/{run}/commits",
        "run_commits",
        "What a run brought to its environment, beside what ran there before; GitHub is asked once",
    )
    .asks_github()
    .answers::<RunCommits>(200, "the commits")
    .by(of_run);
    api.get(
        "/apps/{app}/environments/{environment}/diff",
        "diff",
        "What a deployment would bring to an environment",
    )
    .asks_github()
    .query::<Which>()
    .answers::<Difference>(200, "what would be new, and what would be gone")
    .by(diff);
    api.get(
        "/apps/{app}/builds",
        "builds",
        "How a ref stands: what was said about its commit",
    )
    .asks_github()
    .query::<Which>()
    .answers::<Builds>(200, "what was said")
    .by(of_ref);
    api.get(
        "/commits/{sha}",
        "where_is",
        "Which environments have a commit, of every app whose repository knows it",
    )
    .asks_github()
    .answers::<Whereabouts>(200, "where it is")
    .by(where_is);
}

async fn of_run(State(surface): State<Surface>, caller: Caller, At(id): At<String>) -> Answered {
    let listed = see(&surface, &caller.viewer, &id).await?;
    let found = Box::pin(contained::look(&Conversation::of(&surface.engine), &listed.run)).await;
    caller.answer(&found.map_err(not_told)?)
}

/// Why it cannot be told what a run brought.
pub(crate) fn not_told(error: ContainedError) -> Problem {
    let text = error.to_string();
    match error {
        ContainedError::Ledger(error) => error.into(),
        ContainedError::GitHub(_) | ContainedError::Late => {
            tracing::warn!(error = text, "GitHub does not tell which commits a run brought");
            Problem::new(StatusCode::BAD_GATEWAY, "github_unavailable", &text).again_in(5)
        }
    }
}

async fn diff(
    State(surface): State<Surface>,
    caller: Caller,
    At((app, environment)): At<(String, String)>,
    Asked(which): Asked<Which>,
) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let spot = spot(&look, &app, &environment)?;
    let git_ref = named(which.git_ref.as_deref())?;
    let conversation = Conversation::of(&surface.engine);
    match difference(&conversation, spot, git_ref).await.map_err(chat_failed)? {
        Ok(found) => caller.answer(&found),
        Err(reply) => Err(refused(&reply)),
    }
}

async fn of_ref(
    State(surface): State<Surface>,
    caller: Caller,
    At(app): At<String>,
    Asked(which): Asked<Which>,
) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let app = look.app(&app).ok_or_else(no_such_app)?;
    let git_ref = named(which.git_ref.as_deref())?;
    let conversation = Conversation::of(&surface.engine);
    match builds(&conversation, app, git_ref).await.map_err(chat_failed)? {
        Ok(found) => caller.answer(&found),
        Err(reply) => Err(refused(&reply)),
    }
}

async fn where_is(State(surface): State<Surface>, caller: Caller, At(sha): At<String>) -> Answered {
    named(Some(&sha))?;
    let conversation = Conversation::of(&surface.engine);
    match whereabouts(&conversation, &caller.viewer, &sha)
        .await
        .map_err(chat_failed)?
    {
        Ok(found) => caller.answer(&found),
        Err(reply) => Err(refused(&reply)),
    }
}

/// A ref that can be one.
fn named(git_ref: Option<&str>) -> Result<Option<&str>, Problem> {
    match git_ref.map(str::parse::<RefName>) {
        Some(Err(error)) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "ref_malformed",
            &error.to_string(),
        )),
        Some(Ok(_)) | None => Ok(git_ref),
    }
}
