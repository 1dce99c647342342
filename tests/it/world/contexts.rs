//! Required contexts: what holds, what releases, what rejects, and what happens while GitHub cannot be asked.

use std::time::Duration;

use chima::domain::run::RunState;
use chima_simulator::fault::{Fault, FaultKind};
use insta::assert_snapshot;

use crate::world::ending::Left;
use crate::world::stage::{APP, SITE, World};

impl World {
    /// The commit that `main` is at.
    fn head(&self) -> String {
        self.commits.last().unwrap().1.clone()
    }

    /// A commit status is reported; the webhook is stored and worked on.
    async fn ci(&self, context: &str, state: &str) {
        let told = self.github.ci(SITE, &self.head(), context, state).await.unwrap();
        assert_eq!(told[0].status, 202);
        self.settle().await;
        self.sweep().await;
        self.settle().await;
    }

    /// A check run is completed; the webhooks are stored and worked on.
    async fn check(&self, name: &str, conclusion: &str) {
        let told = self
            .github
            .check(SITE, &self.head(), name, Some(conclusion))
            .await
            .unwrap();
        assert!(told.iter().all(|one| one.status == 202), "{told:?}");
        self.settle().await;
        self.sweep().await;
        self.settle().await;
    }
}

#[tokio::test]
async fn a_pending_context_holds_until_a_status_turns_it_green() {
    let world = World::setup().required("[ci/build]").start().await;
    world
        .github
        .repository(SITE)
        .status(&world.head(), "ci/build", "pending");
    let id = world.deploy("production").await;
    world.settle().await;
    assert_eq!(world.state(id).await, RunState::Held);
    world.ci("ci/build", "success").await;
    assert_snapshot!(world.told(id).await, @"
    pending: held: waiting for `ci/build` (pending)
    success: deployed <one> (main) to production in 0 s
    ");
    assert_snapshot!(world.chat().await.lines().next().unwrap(), @"held: deploy `site` to `production`: waiting for `ci/build` (pending); it goes on by itself once they are green; if one never starts, whoever runs the checks can look (`octo/site` at <one> (main), asked for by @mona) <chima>/runs/<run 1>");
    world.end().await;
}

#[tokio::test]
async fn a_missing_context_counts_as_pending_and_a_check_run_turns_it_green() {
    let world = World::setup().required("[unit tests]").start().await;
    let id = world.deploy("production").await;
    world.settle().await;
    assert_snapshot!(world.told(id).await, @"pending: held: waiting for `unit tests` (missing)");
    world.check("unit tests", "success").await;
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_red_context_rejects_at_once_and_a_held_run_too() {
    let world = World::setup().required("[ci, lint]").start().await;
    let held = world.deploy("staging").await;
    world.settle().await;
    world.ci("ci", "failure").await;
    let refused = world.deploy("production").await;
    world.settle().await;
    assert_snapshot!(world.told(held).await, @"
    pending: held: waiting for `ci` (missing) and `lint` (missing)
    error: rejected: required context failed: `ci` (failure)
    ");
    assert_snapshot!(world.told(refused).await, @"error: rejected: required context failed: `ci` (failure)");
    world.end().await;
}

#[tokio::test]
async fn a_context_of_another_commit_releases_nothing() {
    let mut world = World::setup().required("[ci]").start().await;
    let id = world.deploy("production").await;
    world.settle().await;
    world.commit("two");
    world.ci("ci", "success").await;
    assert_eq!(world.state(id).await, RunState::Held);
    world.end_with(Left { held: 1, dead: 0 }).await;
}

#[tokio::test]
async fn without_a_list_everything_that_has_reported_must_be_green() {
    let world = World::setup().required("").start().await;
    let free = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.latest(free).state, "success", "nothing has reported");
    world.github.repository(SITE).status(&world.head(), "ci", "success");
    world
        .github
        .repository(SITE)
        .check_run(&world.head(), "unit", "in_progress", None);
    let held = world.deploy("production").await;
    world.settle().await;
    assert_eq!(world.state(held).await, RunState::Held);
    world.check("unit", "skipped").await;
    assert_eq!(world.latest(held).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_lost_webhook_is_made_good_within_a_minute() {
    let world = World::setup().required("[ci]").start().await;
    let id = world.deploy("production").await;
    world.settle().await;
    world.github.repository(SITE).status(&world.head(), "ci", "success");
    world.pass(Duration::from_secs(1)).await;
    world.pass(Duration::from_secs(61)).await;
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn while_github_cannot_be_asked_the_run_is_held_and_then_it_runs() {
    let world = World::setup().required("[ci]").start().await;
    world.github.repository(SITE).status(&world.head(), "ci", "success");
    world
        .github
        .fail(Fault::on("GET", "/commits/", FaultKind::BadGateway).always());
    let id = world.deploy("production").await;
    world.settle().await;
    assert_eq!(
        (world.state(id).await, world.code(id).await),
        (RunState::Held, "facts_unavailable")
    );
    assert_snapshot!(world.told(id).await, @"pending: held: GitHub could not tell what the decision needs to know: GitHub answered 502: Bad Gateway");
    world.pass(Duration::from_secs(6)).await;
    world.github.heal();
    world.pass(Duration::from_secs(6)).await;
    assert_eq!(world.states(id), ["pending", "success"]);
    world.end().await;
}

#[tokio::test]
async fn half_an_answer_about_the_contexts_is_no_answer() {
    let world = World::setup().required("[ci]").start().await;
    world.github.repository(SITE).status(&world.head(), "ci", "success");
    world.github.fail(Fault::on("GET", "/check-runs", FaultKind::Garbage));
    let id = world.deploy("production").await;
    world.settle().await;
    assert_eq!(world.code(id).await, "facts_unavailable");
    world.pass(Duration::from_secs(6)).await;
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_hold_ends_in_an_error_when_its_time_is_up() {
    let app = APP.replace(
        "required_contexts: []",
        "required_contexts: [ci]\nhold_timeout_seconds: 600",
    );
    let world = World::setup().app(&app).start().await;
    let id = world.deploy("production").await;
    world.settle().await;
    world.pass(Duration::from_secs(599)).await;
    assert_eq!(world.state(id).await, RunState::Held);
    world.pass(Duration::from_secs(1)).await;
    assert_snapshot!(world.told(id).await, @"
    pending: held: waiting for `ci` (missing)
    error: error: still held after 10 min, waiting for `ci` (missing)
    ");
    world.end().await;
}

#[tokio::test]
async fn a_hold_that_expired_stays_over_when_its_context_turns_green() {
    let app = APP.replace(
        "required_contexts: []",
        "required_contexts: [ci]\nhold_timeout_seconds: 60",
    );
    let world = World::setup().app(&app).start().await;
    let id = world.deploy("production").await;
    world.settle().await;
    world.pass(Duration::from_secs(60)).await;
    world.ci("ci", "success").await;
    assert_eq!((world.state(id).await, world.journal().len()), (RunState::Errored, 0));
    world.end().await;
}

#[tokio::test]
async fn contexts_that_turn_green_one_by_one_do_not_flood_the_deployment() {
    let world = World::setup().required("[a, b, c]").start().await;
    let id = world.deploy("production").await;
    world.settle().await;
    for context in ["a", "b", "c"] {
        world.ci(context, "success").await;
    }
    assert_eq!(world.states(id), ["pending", "success"]);
    world.end().await;
}

#[tokio::test]
async fn a_run_that_is_held_does_not_block_its_lane() {
    let mut world = World::setup().required("[ci]").start().await;
    let held = world.deploy("production").await;
    world.settle().await;
    world.commit("two");
    world.github.repository(SITE).status(&world.head(), "ci", "success");
    let green = world.deploy("production").await;
    world.settle().await;
    assert_eq!(
        [world.state(held).await, world.state(green).await],
        [RunState::Held, RunState::Succeeded]
    );
    world.end_with(Left { held: 1, dead: 0 }).await;
}

#[tokio::test]
async fn while_github_asks_to_wait_nobody_asks_about_contexts() {
    let world = World::setup().required("[ci]").start().await;
    world.github.repository(SITE).status(&world.head(), "ci", "success");
    let asks = Fault::on("GET", "/status", FaultKind::TooManyRequests { seconds: 90 });
    world.github.fail(asks);
    let id = world.deploy("production").await;
    world.settle().await;
    for _ in 0..30 {
        world.pass(Duration::from_secs(5)).await;
    }
    assert_eq!(world.states(id), ["success"], "and nobody tells that it is held");
    world.end().await;
}

#[tokio::test]
async fn a_github_that_does_not_answer_holds_up_no_lost_bell() {
    let app = APP.replace("staging: {}", "staging: { required_contexts: [ci] }");
    let world = World::setup().app(&app).start().await;
    let held = world.deploy("staging").await;
    world.settle().await;
    let other = world.deploy("production").await;
    world.intake().await;
    world
        .github
        .fail(Fault::on("GET", "/commits/", FaultKind::Timeout).always());
    world.lose_bells().await;
    world.clock.advance(Duration::from_secs(61));
    let swept = tokio::time::timeout(Duration::from_secs(10), chima::flow::sweep::step(&world.engine)).await;
    assert!(swept.is_ok(), "the sweep waits for GitHub");
    assert_eq!(world.engine.queue.waiting().await.unwrap(), 1, "rung again");
    world.settle().await;
    assert_eq!(
        [world.latest(held).state, world.latest(other).state],
        ["pending", "success"]
    );
    world.end_with(Left { held: 1, dead: 0 }).await;
}

#[tokio::test]
async fn a_webhook_that_comes_while_github_is_asked_is_not_forgotten() {
    let world = World::setup().required("[ci]").start().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    let run = world.run(id).await;
    let store = &world.engine.store;
    let asked_at = world.engine.now();
    store
        .recheck_commit(run.repository_id.0, &run.sha, asked_at)
        .await
        .unwrap();
    let later = asked_at + Duration::from_secs(60);
    store.postpone_recheck(run.id, later, asked_at).await.unwrap();
    assert_eq!(store.held_runs_due(asked_at, 10).await.unwrap().len(), 1, "still due");
    world.end_with(Left { held: 1, dead: 0 }).await;
}
