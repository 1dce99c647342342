//! Many who follow one log: each gets all of it, from wherever they began, and all together ask no more than one.

use std::fmt::Write as _;

use futures_util::future::join_all;

use crate::world::stage::World;

/// What a follower was sent: the text of it, and the last words.
fn text_of(followed: &str) -> (String, bool) {
    let mut text = String::new();
    for line in followed.lines() {
        let Some(data) = line.strip_prefix("data: ") else {
            continue;
        };
        let event: serde_json::Value = serde_json::from_str(data).unwrap();
        text.push_str(event["text"].as_str().unwrap_or_default());
    }
    (text, followed.ends_with("event: end\ndata: {}\n\n"))
}

/// Prints a lot, waits, and prints it again, without a line end at the end.
const SCRIPT: &str = r#"#!/bin/sh
set -eu
cat lines
echo "begin $CHIMA_ENVIRONMENT $CHIMA_DEPLOYMENT_ID" >> "$JOURNAL/journal"
while [ -e "$JOURNAL/hold" ]; do sleep 0.01; done
cat lines
printf 'the end'
echo "end $CHIMA_ENVIRONMENT $CHIMA_DEPLOYMENT_ID" >> "$JOURNAL/journal"
"#;

#[tokio::test]
async fn whoever_follows_a_log_with_many_others_gets_all_of_it() {
    let mut lines = String::new();
    for number in 0..20_000 {
        let _ = writeln!(lines, "line {number:06} \u{fc}\u{20ac}");
    }
    let setup = World::setup().script(SCRIPT).file("lines", &lines);
    let world = setup.start().await;
    let id = world.deploy("production").await;
    world.intake().await;
    world.hold();
    let running = world.begin(world.run(id).await.id);
    world.journal_of(1).await;
    let mut known = String::new();
    while known.len() < lines.len() {
        known = world.log(id).await;
    }
    // where lines begin: the first, some in the middle, the newest
    let begins = known.match_indices('\n').map(|(at, _)| at + 1);
    let froms: Vec<usize> = [0]
        .into_iter()
        .chain(begins.step_by(500))
        .chain([known.len()])
        .collect();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let address = format!("{}/api/v1/runs/{}/log", world.url, world.run(id).await.id);
    let followers = join_all(froms.iter().map(|from| {
        let request = client.get(format!("{address}?from={from}"));
        request.header("accept", "text/event-stream").send()
    }));
    let followers = followers.await;
    world.release();
    let (followed, ended) = tokio::join!(
        join_all(
            followers
                .into_iter()
                .map(async |one| one.unwrap().text().await.unwrap())
        ),
        running
    );
    ended.unwrap();
    let all = world.log(id).await;
    assert!(
        froms.len() > 40 && all.ends_with("the end"),
        "{} followers",
        froms.len()
    );
    for (from, followed) in froms.iter().zip(&followed) {
        let (text, ended) = text_of(followed);
        assert!(
            ended && text == all[*from..],
            "from {from}: {} of {} bytes",
            text.len(),
            all.len() - from
        );
    }
    world.outbox().await;
    world.end().await;
}
