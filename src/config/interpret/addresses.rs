//! Addresses: of servers, of the queue, of what git fetches from.

use std::path;

use url::Url;

use crate::config::QueueAddress;
use crate::config::interpret::Reading;
use crate::config::problem::KeyPath;
use crate::domain::names::shown;

/// How much of an address may be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address {
    /// Scheme, host and port: others append paths to it, and browsers compare it.
    Origin,
    /// The beginning of other addresses: a path is allowed.
    Base,
    /// Any page.
    Page,
}

impl Reading<'_> {
    /// An address of the web, without a slash at its end.
    pub(super) fn address(&mut self, text: &str, kind: Address, path: &KeyPath) -> Option<String> {
        match web(text, kind) {
            Ok(address) => Some(address),
            Err((text, hint)) => self.refuse(path, format!("`{path}` {text}"), hint.map(str::to_owned)),
        }
    }

    /// What git fetches from. A relative path is made absolute here, because git runs elsewhere.
    pub(super) fn remote(&mut self, text: &str, path: &KeyPath) -> Option<String> {
        match remote(text) {
            Ok(remote) => Some(remote),
            Err((text, hint)) => self.refuse(path, text, Some(hint.to_owned())),
        }
    }
}

fn web(text: &str, kind: Address) -> Result<String, (String, Option<&'static str>)> {
    let not_one = || {
        format!(
            "is `{}`; expected an address that begins with `https://` or `http://`",
            shown(text)
        )
    };
    let url = Url::parse(text).map_err(|_| (not_one(), None))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err((not_one(), None));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not shown: it may be a password.
        return Err((
            "holds a user name or password; expected an address without".to_owned(),
            None,
        ));
    }
    if kind != Address::Page && (url.query().is_some() || url.fragment().is_some()) {
        return Err((
            format!("is `{}`; expected an address without `?` and `#`", shown(text)),
            None,
        ));
    }
    if kind == Address::Origin && url.path() != "/" {
        let hint = "give Chima a host name or a port of its own";
        return Err((
            format!("is `{}`; expected an address without a path", shown(text)),
            Some(hint),
        ));
    }
    Ok(if kind == Address::Page {
        url.to_string()
    } else {
        url.as_str().trim_end_matches('/').to_owned()
    })
}

/// The host of a web address, with the port where it is not the scheme's own.
pub(super) fn host(address: &str) -> String {
    let url = Url::parse(address).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    match url.as_ref().and_then(Url::port) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The queue that an address names. An address that came from a secret is not shown.
pub(super) fn queue(address: &str, is_secret: bool) -> Result<QueueAddress, (String, &'static str)> {
    let name = if is_secret {
        "the address".to_owned()
    } else {
        format!("`{}`", shown(address))
    };
    if address == "sqlite" {
        return Ok(QueueAddress::Sqlite);
    }
    if address.starts_with("rediss:") {
        let text = "`rediss://` (Redis over TLS) is not supported; expected `redis://HOST:PORT`".to_owned();
        return Err((text, "reach Redis over a private network or a tunnel"));
    }
    match Url::parse(address) {
        Ok(url) if url.scheme() == "redis" && url.has_host() && url.host_str() != Some("") => {
            let open = url.username().is_empty() && url.password().is_none();
            if open || is_secret {
                Ok(QueueAddress::Redis(address.to_owned()))
            } else {
                let text = "the address of the queue holds a password; expected where the address is found".to_owned();
                Err((text, "write `queue: { env: CHIMA_QUEUE }` or `queue: { file: PATH }`"))
            }
        }
        Ok(_) | Err(_) => {
            let text = format!("{name} is not a queue; expected `sqlite` or `redis://HOST:PORT`");
            Err((text, "for example `redis://127.0.0.1:6379`"))
        }
    }
}

fn remote(text: &str) -> Result<String, (String, &'static str)> {
    let found = || format!("`{}` is not a remote", shown(text));
    if text.trim().is_empty() || text.starts_with('-') || text.contains(char::is_control) {
        return Err((found(), "write an address or a path, as `git clone` takes it"));
    }
    // `ext::sh -c …` and its kind let an address run a program.
    if text.split('/').next().is_some_and(|head| head.contains("::")) {
        return Err((
            format!("{}; remote helpers (`NAME::…`) are never used", found()),
            "use https or ssh",
        ));
    }
    if let Some((scheme, _)) = text.split_once("://") {
        if !matches!(scheme, "https" | "http" | "ssh" | "file") {
            return Err((
                format!("{}; expected https, ssh, file or a path", found()),
                "use https or ssh",
            ));
        }
        let url = Url::parse(text).map_err(|_| (found(), "write an address or a path, as `git clone` takes it"))?;
        if url.password().is_some() || (scheme.starts_with("http") && !url.username().is_empty()) {
            // Not shown: it may be a password.
            let text = "the remote holds a user name or password; expected an address without".to_owned();
            return Err((text, "Chima hands git the token of `github` by itself"));
        }
        return Ok(text.to_owned());
    }
    if text.split('/').next().is_some_and(|head| head.contains(':')) {
        // `git@host:path`, ssh's short form.
        return Ok(text.to_owned());
    }
    match path::absolute(text) {
        Ok(path) => Ok(path.to_string_lossy().into_owned()),
        Err(_) => Err((found(), "write an absolute path")),
    }
}
