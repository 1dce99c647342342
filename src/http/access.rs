//! Who asks, as far as HTTP tells: whoever shows a token, whoever is signed in to the pages, or whoever sits at this machine where
//! nobody else can get here.
//!
//! A token is never sent by a browser on its own, so a foreign page cannot use it. Without a token nothing is changed, also at
//! this machine; what may be looked at there is guarded against pages whose names were bound to this address.

use axum::http::{HeaderMap, StatusCode, header};
use chrono::TimeDelta;

use crate::config::reach::names_this_machine;
use crate::domain::token::{Token, digest_of};
use crate::domain::viewer::Viewer;
use crate::http::problem::Problem;
use crate::http::serve::Peer;
use crate::http::session::entered;
use crate::http::state::Surface;

/// When a token was last used is known to within this: a write for each request would cost more than the request.
const USE_KNOWN_WITHIN: TimeDelta = TimeDelta::minutes(10);
/// What proxies add: then the request came from elsewhere, whoever the peer is.
const PROXIED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// Whoever asks. `looks`: for something that changes nothing.
///
/// # Errors
///
/// When they show a token that opens nothing, or none where one is needed.
pub async fn identify(
    surface: &Surface,
    headers: &HeaderMap,
    peer: Option<Peer>,
    looks: bool,
) -> Result<Viewer, Problem> {
    if headers.contains_key(header::AUTHORIZATION) {
        let token = shown(surface, headers).await?;
        return Ok(token.viewer());
    }
    // the scripts of our pages look with the session of the page, and change nothing
    if looks
        && !comes_from_another_site(headers)
        && let Some(entered) = entered(surface, headers).await?
    {
        return Ok(entered.viewer);
    }
    if is_local(surface, headers, peer) {
        return Ok(Viewer::local());
    }
    Err(no_token())
}

/// What is answered where a token is needed.
#[must_use]
pub fn no_token() -> Problem {
    let detail = "a token is needed: `chima token create` makes one; send it as `Authorization: Bearer TOKEN`, or put it in \
                  `CHIMA_TOKEN` for `chima --server`";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

/// The token that is shown. Whether it is unknown, revoked or too old is not told.
async fn shown(surface: &Surface, headers: &HeaderMap) -> Result<Token, Problem> {
    let refused = || {
        let detail = "the token is not good, or not any more; `chima token list` shows those that are";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    };
    let digest = bearer(headers).and_then(digest_of).ok_or_else(refused)?;
    let store = &surface.engine.store;
    let now = surface.engine.now();
    let found = store.token_of(&digest).await?;
    let token = found.filter(|token| token.is_good_at(now)).ok_or_else(refused)?;
    let long_ago = now - USE_KNOWN_WITHIN;
    if token.last_used_at.is_none_or(|at| at <= long_ago)
        && let Err(error) = store.note_token_use(&token.id, now, long_ago).await
    {
        tracing::warn!(token.id = token.id, error = %error, "cannot note that a token was used");
    }
    Ok(token)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Whether only somebody at this machine can have asked: the port is open to nobody else, nobody was told another address, no
/// proxy stands in between, and the address that was typed is this machine's own, not a name that leads here.
#[must_use]
pub fn is_local(surface: &Surface, headers: &HeaderMap, peer: Option<Peer>) -> bool {
    is_here(surface, headers, peer) && !comes_from_another_site(headers)
}

/// The same for a page that a browser shows in a window of its own, wherever the link to it was: what another site sends there it cannot
/// read, and no page of ours is shown inside of another's.
#[must_use]
pub fn is_local_page(surface: &Surface, headers: &HeaderMap, peer: Option<Peer>) -> bool {
    let says = |name: &str, value: &str| only(headers, name) == Some(value);
    let own_window = says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document");
    is_here(surface, headers, peer) && (own_window || !comes_from_another_site(headers))
}

fn is_here(surface: &Surface, headers: &HeaderMap, peer: Option<Peer>) -> bool {
    surface.engine.config.is_for_this_machine() && comes_from_here(headers, peer)
}

/// Whether a program beside the server asks, such as a monitoring on the same machine: from this machine, by its own address, and through
/// no proxy that says so. Others may reach the port as well.
#[must_use]
pub fn is_beside(headers: &HeaderMap, peer: Option<Peer>) -> bool {
    comes_from_here(headers, peer) && !comes_from_another_site(headers)
}

fn comes_from_here(headers: &HeaderMap, peer: Option<Peer>) -> bool {
    let peer_is_here = peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    let proxied = PROXIED.iter().any(|name| headers.contains_key(*name));
    peer_is_here
        && !proxied
        && only(headers, header::HOST.as_str()).is_some_and(|host| names_this_machine(without_port(host)))
}

/// Whether a page of ours has sent a form, as far as the browser says. Behind a proxy, ours is the public address.
#[must_use]
pub fn is_sent_by_us(surface: &Surface, headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = match (origins.next(), origins.next()) {
        (None, _) => return site.is_none_or(|site| site == b"same-origin"),
        (Some(origin), None) => origin.to_str().unwrap_or("null"),
        (Some(_), Some(_)) => return false,
    };
    let public = origin == surface.engine.config.public_url;
    let here = origin
        .split_once("://")
        .is_some_and(|(_, host)| only(headers, header::HOST.as_str()) == Some(host));
    (public || here) && site.is_none_or(|site| site == b"same-origin")
}

/// Whether a browser says that a page of another site asks.
#[must_use]
pub fn comes_from_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    let foreign = site.is_some_and(|site| site != b"same-origin" && site != b"none");
    let origin = headers
        .get(header::ORIGIN)
        .map(|value| value.to_str().unwrap_or("null"));
    let own = only(headers, header::HOST.as_str());
    let elsewhere = origin.is_some_and(|origin| {
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_none() || host != own
    });
    foreign || elsewhere
}

fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(
                axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        headers
    }

    #[test]
    fn names_of_this_machine_and_no_others() {
        for (host, expected) in [
            ("localhost:8080", true),
            ("LOCALHOST", true),
            ("127.0.0.1:1", true),
            ("127.8.8.8", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("localhost.evil.example", false),
            ("127.0.0.1.nip.io:80", false),
            ("evil.example:8080", false),
            ("10.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(names_this_machine(without_port(host)), expected, "{host}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_told_apart() {
        for (sent, expected) in [
            (&[("host", "127.0.0.1:1")][..], false),
            (&[("host", "127.0.0.1:1"), ("origin", "http://127.0.0.1:1")], false),
            (&[("host", "127.0.0.1:1"), ("origin", "http://127.0.0.1:2")], true),
            (&[("host", "127.0.0.1:1"), ("origin", "https://evil.example")], true),
            (&[("host", "127.0.0.1:1"), ("origin", "null")], true),
            (&[("host", "127.0.0.1:1"), ("sec-fetch-site", "cross-site")], true),
            (&[("host", "127.0.0.1:1"), ("sec-fetch-site", "same-site")], true),
            (&[("host", "127.0.0.1:1"), ("sec-fetch-site", "same-origin")], false),
            (&[("host", "127.0.0.1:1"), ("sec-fetch-site", "none")], false),
        ] {
            assert_eq!(comes_from_another_site(&headers(sent)), expected, "{sent:?}");
        }
    }

    #[test]
    fn a_token_is_shown_once_and_in_one_way() {
        for (sent, expected) in [
            (&[("authorization", "Bearer abc")][..], Some("abc")),
            (&[("authorization", "bearer  abc ")], Some("abc")),
            (&[("authorization", "Basic abc")], None),
            (&[("authorization", "Bearer")], None),
            (&[("authorization", "Bearer a"), ("authorization", "Bearer b")], None),
            (&[], None),
        ] {
            assert_eq!(bearer(&headers(sent)), expected, "{sent:?}");
        }
    }
}
