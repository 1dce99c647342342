//! Badges, and what wall monitors read.

use serde_json::Value;

use crate::world::stage::{APP, World};

const BREAKABLE: &str = "#!/bin/sh\n[ ! -e \"$JOURNAL/broken\" ]\n";

#[tokio::test]
async fn a_badge_says_what_runs_and_how_it_went() {
    let world = World::setup().script(BREAKABLE).start().await;
    assert!(
        world
            .page("/badges/site/staging.svg")
            .await
            .contains("staging: nothing yet")
    );
    let id = world.deploy("staging").await;
    world.settle().await;
    let sha = world.run(id).await.sha[..8].to_owned();
    let badge = world.page("/badges/SITE/staging.svg").await;
    assert!(
        badge.contains(&format!("staging: {sha}")) && badge.contains("#14632b"),
        "{badge}"
    );
    assert!(!badge.contains("style=") && !badge.contains("<script"), "{badge}");
    std::fs::write(world.path("broken"), "").unwrap();
    world.deploy("staging").await;
    world.settle().await;
    let badge = world.page("/badges/site/staging.svg").await;
    assert!(
        badge.contains("staging: failed") && badge.contains("#9d1220"),
        "{badge}"
    );
    for path in [
        "/badges/site/nowhere.svg",
        "/badges/other/staging.svg",
        "/badges/site/staging.png",
        "/badges/site/staging",
    ] {
        let (status, text) = world.get(path).await;
        assert_eq!((status, text.as_str()), (404, "there is no such page\n"), "{path}");
    }
    world.end().await;
}

#[tokio::test]
async fn only_a_public_badge_may_be_shown_by_other_sites() {
    let world = World::new().await;
    let policy = async |world: &World| {
        let address = format!("{}/badges/site/staging.svg", world.url);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(address).send().await.unwrap();
        let value = answer.headers()["cross-origin-resource-policy"].to_str().unwrap();
        value.to_owned()
    };
    assert_eq!(policy(&world).await, "same-origin");
    world.end().await;
    let world = World::setup().app(&format!("public_badges: true\n{APP}")).start().await;
    assert_eq!(policy(&world).await, "cross-origin");
    world.end().await;
}

#[tokio::test]
async fn monitors_read_each_environment() {
    let world = World::setup().script(BREAKABLE).start().await;
    world.deploy("production").await;
    world.settle().await;
    std::fs::write(world.path("broken"), "").unwrap();
    world.deploy("staging").await;
    world.settle().await;
    let xml = world.page("/cctray.xml").await;
    assert!(
        xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Projects>"),
        "{xml}"
    );
    for text in [
        "<Project name=\"site/production\" activity=\"Sleeping\" lastBuildStatus=\"Success\"",
        "<Project name=\"site/staging\" activity=\"Sleeping\" lastBuildStatus=\"Failure\"",
    ] {
        assert!(xml.contains(text), "{text}: {xml}");
    }
    let json: Value = serde_json::from_str(&world.page("/monitor.json").await).unwrap();
    assert_eq!(json["needs"], 1);
    let states: Vec<&str> = json["places"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["succeeded", "failed"]);
    world.end().await;
}
