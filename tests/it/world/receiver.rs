//! Who is believed at the door, and what is written down of everybody else: nothing.

use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::github::sending::{Delivered, deliver_raw};
use chima_simulator::sign::{sign, signed};
use insta::assert_snapshot;

use crate::world::stage::{SECRET, World};
use crate::world::steps::Parcel;

impl World {
    /// Posts a delivery as it is.
    pub async fn post(&self, parcel: &Parcel) -> Delivered {
        let url = format!("{}/webhooks/github", self.url);
        deliver_raw(&url, &parcel.headers, &parcel.body).await
    }

    /// How many deliveries are stored, by GUID: all of a world's parcels carry one.
    pub async fn is_stored(&self, parcel: &Parcel) -> bool {
        let guid = parcel.headers.iter().find(|(name, _)| name == "X-GitHub-Delivery");
        let found = self.engine.store.find_delivery(&guid.unwrap().1).await.unwrap();
        found.is_some()
    }

    /// What became of a stored delivery.
    pub async fn disposition(&self, parcel: &Parcel) -> &'static str {
        let guid = parcel.headers.iter().find(|(name, _)| name == "X-GitHub-Delivery");
        let found = self.engine.store.find_delivery(&guid.unwrap().1).await.unwrap();
        found.unwrap().disposition.as_str()
    }
}

async fn unheard(world: &World) -> Parcel {
    world.ask_unheard(DeploymentRequest::to("staging")).await.1
}

/// Nothing was written, and the sender learns nothing about why.
async fn refused(world: &World, parcel: &Parcel) {
    let answer = world.post(parcel).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (401, "signature does not match\n")
    );
    assert!(!world.is_stored(parcel).await);
    assert_eq!(world.intake().await, 0);
}

#[tokio::test]
async fn a_ping_is_answered_with_a_pong() {
    let world = World::new().await;
    let delivered = world.github.ping().await;
    assert_eq!(delivered[0].status, 200);
    assert!(
        delivered[0].body.starts_with("pong; stored as "),
        "{}",
        delivered[0].body
    );
    world.end().await;
}

#[tokio::test]
async fn an_event_that_means_nothing_is_stored_and_answered_with_200() {
    let world = World::new().await;
    let (site, sha) = (crate::world::stage::SITE, world.commits[0].1.clone());
    let begun = world.github.check(site, &sha, "build", None).await.unwrap();
    assert_eq!(begun[0].status, 200);
    let parcel = world.parcel(&begun[0].guid);
    assert_eq!(world.disposition(&parcel).await, "unhandled");
    assert_eq!(world.intake().await, 0);
    world.end().await;
}

#[tokio::test]
async fn a_delivery_without_the_right_signature_leaves_no_trace() {
    let world = World::new().await;
    let parcel = unheard(&world).await;
    let right = sign(SECRET, &parcel.body);
    let digits = right.trim_start_matches("sha256=");
    refused(&world, &parcel.clone().signed("another secret of some length")).await;
    refused(&world, &parcel.clone().header("X-Hub-Signature-256", "")).await;
    for wrong in [
        &right[..right.len() - 2],
        &right.to_uppercase(),
        &format!("sha256={}", digits.to_uppercase()),
        digits,
        &format!("sha1={digits}"),
        &format!("{right}00"),
        &format!("{right}, {right}"),
        "sha256=",
    ] {
        refused(&world, &parcel.clone().header("X-Hub-Signature-256", wrong)).await;
    }
    let mut twice = parcel.clone();
    twice.headers.push(("X-Hub-Signature-256".to_owned(), right));
    refused(&world, &twice).await;
    let mut changed = parcel.clone();
    changed.body.push(b' ');
    refused(&world, &changed).await;
    world.end().await;
}

#[tokio::test]
async fn the_old_signature_alone_is_not_enough() {
    let world = World::new().await;
    let parcel = unheard(&world).await;
    let mut old = parcel
        .clone()
        .header("X-Hub-Signature-256", "")
        .header("X-Hub-Signature", "");
    old.headers.extend(
        signed(&old.body, SECRET)
            .into_iter()
            .filter(|(name, _)| name == "X-Hub-Signature"),
    );
    refused(&world, &old).await;
    world.end().await;
}

#[tokio::test]
async fn without_a_secret_the_door_says_that_it_is_not_set_up() {
    let world = World::setup().secrets(&[]).start().await;
    let parcel = unheard(&world).await;
    let answer = world.post(&parcel).await;
    assert_eq!(answer.status, 503);
    assert_snapshot!(answer.body, @"not set up: no webhook secret; set one of `github.webhook_secrets` and start again");
    assert!(!world.is_stored(&parcel).await);
    assert_eq!(world.get("/readyz").await.0, 200);
    world.end().await;
}

#[tokio::test]
async fn two_secrets_are_good_at_once() {
    let old = "the old secret, still in use";
    let world = World::setup().secrets(&[old, SECRET]).start().await;
    let first = world.deploy("staging").await;
    world.hook.secret(SECRET);
    let second = world.deploy("production").await;
    world.settle().await;
    assert_eq!(
        [world.latest(first).state, world.latest(second).state],
        ["success", "success"]
    );
    world.end().await;
}

#[tokio::test]
async fn signed_bodies_that_cannot_be_read_are_stored_and_answered_with_400() {
    let world = World::new().await;
    let parcel = unheard(&world).await;
    let guid = |number: u32| format!("00000000-0000-0000-0000-00000000000{number}");
    for (number, odd) in [
        parcel.clone().body(b"{\"deployment\":"),
        parcel.clone().body(b""),
        parcel.clone().header("X-GitHub-Event", "check_run"),
        parcel.clone().header("X-GitHub-Event", "push"),
        parcel.clone().header("X-GitHub-Event", ""),
        parcel.clone().header("X-GitHub-Event", "Deployment"),
        parcel
            .clone()
            .header("Content-Type", "application/x-www-form-urlencoded"),
        parcel.clone().json(|body| body["deployment"]["id"] = "seven".into()),
    ]
    .into_iter()
    .enumerate()
    {
        let odd = odd.header("X-GitHub-Delivery", &guid(u32::try_from(number).unwrap()));
        let answer = world.post(&odd).await;
        assert_eq!(answer.status, 400, "{number}: {}", answer.body);
        assert!(answer.body.starts_with("stored as "), "{}", answer.body);
        assert_eq!(world.disposition(&odd).await, "malformed", "{number}");
    }
    assert_eq!(world.intake().await, 0);
    assert_eq!(
        world.post(&parcel).await.status,
        202,
        "none of them stands in the way of the right one"
    );
    world.settle().await;
    world.end().await;
}

#[tokio::test]
async fn a_status_sent_under_the_name_of_a_deployment_is_no_deployment() {
    let world = World::new().await;
    let told = world
        .github
        .ci(crate::world::stage::SITE, &world.commits[0].1, "ci", "success")
        .await
        .unwrap();
    let parcel = world.parcel(&told[0].guid).header("X-GitHub-Event", "deployment");
    assert_eq!(world.post(&parcel.header("X-GitHub-Delivery", "odd")).await.status, 400);
    world.settle().await;
    assert_eq!(world.runs().await, []);
    world.end().await;
}
