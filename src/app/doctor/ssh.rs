//! Whether what an environment says about ssh can serve: the program, the key, the known hosts.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::app::doctor::Finding;
use crate::config::Environment;
use crate::config::secret::{self, SecretSource};
use crate::provider::probe;
use crate::queue::findings::Severity;

/// Every finding about `ssh`; none where the environment leaves it to the tools. `home` is the account's own, whose known hosts
/// hold where none are named.
pub(super) fn findings(environment: &Environment, path: &str, home: &Path) -> Vec<Finding> {
    let Some(ssh) = &environment.ssh else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if probe::find("ssh", path).is_none() {
        findings.push(Finding::bad(
            "`ssh` is set, but there is no program `ssh` in the `PATH`".to_owned(),
            "install it: `apt install openssh-client`",
        ));
    }
    findings.extend(ssh.key.as_ref().and_then(key));
    let of_account = home.join(".ssh/known_hosts");
    findings.extend(known_hosts(ssh.known_hosts.as_ref().unwrap_or(&of_account)));
    findings
}

fn key(source: &SecretSource) -> Option<Finding> {
    if matches!(source, SecretSource::Command(_)) {
        // it is asked when a deployment needs it
        return None;
    }
    match secret::read(source) {
        Err(error) => {
            let fix = error
                .hint()
                .unwrap_or_else(|| "make it a private key that this account can read".to_owned());
            return Some(Finding::bad(format!("`ssh.key`: {error}"), &fix));
        }
        Ok(None) => {
            let fix =
                "make one with `ssh-keygen -t ed25519 -f FILE`, and add FILE.pub to the hosts and to the repository";
            return Some(Finding::bad(format!("`ssh.key`: {source} is not there"), fix));
        }
        Ok(Some(_)) => {}
    }
    let SecretSource::File(file) = source else {
        return None;
    };
    let mode = fs::metadata(file).ok()?.mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let text = format!(
            "`ssh.key`: file `{}` has mode {mode:04o}, and ssh does not use it",
            file.display()
        );
        Finding::bad(text, &format!("`chmod 600 {}`", file.display()))
    })
}

fn known_hosts(file: &Path) -> Option<Finding> {
    let shown = file.display();
    let make = format!("`ssh-keyscan HOST >> {shown}`, then compare the keys with the host's own");
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            return Some(Finding::bad(
                format!("`ssh.known_hosts`: cannot read `{shown}`: {error}"),
                &make,
            ));
        }
    };
    let names_a_host = text
        .lines()
        .any(|line| !line.trim().is_empty() && !line.starts_with('#'));
    if !names_a_host {
        return Some(Finding::bad(
            format!("`ssh.known_hosts`: `{shown}` names no host, and no other is believed"),
            &make,
        ));
    }
    let mode = fs::metadata(file).ok()?.mode() & 0o777;
    (mode & 0o002 != 0).then(|| Finding {
        severity: Some(Severity::Warn),
        text: format!(
            "`ssh.known_hosts`: everybody on this machine can write `{shown}`, and so choose whom ssh believes"
        ),
        fix: Some(format!("`chmod o-w {shown}`")),
    })
}
