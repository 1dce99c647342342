//! The history: its filters, its pages, and what is downloaded from it.

use std::time::Duration;

use chima_simulator::github::deploy::DeploymentRequest;
use serde_json::Value;

use crate::world::stage::World;

/// Three that ran, by two people, in two environments, and one that was refused; an hour between them.
async fn some_runs() -> (World, Vec<String>) {
    let world = World::new().await;
    let mut ids = Vec::new();
    for (environment, who) in [
        ("staging", "mona"),
        ("production", "lisa"),
        ("staging", "lisa"),
        ("nowhere", "mona"),
    ] {
        let id = world
            .ask(DeploymentRequest {
                creator: Some(who.to_owned()),
                ..DeploymentRequest::to(environment)
            })
            .await;
        world.settle().await;
        ids.push(world.run(id).await.id.to_string());
        world.clock.advance(Duration::from_secs(3600));
    }
    (world, ids)
}

/// Where many statuses may be sent at once.
async fn talkative() -> World {
    let world = World::setup().without_slack();
    let world = world
        .github("writes_per_minute: 100000")
        .github("writes_per_hour: 1000000");
    world.start().await
}

#[tokio::test]
async fn each_filter_is_an_address() {
    let (world, ids) = some_runs().await;
    let all = world.runs().await;
    let second = all[1].created_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    for (query, expected) in [
        (String::new(), &[3, 2, 1, 0][..]),
        ("?app=&environment=&person=".to_owned(), &[3, 2, 1, 0]),
        ("?app=site".to_owned(), &[2, 1, 0]),
        ("?app=SITE&environment=Staging".to_owned(), &[2, 0]),
        ("?app=other".to_owned(), &[]),
        ("?environment=production".to_owned(), &[1]),
        ("?person=lisa".to_owned(), &[2, 1]),
        ("?person=@Lisa&environment=staging".to_owned(), &[2]),
        ("?outcome=rejected".to_owned(), &[3]),
        ("?outcome=succeeded&person=mona".to_owned(), &[0]),
        ("?outcome=queued".to_owned(), &[]),
        (format!("?from={second}"), &[3, 2, 1]),
        (format!("?until={second}"), &[0]),
        (format!("?app=site&from={second}&outcome=succeeded"), &[2, 1]),
    ] {
        let page = world.page(&format!("/history{query}")).await;
        let expected: Vec<&String> = expected.iter().map(|at| &ids[*at]).collect();
        assert_eq!(World::runs_on(&page).iter().collect::<Vec<_>>(), expected, "{query}");
    }
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_looked_for_is_said() {
    let world = World::new().await;
    for (query, expected) in [
        (
            "outcome=great",
            "<code>outcome</code> is <code>great</code>; expected one of held",
        ),
        (
            "from=yesterday",
            "<code>from</code> is <code>yesterday</code>; expected a day",
        ),
        ("before=2", "<code>before</code> is no id of a run"),
        ("app=a&app=b", "the address asks for something twice"),
    ] {
        let (status, page) = world.get(&format!("/history?{query}")).await;
        assert!(status == 400 && page.contains(expected), "{query}: {status} {page}");
        let (status, text) = world.get(&format!("/history.csv?{query}")).await;
        assert!(
            status == 400 && text.contains("bad_request"),
            "{query}: {status} {text}"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn pages_follow_one_another_without_a_gap() {
    let world = talkative().await;
    for _ in 0..53 {
        world.deploy("nowhere").await;
    }
    world.settle_all().await;
    let first = world.page("/history?outcome=rejected").await;
    let (_, rest) = first
        .split_once("rel=\"next\"")
        .map_or(("", ""), |(before, rest)| (before, rest));
    assert!(!rest.is_empty(), "{first}");
    let before = first
        .rsplit("href=\"")
        .find(|part| part.contains("rel=\"next\""))
        .unwrap();
    let next = before.split('"').next().unwrap().replace("&#38;", "&");
    assert!(next.starts_with("/history?outcome=rejected&before="), "{next}");
    let second = world.page(&next).await;
    let mut found = World::runs_on(&first);
    assert_eq!(found.len(), 50);
    found.extend(World::runs_on(&second));
    let mut all: Vec<String> = world.runs().await.iter().map(|run| run.id.to_string()).collect();
    all.reverse();
    assert_eq!(found, all);
    assert!(
        !second.contains("rel=\"next\"") && second.contains(">Newest<"),
        "{second}"
    );
    world.end().await;
}

#[tokio::test]
async fn what_is_downloaded_is_what_is_shown_and_no_formula() {
    let (world, ids) = some_runs().await;
    world
        .ask(DeploymentRequest {
            task: "=cmd|'/C calc'!A0".to_owned(),
            ..DeploymentRequest::to("@nowhere,\"2\"")
        })
        .await;
    world.settle().await;
    let csv = world.page("/history.csv").await;
    let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 6, "{csv}");
    assert!(
        lines[0].starts_with("\"run\",\"state\",\"app\",\"environment\""),
        "{csv}"
    );
    assert!(lines[1].contains(",\"'@nowhere,\"\"2\"\"\","), "{csv}");
    assert!(lines[1].contains(",\"'=cmd|'/C calc'!A0\","), "{csv}");
    let found: Vec<&str> = lines[2..].iter().map(|line| &line[1..27]).collect();
    assert_eq!(found, ids.iter().rev().collect::<Vec<_>>());
    let some = world.page("/history.csv?person=lisa&environment=staging").await;
    assert_eq!(some.lines().count(), 2, "{some}");
    let json: Value = serde_json::from_str(&world.page("/history.json?app=site").await).unwrap();
    let items = json["items"].as_array().unwrap();
    let found: Vec<&str> = items.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(found, [&ids[2], &ids[1], &ids[0]]);
    assert_eq!(items[0]["requester"], "lisa");
    let none: Value = serde_json::from_str(&world.page("/history.json?app=other").await).unwrap();
    assert_eq!(none["items"], serde_json::json!([]));
    world.end().await;
}

#[tokio::test]
async fn a_long_history_is_downloaded_whole() {
    let world = talkative().await;
    for _ in 0..520 {
        world.deploy("nowhere").await;
    }
    world.settle().await;
    let json: Value = serde_json::from_str(&world.page("/history.json").await).unwrap();
    assert_eq!(json["items"].as_array().unwrap().len(), 520);
    let csv = world.page("/history.csv").await;
    assert_eq!(csv.lines().count(), 521);
    world.settle_all().await;
    world.end().await;
}
