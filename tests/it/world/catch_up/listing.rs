//! Deployments that nobody delivered are found in GitHub's list, and decided on like any other.

use std::time::Duration;

use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::github::deploy::{DeploymentRequest, StatusReport};
use chima_simulator::github::world::Workflow;
use insta::assert_snapshot;

use super::{by_app, by_token};
use crate::world::stage::{APP, SITE, World};

/// Its hook was never made, so that no log knows anything.
async fn without_hook() -> World {
    let world = World::setup().github_app().start().await;
    world.hook.active(false);
    world.look().await;
    world
}

#[tokio::test]
async fn a_deployment_that_was_never_delivered_is_found_and_says_so() {
    let world = without_hook().await;
    let deployed = world
        .github
        .deploy(SITE, DeploymentRequest::to("staging"))
        .await
        .unwrap();
    world.look_later(300).await;
    assert_eq!(world.states(deployed.id), ["success"]);
    assert_eq!(world.heard(deployed.id).await, "found in GitHub's list");
    let runs = chima::cli::runs::list(&world.engine.store, 5, true, world.engine.clock.now());
    assert!(runs.await.unwrap().contains(r#""source":"listing""#));
    let delivery = world.run(deployed.id).await.delivery.to_string();
    let (text, same) = chima::cli::decide::decide(&world.engine.store, &delivery, false)
        .await
        .unwrap();
    assert!(same && text.contains("history"), "{text}");
    world.end().await;
}

#[tokio::test]
async fn whichever_comes_first_the_other_is_a_duplicate() {
    let world = without_hook().await;
    world.hook.active(true);
    let (listed, parcel) = world.ask_unheard(DeploymentRequest::to("staging")).await;
    world.github.change(|found| found.deliveries.clear());
    world.look_later(300).await;
    assert_eq!(world.heard(listed).await, "found in GitHub's list");
    assert_eq!(world.post(&parcel).await.status, 200);
    let delivered = world.deploy("production").await;
    world.look_later(300).await;
    assert_eq!(world.heard(delivered).await, "by webhook");
    // both at once
    let (both, parcel) = world.ask_unheard(DeploymentRequest::to("staging")).await;
    world.github.change(|found| found.deliveries.clear());
    world.clock.advance(Duration::from_secs(300));
    tokio::join!(world.look(), world.post(&parcel));
    world.settle().await;
    assert_eq!(world.latest(both).state, "success");
    assert_eq!((world.runs().await.len(), world.journal().len()), (3, 6));
    world.end().await;
}

#[tokio::test]
async fn deployments_of_others_stay_theirs() {
    let world = without_hook().await;
    let of_app = DeploymentRequest {
        creator: Some("github-actions[bot]".to_owned()),
        app: Some("github-actions".to_owned()),
        workflow: Workflow::Run { name: "ci".to_owned() },
        ..DeploymentRequest::to("staging")
    };
    // a job of GitHub Actions that acts in a person's name reports at once
    let of_job = DeploymentRequest::to("production");
    let mut ids = Vec::new();
    for request in [of_app, of_job] {
        ids.push(world.github.deploy(SITE, request).await.unwrap().id);
    }
    let running = StatusReport {
        state: "in_progress".to_owned(),
        ..StatusReport::default()
    };
    world
        .github
        .report(SITE, ids[1], running, "github-actions[bot]")
        .await
        .unwrap();
    for _ in 0..3 {
        world.look_later(300).await;
    }
    assert_eq!(
        (world.states(ids[0]).len(), world.states(ids[1])),
        (0, vec!["in_progress".to_owned()])
    );
    assert_eq!(world.runs().await.len(), 0);
    world.end().await;
}

#[tokio::test]
async fn what_was_just_made_is_left_to_its_webhook() {
    let world = without_hook().await;
    world.clock.advance(Duration::from_secs(295));
    let id = world
        .github
        .deploy(SITE, DeploymentRequest::to("staging"))
        .await
        .unwrap()
        .id;
    world.look_later(5).await;
    assert_eq!(world.runs().await.len(), 0);
    world.look_later(5).await;
    assert_eq!(
        world.states(id),
        ["success"],
        "it is looked at again as soon as it is old enough"
    );
    world.end().await;
}

#[tokio::test]
async fn a_request_that_is_wrong_is_answered_though_nobody_delivered_it() {
    let world = without_hook().await;
    let id = world
        .github
        .deploy(SITE, DeploymentRequest::to("prod"))
        .await
        .unwrap()
        .id;
    world.look_later(300).await;
    assert_snapshot!(world.told(id).await, @"error: rejected: environment `prod` is not configured; configured: `production`, `staging`");
    world.end().await;
}

#[tokio::test]
async fn a_repository_that_is_renamed_in_between_is_followed() {
    let world = by_app().await;
    let before = world.lost("staging").await;
    world.github.change(|found| found.deliveries.clear());
    world.github.repository(SITE).rename("octo/elsewhere");
    let after = world
        .github
        .deploy("octo/elsewhere", DeploymentRequest::to("production"))
        .await
        .unwrap()
        .id;
    world.settle().await;
    world.look_later(300).await;
    world.settle_all().await;
    let states = |id: u64| {
        let statuses = world.github.statuses("octo/elsewhere", id);
        statuses.into_iter().map(|status| status.state).collect::<Vec<_>>()
    };
    assert_eq!(
        (states(before), states(after)),
        (vec!["success".to_owned()], vec!["success".to_owned()])
    );
    // so that the closing assertions find it
    world.github.repository("octo/elsewhere").rename(SITE);
    world.end().await;
}

#[tokio::test]
async fn another_repository_under_the_old_name_begins_anew() {
    let world = by_app().await;
    world.github.repository(SITE).rename("octo/elsewhere");
    world.github.change(|found| {
        let mut other = found.repositories[0].clone();
        (other.id, other.name) = (999_999, SITE.to_owned());
        found.repositories.push(other);
    });
    world.hook.active(false);
    world.clock.advance(Duration::from_secs(60));
    let old = world
        .github
        .deploy(SITE, DeploymentRequest::to("staging"))
        .await
        .unwrap()
        .id;
    world.look_later(300).await;
    world.look_later(300).await;
    assert_eq!(
        (world.states(old).len(), world.runs().await.len()),
        (0, 0),
        "made before it was ours"
    );
    let new = world
        .github
        .deploy(SITE, DeploymentRequest::to("staging"))
        .await
        .unwrap()
        .id;
    world.look_later(300).await;
    assert_eq!(world.states(new), ["success"]);
    world.end().await;
}

#[tokio::test]
async fn without_the_right_to_see_hooks_the_list_is_enough() {
    for kind in [FaultKind::Forbidden, FaultKind::NotFound] {
        let world = World::new().await;
        world.hook.on_repository(&world.github.repository(SITE));
        world.github.fail(Fault::on("GET", "/hooks", kind).always());
        world.look().await;
        let id = world.lost("staging").await;
        world.look_later(120).await;
        assert_eq!(world.states(id), ["success"]);
        assert_eq!(world.heard(id).await, "found in GitHub's list");
        let rows = world
            .engine
            .store
            .catch_ups(&world.engine.config.github.host)
            .await
            .unwrap();
        assert!(rows[0].progress.no_log.as_ref().unwrap().contains("admin:repo_hook"));
        assert_eq!(rows[0].trouble, None);
        world.end().await;
    }
}

#[tokio::test]
async fn a_list_that_has_not_changed_is_not_read_again() {
    let world = by_token().await;
    world.deploy("staging").await;
    world.look_later(120).await;
    let costly = |world: &World| {
        let requests = world.github.requests();
        requests
            .iter()
            .filter(|one| one.method == "GET" && one.path.ends_with("/deployments") && one.status == Some(200))
            .count()
    };
    world.look_later(120).await;
    let before = costly(&world);
    for _ in 0..10 {
        world.look_later(120).await;
    }
    assert_eq!(costly(&world), before);
    world.end().await;
}

#[tokio::test]
async fn a_held_one_goes_on_like_any_other() {
    let app = APP.replace("required_contexts: []", "required_contexts: [ci]");
    let world = World::setup().app(&app).github_app().start().await;
    world.look().await;
    let id = world.lost("staging").await;
    world.github.change(|found| found.deliveries.clear());
    world.look_later(300).await;
    assert_eq!(world.states(id), ["pending"]);
    let sha = world.run(id).await.sha;
    world.github.ci(SITE, &sha, "ci", "success").await.unwrap();
    world.settle().await;
    world.look_later(60).await;
    world.settle_all().await;
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}
