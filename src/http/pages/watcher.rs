//! Whoever looks with a program: a wall monitor shows a token; a browser is known as on any page. Nobody is sent to sign in.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use crate::domain::viewer::{Scope, Viewer};
use crate::http::access::{identify, no_token};
use crate::http::serve::Peer;
use crate::http::state::Surface;

/// Whoever looks.
#[derive(Debug, Clone)]
pub struct Watcher(pub Viewer);

impl<S> FromRequestParts<S> for Watcher
where
    S: Send + Sync,
    Surface: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let surface = Surface::from_ref(state);
        let peer = parts.extensions.get::<Peer>().copied();
        match identify(&surface, &parts.headers, peer, true).await {
            Ok(viewer) if viewer.may(Scope::Read) => Ok(Self(viewer)),
            Ok(_) => Err(no_token().into_response()),
            Err(problem) => Err(problem.into_response()),
        }
    }
}
