//! Statuses reach GitHub once, whatever it answers; what can never reach it stays visible.

use std::time::Duration;

use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::limits::Limits;

use crate::world::ending::Left;
use crate::world::stage::World;

fn statuses(kind: FaultKind) -> Fault {
    Fault::on("POST", "/statuses", kind)
}

/// A deployment that is told although the first two tries of the last word end like this.
async fn told_in_spite_of(fault: Fault) -> World {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    world.answer_bells().await;
    world.github.fail(fault);
    world.settle_all().await;
    assert_eq!(world.states(id), ["queued", "success"]);
    world
}

#[tokio::test]
async fn trouble_at_github_delays_a_status_and_loses_none() {
    for kind in [
        FaultKind::InternalError,
        FaultKind::BadGateway,
        FaultKind::Reset,
        FaultKind::Close,
        FaultKind::Garbage,
        FaultKind::Unauthorized,
    ] {
        told_in_spite_of(statuses(kind).times(2)).await.end().await;
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_delays_a_status_and_loses_none() {
    told_in_spite_of(statuses(FaultKind::Timeout)).await.end().await;
}

#[tokio::test]
async fn a_status_whose_answer_was_lost_is_looked_for_before_it_is_sent_again() {
    for fault in [
        statuses(FaultKind::LostAnswer),
        statuses(FaultKind::InternalError).with_effect(),
        statuses(FaultKind::BadGateway).with_effect(),
        statuses(FaultKind::Garbage).with_effect(),
    ] {
        let world = told_in_spite_of(fault).await;
        let listed = |request: &chima_simulator::journal::Recorded| request.is("GET", "/statuses");
        assert!(world.github.requests().iter().any(listed));
        world.end().await;
    }
}

#[tokio::test]
async fn while_github_asks_to_wait_nothing_is_sent() {
    for kind in [
        FaultKind::ForbiddenRetryAfter { seconds: 40 },
        FaultKind::TooManyRequests { seconds: 40 },
        FaultKind::TooManyRequestsUntil { seconds: 40 },
        FaultKind::PrimaryLimit { seconds: 40 },
        FaultKind::SecondaryLimit,
    ] {
        told_in_spite_of(statuses(kind)).await.end().await;
    }
}

#[tokio::test]
async fn deployments_that_come_while_github_asks_to_wait_are_told_afterwards() {
    let world = World::setup().required("[ci]").start().await;
    world
        .github
        .fail(statuses(FaultKind::ForbiddenRetryAfter { seconds: 120 }));
    let first = world.deploy("staging").await;
    world.settle().await;
    world.clock.advance(Duration::from_secs(10));
    let second = world.deploy("production").await;
    let sha = world.commits[0].1.clone();
    world
        .github
        .repository(crate::world::stage::SITE)
        .status(&sha, "ci", "success");
    for _ in 0..40 {
        world.pass(Duration::from_secs(5)).await;
    }
    assert_eq!(
        [world.latest(first).state, world.latest(second).state],
        ["success", "success"]
    );
    world.end().await;
}

#[tokio::test]
async fn of_many_statuses_none_is_on_its_way_when_github_asks_to_wait() {
    let world = World::setup().without_slack().start().await;
    world
        .github
        .fail(statuses(FaultKind::ForbiddenRetryAfter { seconds: 30 }).after(2));
    for _ in 0..8 {
        world.deploy("nowhere").await;
    }
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn a_status_that_github_will_never_take_is_given_up_and_shown() {
    for kind in [
        FaultKind::Forbidden,
        FaultKind::NotFound,
        FaultKind::Unprocessable,
        FaultKind::Gone,
    ] {
        let world = World::new().await;
        let id = world.deploy("staging").await;
        world.intake().await;
        world.outbox().await;
        world.answer_bells().await;
        world.github.fail(statuses(kind.clone()).always());
        world.settle_all().await;
        let page = world.run_page(id).await;
        assert!(page.contains("given up: GitHub answered 4"), "{kind:?}: {page}");
        assert!(world.page("/").await.contains("could not be delivered"), "{kind:?}");
        world.end_with(Left { held: 0, dead: 1 }).await;
    }
}

#[tokio::test]
async fn after_an_hour_without_github_everything_is_told_within_ten_seconds() {
    let world = World::new().await;
    let first = world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    world.github.down();
    let second = world.deploy("production").await;
    for _ in 0..60 {
        world.pass(Duration::from_secs(60)).await;
    }
    world.github.up();
    for _ in 0..10 {
        world.pass(Duration::from_secs(1)).await;
    }
    assert_eq!(
        [world.latest(first).state, world.latest(second).state],
        ["success", "success"]
    );
    world.end().await;
}

#[tokio::test]
async fn after_an_outage_only_what_still_matters_is_told() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.github.down();
    world.intake().await;
    world.outbox().await;
    world.hold();
    let running = world.begin(world.run(id).await.id);
    world.journal_of(1).await;
    world.outbox().await;
    world.clock.advance(Duration::from_secs(30));
    world.outbox().await;
    world.release();
    running.await.unwrap();
    world.outbox().await;
    world.github.up();
    world.settle_all().await;
    assert_eq!(world.states(id), ["success"]);
    world.end().await;
}

#[tokio::test]
async fn after_the_repair_everything_is_told_within_ten_seconds() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.github.down();
    world.settle().await;
    for _ in 0..240 {
        world.clock.advance(Duration::from_secs(15));
        world.outbox().await;
    }
    world.github.up();
    world.clock.advance(Duration::from_secs(10));
    world.outbox().await;
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_flood_is_told_below_githubs_limits() {
    let world = World::setup().without_slack().start().await;
    world.github.limit(Limits::github());
    let mut asked = Vec::new();
    for _ in 0..150 {
        asked.push(world.deploy("nowhere").await);
    }
    world.settle_all().await;
    assert!(asked.iter().all(|id| world.states(*id) == ["error"]));
    world.end().await;
}

#[tokio::test]
async fn the_last_word_is_told_before_the_others() {
    let world = World::setup().required("[ci]").start().await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(world.deploy("staging").await);
    }
    let over = world.deploy("nowhere").await;
    world.intake().await;
    chima::flow::outbox::step(&world.engine).await.unwrap();
    assert_eq!(world.states(over), ["error"], "one step takes eight");
    world.settle_all().await;
    world.end_with(Left { held: 20, dead: 0 }).await;
}
