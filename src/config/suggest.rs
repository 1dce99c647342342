//! What somebody may have meant by a name that is not known.
//!
//! Two sources: the nearest known name, and the keys of the systems people come from, which mean something here too but
//! live elsewhere.

use crate::domain::nearest::nearest;

/// Keys of hubot-deploy, Heaven and PYBOSSA's deployer, or of the wrong level here, and where they go now.
const MOVED: [(&str, &str); 22] = [
    (
        "ansible_hosts",
        "`ansible_hosts` is an input of the provider: write `with: { ansible_hosts: … }`",
    ),
    (
        "ansible_playbook",
        "`ansible_playbook` is an input of the provider: write `with: { ansible_playbook: … }`",
    ),
    (
        "commands",
        "`commands` is an input of the provider: write `provider: shell` and `with: { folder: …, commands: … }`",
    ),
    (
        "command",
        "`command` is an input of the provider: write `provider: shell` and `with: { command: [ … ] }`",
    ),
    (
        "folder",
        "`folder` is an input of the provider: write `provider: shell` and `with: { folder: …, commands: … }`",
    ),
    (
        "deploy_script",
        "write `provider: shell` and `with: { command: [\"./script/deploy\"] }`",
    ),
    (
        "playbook",
        "`playbook` is an input of the provider: write `with: { playbook: … }`",
    ),
    (
        "inventory",
        "`inventory` is an input of the provider: write `with: { inventory: … }`",
    ),
    (
        "fabfile",
        "`fabfile` is an input of the provider: write `with: { fabfile: … }`",
    ),
    (
        "stage",
        "`stage` is an input of the provider: write `with: { stage: … }`",
    ),
    (
        "github_api",
        "there is one GitHub for all apps: write `api_url` under `github`",
    ),
    (
        "github_token",
        "there is one GitHub for all apps: write `token: { env: GITHUB_TOKEN }` under `github`",
    ),
    ("host", "write `listen: 127.0.0.1:8080` under `server`"),
    ("port", "write `listen: 127.0.0.1:8080` under `server`"),
    ("listen", "`listen` goes under `server`"),
    ("public_url", "`public_url` goes under `server`"),
    ("timeout", "the unit is part of the name: `timeout_seconds`"),
    ("hold_timeout", "the unit is part of the name: `hold_timeout_seconds`"),
    (
        "webhook_secret",
        "write `webhook_secrets: [{ env: CHIMA_WEBHOOK_SECRET }]`: several are valid while one is replaced",
    ),
    (
        "secret_key",
        "write `webhook_secrets: [{ env: CHIMA_WEBHOOK_SECRET }]` under `github`",
    ),
    ("branch", "`branch` goes under `auto_deploy`"),
    ("name", "the name of an app is its key under `apps`"),
];

/// Where a key goes that is known, but not here.
pub(super) fn moved(key: &str) -> Option<&'static str> {
    MOVED.iter().find(|(old, _)| *old == key).map(|(_, hint)| *hint)
}

/// The hint for a name that is none of the known ones: the nearest, or all of them where they are few.
#[must_use]
pub fn hint(typed: &str, known: &[&str]) -> Option<String> {
    if let Some(name) = nearest(typed, known.iter().copied()) {
        return Some(format!("did you mean `{name}`?"));
    }
    match known.len() {
        1..=12 => Some(format!("known here: {}", list(known))),
        _ => None,
    }
}

/// Names as a sentence has them.
pub(super) fn list(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
