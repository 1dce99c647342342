//! How deployments with Fabric end, case by case, in both versions: what GitHub is told names the cause, and the log has the
//! details.

use insta::{allow_duplicates, assert_snapshot};

use crate::tools::matrix::record;
use crate::tools::sshd::ClosedPort;
use crate::tools::stage::{Act, Case, Remote, Row, Stage};
use crate::tools::target::Target;
use crate::tools::tool::Tool;
use crate::world::stage::World;

/// Longer than Fabric takes to reach its host, also where others work.
const LIMIT: u64 = 20;

/// A host key that nobody has.
const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

const FABFILE: &str = r#"
import os
from shlex import quote

from fabric import Connection, task

NAME = quote(os.environ["CHIMA_ENVIRONMENT"])


@task
def deploy(c):
    c.put("fabfile.py", os.environ["TARGET"] + "/sent " + os.environ["CHIMA_ENVIRONMENT"])
    c.run(f"echo {c.host} >> ~/{NAME}")
    Connection(c.host, port=c.port).run(f"echo its own >> ~/{NAME}")


@task
def fails(c):
    if c.host == "localhost":
        c.run("echo it is broken >&2; exit 7")
    c.run("echo all is well")


@task
def slow(c, name):
    c.run(f"~/linger {name}")
"#;

fn cases() -> Vec<Case> {
    let with = |name, keys: &str| Case::new(name, &format!("{{ with: {{ {keys} }} }}"));
    let both = "ssh: { key: '{key}', known_hosts: '{folder}/both' }";
    let at_localhost = "hosts: [localhost]";
    vec![
        Case::new(
            "timed out",
            &format!("{{ with: {{ task: slow, args: {{ name: time }} }}, timeout_seconds: {LIMIT} }}"),
        )
        .act(Act::TimeOutAt("time", Remote::Ends)),
        with("cancelled", "task: slow, args: { name: cancel }").act(Act::CancelAt("cancel", Remote::Ends)),
        with(
            "cancelled without a terminal",
            "task: slow, args: { name: plain }, terminal: false",
        )
        .act(Act::CancelAt("plain", Remote::GoesOn)),
        with("ok", "").logs("fab --hosts=127.0.0.1 deploy"),
        with("plan", "").act(Act::Plan).logs("--dry"),
        Case::new(
            "failing task",
            &format!("{{ with: {{ task: fails, {at_localhost} }}, {both} }}"),
        )
        .logs("it is broken"),
        Case::new(
            "failing host among good ones",
            &format!("{{ with: {{ task: fails, hosts: [127.0.0.1, localhost] }}, {both} }}"),
        )
        .logs("all is well"),
        with("unreachable host", "hosts: ['127.0.0.1:CLOSED']"),
        with("unknown task", "task: nowhere"),
        with("unknown argument", "args: { colour: blue }"),
        with("missing argument", "task: slow"),
        with("missing fabfile", "fabfile: nowhere.py"),
        Case::new(
            "declared hosts",
            &format!("{{ hosts: [127.0.0.1, localhost], with: {{ hosts: [] }}, {both} }}"),
        ),
        Case::new(
            "hosts of the request",
            &format!("{{ hosts: [127.0.0.1, localhost], with: {{ hosts: [127.0.0.1, localhost] }}, {both} }}"),
        )
        .hosts("localhost"),
        Case::new(
            "wrong key",
            "{ ssh: { key: '{other_key}', known_hosts: '{known_hosts}' } }",
        ),
        Case::new(
            "unknown host key",
            "{ ssh: { key: '{key}', known_hosts: '{folder}/nobody' } }",
        )
        .logs("ssh-keyscan -p"),
        Case::new(
            "another host key",
            "{ ssh: { key: '{key}', known_hosts: '{folder}/somebody' } }",
        ),
        Case::new("path of Python", "{ env: { PATH: '{path}', PYTHONPATH: /srv/python } }"),
    ]
}

async fn played(tool: &Tool) -> String {
    let (target, closed) = (Target::start(), ClosedPort::new());
    let (port, key) = (target.server.port(), target.server.host_key());
    let keys = format!("with: {{ hosts: [127.0.0.1], port: {port} }}\nenv: {{ PATH: '{{path}}', TARGET: '{{home}}' }}");
    let cases = cases();
    let app = Stage::app(tool, &target, &keys, &cases).replace("CLOSED", &closed.port().to_string());
    let setup = World::setup()
        .app(&app)
        .files(&[("fabfile.py", FABFILE)])
        .beside("nobody", "")
        .beside("somebody", &format!("[127.0.0.1]:{port} ssh-ed25519 {OTHER}\n"))
        .beside("both", &format!("[127.0.0.1]:{port},[localhost]:{port} {key}\n"));
    let stage = Stage::start(setup, target).await;
    let rows = stage.play(&cases).await;
    record(tool, &rows).await;
    let done = |name: &str| stage.target.read(name).unwrap_or_default();
    assert_eq!(done("ok"), "127.0.0.1\nits own\n");
    assert_eq!(done("sent ok"), FABFILE);
    assert_eq!(done("declared hosts"), "127.0.0.1\nits own\nlocalhost\nits own\n");
    assert_eq!(done("hosts of the request"), "localhost\nits own\n");
    for name in [
        "plan",
        "sent plan",
        "wrong key",
        "unknown host key",
        "another host key",
        "path of Python",
    ] {
        assert_eq!(done(name), "", "{name}");
    }
    let user = format!("{}@", stage.target.server.user());
    stage.end().await;
    let text: String = rows.iter().map(Row::shown).collect();
    text.replace(&closed.port().to_string(), "CLOSED")
        .replace(&user, "USER@")
}

/// Both tell the same.
fn assert_told(text: &str) {
    allow_duplicates! { assert_snapshot!(text, @r"
    timed out: - failure: timed out after 20 s in step `fab`
    cancelled: - error: cancelled by @mona after 0 s
    cancelled without a terminal: - error: cancelled by @mona after 0 s; stopped locally, the remote command may still be running
    ok: 0 success: deployed <one> (main) to ok in 0 s
    plan: 0 inactive: planned: deploy <one> (main) to plan in 0 s; nothing was deployed, see the log
    failing task: 7 failure: failure: exit code 7 on USER@localhost:PORT: echo it is broken >&2; exit 7 (step `fab`, code 7) after 0 s
    failing host among good ones: 7 failure: failure: exit code 7 on USER@localhost:PORT: echo it is broken >&2; exit 7 (step `fab`, code 7) after 0 s
    unreachable host: 1 failure: failure: `USER@[127.0.0.1]:CLOSED` refuses the connection or is not there (step `fab`, code 1) after 0 s
    unknown task: 1 failure: failure: the fabfile has no task or argument `nowhere` (step `fab`, code 1) after 0 s
    unknown argument: 1 failure: failure: the fabfile has no task or argument `--colour` (step `fab`, code 1) after 0 s
    missing argument: 1 failure: failure: the task `slow` lacks the arguments 'name' (step `fab`, code 1) after 0 s
    missing fabfile: - failure: failure: `fabfile` names `nowhere.py`, which does not exist
    declared hosts: 0 success: deployed <one> (main) to declared hosts in 0 s
    hosts of the request: 0 success: deployed <one> (main) to hosts of the request in 0 s
    wrong key: 1 failure: failure: `USER@[127.0.0.1]:PORT` does not accept the key (step `fab`, code 1) after 0 s
    unknown host key: 1 failure: failure: the host key of `[127.0.0.1]:PORT` is not in `known_hosts` (step `fab`, code 1) after 0 s
    another host key: 1 failure: failure: the host key of `[127.0.0.1]:PORT` is not the one in `known_hosts` (step `fab`, code 1) after 0 s
    path of Python: - error: error: the configuration cannot be used: provider `fabric` sets `PYTHONPATH` itself; remove it from `env`, `secrets` and `inherit_env`
    ") }
}

#[tokio::test]
async fn every_end_is_told_with_its_cause_by_the_older_one() {
    assert_told(&played(&Tool::debian("fabric", "fab")).await);
}

#[tokio::test]
async fn every_end_is_told_with_its_cause_by_the_newer_one() {
    assert_told(&played(&Tool::pypi("fabric", "fab")).await);
}
