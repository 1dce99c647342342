//! Where commits come from, and how git proves who we are there.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use crate::provider::spec::Secret;

/// How ssh proves who we are, and who the other side must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAccess {
    /// The private key's file.
    pub key: PathBuf,
    /// The file of known host keys.
    pub known_hosts: PathBuf,
}

/// Where commits come from.
#[derive(Debug, Clone)]
pub struct Remote {
    /// A URL, git's `user@host:path`, or an absolute path.
    pub url: String,
    /// For `https`: sent to that host alone.
    pub token: Option<SecretString>,
    /// For ssh.
    pub ssh: Option<SshAccess>,
}

impl Remote {
    /// The remote's path, where it is one on this machine.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        if let Some(path) = self.url.strip_prefix("file://") {
            return Some(Path::new(path));
        }
        let first = self.url.split('/').next().unwrap_or_default();
        (!first.contains(':')).then(|| Path::new(&self.url))
    }

    /// Host, with a port where one is named, of a remote that is fetched over https.
    #[must_use]
    pub fn https_host(&self) -> Option<&str> {
        let authority = self.url.strip_prefix("https://")?.split('/').next()?;
        authority.rsplit('@').next()
    }

    /// What git may speak to reach it.
    pub(super) fn protocols(&self) -> &'static str {
        if self.path().is_some() {
            "https:ssh:file"
        } else {
            "https:ssh"
        }
    }

    /// The secrets that must not show in an error.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        self.token
            .iter()
            .map(|token| Secret {
                name: "git token".to_owned(),
                value: token.expose_secret().to_owned(),
            })
            .collect()
    }

    /// Whether git may have to be told a token.
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some() && self.https_host().is_some()
    }
}

/// How git starts ssh for this remote.
pub(super) fn ssh_command(access: Option<&SshAccess>) -> String {
    let mut command = "ssh -o BatchMode=yes".to_owned();
    if let Some(access) = access {
        let option = |name: &str, path: &Path| format!(" -o {}", quoted(&format!("{name}=\"{}\"", path.display())));
        command.push_str(" -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes");
        command.push_str(&option("UserKnownHostsFile", &access.known_hosts));
        command.push_str(&option("IdentityFile", &access.key));
    }
    command
}

/// One word for the shell through which git starts its helpers.
pub(in crate::provider) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str) -> Remote {
        Remote {
            url: url.to_owned(),
            token: Some("ghs_0123456789".into()),
            ssh: None,
        }
    }

    #[test]
    fn only_a_path_may_use_the_file_protocol() {
        for (url, is_path) in [
            ("/srv/x.git", true),
            ("file:///srv/x.git", true),
            ("https://github.com/o/r.git", false),
            ("git@github.com:o/r.git", false),
            ("ssh://git@host/x", false),
            ("ext::sh -c id", false),
        ] {
            assert_eq!(remote(url).path().is_some(), is_path, "{url}");
        }
    }

    #[test]
    fn a_token_is_for_https_only() {
        for (url, expected) in [
            ("https://ghe.example.com/o/r.git", true),
            ("http://ghe.example.com/o/r.git", false),
            ("git@github.com:o/r.git", false),
            ("/srv/x.git", false),
        ] {
            assert_eq!(remote(url).has_token(), expected, "{url}");
        }
    }
}
