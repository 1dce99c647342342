//! The guard before every route: who asks, whether they may, and whether they ask too much.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use futures_util::StreamExt as _;

use crate::domain::viewer::{Scope, Viewer, Who};
use crate::http::access::{identify, no_token};
use crate::http::problem::{Problem, fault};
use crate::http::serve::Peer;
use crate::http::state::{Live, Surface};

/// As long as it takes until somebody who has left a team sees nothing any more.
const AGAIN: Duration = Duration::from_secs(300);

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
            let in_session = match viewer.who {
                Who::Session { .. } | Who::Emergency { .. } => true,
                Who::Token { .. } | Who::Local => false,
            };
            request.extensions_mut().insert(viewer);
            let response = next.run(request).await;
            if in_session {
                looked_at_again(response, AGAIN)
            } else {
                response
            }
        }
        Err(problem) => problem.into_response(),
    }
}

/// The same, but a stream ends after a while: the browser opens it again by itself, and goes on where it was, if it still may.
fn looked_at_again(response: Response, after: Duration) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let streams = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if !streams {
        return response;
    }
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(tokio::time::sleep(after)))))
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::response::sse::{Event, Sse};
    use futures_util::stream;
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_stream_of_a_session_ends_and_what_came_before_is_whole() {
        let events = stream::once(async { Ok::<_, Infallible>(Event::default().data("one")) }).chain(stream::pending());
        let response = looked_at_again(Sse::new(events).into_response(), Duration::from_millis(50));
        let text = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(text, "data: one\n\n");
        let whole = looked_at_again("all of it".into_response(), Duration::ZERO);
        assert_eq!(whole.into_body().collect().await.unwrap().to_bytes(), "all of it");
    }
}
