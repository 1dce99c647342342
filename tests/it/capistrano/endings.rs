//! How deployments with Capistrano end, case by case: what GitHub is told names the cause, and the log has the details.

use insta::assert_snapshot;

use crate::tools::matrix::record;
use crate::tools::sshd::ClosedPort;
use crate::tools::stage::{Act, Case, Remote, Row, Stage};
use crate::tools::target::Target;
use crate::tools::tool::Tool;
use crate::world::stage::World;

/// Longer than Capistrano takes to reach its server, also where others work.
const LIMIT: u64 = 20;

/// A host key that nobody has.
const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

const DEPLOY: &str = r##"
require "shellwords"
name = ENV.fetch("CHIMA_ENVIRONMENT").shellescape
set :branch, "main"
set :scm, nil

task :deploy do
  run_locally { execute :touch, "#{ENV.fetch("TARGET")}/here-#{name}" }
  on roles(:all) do |server|
    execute "echo #{server.hostname} >> ~/#{name}"
    execute "echo #{fetch(:branch)} > ~/#{name}.commit"
  end
end

task :fails do
  on roles(:all) do |server|
    execute server.hostname == "localhost" ? "echo it is broken >&2; exit 7" : "echo all is well"
  end
end

task :slow do
  on roles(:all) do
    execute "~/linger #{ENV.fetch("NAME")}"
  end
end
"##;

fn cases() -> Vec<Case> {
    let with = |name, keys: &str| Case::new(name, &format!("{{ with: {{ {keys} }} }}"));
    let both = "ssh: { key: '{key}', known_hosts: '{folder}/both' }";
    let slow = |name, lingers: &str, keys: &str| {
        Case::new(
            name,
            &format!(
                "{{ with: {{ task: slow{keys} }}, env: {{ PATH: '{{path}}', NAME: {lingers} }}, timeout_seconds: {LIMIT} }}"
            ),
        )
    };
    vec![
        slow("timed out", "time", "").act(Act::TimeOutAt("time", Remote::GoesOn)),
        slow("cancelled", "cancel", "").act(Act::CancelAt("cancel", Remote::GoesOn)),
        slow("cancelled with a terminal", "terminal", ", terminal: true").act(Act::CancelAt("terminal", Remote::Ends)),
        with("ok", "").logs("cap --no-search"),
        with("ok with Bundler", "bundler: auto")
            .logs("The Gemfile's dependencies are satisfied")
            .logs("bundle exec cap"),
        with("plan", "").act(Act::Plan).logs("--dry-run"),
        Case::new(
            "failing task",
            &format!("{{ with: {{ task: fails, stage: two, roles: [db] }}, {both} }}"),
        )
        .logs("it is broken"),
        Case::new(
            "failing host among good ones",
            &format!("{{ with: {{ task: fails, stage: two }}, {both} }}"),
        )
        .logs("all is well"),
        with("unreachable host", "stage: dead"),
        with("unknown task", "task: nowhere"),
        with("unknown stage", "stage: nowhere"),
        with("unknown role", "roles: [nobody]"),
        Case::new(
            "all hosts",
            &format!("{{ hosts: [127.0.0.1, localhost], with: {{ stage: two }}, {both} }}"),
        ),
        Case::new(
            "hosts of the request",
            &format!("{{ hosts: [127.0.0.1, localhost], with: {{ stage: two }}, {both} }}"),
        )
        .hosts("localhost"),
        Case::new("host that the stage lacks", "{ hosts: [web9] }").hosts("web9"),
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
    ]
}

async fn played(tool: &Tool) -> String {
    let (target, closed) = (Target::start(), ClosedPort::new());
    let (port, key, user) = (
        target.server.port(),
        target.server.host_key(),
        target.server.user().to_owned(),
    );
    let server = |name: &str, port: u16, role: &str| {
        format!("server \"{name}\", port: {port}, user: \"{user}\", roles: %w[{role}]\n")
    };
    let one = server("127.0.0.1", port, "web");
    let two = format!("{one}{}", server("localhost", port, "db"));
    let cases = cases();
    let keys = "with: { stage: one, bundler: 'false' }\nenv: { PATH: '{path}', TARGET: '{home}' }";
    let setup = World::setup()
        .app(&Stage::app(tool, &target, keys, &cases))
        .files(&[
            ("Capfile", "require \"capistrano/setup\"\n"),
            (
                "Gemfile",
                "source \"https://rubygems.org\"\ngem \"capistrano\"\ngem \"ed25519\"\ngem \"bcrypt_pbkdf\"\n",
            ),
            ("config/deploy.rb", DEPLOY),
            ("config/deploy/one.rb", &one),
            ("config/deploy/two.rb", &two),
            ("config/deploy/dead.rb", &server("127.0.0.1", closed.port(), "web")),
        ])
        .beside("nobody", "")
        .beside("somebody", &format!("[127.0.0.1]:{port} ssh-ed25519 {OTHER}\n"))
        .beside("both", &format!("[127.0.0.1]:{port},[localhost]:{port} {key}\n"));
    let stage = Stage::start(setup, target).await;
    let rows = stage.play(&cases).await;
    record(tool, &rows).await;
    let done = |name: &str| stage.target.read(name).unwrap_or_default();
    for name in ["ok", "ok with Bundler"] {
        assert_eq!(done(name), "127.0.0.1\n");
        // Whatever `:branch` is in deploy.rb.
        let commit = done(&format!("{name}.commit"));
        assert_eq!(stage.redacted(commit.trim()).await, "<one>");
        assert!(stage.target.path(&format!("here-{name}")).exists());
    }
    let mut hosts: Vec<String> = done("all hosts").lines().map(str::to_owned).collect();
    hosts.sort();
    assert_eq!(hosts, ["127.0.0.1", "localhost"]);
    assert_eq!(done("hosts of the request"), "localhost\n");
    for name in ["plan", "wrong key", "unknown host key", "another host key"] {
        assert_eq!(done(name), "", "{name}");
    }
    assert!(!stage.target.path("here-plan").exists());
    stage.end().await;
    let text: String = rows.iter().map(Row::shown).collect();
    text.replace(&closed.port().to_string(), "CLOSED")
        .replace(&format!("{user}@"), "USER@")
}

#[tokio::test]
async fn every_end_is_told_with_its_cause() {
    assert_snapshot!(played(&Tool::debian("capistrano", "cap")).await, @r"
    timed out: - failure: timed out after 20 s in step `cap`; stopped locally, the remote command may still be running
    cancelled: - error: cancelled by @mona after 0 s; stopped locally, the remote command may still be running
    cancelled with a terminal: - error: cancelled by @mona after 0 s
    ok: 0 success: deployed <one> (main) to ok in 0 s
    ok with Bundler: 0 success: deployed <one> (main) to ok with Bundler in 0 s
    plan: 0 inactive: planned: deploy <one> (main) to plan in 0 s; nothing was deployed, see the log
    failing task: 1 failure: failure: exit code 7 on USER@localhost: echo it is broken >&2; exit 7 (step `cap`, code 1) after 0 s
    failing host among good ones: 1 failure: failure: exit code 7 on USER@localhost: echo it is broken >&2; exit 7 (step `cap`, code 1) after 0 s
    unreachable host: 1 failure: failure: `USER@127.0.0.1` refuses the connection (step `cap`, code 1) after 0 s
    unknown task: 1 failure: failure: there is no task `nowhere` (step `cap`, code 1) after 0 s
    unknown stage: 1 failure: failure: there is no such stage in config/deploy (step `cap`, code 1) after 0 s
    unknown role: 1 failure: failure: role `nobody` is not in stage `one` (step `cap`, code 1) after 0 s
    all hosts: 0 success: deployed <one> (main) to all hosts in 0 s
    hosts of the request: 0 success: deployed <one> (main) to hosts of the request in 0 s
    host that the stage lacks: 1 failure: failure: server `web9` is not in stage `one` (step `cap`, code 1) after 0 s
    wrong key: 1 failure: failure: `USER@127.0.0.1` does not accept the key (step `cap`, code 1) after 0 s
    unknown host key: 1 failure: failure: the host key of `[127.0.0.1]:PORT` is not in `known_hosts` (step `cap`, code 1) after 0 s
    another host key: 1 failure: failure: the host key of `[127.0.0.1]:PORT` is not the one in `known_hosts` (step `cap`, code 1) after 0 s
    ");
}
