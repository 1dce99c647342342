//! What should have happened and has not is spoken about: once, with what to check.

use std::fs;
use std::time::Duration;

use chima::flow::{outbox, sweep, watchdog};
use insta::assert_snapshot;

use crate::world::ending::Left;
use crate::world::stage::{SITE, World};

const MINUTE: Duration = Duration::from_secs(60);

/// Prints, waits, prints, waits.
const TALKS: &str = r#"#!/bin/sh
set -eu
echo first
echo begin >> "$JOURNAL/journal"
while [ -e "$JOURNAL/hold" ]; do sleep 0.01; done
echo second
echo again >> "$JOURNAL/journal"
while [ -e "$JOURNAL/hold2" ]; do sleep 0.01; done
"#;

impl World {
    /// Sweeps in this process and in another, then sends. What chat has heard since the beginning.
    async fn watched(&self) -> String {
        let other = self.second_worker().await;
        sweep::step(&self.engine).await.unwrap();
        watchdog::step(&other).await.unwrap();
        while outbox::step(&self.engine).await.unwrap() > 0 {}
        other.stop.cancel();
        other.store.close().await;
        self.chat().await
    }
}

#[tokio::test]
async fn a_deployment_that_nobody_delivers_is_spoken_about_once() {
    let world = World::new().await;
    world.hook.url("http://127.0.0.1:1/");
    world.say_in("deployment", "deploy site to staging").await;
    let early = world.dialogue(&["queue"]).await;
    world.clock.advance(Duration::from_secs(29));
    assert_eq!(world.watched().await, "");
    world.clock.advance(Duration::from_secs(2));
    assert_snapshot!(world.watched().await, @"deployment <1> of <one> (main) to `staging` of `site`, asked for by @mona: GitHub has it and has not delivered it for 31 s; `chima doctor` looks whether the webhook arrives here");
    world.clock.advance(MINUTE);
    assert_eq!(world.watched().await.lines().count(), 1, "said once");
    let late = world
        .dialogue(&["queue site staging", "queue site production", "why site staging"])
        .await;
    assert_snapshot!([early, late].join("\n"), @"
    > queue
    - deployment <1> of <one> (main) to `staging` of `site`, asked for by @mona: on its way from GitHub, for 0 s
    > queue site staging
    - deployment <1> of <one> (main) to `staging` of `site`, asked for by @mona: GitHub has it and has not delivered it for 1 min 31 s; `chima doctor` looks whether the webhook arrives here
    > queue site production
    nothing runs or waits for `production` of `site`
    > why site staging
    deployment <1> of <one> (main) to `staging` of `site`, asked for by @mona: GitHub has it and has not delivered it for 1 min 31 s; `chima doctor` looks whether the webhook arrives here
    ");
    // it comes after all, and is no news any more
    world.hook.url(&format!("{}/webhooks/github", world.url));
    let guid = world.github.read(|github| github.deliveries[0].guid.clone());
    world.github.redeliver(&guid).await;
    world.settle_all().await;
    assert_eq!(world.runs().await.len(), 1);
    assert_snapshot!(world.dialogue(&["queue"]).await, @"
    > queue
    nothing runs or waits anywhere
    ");
    world.sweep().await;
    assert!(world.engine.store.asked_deployments().await.unwrap().is_empty());
    world.end().await;
}

#[tokio::test]
async fn one_that_is_delivered_in_time_is_not_spoken_about() {
    let world = World::new().await;
    world.say_in("deployment", "deploy site to staging").await;
    world.settle_all().await;
    world.clock.advance(MINUTE * 2);
    assert_eq!(world.watched().await.lines().count(), 1, "how it ended");
    world.end().await;
}

#[tokio::test]
async fn one_that_was_delivered_and_not_decided_is_told_as_that() {
    let world = World::new().await;
    world.say_in("deployment", "deploy site to staging").await;
    world.clock.advance(MINUTE);
    assert_snapshot!(world.watched().await, @"deployment <1> of <one> (main) to `staging` of `site`, asked for by @mona: it was delivered, and nothing has decided about it for 1 min; look whether `chima serve` runs, and at its log");
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn a_run_that_falls_silent_is_spoken_about_and_so_is_that_it_goes_on() {
    let world = World::setup().script(TALKS).start().await;
    fs::write(world.path("hold"), "").unwrap();
    fs::write(world.path("hold2"), "").unwrap();
    world.say_in("deployment", "deploy site to staging").await;
    world.intake().await;
    let running = world.begin(world.runs().await[0].id);
    world.journal_of(1).await;
    world.clock.advance(MINUTE * 14);
    assert!(!world.watched().await.contains("no output"));
    // the log is written by the machine's clock, seconds after the world's began
    world.clock.advance(MINUTE * 2 + Duration::from_secs(20));
    world.watched().await;
    let silent = world.dialogue(&["queue", "why site staging"]).await;
    fs::remove_file(world.path("hold")).unwrap();
    world.journal_of(2).await;
    world.watched().await;
    world.clock.advance(MINUTE * 60);
    assert_snapshot!(world.watched().await, @"
    started: deploy `site` to `staging` (`octo/site` at <one> (main), asked for by @mona) <chima>/runs/<run 1>
    <one> (main) to `staging` of `site`, asked for by @mona: no output for 16 min; look at its log (<chima>/runs/<run 1>), `cancel <run 1>` stops it
    <one> (main) to `staging` of `site`, asked for by @mona: it goes on, there is output again
    ");
    assert_snapshot!([silent, world.dialogue(&["queue"]).await].join("\n"), @"
    > queue
    - `site` deploying <one> (main) to staging; for 16 min 20 s, asked for by @mona; no output for 16 min
    > why site staging
    deploying <one> (main) to staging (for 16 min 20 s; no output for 16 min)
    <chima>/runs/<run 1>
      [Show the log] log <run 1>
      [Cancel] cancel <run 1>
    > queue
    - `site` deploying <one> (main) to staging; for 1 h 16 min, asked for by @mona
    ");
    fs::remove_file(world.path("hold2")).unwrap();
    running.await.unwrap();
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn contexts_that_stay_pending_are_named_after_an_hour() {
    let world = World::setup().required("[ci]").start().await;
    let sha = world.github.repository(SITE).head("main").unwrap();
    world.github.repository(SITE).status(&sha, "ci", "pending");
    world.say_in("deployment", "deploy site to staging").await;
    world.settle().await;
    world.clock.advance(MINUTE * 59);
    assert_eq!(world.watched().await.lines().count(), 1, "only that it is held");
    world.clock.advance(MINUTE * 2);
    assert_snapshot!(world.watched().await, @"
    held: deploy `site` to `staging`: waiting for `ci` (pending); it goes on by itself once they are green; if one never starts, whoever runs the checks can look (`octo/site` at <one> (main), asked for by @mona) <chima>/runs/<run 1>
    <one> (main) to `staging` of `site`, asked for by @mona: held for 1 h 1 min, still waiting for `ci` (pending); whoever runs the checks can look, `cancel <run 1>` gives it up
    ");
    world.clock.advance(MINUTE * 120);
    assert_eq!(world.watched().await.lines().count(), 2, "said once");
    world.settle_all().await;
    world
        .end_with(Left {
            held: 1,
            ..Left::default()
        })
        .await;
}
