//! Who follows along hears everything once.

use std::time::{Duration, Instant};

use chima::domain::viewer::Scope;
use serde_json::{Value, json};

use crate::world::api::Ask;
use crate::world::stage::World;

/// Reads a stream of events until one is `last`: their kinds, numbers and data.
async fn heard(
    world: &World,
    token: &str,
    after: Option<&str>,
    last: impl Fn(&Value) -> bool,
) -> Vec<(String, String, Value)> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.get(format!("{}/api/v1/events", world.url)).bearer_auth(token);
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    let mut response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let begun = Instant::now();
    let (mut text, mut all) = (String::new(), Vec::new());
    while begun.elapsed() < Duration::from_secs(60) {
        let Ok(Some(piece)) = response.chunk().await else { break };
        text.push_str(&String::from_utf8_lossy(&piece));
        while let Some((message, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                let mut lines = message.lines();
                let found = lines.find_map(|line| line.strip_prefix(&format!("{name}: ")));
                found.unwrap_or_default().to_owned()
            };
            let data: Value = serde_json::from_str(&field("data")).unwrap_or_default();
            all.push((field("event"), field("id"), data.clone()));
            text = rest.to_owned();
            if last(&data) {
                return all;
            }
        }
    }
    panic!("never heard: {all:?}");
}

#[tokio::test]
async fn whoever_follows_hears_of_runs_and_locks_and_goes_on_where_the_connection_broke() {
    let world = World::new().await;
    let token = world.token("mona", &[Scope::Lock, Scope::Deploy]).await;
    let followed = heard(&world, &token, Some("0"), |data| data["event"] == "finished");
    let work = async {
        // the first look finds nothing; what comes then is heard
        tokio::time::sleep(Duration::from_millis(600)).await;
        world.deploy("staging").await;
        world.settle().await;
    };
    let (events, ()) = tokio::join!(followed, work);
    let runs: Vec<_> = events.iter().filter(|(kind, ..)| kind == "run").collect();
    let words: Vec<&str> = runs
        .iter()
        .map(|(_, _, data)| data["event"].as_str().unwrap())
        .collect();
    assert_eq!((words[0], *words.last().unwrap()), ("delivered", "finished"));
    let numbers: Vec<i64> = runs.iter().map(|(_, id, _)| id.parse().unwrap()).collect();
    assert!(numbers.is_sorted());
    let middle = numbers[1].to_string();
    let again = heard(&world, &token, Some(&middle), |data| data["event"] == "finished").await;
    let again: Vec<i64> = again
        .iter()
        .filter(|(kind, ..)| kind == "run")
        .map(|(_, id, _)| id.parse().unwrap())
        .collect();
    assert_eq!(again, numbers[2..]);
    let lock = json!({"app": "site", "environments": ["production"]});
    assert_eq!(world.api(Ask::post("/locks", &token, lock)).await.status, 200);
    let locks = heard(&world, &token, None, |data| data["items"].is_array()).await;
    assert_eq!(locks.last().unwrap().2["items"][0]["environment"], "production");
    // of what may not be seen nothing is heard
    let others = world.token_for("lisa", &[Scope::Read], Some(&["other"])).await;
    let heard = heard(&world, &others, Some("0"), |data| data["items"].is_array()).await;
    assert!(
        heard
            .iter()
            .all(|(kind, _, data)| kind == "locks" && data["items"] == json!([])),
        "{heard:?}"
    );
    world.sweep().await;
    world.settle_all().await;
    world.end().await;
}
