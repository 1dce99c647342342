//! Whoever looks with a program: a wall monitor shows a token, or what a person would see at the same machine.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use crate::domain::viewer::{Scope, Viewer};
use crate::http::access::{identify, no_token, shows_token};
use crate::http::pages::looker::Looker;
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
        if shows_token(&parts.headers) {
            let surface = Surface::from_ref(state);
            let peer = parts.extensions.get::<Peer>().copied();
            let viewer = identify(&surface, &parts.headers, peer).await;
            let viewer = viewer.map_err(IntoResponse::into_response)?;
            if !viewer.may(Scope::Read) {
                return Err(no_token().into_response());
            }
            return Ok(Self(viewer));
        }
        // a program follows no way to sign in
        match Looker::from_request_parts(parts, state).await {
            Ok(looker) => Ok(Self(looker.viewer)),
            Err(_) => Err(no_token().into_response()),
        }
    }
}
