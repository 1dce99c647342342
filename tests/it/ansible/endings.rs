//! How deployments with Ansible end, case by case, in both versions: what GitHub is told names the cause, and the log has the
//! details.

use crate::tools::sshd::ClosedPort;
use crate::tools::stage::{Act, Case, Remote, Row, Stage};
use crate::tools::target::Target;
use crate::tools::tool::Tool;
use crate::tools::{ansible, matrix::record};
use crate::world::stage::World;

/// Longer than a playbook takes to reach its host, also where others work.
const LIMIT: u64 = 20;

fn cases() -> Vec<Case> {
    let with = |keys: &str| format!("{{ with: {{ {keys} }} }}");
    let plain = |name, keys: &str| Case::new(name, &with(keys));
    vec![
        Case::new(
            "timed out",
            &format!("{{ with: {{ playbook: slow.yml, extra_vars: {{ name: time }} }}, timeout_seconds: {LIMIT} }}"),
        )
        .act(Act::TimeOutAt("time", Remote::Ends)),
        plain("cancelled", "playbook: slow.yml, extra_vars: { name: cancel }")
            .act(Act::CancelAt("cancel", Remote::Ends)),
        plain(
            "cancelled with pipelining",
            "playbook: slow.yml, extra_vars: { name: pipe, ansible_pipelining: true }",
        )
        .act(Act::CancelAt("pipe", Remote::GoesOn)),
        plain("ok", "limit: web"),
        plain("plan", "limit: web").act(Act::Plan),
        plain("failing task", "playbook: fails.yml, limit: web1").logs("it is broken"),
        Case::new("hosts of the request", "{ hosts: [web1, web2], with: { limit: web } }").hosts("web2"),
        plain("failing host among good ones", "playbook: fails.yml, limit: web"),
        plain("unreachable host", "limit: dead"),
        plain("unreachable host among good ones", "limit: all"),
        plain("unknown module", "playbook: unknown.yml"),
        plain("bad YAML", "playbook: broken.yml"),
        plain("missing role", "playbook: role.yml"),
        plain("missing playbook", "playbook: nowhere.yml"),
        plain("missing inventory", "inventory: nowhere.ini"),
        plain("empty inventory", "inventory: empty.ini"),
        plain("no host matched", "playbook: nobody.yml"),
        plain("limit that is no host", "limit: nowhere"),
        plain("no task with the tag", "limit: web, tags: nowhere"),
        Case::new(
            "wrong key",
            "{ with: { limit: web1 }, ssh: { key: '{other_key}', known_hosts: '{known_hosts}' } }",
        ),
        Case::new(
            "unknown host key",
            "{ with: { limit: web1 }, ssh: { key: '{key}', known_hosts: '{folder}/nobody' } }",
        ),
        Case::new(
            "another host key",
            "{ with: { limit: web1 }, ssh: { key: '{key}', known_hosts: '{folder}/somebody' } }",
        ),
    ]
}

async fn played(tool: &Tool) -> Vec<Row> {
    let (target, closed) = (Target::start(), ClosedPort::new());
    let inventory = format!(
        "[web]\nweb1\nweb2\n[web:vars]\nansible_host=127.0.0.1\nansible_port={}\nansible_python_interpreter=/usr/bin/python3\n\
         [gone]\ndead ansible_host=127.0.0.1 ansible_port={}\n",
        target.server.port(),
        closed.port()
    );
    let site = "- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: { dest: '~/{{ chima_environment }} {{ inventory_hostname }}', content: '{{ chima_sha }}' }\n";
    let fails = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n    - name: Fill the cup\n      command: sh -c 'echo it is broken >&2; exit 7'\n      when: inventory_hostname == 'web1'\n";
    let slow = format!(
        "- hosts: web1\n  gather_facts: false\n  tasks:\n    - command: {} {{{{ name }}}}\n",
        target.path("linger").display()
    );
    let cases = cases();
    let setup = World::setup()
        .app(&Stage::app(tool, &target, "with: { inventory: hosts.ini }", &cases))
        .files(&[
            ("hosts.ini", &inventory),
            ("empty.ini", ""),
            ("site.yml", site),
            ("fails.yml", fails),
            ("slow.yml", &slow),
            ("unknown.yml", "- hosts: web\n  tasks:\n    - no_such_module:\n"),
            ("broken.yml", "- hosts: web\n  tasks:\n   - ping:\n  - debug:\n"),
            ("role.yml", "- hosts: web\n  gather_facts: false\n  roles: [nowhere]\n"),
            ("nobody.yml", "- name: Install\n  hosts: nobody\n"),
        ])
        .beside("nobody", "")
        .beside(
            "somebody",
            &format!("[127.0.0.1]:{} ssh-ed25519 {OTHER}\n", target.server.port()),
        );
    let stage = Stage::start(setup, target).await;
    let rows = stage.play(&cases).await;
    record(tool, &rows).await;
    stage.end().await;
    rows
}

/// A host key that nobody has.
const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/// The case; the exit code, where the command came to its end; the state; what the description holds.
const EXPECTED: [(&str, Option<i32>, &str, &str); 22] = [
    (
        "timed out",
        None,
        "failure",
        "timed out after 20 s in step `ansible-playbook`; stopped locally",
    ),
    (
        "cancelled",
        None,
        "error",
        "cancelled by @mona; stopped locally, the remote command may still be running",
    ),
    (
        "cancelled with pipelining",
        None,
        "error",
        "cancelled by @mona; stopped locally, the remote command may still be running",
    ),
    ("ok", Some(0), "success", "deployed "),
    ("plan", Some(0), "inactive", "nothing was deployed, see the log"),
    (
        "failing task",
        Some(2),
        "failure",
        "`web1` failed: exit code 7: it is broken",
    ),
    ("hosts of the request", Some(0), "success", "deployed "),
    (
        "failing host among good ones",
        Some(2),
        "failure",
        "`web1` failed (1 of 2 ok): exit code 7: it is broken",
    ),
    (
        "unreachable host",
        Some(4),
        "failure",
        "`dead` unreachable: ssh: connect to host 127.0.0.1 port",
    ),
    (
        "unreachable host among good ones",
        Some(4),
        "failure",
        "`dead` unreachable (2 of 3 ok): ",
    ),
    (
        "unknown module",
        Some(4),
        "failure",
        "there is no module `no_such_module`",
    ),
    ("bad YAML", Some(4), "failure", "YAML"),
    ("missing role", Some(1), "failure", "there is no role `nowhere`"),
    (
        "missing playbook",
        None,
        "failure",
        "`playbook` names `nowhere.yml`, which does not exist",
    ),
    (
        "missing inventory",
        None,
        "failure",
        "`inventory` names `nowhere.ini`, which does not exist",
    ),
    (
        "empty inventory",
        Some(0),
        "failure",
        "play `all` of step `ansible-playbook` matched no host",
    ),
    ("no host matched", Some(1), "failure", "no host matches `nobody`"),
    ("limit that is no host", Some(1), "failure", "no host matches `nowhere`"),
    ("no task with the tag", Some(0), "failure", "did nothing on any host"),
    ("wrong key", Some(4), "failure", "Permission denied (publickey)"),
    (
        "unknown host key",
        Some(4),
        "failure",
        "No ED25519 host key is known for",
    ),
    (
        "another host key",
        Some(4),
        "failure",
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
    ),
];

fn check(rows: &[Row]) {
    assert_eq!(rows.len(), EXPECTED.len());
    for (row, (case, exit, state, words)) in rows.iter().zip(EXPECTED) {
        let found = (row.case, row.exit, row.state.as_str());
        assert_eq!(found, (case, exit, state), "{}", row.description);
        assert!(row.told.contains(words), "{case}: {}", row.told);
    }
    let hosts = |case: &str| rows.iter().find(|row| row.case == case).map(|row| row.hosts.join("; "));
    assert_eq!(
        hosts("ok").as_deref(),
        Some("web1: ok 1, changed 1; web2: ok 1, changed 1")
    );
    assert_eq!(hosts("hosts of the request").as_deref(), Some("web2: ok 1, changed 1"));
    let failing = hosts("failing host among good ones").unwrap_or_default();
    assert!(
        failing.starts_with("web1: ok 1, failed 1: exit code 7: it is broken; web2: ok 1, "),
        "{failing}"
    );
}

#[tokio::test]
async fn every_end_is_told_with_its_cause_by_the_older_one() {
    check(&played(&ansible::debian()).await);
}

#[tokio::test]
async fn every_end_is_told_with_its_cause_by_the_newer_one() {
    check(&played(&ansible::pypi()).await);
}
