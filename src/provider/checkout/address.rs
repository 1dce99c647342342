//! Where a submodule comes from: what `.gitmodules` says, made into a remote that may be fetched.
//!
//! The repository chooses the address, so it is judged: https and ssh, nothing that could be an option, a program or another
//! transport. The app's token goes along to the app's own host and nowhere else.

use url::Url;

use crate::domain::names::shown;
use crate::provider::git::Remote;

/// Why an address is not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no address, or one of a kind that is not fetched.
    #[error("its address `{0}` is not fetched; use https, ssh or a relative address in `.gitmodules`")]
    Unfit(String),
    /// A path, and the repository itself does not come from a path.
    #[error(
        "its address `{0}` is a path, but the repository comes from another machine; use https, ssh or a relative address"
    )]
    Path(String),
    /// It leads out of the host, or above its root.
    #[error("its address `{0}` leads out of `{1}`; correct it in `.gitmodules`")]
    Outside(String, String),
    /// It holds a password, which is not shown.
    #[error("its address holds a password; remove it from `.gitmodules`")]
    Password,
}

/// The remote of a submodule.
///
/// `app` has the credentials; `parent` is where the repository comes from that names the submodule.
pub(super) fn resolve(app: &Remote, parent: &Remote, typed: &str) -> Result<Remote, AddressError> {
    let unfit = || AddressError::Unfit(shown(typed));
    let is_odd = |c: char| c.is_control() || c == '\\';
    if typed.is_empty()
        || typed.starts_with('-')
        || typed.contains(is_odd)
        || typed.contains(":///") && !typed.starts_with("file")
    {
        return Err(unfit());
    }
    if typed.starts_with("./") || typed.starts_with("../") {
        let url = relative(&parent.url, typed)
            .filter(|url| is_beside(url, &parent.url))
            .ok_or_else(|| AddressError::Outside(shown(typed), shown(&parent.url)))?;
        return Ok(with_credentials(app, url));
    }
    if typed.starts_with('/') || typed.starts_with("file://") {
        return match parent.path() {
            Some(_) => Ok(with_credentials(app, typed.to_owned())),
            None => Err(AddressError::Path(shown(typed))),
        };
    }
    let (user, host, path) = if typed.contains("://") {
        let url = Url::parse(typed).map_err(|_| unfit())?;
        if url.password().is_some() {
            return Err(AddressError::Password);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(unfit)?;
        match url.scheme() {
            // As it is typed: git reads it in its own way, and the host must be the one that was looked at.
            "https" if typed.starts_with("https://") => return Ok(with_credentials(app, typed.to_owned())),
            "ssh" if typed.starts_with("ssh://") && url.port().is_none() => (
                url.username().to_owned(),
                host.to_owned(),
                url.path().trim_start_matches('/').to_owned(),
            ),
            "ssh" if typed.starts_with("ssh://") => (String::new(), host.to_owned(), String::new()),
            _ => return Err(unfit()),
        }
    } else {
        short_form(typed).ok_or_else(unfit)?
    };
    if host.starts_with('-') || user.starts_with('-') || path.starts_with('-') {
        return Err(unfit());
    }
    // Many repositories name their neighbours as their developers reach them. With a token in hand, so can we.
    if user == "git" && app.token.is_some() && app.ssh.is_none() && app.https_host() == Some(host.as_str()) {
        return Ok(with_credentials(app, format!("https://{host}/{path}")));
    }
    Ok(with_credentials(app, typed.to_owned()))
}

/// Ssh's short form, `user@host:path`.
fn short_form(typed: &str) -> Option<(String, String, String)> {
    let (authority, path) = typed.split_once(':')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    if authority.is_empty() || path.is_empty() || path.starts_with(':') || !authority.chars().all(is_plain) {
        return None;
    }
    let (user, host) = authority.split_once('@').unwrap_or(("", authority));
    let fits = !host.is_empty() && !host.contains('@');
    fits.then(|| (user.to_owned(), host.to_owned(), path.to_owned()))
}

/// A relative address, as git resolves it: each `../` takes away the last part of the base.
fn relative(base: &str, typed: &str) -> Option<String> {
    let mut base = base.trim_end_matches('/').to_owned();
    let mut rest = typed;
    let mut separator = '/';
    loop {
        if let Some(after) = rest.strip_prefix("../") {
            rest = after;
            let at = base.rfind(['/', ':'])?;
            separator = if base[at..].starts_with(':') { ':' } else { '/' };
            base.truncate(at);
        } else if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else {
            break;
        }
    }
    let rest = rest.trim_end_matches('/');
    let climbs = rest.split('/').any(|part| part == "..");
    (!rest.is_empty() && !climbs && !base.is_empty()).then(|| format!("{base}{separator}{rest}"))
}

/// Whether both are of one kind and on one host.
fn is_beside(url: &str, base: &str) -> bool {
    let authority = |text: &str| match text.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.split('/').next().unwrap_or_default()),
        None if text.starts_with('/') => "/".to_owned(),
        None => text.split(':').next().unwrap_or_default().to_owned(),
    };
    authority(url) == authority(base)
}

fn with_credentials(app: &Remote, url: String) -> Remote {
    let mut remote = Remote {
        url,
        token: None,
        ssh: app.ssh.clone(),
    };
    if remote.https_host().is_some() && remote.https_host() == app.https_host() {
        remote.token.clone_from(&app.token);
    }
    remote
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str) -> Remote {
        Remote {
            url: url.to_owned(),
            token: url.starts_with("https://").then(|| "ghs_0123456789".into()),
            ssh: None,
        }
    }

    fn resolved(app: &str, typed: &str) -> Result<(String, bool), AddressError> {
        let app = remote(app);
        resolve(&app, &app, typed).map(|found| (found.url, found.token.is_some()))
    }

    const APP: &str = "https://github.com/octo/app.git";

    #[test]
    fn addresses_are_resolved_as_git_does() {
        for (app, typed, expected) in [
            (APP, "../lib.git", "https://github.com/octo/lib.git"),
            (APP, "../../mona/lib", "https://github.com/mona/lib"),
            (APP, "./lib", "https://github.com/octo/app.git/lib"),
            ("git@host:octo/app.git", "../lib", "git@host:octo/lib"),
            ("git@host:app.git", "../lib", "git@host:lib"),
            ("/srv/git/app.git/", "../lib", "/srv/git/lib"),
            ("file:///srv/app", "../lib", "file:///srv/lib"),
            ("/srv/git/app.git", "/srv/lib", "/srv/lib"),
            (APP, "https://example.com/x", "https://example.com/x"),
            (APP, "ssh://mona@example.com:2222/x", "ssh://mona@example.com:2222/x"),
            (APP, "mona@example.com:x", "mona@example.com:x"),
        ] {
            assert_eq!(
                resolved(app, typed).map(|found| found.0).as_deref(),
                Ok(expected),
                "{typed}"
            );
        }
    }

    #[test]
    fn the_token_stays_with_its_host() {
        for (typed, expected) in [
            ("../lib.git", ("https://github.com/octo/lib.git", true)),
            ("https://github.com/mona/lib", ("https://github.com/mona/lib", true)),
            ("git@github.com:mona/lib.git", ("https://github.com/mona/lib.git", true)),
            ("ssh://git@github.com/mona/lib", ("https://github.com/mona/lib", true)),
            ("https://github.com:444/x", ("https://github.com:444/x", false)),
            (
                "https://github.com.example.org/x",
                ("https://github.com.example.org/x", false),
            ),
            (
                "https://github.com@example.org/x",
                ("https://github.com@example.org/x", false),
            ),
            ("git@example.org:x", ("git@example.org:x", false)),
        ] {
            let found = resolved(APP, typed).unwrap();
            assert_eq!((found.0.as_str(), found.1), expected, "{typed}");
        }
    }

    #[test]
    fn an_app_with_a_key_keeps_to_ssh() {
        let mut app = remote(APP);
        app.ssh = Some(crate::provider::git::SshAccess {
            key: "/k".into(),
            known_hosts: "/h".into(),
        });
        let found = resolve(&app, &app, "git@github.com:mona/lib.git").unwrap();
        assert_eq!(
            (found.url.as_str(), found.ssh),
            ("git@github.com:mona/lib.git", app.ssh)
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for typed in [
            "",
            "-u./x",
            "--upload-pack=x",
            "ext::sh -c id",
            "fd::17",
            "http://example.com/x",
            "git://example.com/x",
            "HTTPS://example.com/x",
            "ssh://-oProxyCommand=x/y",
            "-oProxyCommand=x:y",
            "git@-oProxyCommand=x:y",
            "git@host:-x",
            "lib",
            "https://",
            "https:///x",
            "x\ny",
            "host::x",
            "a b@host:x",
        ] {
            let error = resolved(APP, typed).unwrap_err();
            assert!(matches!(error, AddressError::Unfit(_)), "{typed}: {error}");
        }
        assert_eq!(
            resolved(APP, "https://mona:pw@github.com/x"),
            Err(AddressError::Password)
        );
    }

    #[test]
    fn a_path_is_for_repositories_that_come_from_one() {
        for typed in ["/etc", "file:///etc"] {
            assert_eq!(resolved(APP, typed), Err(AddressError::Path(typed.to_owned())));
        }
    }

    #[test]
    fn a_relative_address_stays_on_its_host() {
        for (app, typed) in [
            (APP, "../../../x"),
            (APP, "../../../example.org/x"),
            (APP, "../../../../x"),
            ("git@host:app", "../../other:x"),
            ("/srv/app", "../../../x"),
            ("/srv/app", "../a/../../../x"),
        ] {
            let error = resolved(app, typed).unwrap_err();
            assert!(matches!(error, AddressError::Outside(..)), "{app} {typed}: {error}");
        }
    }
}
