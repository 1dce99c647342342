//! GitHub away, slow, refusing or asking to wait: tried again, and nothing is lost.

use chima_simulator::fault::{Fault, FaultKind};

use super::{app, deployed};
use crate::world::stage::{SITE, World};

#[tokio::test]
async fn while_github_is_away_nothing_is_lost() {
    let mut world = deployed("{ on: push }").await;
    world.push("two").await;
    world.settle().await;
    world.github.down();
    world.round().await;
    assert_eq!(world.why().await, "unavailable");
    for _ in 0..10 {
        world.later(60).await;
    }
    world.github.up();
    world.later(300).await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn tries_come_further_apart_and_stop_with_the_trouble() {
    let mut world = deployed("{ on: push }").await;
    world.push("two").await;
    world.settle().await;
    world
        .github
        .fail(Fault::on("GET", "/branches", FaultKind::BadGateway).always());
    let asked = |world: &World| {
        let requests = world.github.requests();
        requests.iter().filter(|one| one.is("GET", "/branches/main")).count()
    };
    let before = asked(&world);
    world.round().await;
    let mut seen = vec![asked(&world) - before];
    for seconds in [5, 10, 20, 40, 80, 160, 300, 300] {
        world.later(seconds - 1).await;
        world.later(1).await;
        seen.push(asked(&world) - before);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    world.github.heal();
    world.later(300).await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn each_question_that_fails_leads_to_another_look_and_never_to_a_wrong_one() {
    for path in [
        "/repos/octo/site",
        "/branches",
        "/deployments",
        "/compare",
        "/status",
        "/check-runs",
    ] {
        for kind in [FaultKind::Garbage, FaultKind::Forbidden] {
            let mut world = deployed("true").await;
            let sha = world.land("two", &[]);
            world.github.repository(SITE).status(&sha, "ci", "success");
            world.github.move_branch(SITE, "main", Some(&sha)).await.unwrap();
            world.settle().await;
            world.github.fail(Fault::on("GET", path, kind.clone()));
            world.auto().await;
            assert_eq!(
                (world.why().await, world.made().len()),
                ("unavailable", 1),
                "{path} {kind:?}"
            );
            world.later(5).await;
            assert_eq!(world.made(), ["one: success", "two: success"], "{path} {kind:?}");
            world.end().await;
        }
    }
}

#[tokio::test]
async fn while_github_asks_to_wait_nobody_asks() {
    let mut world = deployed("{ on: push }").await;
    world.push("two").await;
    world.settle().await;
    let wait = FaultKind::TooManyRequests { seconds: 90 };
    world.github.fail(Fault::on("GET", "/branches", wait));
    world.round().await;
    for _ in 0..20 {
        world.later(5).await;
    }
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn a_refusal_is_told_and_not_repeated_all_the_time() {
    for kind in [FaultKind::Forbidden, FaultKind::NotFound, FaultKind::Unprocessable] {
        let mut world = deployed("{ on: push }").await;
        world.push("two").await;
        world.settle().await;
        world.github.fail(Fault::on("POST", "/deployments", kind).always());
        world.round().await;
        world.later(300).await;
        world.later(300).await;
        assert_eq!(world.why().await, "refused");
        let asked = world.github.requests();
        let asked = asked
            .iter()
            .filter(|one| one.method == "POST" && one.path.ends_with("/deployments"));
        assert_eq!(asked.count(), 1);
        world.github.heal();
        world.later(1800).await;
        assert_eq!(world.made(), ["one: success", "two: success"]);
        world.end().await;
    }
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let merged = app("required_contexts: []", "{ on: merged_pull_request }");
    let mut world = World::setup().app(&merged).start().await;
    world.push("two").await;
    world.settle().await;
    world.github.fail(Fault::on("GET", "/pulls", FaultKind::Forbidden));
    world.auto().await;
    let rows = world
        .engine
        .store
        .auto_deploys(&world.engine.config.github.host)
        .await
        .unwrap();
    let said = chima::report::auto_deploy::sentence(rows[0].outcome.as_ref().unwrap());
    insta::assert_snapshot!(said, @"cannot tell now, and looking again soon: GitHub answered 403: the permission `Pull requests: read` is missing (Resource not accessible by integration)");
    world.end().await;
}

#[tokio::test]
async fn what_is_not_followed_any_more_is_forgotten() {
    let mut world = deployed("{ on: push }").await;
    world.restart_with(&app("", "false")).await;
    let left = world
        .engine
        .store
        .auto_deploys(&world.engine.config.github.host)
        .await
        .unwrap();
    assert_eq!(left, []);
    world.push("two").await;
    world.round().await;
    assert_eq!(world.made(), ["one: success"]);
    world.end().await;
}
