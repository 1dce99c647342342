//! A deployment that comes late is judged by what happened meanwhile: run at most once, never backwards.

use std::fs;
use std::time::Duration;

use chima::domain::run::RunState;
use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::github::DEFAULT_LOGIN;
use chima_simulator::github::deploy::{DeploymentRequest, StatusReport};
use insta::assert_snapshot;

use crate::world::stage::{APP, SITE, World};
use crate::world::steps::Parcel;

const LONG: Duration = Duration::from_secs(600);

impl World {
    async fn lost_task(&self, task: &str) -> (u64, Parcel) {
        let request = DeploymentRequest {
            task: task.to_owned(),
            ..DeploymentRequest::to("staging")
        };
        self.ask_unheard(request).await
    }

    /// Somebody reports on a deployment.
    async fn reported(&self, deployment: u64, state: &str, by: &str) {
        let report = StatusReport {
            state: state.to_owned(),
            ..StatusReport::default()
        };
        self.github.report(SITE, deployment, report, by).await.unwrap();
        self.settle().await;
    }

    pub(crate) async fn deliver(&self, parcel: &Parcel) {
        let status = self.post(parcel).await.status;
        assert!((200..300).contains(&status));
        self.settle().await;
    }
}

async fn with_tasks() -> World {
    World::setup().with("tasks: [deploy, 'deploy:migrate']").start().await
}

#[tokio::test]
async fn one_that_is_older_than_what_runs_ends_superseded() {
    let world = with_tasks().await;
    let older = [world.lost_task("deploy").await, world.lost_task("deploy:migrate").await];
    world.clock.advance(LONG);
    world.deploy("staging").await;
    world.settle().await;
    for (id, parcel) in &older {
        world.deliver(parcel).await;
        assert_eq!(world.told(*id).await, "inactive: superseded by deployment <3>");
    }
    assert_eq!(world.journal().len(), 2);
    world.end().await;
}

#[tokio::test]
async fn one_that_is_older_than_what_runs_by_githubs_word_ends_superseded() {
    let world = with_tasks().await;
    let (older, parcel) = world.lost_task("deploy").await;
    let (newer, _) = world.lost_task("deploy:migrate").await;
    // by a ledger that is lost
    world.reported(newer, "success", DEFAULT_LOGIN).await;
    world.clock.advance(LONG);
    world.deliver(&parcel).await;
    assert_snapshot!(world.told(older).await, @"inactive: superseded by deployment <2>");
    assert_eq!(world.journal().len(), 0);
    world.end().await;
}

#[tokio::test]
async fn of_those_that_come_late_together_the_newest_of_each_task_runs_in_order() {
    let world = with_tasks().await;
    let mut all = Vec::new();
    for task in ["deploy", "deploy:migrate", "deploy", "deploy:migrate", "deploy"] {
        all.push(world.lost_task(task).await);
    }
    world.clock.advance(LONG);
    for (_, parcel) in &all {
        assert_eq!(world.post(parcel).await.status, 202);
    }
    world.settle().await;
    let states: Vec<String> = all
        .iter()
        .map(|(id, _)| world.states(*id).last().unwrap().clone())
        .collect();
    assert_eq!(
        states,
        ["inactive", "inactive", "inactive", "inactive", "success"].map(str::to_owned)
    );
    let began: Vec<String> = world
        .journal()
        .into_iter()
        .filter(|line| line.starts_with("begin"))
        .collect();
    assert_eq!(began, [all[3].0, all[4].0].map(|id| format!("begin staging {id}")));
    assert_eq!(world.state(all[3].0).await, RunState::Succeeded);
    world.end().await;
}

#[tokio::test]
async fn one_that_has_ended_is_never_run_again() {
    let world = World::new().await;
    for state in ["success", "failure", "error", "inactive"] {
        let (id, parcel) = world.lost_task("deploy").await;
        world.reported(id, state, DEFAULT_LOGIN).await;
        world.clock.advance(LONG);
        world.deliver(&parcel).await;
        assert_eq!(
            (world.states(id).len(), world.disposition(&parcel).await),
            (1, "ignored"),
            "{state}"
        );
    }
    assert_eq!(world.runs().await.len(), 0);
    world.end().await;
}

#[tokio::test]
async fn one_that_this_ledger_forgot_is_answered_and_not_run_again() {
    let world = World::new().await;
    let (id, parcel) = world.lost_task("deploy").await;
    world.reported(id, "in_progress", DEFAULT_LOGIN).await;
    world.clock.advance(LONG);
    world.deliver(&parcel).await;
    assert_snapshot!(world.told(id).await.replace("in_progress: \n", ""), @"error: rejected: GitHub shows it as `in_progress`, and the ledger knows nothing of it: it may have run");
    assert_eq!(world.journal().len(), 0);
    world.end().await;
}

#[tokio::test]
async fn one_that_somebody_else_works_on_is_left_alone() {
    let world = World::new().await;
    let (id, parcel) = world.lost_task("deploy").await;
    world.reported(id, "in_progress", "mona").await;
    world.clock.advance(LONG);
    world.deliver(&parcel).await;
    assert_eq!(
        (world.states(id), world.runs().await.len()),
        (vec!["in_progress".to_owned()], 0)
    );
    world.end().await;
}

#[tokio::test]
async fn after_a_day_it_is_told_and_not_run() {
    let world = World::new().await;
    let (id, parcel) = world.lost_task("deploy").await;
    world.clock.advance(Duration::from_secs(25 * 3600));
    world.deliver(&parcel).await;
    assert_snapshot!(world.told(id).await, @"error: rejected: it was missed, and asked for 1 d 1 h before it was found");
    assert_eq!((world.code(id).await, world.journal().len()), ("asked_too_long_ago", 0));
    world.end().await;
}

#[tokio::test]
async fn one_that_comes_in_time_costs_no_question() {
    let world = World::new().await;
    world.deploy("staging").await;
    world.settle().await;
    assert_eq!((world.read_of("/statuses"), world.read_of("/user")), (0, 0));
    world.end().await;
}

#[tokio::test]
async fn while_github_cannot_tell_a_late_one_waits() {
    let world = World::new().await;
    let (id, parcel) = world.lost_task("deploy").await;
    world.clock.advance(LONG);
    world
        .github
        .fail(Fault::on("GET", "/statuses", FaultKind::BadGateway).always());
    world.deliver(&parcel).await;
    for _ in 0..30 {
        world.clock.advance(Duration::from_secs(60));
        world.settle().await;
    }
    assert_eq!(
        (world.runs().await.len(), world.disposition(&parcel).await),
        (0, "received")
    );
    world.github.heal();
    world.clock.advance(Duration::from_secs(5));
    world.settle().await;
    assert_eq!(world.states(id), ["success"]);
    world.end().await;
}

#[tokio::test]
async fn another_environment_makes_nothing_pointless() {
    let app = format!("tasks: [deploy]\n{APP}");
    let world = World::setup().app(&app).start().await;
    let request = DeploymentRequest {
        task: "deploy".to_owned(),
        ..DeploymentRequest::to("production")
    };
    let (older, parcel) = world.ask_unheard(request).await;
    world.clock.advance(LONG);
    // another environment says nothing about this one
    world.deploy("staging").await;
    world.settle().await;
    world.deliver(&parcel).await;
    assert_eq!(world.latest(older).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_restored_backup_repeats_nothing_and_misses_nothing() {
    let mut world = super::by_app().await;
    let (ledger, backup) = (world.path("data/chima.db"), world.path("backup.db"));
    world.stop().await;
    fs::copy(&ledger, &backup).unwrap();
    world.restart_with(APP).await;
    let done = world.deploy("staging").await;
    world.settle().await;
    // accepted by a ledger that was lost before it could begin
    let accepted = world.deploy("production").await;
    world.clock.advance(LONG);
    world.stop().await;
    for name in ["data/chima.db-wal", "data/chima.db-shm"] {
        let _ = fs::remove_file(world.path(name));
    }
    fs::copy(&backup, &ledger).unwrap();
    world.restart_with(APP).await;
    for _ in 0..3 {
        world.look_later(60).await;
    }
    assert_eq!(
        (world.states(done), world.states(accepted)),
        (vec!["success".to_owned()], vec!["success".to_owned()])
    );
    let began: Vec<String> = world
        .journal()
        .into_iter()
        .filter(|line| line.starts_with("begin"))
        .collect();
    assert_eq!(
        began,
        [format!("begin staging {done}"), format!("begin production {accepted}")]
    );
    assert_eq!(
        world.runs().await.len(),
        1,
        "of the other nothing is known but that it has ended"
    );
    world.end().await;
}
