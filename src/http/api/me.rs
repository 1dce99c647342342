//! `GET /me`: as whom the API takes whoever asks.

use axum::extract::State;

use crate::domain::viewer::{Scope, Who};
use crate::flow::view::forms::Me;
use crate::http::api::Answered;
use crate::http::api::guard::Caller;
use crate::http::api::route::Api;
use crate::http::state::Surface;

pub(super) fn routes(api: &mut Api) {
    api.get("/me", "me", "As whom Chima takes you, and what you may ask for")
        .answers::<Me>(200, "you")
        .by(me);
}

async fn me(State(_): State<Surface>, caller: Caller) -> Answered {
    let viewer = &caller.viewer;
    let (login, token) = match &viewer.who {
        Who::Token { id, login } => (Some(login.clone()), Some(id.clone())),
        Who::Session { login, .. } => (Some(login.clone()), None),
        Who::Emergency { .. } | Who::Local => (None, None),
    };
    let scopes = Scope::ALL.into_iter().filter(|scope| viewer.may(*scope));
    caller.answer(&Me {
        login,
        token,
        scopes: scopes.map(|scope| scope.as_str().to_owned()).collect(),
        apps: viewer
            .apps
            .as_ref()
            .map(|apps| apps.iter().map(ToString::to_string).collect()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
