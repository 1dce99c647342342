//! The guard before every route: who asks, whether they may, and whether they ask too much.

use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;

use crate::domain::viewer::{Scope, Viewer, Who};
use crate::http::access::{identify, no_token};
use crate::http::problem::{Problem, fault};
use crate::http::serve::Peer;
use crate::http::state::{Live, Surface};

#[derive(Debug, Clone)]
struct Guard {
    live: Live,
    needs: Scope,
}

/// A route behind its guard.
pub(super) fn guarded(handler: MethodRouter<Live>, live: &Live, needs: Scope) -> MethodRouter<Live> {
    let guard = Guard {
        live: live.clone(),
        needs,
    };
    handler.layer(from_fn_with_state(guard, before))
}

async fn before(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    // what is waited for may hold no body, which is nothing that two threads can look at
    let (headers, peer) = (request.headers().clone(), request.extensions().get::<Peer>().copied());
    let looks = request.method() == Method::GET || request.method() == Method::HEAD;
    match admitted(&guard, (&headers, peer), looks).await {
        Ok(viewer) => {
            request.extensions_mut().insert(viewer);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admitted(guard: &Guard, (headers, peer): (&HeaderMap, Option<Peer>), looks: bool) -> Result<Viewer, Problem> {
    let surface = &Surface::from_ref(&guard.live);
    let viewer = identify(surface, headers, peer, looks).await?;
    let name = match &viewer.who {
        Who::Token { id, .. } | Who::Session { id, .. } | Who::Emergency { id, .. } => id.as_str(),
        Who::Local => "",
    };
    if let Err(seconds) = surface.api.limits.take(name, surface.engine.now()) {
        let detail = "too many requests at once; ask again in a moment";
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).again_in(seconds));
    }
    if viewer.may(guard.needs) {
        return Ok(viewer);
    }
    match viewer.who {
        Who::Token { .. } => Err(scope_missing(guard.needs)),
        Who::Session { .. } | Who::Emergency { .. } | Who::Local => Err(no_token()),
    }
}

/// What is answered where a token is good, but not for this.
pub(super) fn scope_missing(needs: Scope) -> Problem {
    let detail = format!(
        "the token has not the scope `{}`; `chima token create --scope {}` makes one that has",
        needs.as_str(),
        needs.as_str()
    );
    Problem::new(StatusCode::FORBIDDEN, "scope_missing", &detail)
}

/// Whoever asks, as the guard found out, and what they know of the answer already.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) viewer: Viewer,
    /// `If-None-Match`.
    pub(super) knows: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(viewer) = parts.extensions.get::<Viewer>().cloned() else {
            return Err(fault(&std::io::Error::other("a route of the API has no guard")));
        };
        let knows = parts.headers.get(header::IF_NONE_MATCH);
        Ok(Self {
            viewer,
            knows: knows.and_then(|value| value.to_str().ok()).map(str::to_owned),
        })
    }
}
