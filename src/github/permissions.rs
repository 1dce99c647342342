//! Which permission a call takes, for people who have to grant it.
//! <https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps>

use http::HeaderMap;

use crate::domain::names::shown;

/// GitHub's own words in this header, where it sends it: `deployments=write`, or alternatives with `;` between them.
/// <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#resource-not-accessible>
const ACCEPTED: &str = "x-accepted-github-permissions";

/// How GitHub begins when a token lacks a permission; what follows says what kind of token it was.
const LACKS: &str = "Resource not accessible by";

/// The permission that a refused call lacks, as GitHub's pages call it; `None` where that is not why it was refused.
pub(super) fn lacking(headers: &HeaderMap, message: &str, method: &str, path: &str) -> Option<String> {
    if !message.starts_with(LACKS) {
        return None;
    }
    let named = headers.get(ACCEPTED).and_then(|value| value.to_str().ok());
    match named.map(str::trim).filter(|named| !named.is_empty()) {
        Some(named) => {
            let first = named.split(';').next().unwrap_or_default();
            let all: Vec<String> = first.split(',').map(as_on_pages).collect();
            Some(all.join(", "))
        }
        None => needed(method, path).map(str::to_owned),
    }
}

/// `pull_requests=read`, as GitHub's pages call it: `Pull requests: read`.
fn as_on_pages(named: &str) -> String {
    let (name, level) = named.trim().split_once('=').unwrap_or((named.trim(), "read"));
    let name = match name {
        "statuses" => "Commit statuses".to_owned(),
        other => {
            let mut letters = other.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>().replace('_', " ")
        }
    };
    shown(&format!("{name}: {level}"))
}

/// What the calls in this room take.
fn needed(method: &str, path: &str) -> Option<&'static str> {
    let path = path.split('?').next().unwrap_or_default();
    if path.starts_with("/orgs/") && path.contains("/memberships/") {
        return Some("Members: read");
    }
    let mut parts = path.trim_start_matches('/').splitn(4, '/');
    if parts.next() != Some("repos") {
        return None;
    }
    let rest = parts.nth(2).unwrap_or_default();
    let room = rest.split('/').next().unwrap_or_default();
    Some(match (room, method) {
        ("deployments", "POST") => "Deployments: write",
        ("deployments", _) => "Deployments: read",
        ("commits", _) if rest.ends_with("/check-runs") => "Checks: read",
        ("commits", _) if rest.ends_with("/status") => "Commit statuses: read",
        ("pulls", _) => "Pull requests: read",
        ("branches" | "compare" | "commits", _) => "Contents: read",
        ("", _) => "Metadata: read",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_permission_that_is_lacking_is_named() {
        let accepted = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPTED, http::HeaderValue::from_static(value));
            headers
        };
        let lacks = "Resource not accessible by integration";
        for (headers, message, method, path, expected) in [
            (
                HeaderMap::new(),
                lacks,
                "POST",
                "/repos/o/r/deployments/7/statuses",
                Some("Deployments: write"),
            ),
            (
                HeaderMap::new(),
                lacks,
                "GET",
                "/repos/o/r/deployments?task=deploy",
                Some("Deployments: read"),
            ),
            (
                HeaderMap::new(),
                lacks,
                "GET",
                "/repos/o/r/commits/ab/check-runs?page=1",
                Some("Checks: read"),
            ),
            (
                HeaderMap::new(),
                lacks,
                "GET",
                "/repos/o/r/commits/ab/status?page=1",
                Some("Commit statuses: read"),
            ),
            (
                HeaderMap::new(),
                lacks,
                "GET",
                "/repos/o/r/compare/a...b",
                Some("Contents: read"),
            ),
            (HeaderMap::new(), lacks, "GET", "/repos/o/r", Some("Metadata: read")),
            (HeaderMap::new(), lacks, "GET", "/app", None),
            (
                HeaderMap::new(),
                lacks,
                "GET",
                "/orgs/octo/teams/web/memberships/mona",
                Some("Members: read"),
            ),
            (
                accepted("deployments=write"),
                lacks,
                "GET",
                "/app",
                Some("Deployments: write"),
            ),
            (
                accepted("contents=read,checks=read; metadata=read"),
                lacks,
                "GET",
                "/app",
                Some("Contents: read, Checks: read"),
            ),
            (
                accepted("deployments=write"),
                "Repository was archived so is read-only.",
                "GET",
                "/app",
                None,
            ),
        ] {
            assert_eq!(
                lacking(&headers, message, method, path).as_deref(),
                expected,
                "{method} {path}"
            );
        }
    }
}
