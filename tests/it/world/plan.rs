//! Plans: a dry run by the tool itself, beside the lane, told as what it is.

use chima::domain::run::RunState;
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;

use crate::world::stage::{SITE, World};

/// The script says whether it would deploy or does.
const SCRIPT: &str = r#"#!/bin/sh
set -eu
if [ -n "${DRY_RUN:-}" ]; then
  echo "would deploy $(cat version)"
  echo "plan $CHIMA_TASK" >> "$JOURNAL/journal"
  exit "${CODE:-0}"
fi
echo "begin $CHIMA_ENVIRONMENT $CHIMA_DEPLOYMENT_ID" >> "$JOURNAL/journal"
while [ -e "$JOURNAL/hold" ]; do sleep 0.01; done
echo "end $CHIMA_ENVIRONMENT $CHIMA_DEPLOYMENT_ID" >> "$JOURNAL/journal"
"#;

fn app(env: &str) -> String {
    format!(
        "provider: shell
with: {{ command: [./script/deploy], dry_run: true }}
env: {{ JOURNAL: '{{folder}}'{env} }}
required_contexts: []
environments:
  production: {{ url: 'https://site.example.com' }}
"
    )
}

fn plan() -> DeploymentRequest {
    DeploymentRequest {
        task: "deploy:plan".to_owned(),
        ..DeploymentRequest::to("production")
    }
}

async fn world(env: &str) -> World {
    World::setup().app(&app(env)).script(SCRIPT).start().await
}

#[tokio::test]
async fn a_plan_runs_the_dry_run_and_counts_as_no_deployment() {
    let world = world("").await;
    let id = world.ask(plan()).await;
    world.settle_all().await;
    assert_eq!(world.journal(), ["plan deploy"]);
    assert_eq!(world.state(id).await, RunState::Succeeded);
    // `success` would make it what production runs, for GitHub and everybody who asks it.
    assert_snapshot!(world.told(id).await, @"inactive: planned: deploy <one> (main) to production in 0 s; nothing was deployed, see the log");
    assert_eq!(world.github.statuses(SITE, id).last().unwrap().environment_url, "");
    world.end().await;
}

#[tokio::test]
async fn a_failed_plan_is_a_failure_of_a_plan() {
    let world = world(", CODE: '3'").await;
    let id = world.ask(plan()).await;
    world.settle_all().await;
    assert_snapshot!(world.told(id).await, @"failure: plan failed: step `deploy` exited with code 3 after 0 s");
    world.end().await;
}

#[tokio::test]
async fn a_plan_waits_for_no_deployment_and_none_waits_for_it() {
    let world = world("").await;
    world.hold();
    let deployment = world.ask(DeploymentRequest::to("production")).await;
    world.intake().await;
    let running = world.begin(world.run(deployment).await.id);
    world.journal_of(1).await;
    let plan = world.ask(plan()).await;
    world.settle().await;
    assert_eq!(world.state(plan).await, RunState::Succeeded);
    assert_eq!(world.state(deployment).await, RunState::Running);
    world.release();
    running.await.unwrap();
    world.settle_all().await;
    assert_eq!(world.state(deployment).await, RunState::Succeeded);
    world.end().await;
}

#[tokio::test]
async fn a_command_that_does_not_promise_a_dry_run_is_not_run() {
    let world = World::new().await;
    let id = world.ask(plan()).await;
    world.settle_all().await;
    assert_eq!(world.journal(), Vec::<String>::new());
    assert_snapshot!(world.told(id).await, @"error: error: the configuration cannot be used: nothing says that the command obeys `DRY_RUN=1`; make it do so, then set `dry_run: true` in `with`");
    world.end().await;
}

#[tokio::test]
async fn only_a_task_that_may_be_asked_for_may_be_planned() {
    let world = world("").await;
    let request = DeploymentRequest {
        task: "restart:plan".to_owned(),
        ..DeploymentRequest::to("production")
    };
    let id = world.ask(request).await;
    world.settle_all().await;
    assert_eq!(world.code(id).await, "task_not_allowed");
    world.end().await;
}
