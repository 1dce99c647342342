//! The cookie of the pages: who is signed in, as far as a request tells, and how a browser is told to keep it or to forget it.
//!
//! A cookie is sent by the browser on its own, whoever made it ask. So it opens what looks, and nothing that changes something: that
//! takes the proof too, which only our own pages have.

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::TimeDelta;

use crate::domain::session::{Session, SignedIn, digest_of, proof_of};
use crate::domain::viewer::Viewer;
use crate::flow::roles::{is_still, roles};
use crate::http::state::Surface;
use crate::policy::roles::Told;
use crate::store::error::StoreError;

/// When a session was last used is known to within this: a write for each page would cost more than the page.
const USE_KNOWN_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// A cookie of ours, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    /// Who is signed in.
    Session,
    /// Which browser is on its way to GitHub and back.
    SigningIn,
}

/// Somebody with a good session.
#[derive(Debug, Clone)]
pub(super) struct Entered {
    pub(super) viewer: Viewer,
    pub(super) session: Session,
    /// What forms of their pages send along.
    pub(super) proof: String,
    /// Whether they may be more than `viewer` says, and GitHub does not say now.
    pub(super) untold: bool,
}

impl Cookie {
    /// Where browsers come over TLS, no other site and no page over http can put a cookie of this name in its place.
    pub(super) fn name(self, surface: &Surface) -> &'static str {
        match (self, is_tls(surface)) {
            (Self::Session, true) => "__Host-chima",
            (Self::Session, false) => "chima",
            (Self::SigningIn, true) => "__Host-chima-sign-in",
            (Self::SigningIn, false) => "chima-sign-in",
        }
    }

    /// What the request says that it is. One that is there twice is none: somebody has put theirs beside ours.
    pub(super) fn shown<'h>(self, surface: &Surface, headers: &'h HeaderMap) -> Option<&'h str> {
        let name = self.name(surface);
        let mut all = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(own, _)| *own == name)
            .map(|(_, value)| value);
        match (all.next(), all.next()) {
            (Some(one), None) => Some(one),
            (Some(_) | None, _) => None,
        }
    }

    /// Tells the browser to keep it for so long.
    pub(super) fn kept(self, surface: &Surface, value: &str, length: TimeDelta) -> Option<HeaderValue> {
        let secure = if is_tls(surface) { "; Secure" } else { "" };
        let text = format!(
            "{}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
            self.name(surface),
            length.num_seconds()
        );
        HeaderValue::from_str(&text).ok()
    }

    /// Tells the browser to forget it.
    pub(super) fn forgotten(self, surface: &Surface) -> Option<HeaderValue> {
        self.kept(surface, "", TimeDelta::zero())
    }
}

fn is_tls(surface: &Surface) -> bool {
    surface.engine.config.public_url.starts_with("https://")
}

/// Whoever is signed in. Why a session opens nothing is not told.
pub(super) async fn entered(surface: &Surface, headers: &HeaderMap) -> Result<Option<Entered>, StoreError> {
    let Some(text) = Cookie::Session.shown(surface, headers) else {
        return Ok(None);
    };
    let Some(digest) = digest_of(text) else {
        return Ok(None);
    };
    let (engine, store) = (&surface.engine, &surface.engine.store);
    let now = engine.now();
    let found = store.session_of(&digest).await?;
    let Some(session) = found.filter(|session| session.is_good_at(now)) else {
        return Ok(None);
    };
    let long_ago = now - USE_KNOWN_WITHIN;
    if session.last_seen_at <= long_ago
        && let Err(error) = store.note_session_use(&session.id, now, long_ago).await
    {
        tracing::warn!(session.id = session.id, error = %error, "cannot note that a session was used");
    }
    let (viewer, untold) = match &session.of {
        SignedIn::Emergency { account } => (Viewer::in_emergency(&session.id, account), false),
        // whoever was let in by GitHub has no business here once nobody signs in with it any more
        SignedIn::Person { .. } if surface.engine.config.sign_in.is_none() => return Ok(None),
        SignedIn::Person { login, user } => {
            let heard = &surface.sign_in.heard;
            let found = roles(engine, heard, login).await;
            // what the login is to an app is nobody else's business, should it be somebody else's now
            if let Some((app, _)) = found.roles.first() {
                match is_still(engine, heard, (login, *user), (session.created_at, app)).await {
                    // who is named in the file is let in while GitHub is down: that is when somebody has to look
                    Told::Yes | Told::Nothing => {}
                    Told::No => {
                        tracing::warn!(
                            session.id = session.id,
                            login,
                            "a session ends: another account has its login now"
                        );
                        store.end_session_of_another(&session, now).await?;
                        return Ok(None);
                    }
                }
            }
            let apps = engine.config.apps.len();
            (Viewer::in_session(&session.id, login, found.roles, apps), found.untold)
        }
    };
    Ok(Some(Entered {
        viewer,
        session,
        proof: proof_of(text),
        untold,
    }))
}
