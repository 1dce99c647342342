//! What there is to look at.

use chima::domain::viewer::Scope;
use chima_simulator::github::deploy::DeploymentRequest;
use serde_json::{Value, json};

use crate::world::api::Ask;
use crate::world::stage::World;

async fn get(world: &World, path: &str) -> Value {
    let answer = world.api(Ask::get(path, "")).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

/// The values below a key, of all items.
fn all(page: &Value, key: &str) -> Vec<Value> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item[key].clone()).collect()
}

#[tokio::test]
async fn the_board_shows_what_runs_what_comes_and_who_holds_it() {
    let mut world = World::new().await;
    world.deploy("staging").await;
    world.settle().await;
    let sha = world.commit("two");
    world.hold();
    world.deploy("staging").await;
    world.intake().await;
    let running = world.begin(world.runs_in(chima::domain::run::RunState::Queued).await[0].id);
    world.journal_of(3).await;
    for _ in 0..2 {
        world.deploy("staging").await;
    }
    world.intake().await;
    let token = world.token("mona", &[Scope::Lock]).await;
    let lock = json!({"app": "SITE", "environments": ["Production"], "reason": "db migration", "for": "2h"});
    let locked = world.api(Ask::post("/locks", &token, lock)).await;
    assert_eq!(locked.status, 200, "{}", locked.text);
    let board = get(&world, "/overview").await;
    let [production, staging] = [0, 1].map(|number| board["apps"][0]["environments"][number].clone());
    assert_eq!(
        (&production["environment"], &production["url"], &production["current"]),
        (&json!("production"), &json!("https://site.example.com/"), &Value::Null)
    );
    assert_eq!(
        (&production["lock"]["owner"], &production["lock"]["reason"]),
        (&json!("mona"), &json!("db migration"))
    );
    assert_eq!((&staging["queued"], &staging["held"]), (&json!(2), &json!(0)));
    assert_eq!(
        (&staging["current"]["title"], &staging["current"]["state"]),
        (&json!("one"), &json!("succeeded"))
    );
    assert_eq!(
        (&staging["running"]["sha"], &staging["running"]["state"]),
        (&json!(sha), &json!("running"))
    );
    assert_eq!(staging["next"]["state"], "queued");
    let one = get(&world, "/apps/site/environments/staging").await;
    assert_eq!(one, staging);
    world.release();
    running.await.unwrap();
    world.settle_all().await;
    let staging = get(&world, "/apps/Site/environments/STAGING").await;
    assert_eq!((&staging["queued"], &staging["running"]), (&json!(0), &Value::Null));
    assert_eq!(staging["current"]["title"], "two");
    world.end().await;
}

#[tokio::test]
async fn a_run_shows_its_gates_its_steps_and_what_was_told() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    let run = world.run(id).await;
    let found = get(&world, &format!("/runs/{}", run.id)).await;
    for (key, expected) in [
        ("state", json!("succeeded")),
        ("app", json!("site")),
        ("environment", json!("staging")),
        ("ref", json!("main")),
        ("title", json!("one")),
        ("deployment", json!(id)),
        ("source", json!("webhook")),
        ("plan", json!(false)),
        ("url", json!(format!("{}/runs/{}", world.url, run.id))),
    ] {
        assert_eq!(found[key], expected, "{key}");
    }
    let checks = found["decisions"][0]["checks"].as_array().unwrap();
    assert!(
        checks.len() >= 10
            && checks
                .iter()
                .all(|check| ["passed", "skipped"].contains(&check["verdict"].as_str().unwrap())),
        "{checks:?}"
    );
    assert_eq!(found["steps"][0]["how"], "done");
    let told: Vec<&Value> = found["told"]
        .as_array()
        .unwrap()
        .iter()
        .map(|told| &told["state"])
        .collect();
    assert!(told.contains(&&json!("success")), "{told:?}");
    let timeline = found["timeline"].as_array().unwrap();
    assert_eq!(
        (&timeline[0]["event"], &timeline[1]["event"]),
        (&json!("delivered"), &json!("decided"))
    );
    assert_eq!(timeline.last().unwrap()["event"], "finished");
    world.end().await;
}

#[tokio::test]
async fn the_history_comes_in_pages_and_every_filter_holds() {
    let world = World::new().await;
    for number in 0..7 {
        let environment = if number % 2 == 0 { "staging" } else { "production" };
        world.deploy(environment).await;
    }
    let rejected = world.ask(DeploymentRequest::to("nowhere")).await;
    world.settle().await;
    let whole = get(&world, "/runs").await;
    assert_eq!(all(&whole, "id").len(), 8);
    assert_eq!(whole["next"], Value::Null);
    let mut paged = Vec::new();
    let mut path = "/runs?limit=3".to_owned();
    loop {
        let page = get(&world, &path).await;
        let ids = all(&page, "id");
        assert!(ids.len() <= 3);
        paged.extend(ids);
        match page["next"].as_str() {
            Some(next) => path = format!("/runs?limit=3&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, all(&whole, "id"));
    for (query, expected) in [
        ("app=site", 7),
        ("app=SITE&environment=Staging", 4),
        ("environment=production", 3),
        ("person=MONA", 8),
        ("person=lisa", 0),
        ("state=succeeded", 7),
        ("state=rejected", 1),
        ("app=site&state=rejected", 0),
        ("since=2020-01-01T00:00:00Z", 8),
        ("until=2020-01-01T00:00:00Z", 0),
    ] {
        assert_eq!(
            all(&get(&world, &format!("/runs?{query}")).await, "id").len(),
            expected,
            "{query}"
        );
    }
    let one = get(&world, &format!("/runs?deployment={rejected}")).await;
    assert_eq!(all(&one, "state"), [json!("rejected")]);
    assert_eq!(one["items"][0]["why"]["code"], "environment_unknown");
    for wrong in [
        "limit=0",
        "limit=101",
        "limit=x",
        "state=new",
        "cursor=x",
        "since=yesterday",
        "colour=red",
    ] {
        let answer = world.api(Ask::get(&format!("/runs?{wrong}"), "")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"), "{wrong}");
    }
    // what belongs to no app is nobody's who sees some apps only
    let token = world.token_for("mona", &[Scope::Read], Some(&["site", "other"])).await;
    let seen = world.api(Ask::get("/runs?limit=100", &token)).await.json();
    assert_eq!(all(&seen, "id").len(), 7);
    world.end().await;
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    let run = format!("/runs/{}", world.run(id).await.id);
    for path in ["/overview", "/runs", &run, "/queue", "/locks", "/deliveries", "/me"] {
        let first = world.api(Ask::get(path, "")).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.len() > 10, "{path}");
        world.clock.advance(std::time::Duration::from_secs(1));
        let again = world.api(Ask::get(path, "").with("if-none-match", &tag)).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
        assert_eq!(again.header("etag"), tag);
        let other = world.api(Ask::get(path, "").with("if-none-match", "\"x\"")).await;
        assert_eq!((other.status, other.text == first.text), (200, true), "{path}");
    }
    let tag = world.api(Ask::get("/overview", "")).await.header("etag").to_owned();
    world.deploy("staging").await;
    world.settle().await;
    let changed = world.api(Ask::get("/overview", "").with("if-none-match", &tag)).await;
    assert_eq!(changed.status, 200);
    world.end().await;
}

#[tokio::test]
async fn the_queue_says_why_each_waits_and_when_it_begins() {
    let world = World::new().await;
    for _ in 0..3 {
        world.deploy("staging").await;
        world.settle().await;
    }
    world.hold();
    for _ in 0..3 {
        world.deploy("staging").await;
    }
    world.deploy("production").await;
    world.intake().await;
    let first = world.runs_in(chima::domain::run::RunState::Queued).await[0].id;
    let running = world.begin(first);
    world.journal_of(7).await;
    let queue = get(&world, "/queue").await;
    assert_eq!(all(&queue, "state"), ["running", "queued", "queued", "queued"]);
    assert_eq!(all(&queue, "position"), [Value::Null, json!(1), json!(2), json!(1)]);
    let codes: Vec<Value> = queue["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["waits_for"]["code"].clone())
        .collect();
    assert_eq!(
        codes,
        [
            Value::Null,
            json!("lane_busy"),
            json!("lane_busy"),
            json!("waits_for_worker")
        ]
    );
    let items = queue["items"].as_array().unwrap();
    assert!(
        items[1]["begins_at"].is_string() && items[2]["begins_at"].is_string(),
        "{queue}"
    );
    assert_eq!(items[3].get("begins_at"), None);
    let page = get(&world, "/queue?limit=3").await;
    let next = page["next"].as_str().unwrap();
    let rest = get(&world, &format!("/queue?limit=3&cursor={next}")).await;
    assert_eq!(all(&rest, "environment"), ["production"]);
    assert_eq!(all(&get(&world, "/queue?environment=staging").await, "id").len(), 3);
    world.release();
    running.await.unwrap();
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn deliveries_tell_why_nothing_happened_and_may_be_worked_on_again() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.ask(DeploymentRequest::to("nowhere")).await;
    world.settle().await;
    let page = get(&world, "/deliveries?event=deployment").await;
    assert_eq!(all(&page, "verdict"), ["reject", "run"]);
    let rejected = page["items"][0]["id"].as_str().unwrap().to_owned();
    let one = get(&world, &format!("/deliveries/{rejected}")).await;
    assert_eq!(one["reasons"][0]["code"], "environment_unknown");
    assert!(one["body"].as_str().unwrap().contains("nowhere"));
    assert_eq!(
        all(
            &get(&world, "/deliveries?event=deployment&disposition=processed").await,
            "id"
        )
        .len(),
        2
    );
    let token = world.token("mona", &[Scope::Admin]).await;
    let made = world.run(id).await.delivery;
    let path = format!("/deliveries/{made}/replay");
    let again = world
        .api(Ask {
            method: "POST",
            ..Ask::get(&path, &token)
        })
        .await;
    assert_eq!((again.status, again.code().as_str()), (409, "had_its_effect"));
    world.settle().await;
    assert_eq!(world.runs().await.len(), 2);
    world.end().await;
}

#[tokio::test]
async fn a_preview_shows_what_would_happen_and_asks_for_nothing() {
    let mut world = World::setup().required("[ci/build]").start().await;
    let token = world.token("mona", &[Scope::Deploy]).await;
    let sha = world.commit("two");
    let wanted = json!({"app": "site", "environment": "staging"});
    let found = world
        .api(Ask::post("/deployments/preview", &token, wanted.clone()))
        .await;
    assert_eq!(found.status, 200, "{}", found.text);
    let found = found.json();
    assert_eq!(
        (&found["sha"], &found["ref"], &found["verdict"]),
        (&json!(sha), &json!("main"), &json!("hold"))
    );
    assert_eq!(found["reasons"][0]["code"], "required_context_pending");
    let nowhere = json!({"app": "site", "environment": "staging", "ref": "nowhere"});
    let answer = world.api(Ask::post("/deployments/preview", &token, nowhere)).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "ref_unknown"));
    assert_eq!(
        world
            .github
            .read(|github| github.repository("octo/site").unwrap().deployments.len()),
        0
    );
    world.end().await;
}

#[tokio::test]
async fn a_run_is_found_by_the_beginning_of_its_id_as_far_as_it_is_seen() {
    let world = World::new().await;
    let of = async |beginning: &str, token: &str| world.api(Ask::get(&format!("/runs/{beginning}"), token)).await;
    world.deploy("staging").await;
    world.settle().await;
    let id = world.runs().await[0].id.to_string();
    for beginning in [&id[..25], &id[..6], &id[..10].to_ascii_lowercase()] {
        let found = of(beginning, "").await;
        assert_eq!((found.status, &found.json()["id"]), (200, &json!(id)), "{beginning}");
    }
    for nothing in [&id[..5], "ZZZZZZZZ", "01%25%25%25%25", &format!("{id}0")] {
        assert_eq!(of(nothing, "").await.code(), "run_unknown", "{nothing}");
    }
    // another of the same moment
    world.deploy("production").await;
    world.settle_all().await;
    let found = of(&id[..6], "").await;
    assert_eq!((found.status, found.code().as_str()), (409, "run_ambiguous"));
    let others = world.token_for("mona", &[Scope::Read], Some(&["other"])).await;
    assert_eq!(of(&id[..6], &others).await.code(), "run_unknown");
    world.end().await;
}
