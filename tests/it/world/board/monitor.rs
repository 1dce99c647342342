//! Badges, and what wall monitors read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::Stdio;

use chrono::DateTime;
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

/// Its name and its attributes.
type Element = (String, BTreeMap<String, String>);

/// What an XML parser that is not ours, and forgives nothing, finds: the root's name, and each element below it with its attributes.
fn parsed(xml: &str) -> Result<(String, Vec<Element>), String> {
    let script = "import json, sys, xml.etree.ElementTree as tree\n\
                  root = tree.fromstring(sys.stdin.buffer.read())\n\
                  assert not any(len(one) or (one.text or '').strip() for one in root), 'the elements hold something'\n\
                  print(json.dumps([root.tag, [[one.tag, one.attrib] for one in root]]))\n";
    #[expect(clippy::disallowed_methods, reason = "a judge of its own")]
    let mut judge = std::process::Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    judge.stdin.take().unwrap().write_all(xml.as_bytes()).unwrap();
    let said = judge.wait_with_output().unwrap();
    if said.status.success() {
        Ok(serde_json::from_slice(&said.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&said.stderr).into_owned())
    }
}

/// The projects by their names, each as <https://cctray.org/v1/> wants it.
fn projects(xml: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let (root, elements) = parsed(xml).unwrap();
    assert_eq!(root, "Projects");
    let mut projects = BTreeMap::new();
    for (element, attributes) in elements {
        assert_eq!(element, "Project");
        let names: BTreeSet<&str> = attributes.keys().map(String::as_str).collect();
        let needed = BTreeSet::from(["name", "activity", "lastBuildStatus", "lastBuildTime", "webUrl"]);
        let optional = BTreeSet::from(["lastBuildLabel"]);
        assert!(names.is_superset(&needed), "{attributes:?}");
        assert!(
            names.difference(&needed).all(|name| optional.contains(name)),
            "{attributes:?}"
        );
        let among = |name: &str, all: &[&str]| assert!(all.contains(&attributes[name].as_str()), "{attributes:?}");
        among("activity", &["Sleeping", "Building", "CheckingModifications"]);
        among("lastBuildStatus", &["Success", "Failure", "Exception", "Unknown"]);
        DateTime::parse_from_rfc3339(&attributes["lastBuildTime"]).unwrap();
        url::Url::parse(&attributes["webUrl"]).unwrap();
        let before = projects.insert(attributes["name"].clone(), attributes);
        assert_eq!(before, None, "a name is there twice");
    }
    projects
}

#[tokio::test]
async fn monitors_read_each_environment() {
    let world = World::setup().script(BREAKABLE).start().await;
    // nothing was deployed yet, and the time is one all the same
    let none = projects(&world.page("/cctray.xml").await);
    let shown = |project: &BTreeMap<String, String>| {
        let keys = ["activity", "lastBuildStatus", "lastBuildLabel"];
        keys.map(|key| project.get(key).cloned().unwrap_or_default())
    };
    assert_eq!(none.keys().collect::<Vec<_>>(), ["site/production", "site/staging"]);
    assert_eq!(shown(&none["site/staging"]), ["Sleeping", "Unknown", ""]);
    let id = world.deploy("production").await;
    world.settle().await;
    let run = world.run(id).await;
    std::fs::write(world.path("broken"), "").unwrap();
    world.deploy("staging").await;
    world.settle().await;
    let xml = world.page("/cctray.xml").await;
    let found = projects(&xml);
    let label = &run.sha[..8];
    let production = &found["site/production"];
    assert_eq!(shown(production), ["Sleeping", "Success", label]);
    assert!(
        production["webUrl"].ends_with(&format!("/runs/{}", run.id)),
        "{production:?}"
    );
    let over = DateTime::parse_from_rfc3339(&production["lastBuildTime"]).unwrap();
    assert_eq!(over.timestamp(), run.finished_at.unwrap().timestamp());
    assert_eq!(shown(&found["site/staging"]), ["Sleeping", "Failure", label]);
    // the judge would notice
    for broken in [
        xml.replacen('"', "", 1),
        xml.replace("/>", ">"),
        xml.replace("site/", "a & b"),
    ] {
        assert!(parsed(&broken).is_err(), "{broken}");
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
