//! The queue, and who holds what.

use std::time::Duration;

use chima::domain::run::RunState;

use crate::world::ending::Left;
use crate::world::stage::World;

#[tokio::test]
async fn each_that_waits_says_why_and_when_it_begins() {
    let world = World::new().await;
    // what is usual must be known
    for number in 0..5 {
        world.hold();
        let id = world.deploy("staging").await;
        world.intake().await;
        let job = world.begin(world.run(id).await.id);
        world.journal_of(number * 2 + 1).await;
        world.clock.advance(Duration::from_secs(60));
        world.release();
        job.await.unwrap();
        world.settle().await;
    }
    world.hold();
    let running = world.deploy("staging").await;
    world.intake().await;
    let job = world.begin(world.run(running).await.id);
    world.journal_of(11).await;
    world.clock.advance(Duration::from_secs(1));
    let next = world.deploy("staging").await;
    world.clock.advance(Duration::from_secs(1));
    let last = world.deploy("staging").await;
    world.intake().await;
    assert_eq!(world.state(last).await, RunState::Queued);
    let page = world.page("/queue").await;
    let mut expected = Vec::new();
    for id in [running, next, last] {
        expected.push(world.run(id).await.id.to_string());
    }
    assert_eq!(World::runs_on(&page), expected, "{page}");
    for text in [
        "runs for ",
        "waits for ",
        "it is next, and begins when what runs there has ended",
        "it is at position 2 in its lane",
        "Nobody holds an environment.",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(
        page.matches("<td><time datetime=").count() >= 2,
        "when they begin: {page}"
    );
    world.release();
    job.await.unwrap();
    world.settle().await;
    let page = world.page("/queue").await;
    assert!(page.contains("Nothing runs, and nothing waits."), "{page}");
    world.end().await;
}

#[tokio::test]
async fn a_lock_is_shown_with_whose_it_is_and_why() {
    let world = World::setup().with("on_lock: wait").start().await;
    world.lock_for_test("lisa", "production").await;
    let held = world.deploy("production").await;
    world.settle().await;
    assert_eq!(world.state(held).await, RunState::Held);
    let page = world.page("/queue").await;
    for text in [
        "site · production",
        "lisa",
        "db migration",
        "somebody unlocks",
        "state held",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    world.end_with(Left { held: 1, dead: 0 }).await;
}
