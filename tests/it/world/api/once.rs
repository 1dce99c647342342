//! What is asked for is done, by whoever may, and once.

use chima::domain::viewer::Scope;
use chima_simulator::fault::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::world::api::Ask;
use crate::world::stage::{SITE, World};

fn staging() -> Value {
    json!({"app": "site", "environment": "staging"})
}

fn made(world: &World) -> usize {
    world
        .github
        .read(|github| github.repository(SITE).unwrap().deployments.len())
}

#[tokio::test]
async fn a_deployment_that_is_asked_for_again_and_again_is_made_once() {
    let world = World::new().await;
    let token = world.token("mona", &[Scope::Deploy]).await;
    let first = world.api(Ask::post("/deployments", &token, staging()).keyed("a")).await;
    assert_eq!(first.status, 201, "{}", first.text);
    for _ in 0..3 {
        let again = world.api(Ask::post("/deployments", &token, staging()).keyed("a")).await;
        assert_eq!((again.status, &again.text), (201, &first.text));
        assert_eq!(again.header("idempotency-replayed"), "true");
    }
    let at_once = futures_util::future::join_all((0..5).map(|_| {
        let ask = Ask::post("/deployments", &token, staging()).keyed("b");
        world.api(ask)
    }));
    for answer in at_once.await {
        assert!(matches!(answer.status, 201 | 409), "{}", answer.text);
    }
    assert_eq!(made(&world), 2);
    let other = json!({"app": "site", "environment": "production"});
    let reused = world.api(Ask::post("/deployments", &token, other).keyed("a")).await;
    assert_eq!((reused.status, reused.code().as_str()), (422, "idempotency_key_reused"));
    // somebody else's key is another
    let lisas = world.token("lisa", &[Scope::Deploy]).await;
    assert_eq!(
        world
            .api(Ask::post("/deployments", &lisas, staging()).keyed("a"))
            .await
            .status,
        201
    );
    for key in ["", "a b", &"x".repeat(201)] {
        let ask = Ask::post("/deployments", &token, staging());
        let ask = if key.is_empty() { ask } else { ask.keyed(key) };
        let answer = world.api(ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "idempotency_key_missing"),
            "{key}"
        );
    }
    assert_eq!(made(&world), 3);
    world.settle_all().await;
    let run = world.run(first.json()["deployment"].as_u64().unwrap()).await;
    assert_eq!(run.requester.as_deref(), Some("mona"));
    world.end().await;
}

#[tokio::test]
async fn an_answer_of_github_that_was_lost_is_looked_for_before_asking_again() {
    let world = World::new().await;
    let token = world.token("mona", &[Scope::Deploy]).await;
    world
        .github
        .fail(Fault::on("POST", "/deployments", FaultKind::LostAnswer));
    let lost = world.api(Ask::post("/deployments", &token, staging()).keyed("a")).await;
    assert_eq!((lost.status, lost.code().as_str()), (504, "unsettled"), "{}", lost.text);
    assert_eq!(made(&world), 1);
    let again = world.api(Ask::post("/deployments", &token, staging()).keyed("a")).await;
    assert_eq!(again.status, 201, "{}", again.text);
    assert!(again.json()["deployment"].is_u64());
    assert_eq!(made(&world), 1);
    world.settle_all().await;
    assert_eq!(world.runs().await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn while_github_is_away_nothing_is_done_and_the_same_request_does_it_later() {
    let world = World::new().await;
    let token = world.token("mona", &[Scope::Deploy]).await;
    world.github.fail(Fault::on("GET", "/repos", FaultKind::InternalError));
    let away = world.api(Ask::post("/deployments", &token, staging()).keyed("a")).await;
    assert_eq!((away.status, away.code().as_str()), (502, "github_unavailable"));
    let later = world.api(Ask::post("/deployments", &token, staging()).keyed("a")).await;
    assert_eq!(later.status, 201, "{}", later.text);
    assert_eq!(made(&world), 1);
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn the_rules_judge_the_person_of_the_token() {
    let world = World::setup().with("deployers: [lisa]\nadmins: [root]").start().await;
    let (mona, lisa) = (
        world.token("mona", &[Scope::Admin]).await,
        world.token("Lisa", &[Scope::Admin]).await,
    );
    let refused = world.api(Ask::post("/deployments", &mona, staging()).keyed("a")).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "deployer_not_allowed"),
        "{}",
        refused.text
    );
    let body = json!({"app": "site", "environments": ["staging"]});
    let refused = world.api(Ask::post("/locks", &mona, body.clone())).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "deployer_not_allowed"));
    assert_eq!(world.api(Ask::post("/locks", &lisa, body)).await.status, 200);
    let allowed = world.api(Ask::post("/deployments", &lisa, staging()).keyed("a")).await;
    assert_eq!(allowed.status, 201, "{}", allowed.text);
    let mut forced = staging();
    forced["force"] = json!(true);
    let refused = world
        .api(Ask::post("/deployments", &lisa, forced.clone()).keyed("b"))
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "force_not_allowed"),
        "{}",
        refused.text
    );
    let no_admin = world.token("root", &[Scope::Deploy]).await;
    let refused = world
        .api(Ask::post("/deployments", &no_admin, forced.clone()).keyed("c"))
        .await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "scope_missing"));
    let admin = world.token("root", &[Scope::Admin]).await;
    let forced = world.api(Ask::post("/deployments", &admin, forced).keyed("d")).await;
    assert_eq!(forced.status, 201, "{}", forced.text);
    world.settle_all().await;
    // by the lock of its owner, and past it
    assert!(world.runs().await.iter().all(|run| run.state.as_str() == "succeeded"));
    assert!(
        world
            .run(forced.json()["deployment"].as_u64().unwrap())
            .await
            .forced
            .is_some()
    );
    world.end().await;
}

#[tokio::test]
async fn what_was_deployed_is_deployed_again_and_taken_back() {
    let mut world = World::new().await;
    let token = world.token("mona", &[Scope::Deploy]).await;
    world.deploy("staging").await;
    world.settle_all().await;
    let one = world.runs().await[0].clone();
    world.commit("two");
    let id = world.deploy("staging").await;
    world.settle_all().await;
    let two = world.run(id).await;
    let path = format!("/runs/{}/retry", two.id);
    let retry = || Ask {
        method: "POST",
        ..Ask::get(&path, &token).keyed("r")
    };
    let again = world.api(retry()).await;
    assert_eq!(again.status, 201, "{}", again.text);
    assert_eq!(world.api(retry()).await.text, again.text);
    world.settle_all().await;
    assert_eq!(
        world.run(again.json()["deployment"].as_u64().unwrap()).await.sha,
        two.sha
    );
    let shown = world.api(Ask::post("/rollbacks/preview", &token, staging())).await;
    assert!(shown.text.contains(&one.sha[..8]), "{}", shown.text);
    assert_eq!(made(&world), 3);
    let back = world.api(Ask::post("/rollbacks", &token, staging()).keyed("b")).await;
    assert_eq!(back.status, 201, "{}", back.text);
    world.settle_all().await;
    assert_eq!(
        world.run(back.json()["deployment"].as_u64().unwrap()).await.sha,
        one.sha
    );
    let mut named = staging();
    named["to"] = json!(two.sha);
    let forth = world.api(Ask::post("/rollbacks", &token, named).keyed("c")).await;
    assert_eq!(forth.status, 201, "{}", forth.text);
    world.settle_all().await;
    assert_eq!(made(&world), 5);
    world.end().await;
}

#[tokio::test]
async fn a_run_is_stopped_and_one_that_is_over_says_so() {
    let world = World::new().await;
    let token = world.token("mona", &[Scope::Deploy]).await;
    world.hold();
    let id = world.deploy("staging").await;
    world.intake().await;
    let run = world.run(id).await.id;
    let running = world.begin(run);
    world.journal_of(1).await;
    let path = format!("/runs/{run}/cancel");
    let retry = format!("/runs/{run}/retry");
    let early = world
        .api(Ask {
            method: "POST",
            ..Ask::get(&retry, &token).keyed("x")
        })
        .await;
    assert_eq!((early.status, early.code().as_str()), (409, "not_over"));
    let stopped = world
        .api(Ask::post(&path, &token, json!({"reason": "wrong branch"})))
        .await;
    assert_eq!(stopped.status, 200, "{}", stopped.text);
    world.sweep().await;
    running.await.unwrap();
    world.release();
    world.settle_all().await;
    let found = world.run(id).await;
    assert_eq!(found.state.as_str(), "cancelled");
    assert_eq!(found.cancel.unwrap().by, "mona");
    let over = world.api(Ask::post(&path, &token, json!({}))).await;
    assert_eq!((over.status, over.code().as_str()), (409, "run_over"));
    let verdict = format!("/runs/{run}/verdict");
    let nobody = world.api(Ask::post(&verdict, &token, json!({"done": true}))).await;
    assert_eq!((nobody.status, nobody.code().as_str()), (409, "not_asked"));
    world.end().await;
}

#[tokio::test]
async fn environments_are_locked_and_unlocked() {
    let world = World::new().await;
    let (mona, lisa) = (
        world.token("mona", &[Scope::Lock]).await,
        world.token("lisa", &[Scope::Lock]).await,
    );
    let body =
        |otherwise: &str| json!({"app": "site", "environments": ["staging", "production"], "otherwise": otherwise});
    assert_eq!(world.api(Ask::post("/locks", &mona, body("refuse"))).await.status, 200);
    let refused = world.api(Ask::post("/locks", &lisa, body("refuse"))).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "already_locked"));
    let locks = world.api(Ask::get("/locks", &lisa)).await.json();
    assert_eq!(locks["items"].as_array().unwrap().len(), 2);
    assert_eq!(locks["items"][0]["owner"], "mona");
    assert_eq!(world.api(Ask::post("/locks", &lisa, body("steal"))).await.status, 200);
    for environment in ["staging", "production"] {
        let path = format!("/apps/site/environments/{environment}/lock");
        assert_eq!(world.api(Ask::delete(&path, &mona)).await.status, 200);
        let free = world.api(Ask::delete(&path, &mona)).await;
        assert_eq!((free.status, free.code().as_str()), (409, "not_locked"));
    }
    for wrong in [json!([]), json!(["nowhere"])] {
        let body = json!({"app": "site", "environments": wrong});
        let answer = world.api(Ask::post("/locks", &mona, body)).await;
        assert!(matches!(answer.status, 404 | 422), "{}", answer.text);
    }
    let long = json!({"app": "site", "environments": ["staging"], "for": "99d"});
    assert_eq!(world.api(Ask::post("/locks", &mona, long)).await.status, 422);
    world.sweep().await;
    world.settle_all().await;
    world.end().await;
}
