//! Processes that die between asking and writing down, answers that never come, two processes on one ledger: one deployment.

use std::time::Duration;

use chima::domain::names::Sha;
use chima::flow::auto_deploy;
use chima::store::auto_deploys::AutoDeploy;
use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::message::Answer;

use super::{app, deployed};
use crate::world::stage::{SITE, World};

/// Nobody can tell whether it lives.
const ELSEWHERE: &str = "elsewhere/boot/1/2/3";

impl World {
    /// Another process takes the environment, writes down that it asks for the head, and dies.
    async fn begun(&self, name: &str) -> AutoDeploy {
        let (store, now) = (&self.engine.store, self.engine.now());
        let host = &self.engine.config.github.host;
        let row = store.auto_deploys(host).await.unwrap().remove(0);
        let until = now + Duration::from_secs(60);
        let claimed = store
            .claim_auto_deploy(host, &row.followed, ELSEWHERE, now, until)
            .await;
        let claimed = claimed.unwrap().unwrap();
        let sha: Sha = self.sha(name).parse().unwrap();
        assert!(store.begin_asking(host, &claimed, &sha, now, until).await.unwrap());
        claimed
    }
}

#[tokio::test]
async fn who_dies_before_asking_leaves_it_to_the_next() {
    let mut world = deployed("{ on: push }").await;
    world.push("two").await;
    world.settle().await;
    world.begun("two").await;
    world.later(59).await;
    assert_eq!(world.made().len(), 1, "it may be about to ask");
    world.later(1).await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn who_dies_after_asking_has_asked_for_all() {
    let mut world = deployed("{ on: push }").await;
    world.push("two").await;
    world.settle().await;
    world.begun("two").await;
    let two = world.sha("two");
    world.ask_unheard(DeploymentRequest::to("staging").of(&two)).await;
    world.restart_with(&app("", "{ on: push }")).await;
    world.later(61).await;
    world.later(3600).await;
    assert_eq!((world.why().await, world.made().len()), ("asked_before", 2));
    world.end().await;
}

#[tokio::test]
async fn who_was_overtaken_asks_for_nothing_and_writes_nothing() {
    let mut world = deployed("{ on: push }").await;
    world.push("two").await;
    world.settle().await;
    let overtaken = world.begun("two").await;
    world.later(61).await;
    let (store, host) = (&world.engine.store, &world.engine.config.github.host);
    let before = store.auto_deploys(host).await.unwrap();
    let now = world.engine.now();
    let sha: Sha = world.sha("two").parse().unwrap();
    let until = now + Duration::from_secs(60);
    assert!(!store.begin_asking(host, &overtaken, &sha, now, until).await.unwrap());
    let looked = chima::store::auto_deploys::Looked {
        at: now,
        repository_id: None,
        installation: None,
        default_branch: None,
        sha: None,
        outcome: chima::domain::auto_deploy::AutoReason::NoContexts.into(),
        unanswered: false,
        next: now,
    };
    store.finish_auto_deploy(host, &overtaken, &looked).await.unwrap();
    assert_eq!(store.auto_deploys(host).await.unwrap(), before);
    world.end().await;
}

#[tokio::test]
async fn an_answer_that_was_lost_is_looked_for_before_asking_again() {
    for fault in [
        Fault::on("POST", "/deployments", FaultKind::LostAnswer),
        Fault::on("POST", "/deployments", FaultKind::InternalError).with_effect(),
        Fault::on("POST", "/deployments", FaultKind::Garbage).with_effect(),
    ] {
        let mut world = deployed("{ on: push }").await;
        world.push("two").await;
        world.settle().await;
        world.github.fail(fault);
        world.round().await;
        for _ in 0..20 {
            world.later(5).await;
        }
        assert_eq!(world.made(), ["one: success", "two: success"]);
        world.end().await;
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_may_be_missing_in_githubs_lists_for_a_while() {
    let mut world = deployed("{ on: push }").await;
    world.push("two").await;
    world.settle().await;
    // neither an answer, nor a webhook, nor the list says that there is one
    world.hook.events(&["push"]);
    world
        .github
        .fail(Fault::on("POST", "/deployments", FaultKind::LostAnswer));
    let nothing = FaultKind::Answer(Answer::json(200, &serde_json::json!([])));
    world
        .github
        .fail(Fault::on("GET", "/deployments", nothing).after(1).times(2));
    world.round().await;
    for _ in 0..20 {
        world.later(5).await;
    }
    assert_eq!((world.why().await, world.made().len()), ("asked_before", 2));
    world.end().await;
}

#[tokio::test]
async fn a_request_that_never_arrived_is_made_again() {
    for kind in [FaultKind::Reset, FaultKind::InternalError, FaultKind::BadGateway] {
        let mut world = deployed("{ on: push }").await;
        world.push("two").await;
        world.settle().await;
        world.github.fail(Fault::on("POST", "/deployments", kind));
        world.round().await;
        assert_eq!((world.why().await, world.made().len()), ("unavailable", 1));
        for _ in 0..10 {
            world.later(5).await;
        }
        assert_eq!(world.made(), ["one: success", "two: success"]);
        world.end().await;
    }
}

#[tokio::test]
async fn two_processes_that_look_at_once_ask_once() {
    let mut world = deployed("{ on: push }").await;
    let other = world.second_worker().await;
    for name in ["two", "three", "four"] {
        world.push(name).await;
        world.settle().await;
        let (here, there) = tokio::join!(auto_deploy::step(&world.engine), auto_deploy::step(&other));
        assert_eq!(here.unwrap() + there.unwrap(), 1, "one of them looked");
        world.round().await;
    }
    assert_eq!(
        world.made(),
        ["one: success", "two: success", "three: success", "four: success"]
    );
    other.stop.cancel();
    other.store.close().await;
    world.end().await;
}

#[tokio::test]
async fn an_event_that_comes_during_a_look_leads_to_another_one() {
    let mut world = deployed("{ on: push }").await;
    world.push("two").await;
    world.settle().await;
    let (store, host) = (world.engine.store.clone(), world.engine.config.github.host.clone());
    let row = store.auto_deploys(&host).await.unwrap().remove(0);
    let now = world.engine.now();
    let until = now + Duration::from_secs(60);
    let claim = store
        .claim_auto_deploy(&host, &row.followed, ELSEWHERE, now, until)
        .await;
    let claimed = claim.unwrap().unwrap();
    world.push("three").await;
    world.settle().await;
    let looked = chima::store::auto_deploys::Looked {
        at: now,
        repository_id: None,
        installation: None,
        default_branch: None,
        sha: None,
        outcome: chima::domain::auto_deploy::AutoReason::NoContexts.into(),
        unanswered: false,
        next: until,
    };
    store.finish_auto_deploy(&host, &claimed, &looked).await.unwrap();
    world.round().await;
    assert_eq!(world.made(), ["one: success", "three: success"]);
    world.end().await;
}

#[tokio::test]
async fn a_repository_with_many_environments_has_each_its_own() {
    let both = app("required_contexts: []", "true").replace(
        "production: { url: 'https://site.example.com' }",
        "production: { auto_deploy: { on: push } }",
    );
    let mut world = World::setup().app(&both).start().await;
    world.push("two").await;
    world.round().await;
    let mut environments: Vec<String> = world.github.read(|found| {
        let made = found.repository(SITE).unwrap().deployments.iter();
        made.map(|one| one.environment.clone()).collect()
    });
    environments.sort();
    assert_eq!(environments, ["production", "staging"]);
    world.end().await;
}
