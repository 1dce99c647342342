//! What becomes of locks by themselves: they expire, grow old, and follow a cancel.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use chima::domain::lock::Cause;
use chima::domain::run::RunState;
use chima::flow::lock::unlock_all;
use insta::assert_snapshot;

use super::{lisa, person};
use crate::world::stage::World;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_lock_that_has_expired_is_free_before_anybody_has_noticed() {
    let world = World::new().await;
    world.locked("mona", "production", Some("1h")).await;
    world.clock.advance(HOUR);
    let id = world.ask(lisa("production")).await;
    world.settle().await;
    assert_eq!(world.latest(id).state, "success");
    assert_eq!(world.held().await, Vec::<String>::new());
    world.locked("lisa", "production", None).await;
    world.sweep().await;
    world.outbox().await;
    assert_snapshot!(world.last_word().await, @r#"@mona: your lock of `production` of `site` has expired, after 1 h: "db migration""#);
    world.end().await;
}

#[tokio::test]
async fn what_waits_for_a_lock_goes_on_when_it_expires() {
    let world = World::setup().with("on_lock: wait").start().await;
    world.locked("mona", "production", Some("30m")).await;
    let id = world.ask(lisa("production")).await;
    world.settle().await;
    assert_eq!(world.state(id).await, RunState::Held);
    world.pass(Duration::from_secs(1800)).await;
    assert_eq!(world.latest(id).state, "success");
    let messages = world.chat().await;
    assert_eq!(messages.matches("has expired").count(), 1, "{messages}");
    world.pass(HOUR).await;
    assert_eq!(world.chat().await.matches("has expired").count(), 1, "told once");
    world.end().await;
}

#[tokio::test]
async fn an_old_lock_is_mentioned_after_three_hours_and_then_every_day() {
    let world = World::new().await;
    world.locked("mona", "production", None).await;
    let mentioned = async || world.chat().await.matches("is still locked").count();
    world.pass(3 * HOUR - Duration::from_secs(1)).await;
    assert_eq!(mentioned().await, 0);
    world.pass(Duration::from_secs(1)).await;
    assert_snapshot!(world.last_word().await, @r#"@mona: `production` of `site` is still locked by @mona for 3 h: "db migration"; if that is over: `chima unlock site production`"#);
    world.pass(23 * HOUR).await;
    assert_eq!(mentioned().await, 1);
    world.pass(HOUR).await;
    assert_eq!(mentioned().await, 2);
    world.unlocked("mona", &["production"]).await;
    world.pass(48 * HOUR).await;
    assert_eq!(mentioned().await, 2);
    world.end().await;
}

/// A tool that works on other hosts, as far as Chima knows.
const TOOL: &str = r#"#!/bin/sh
case "$*" in *version*) echo 'Client Version: v1.30.0'; exit 0;; esac
echo "begin" >> "$JOURNAL/journal"
while [ -e "$JOURNAL/hold" ]; do sleep 0.01; done
echo "end" >> "$JOURNAL/journal"
"#;

async fn remote(after_cancel: &str) -> World {
    let app = format!(
        "provider: kubectl
with: {{ manifests: [k8s] }}
env: {{ JOURNAL: '{{folder}}', PATH: '{{folder}}/bin:/usr/bin:/bin' }}
required_contexts: []
environments:
  production: {{ after_cancel: {after_cancel} }}
  staging: {{}}
"
    );
    let world = World::setup()
        .app(&app)
        .file("k8s/all.yaml", "kind: List\n")
        .start()
        .await;
    let tool = world.path("bin/kubectl");
    fs::create_dir_all(tool.parent().unwrap()).unwrap();
    fs::write(&tool, TOOL).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    world
}

impl World {
    /// A deployment that is cancelled by mona while it works.
    async fn cancelled(&self) -> u64 {
        self.hold();
        let id = self.deploy("production").await;
        self.intake().await;
        let running = self.begin(self.run(id).await.id);
        self.journal_of(1).await;
        self.ask_to_stop(id, "mona", "the wrong branch").await;
        self.sweep().await;
        running.await.unwrap();
        self.settle().await;
        assert_eq!(self.state(id).await, RunState::Cancelled, "{}", self.told(id).await);
        id
    }
}

#[tokio::test]
async fn after_a_cancel_that_may_go_on_elsewhere_nobody_deploys_before_somebody_has_looked() {
    let world = remote("hold").await;
    let id = world.cancelled().await;
    assert!(world.told(id).await.contains("the remote command may still be running"));
    let held = world
        .engine
        .store
        .locks(world.engine.now())
        .await
        .unwrap()
        .remove(0)
        .lock;
    assert_eq!(
        held.cause,
        Cause::AfterCancel {
            run: world.run(id).await.id
        }
    );
    // not even whoever cancelled, and not by `--all-mine`
    unlock_all(&world.engine.desk(), &person("mona")).await.unwrap();
    let own = world.deploy("production").await;
    world.settle().await;
    assert_snapshot!(world.told_timeless(own, &held).await, @"error: rejected: `production` is locked since <since>: run `<run 1>` may still be running (cancelled by @mona)");
    world.sweep().await;
    world.outbox().await;
    let word = world.timeless(&world.last_word().await, &held);
    assert_snapshot!(word, @"`production` of `site` is locked since <since>: run `<run 1>` may still be running (cancelled by @mona); look whether it still runs there, then `chima unlock site production`");
    world.release();
    world.unlocked("lisa", &["production"]).await;
    let free = world.deploy("production").await;
    world.settle().await;
    assert_eq!(world.latest(free).state, "success");
    world.end().await;
}

#[tokio::test]
async fn unless_it_is_wanted_a_cancel_leaves_no_lock() {
    let world = remote("release").await;
    world.cancelled().await;
    assert_eq!(world.held().await, Vec::<String>::new());
    world.release();
    world.end().await;
}

#[tokio::test]
async fn a_cancel_of_what_only_waited_or_runs_here_alone_leaves_no_lock() {
    let world = World::setup().with("after_cancel: hold").start().await;
    world.cancelled().await;
    assert_eq!(world.held().await, Vec::<String>::new());
    world.release();
    let waits = world.deploy("production").await;
    world.intake().await;
    world.ask_to_stop(waits, "mona", "").await;
    world.settle().await;
    assert_eq!(world.held().await, Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn a_lock_that_a_cancel_leaves_takes_the_place_of_a_persons_who_is_told() {
    let world = remote("hold").await;
    world.locked("mona", "production", None).await;
    world.cancelled().await;
    world.sweep().await;
    world.outbox().await;
    let messages = world.chat().await;
    assert!(
        messages.contains("@mona: your lock of `production` of `site` has given way to one that nobody passes"),
        "{messages}"
    );
    let own = world.deploy("production").await;
    world.settle().await;
    assert_eq!(world.code(own).await, "locked");
    world.release();
    world.end().await;
}

#[tokio::test]
async fn a_cancel_that_finds_its_runner_dead_cannot_promise_anything_either() {
    let world = remote("hold").await;
    world.hold();
    let id = world.deploy("production").await;
    world.intake().await;
    let running = world.begin(world.run(id).await.id);
    world.journal_of(1).await;
    world.ask_to_stop(id, "mona", "").await;
    let attempt = world.engine.attempt_dir(world.run(id).await.id, 1);
    let runner = chima::provider::marker::read(&attempt).unwrap();
    let Some(chima::provider::marker::Marker::Started(started)) = runner else {
        panic!("{runner:?}")
    };
    let pid = rustix::process::Pid::from_raw(started.process.pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    running.await.unwrap();
    world.settle().await;
    let told = world.told(id).await;
    assert!(
        told.contains("cancelled by @mona") && told.contains("the remote command may still be running"),
        "{told}"
    );
    assert_eq!(world.held().await, ["production: mona"]);
    world.sweep().await;
    world.outbox().await;
    world.release();
    world.end().await;
}
