//! GitHub away, refusing or asking to wait, a wrong clock, a dead process: found all the same, later.

use std::time::Duration;

use chima_simulator::fault::{Fault, FaultKind};

use super::by_app;
use crate::world::stage::World;

impl World {
    /// How many tokens GitHub was asked for.
    fn tokens(&self) -> usize {
        let requests = self.github.requests();
        requests
            .iter()
            .filter(|one| one.path.ends_with("/access_tokens"))
            .count()
    }
}

async fn rows(world: &World) -> Vec<chima::store::catch_ups::CatchUp> {
    world
        .engine
        .store
        .catch_ups(&world.engine.config.github.host)
        .await
        .unwrap()
}

#[tokio::test]
async fn at_the_end_of_an_outage_everything_is_looked_through() {
    let world = by_app().await;
    let id = world.lost("staging").await;
    world.github.down();
    for _ in 0..10 {
        world.look_later(60).await;
    }
    let all = rows(&world).await;
    assert!(all.iter().all(|row| row.trouble.is_some()), "{all:?}");
    world.github.up();
    world.look_later(60).await;
    world.settle_all().await;
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn what_was_not_due_during_a_short_outage_is_looked_through_after_it() {
    let world = by_app().await;
    // the list of the repository is not due for four minutes more
    world.clock.advance(Duration::from_secs(60));
    world.github.down();
    world.look().await;
    world.github.up();
    let before = world.read_of("/repos/octo/site");
    world.look_later(40).await;
    world.look().await;
    assert_eq!(world.read_of("/repos/octo/site"), before + 1);
    world.end().await;
}

#[tokio::test]
async fn while_github_asks_to_wait_nobody_asks() {
    let world = by_app().await;
    let id = world.lost("staging").await;
    for path in ["/app/hook/deliveries", "/repos/octo/site"] {
        let wait = FaultKind::TooManyRequests { seconds: 400 };
        world.github.fail(Fault::on("GET", path, wait));
    }
    for _ in 0..40 {
        world.look_later(30).await;
    }
    world.settle_all().await;
    assert_eq!(world.latest(id).state, "success");
    assert!(world.tokens() <= 2, "a token is good for an hour");
    world.end().await;
}

#[tokio::test]
async fn a_redelivery_that_github_refuses_leaves_the_rest_to_the_list() {
    for kind in [
        FaultKind::NotFound,
        FaultKind::Unprocessable,
        FaultKind::BadGateway,
        FaultKind::LostAnswer,
    ] {
        let world = by_app().await;
        let id = world.lost("staging").await;
        world.github.fail(Fault::on("POST", "/attempts", kind.clone()));
        world.look_later(300).await;
        world.look_later(300).await;
        assert_eq!(world.states(id), ["success"], "{kind:?}");
        assert_eq!(world.runs().await.len(), 1, "{kind:?}");
        world.end().await;
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_no_end() {
    for path in ["/app/hook/deliveries", "/repos/octo/site", "/deployments"] {
        let world = by_app().await;
        let id = world.lost("staging").await;
        world.github.fail(Fault::on("GET", path, FaultKind::Garbage));
        world.look_later(300).await;
        world.look_later(60).await;
        world.settle_all().await;
        assert_eq!(world.latest(id).state, "success", "{path}");
        world.end().await;
    }
}

#[tokio::test]
async fn what_a_wrong_clock_wrote_down_does_not_stop_it() {
    let world = by_app().await;
    let id = world.lost("staging").await;
    let host = world.engine.config.github.host.clone();
    let (claimed, far) = (
        rows(&world).await,
        world.engine.clock.now() + Duration::from_secs(86_400),
    );
    for row in claimed {
        let looked = chima::store::catch_ups::Looked {
            at: far,
            since: row.since,
            next: far,
            trouble: None,
            progress: row.progress.clone(),
        };
        world.engine.store.finish_catch_up(&host, &row, &looked).await.unwrap();
    }
    world.look_later(60).await;
    assert_eq!(world.states(id), ["success"]);
    world.end().await;
}

#[tokio::test]
async fn a_look_that_a_dead_process_began_is_begun_again() {
    let world = by_app().await;
    let id = world.lost("staging").await;
    world.clock.advance(Duration::from_secs(60));
    let (host, now) = (world.engine.config.github.host.clone(), world.engine.clock.now());
    let until = now + Duration::from_secs(300);
    for row in rows(&world).await {
        let claim = world.engine.store.claim_catch_up(&host, &row, "somebody", now, until);
        assert!(claim.await.unwrap().is_some());
    }
    assert_eq!(world.look().await, 0, "somebody looks");
    world.look_later(300).await;
    assert_eq!(world.states(id), ["success"]);
    world.end().await;
}
