//! Who gets in: every route, with every kind of key that does not fit.

use std::time::Duration;

use chima::domain::viewer::Scope;
use chima::http::api::api;
use chima::report::audit as words;
use chima::store::audit::Filter;
use serde_json::{Value, json};

use crate::world::api::{Answer, Ask};
use crate::world::stage::{SITE, World};

/// An address of a route, with names that are there.
fn filled(path: &str, run: &str, delivery: &str) -> String {
    path.replace("{run}", run)
        .replace("{delivery}", delivery)
        .replace("{sha}", "main")
        .replace("{app}", "site")
        .replace("{environment}", "staging")
}

/// What each route takes that takes a body.
fn body_of(path: &str) -> Option<Value> {
    match path {
        "/deployments" | "/deployments/preview" | "/rollbacks" | "/rollbacks/preview" => {
            Some(json!({"app": "site", "environment": "staging"}))
        }
        "/locks" => Some(json!({"app": "site", "environments": ["staging"]})),
        "/runs/{run}/cancel" => Some(json!({})),
        "/runs/{run}/verdict" => Some(json!({"done": true})),
        _ => None,
    }
}

async fn ran(world: &World) -> (String, String) {
    let id = world.deploy("staging").await;
    world.settle().await;
    let run = world.run(id).await;
    (run.id.to_string(), run.delivery.to_string())
}

#[tokio::test]
async fn no_route_that_changes_something_opens_without_its_key() {
    let world = World::new().await;
    let (run, delivery) = ran(&world).await;
    let asked = world.github.requests().len();
    let unknown = format!("chima_{}", "0".repeat(64));
    let changing: Vec<_> = api().routes.into_iter().filter(|route| route.changes()).collect();
    assert!(changing.len() >= 10, "{}", changing.len());
    for route in changing {
        let path = filled(route.path, &run, &delivery);
        let body = body_of(route.path);
        assert_eq!(route.operation().get("requestBody").is_some(), body.is_some(), "{path}");
        let mut others = Vec::new();
        for scope in Scope::ALL.into_iter().filter(|scope| !scope.covers(route.needs)) {
            others.push((scope, world.token("mona", &[scope]).await));
        }
        assert!(!others.is_empty());
        let ask = |token| Ask {
            method: route.method.as_str(),
            path: &path,
            token,
            body: body.clone(),
            headers: vec![("idempotency-key", "one".to_owned())],
        };
        // nobody, also at this machine; nobody in particular; and everybody with any other key
        for token in ["", "x", "chima_", &unknown] {
            let answer = world.api(ask(token)).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (401, "unauthorized"),
                "{path} {token}"
            );
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
        for (scope, token) in &others {
            let answer = world.api(ask(token)).await;
            let found = (answer.status, answer.code());
            assert_eq!(
                found,
                (403, "scope_missing".to_owned()),
                "{path} with {}",
                scope.as_str()
            );
        }
    }
    assert_eq!(world.github.requests().len(), asked, "GitHub was asked for something");
    assert_eq!(world.runs().await.len(), 1);
    assert_eq!(world.engine.store.locks(world.engine.now()).await.unwrap(), []);
    world.end().await;
}

#[tokio::test]
async fn no_route_that_looks_opens_to_whoever_is_not_at_this_machine() {
    let world = World::new().await;
    let (run, delivery) = ran(&world).await;
    for route in api().routes.into_iter().filter(|route| !route.changes()) {
        let path = filled(route.path, &run, &delivery);
        if path == "/events" {
            continue;
        }
        let here = world.api(Ask::get(&path, "")).await;
        assert_eq!(here.status, 200, "{path}: {}", here.text);
        for (name, value) in [
            ("x-forwarded-for", "203.0.113.9"),
            ("forwarded", "for=203.0.113.9"),
            ("host", "evil.example"),
            ("host", "127.0.0.1.nip.io"),
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
        ] {
            let answer = world.api(Ask::get(&path, "").with(name, value)).await;
            assert_eq!(answer.status, 401, "{path} {name}: {value}");
        }
    }
    world.end().await;
}

/// A page of another site can make a browser send forms, and nothing that is JSON.
#[tokio::test]
async fn what_does_not_say_that_it_is_json_changes_nothing() {
    let world = World::new().await;
    let token = world.token("mona", &[Scope::Admin]).await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
    ] {
        let ask = Ask::get("/locks", &token).with("content-type", kind);
        let ask = Ask { method: "POST", ..ask };
        let answer = world.api(ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (415, "content_type_unknown"),
            "{kind}"
        );
    }
    let large = json!({"app": "site", "environments": ["staging"], "reason": "x".repeat(70_000)});
    let answer = world.api(Ask::post("/locks", &token, large)).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    for body in [
        json!({"app": "site"}),
        json!([]),
        json!({"app": "site", "environments": ["staging"], "x": 1}),
    ] {
        let answer = world.api(Ask::post("/locks", &token, body.clone())).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "bad_request"), "{body}");
    }
    assert_eq!(world.engine.store.locks(world.engine.now()).await.unwrap(), []);
    world.end().await;
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_when_it_is_revoked() {
    let world = World::new().await;
    let (one, other) = (
        world.token("mona", &[Scope::Read]).await,
        world.token("lisa", &[Scope::Read]).await,
    );
    assert_eq!(world.api(Ask::get("/me", &one)).await.json()["login"], "mona");
    let used = world.engine.store.tokens().await.unwrap();
    let last = |login: &str| used.iter().find(|token| token.login == login).unwrap().last_used_at;
    assert!(last("mona").is_some() && last("lisa").is_none());
    let lisas = used.iter().find(|token| token.login == "lisa").unwrap().id.clone();
    world
        .engine
        .store
        .revoke_token(&lisas, "root", world.engine.now())
        .await
        .unwrap();
    assert_eq!(world.api(Ask::get("/me", &other)).await.status, 401);
    world.clock.advance(Duration::from_secs(89 * 86_400));
    assert_eq!(world.api(Ask::get("/me", &one)).await.status, 200);
    world.clock.advance(Duration::from_secs(86_400));
    assert_eq!(world.api(Ask::get("/me", &one)).await.status, 401);
    world.end().await;
}

#[tokio::test]
async fn the_ledger_holds_no_token() {
    let world = World::new().await;
    let token = world.token("mona", &[Scope::Admin]).await;
    world.api(Ask::get("/me", &token)).await;
    world.engine.store.probe_write().await.unwrap();
    let digits = token.trim_start_matches("chima_").as_bytes().to_vec();
    for name in ["chima.db", "chima.db-wal"] {
        let bytes = std::fs::read(world.path("data").join(name)).unwrap_or_default();
        assert!(!bytes.windows(digits.len()).any(|window| window == digits), "{name}");
    }
    world.end().await;
}

#[tokio::test]
async fn whoever_asks_too_much_is_told_to_wait_and_the_others_are_not() {
    let world = World::new().await;
    let (one, other) = (
        world.token("mona", &[Scope::Read]).await,
        world.token("lisa", &[Scope::Read]).await,
    );
    let mut refused = 0;
    for _ in 0..420 {
        let answer = world.api(Ask::get("/me", &one)).await;
        if answer.status == 429 {
            assert_eq!(
                (answer.code().as_str(), answer.header("retry-after")),
                ("too_many_requests", "1")
            );
            refused += 1;
        }
    }
    assert_eq!(refused, 20);
    assert_eq!(world.api(Ask::get("/me", &other)).await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.api(Ask::get("/me", &one)).await.status, 200);
    world.end().await;
}

/// What is answered of what is kept from somebody is what is answered of what is not there: to the byte, but for the names.
#[tokio::test]
async fn what_may_not_be_seen_is_answered_as_what_is_not_there() {
    let world = World::new().await;
    let (run, delivery) = ran(&world).await;
    let token = world.token_for("mona", &[Scope::Admin], Some(&["other"])).await;
    let (no_run, no_delivery) = ("01JD0000000000000000000000", "01JD0000000000000000000001");
    let mut compared = 0;
    for route in api().routes {
        if !route.path.contains('{') {
            continue;
        }
        let hidden = filled(route.path, &run, &delivery);
        let absent = route
            .path
            .replace("{run}", no_run)
            .replace("{delivery}", no_delivery)
            .replace("{app}", "nosuch")
            .replace("{sha}", "main")
            .replace("{environment}", "staging");
        let ask = |path| Ask {
            method: route.method.as_str(),
            path,
            token: &token,
            body: body_of(route.path),
            headers: vec![("idempotency-key", "one".to_owned())],
        };
        let (one, other) = (world.api(ask(&hidden)).await, world.api(ask(&absent)).await);
        assert_eq!((one.status, &one.text), (404, &other.text), "{hidden}");
        assert_eq!(names(&one), names(&other), "{hidden}");
        compared += 1;
    }
    assert!(compared >= 9, "{compared}");
    for (path, absent) in [
        ("/deployments", "nosuch"),
        ("/deployments/preview", "nosuch"),
        ("/rollbacks", "nosuch"),
        ("/rollbacks/preview", "nosuch"),
        ("/locks", "nosuch"),
    ] {
        let body = body_of(path).unwrap();
        let mut nobodys = body.clone();
        nobodys["app"] = json!(absent);
        let one = world.api(Ask::post(path, &token, body).keyed("two")).await;
        let other = world.api(Ask::post(path, &token, nobodys).keyed("three")).await;
        assert_eq!((one.status, &one.text), (404, &other.text), "{path}");
    }
    assert_eq!(
        world.api(Ask::get("/overview", &token)).await.json(),
        json!({"apps": []})
    );
    for list in ["/runs", "/queue", "/locks", "/deliveries"] {
        assert_eq!(
            world.api(Ask::get(list, &token)).await.json()["items"],
            json!([]),
            "{list}"
        );
    }
    for query in [
        "/runs?app=site",
        "/runs?person=mona",
        "/queue?app=site",
        "/deliveries?repository=octo/site",
    ] {
        assert_eq!(
            world.api(Ask::get(query, &token)).await.json()["items"],
            json!([]),
            "{query}"
        );
    }
    assert_eq!(
        world
            .github
            .read(|github| github.repository(SITE).unwrap().deployments.len()),
        1
    );
    world.end().await;
}

fn names(answer: &Answer) -> Vec<String> {
    let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_live_log_is_closed_to_strangers_and_to_the_wrong_token() {
    let world = World::new().await;
    let (run, _) = ran(&world).await;
    let path = format!("/runs/{run}/log");
    let here = world.api(Ask::get(&path, "")).await;
    assert!(here.text.contains("version one"), "{}", here.text);
    let elsewhere = Ask::get(&path, "").with("x-forwarded-for", "203.0.113.9");
    let closed = world.api(elsewhere).await;
    assert_eq!((closed.status, closed.text.contains("version one")), (401, false));
    let own = world.token("mona", &[Scope::Read]).await;
    assert!(world.api(Ask::get(&path, &own)).await.text.contains("version one"));
    let others = world.token_for("mona", &[Scope::Read], Some(&["other"])).await;
    assert_eq!(world.api(Ask::get(&path, &others)).await.code(), "run_unknown");
    assert_eq!(world.api(Ask::get(&path, "x")).await.status, 401);
    world.end().await;
}

#[tokio::test]
async fn what_is_no_route_is_a_problem_too() {
    let world = World::new().await;
    let answer = world.api(Ask::get("/nothing", "")).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "route_unknown"));
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let answer = world.api(Ask::delete("/runs", "")).await;
    assert_eq!(answer.status, 405);
    world.end().await;
}

#[tokio::test]
async fn the_audit_log_says_who_made_a_token_and_what_was_done_with_it() {
    let world = World::new().await;
    let token = world.token("mona", &[Scope::Admin]).await;
    let lock = json!({"app": "site", "environments": ["staging"]});
    assert_eq!(world.api(Ask::post("/locks", &token, lock)).await.status, 200);
    let wanted = json!({"app": "site", "environment": "production"});
    assert_eq!(
        world
            .api(Ask::post("/deployments", &token, wanted).keyed("a"))
            .await
            .status,
        201
    );
    let id = world.engine.store.tokens().await.unwrap()[0].id.clone();
    world
        .engine
        .store
        .revoke_token(&id, "root", world.engine.now())
        .await
        .unwrap();
    let rows = world.engine.store.audit_rows(&Filter::default(), 100).await.unwrap();
    let told: Vec<String> = rows
        .iter()
        .map(|row| row.entry.as_ref().unwrap())
        .filter(|entry| entry.by.is_some())
        .map(|entry| format!("{}: {}", words::who(entry), words::what(entry)).replace(&id, "<token>"))
        .collect();
    assert_eq!(
        told,
        [
            "@root (terminal): made a token for @mona to admin",
            "@mona (api): locked",
            "@mona (api): asked for `deploy` of `main`",
            "@root (terminal): revoked the token `<token>` of @mona",
        ]
    );
    assert!(!rows.iter().any(|row| row.text.contains(&token)));
    world.settle_all().await;
    world.end().await;
}
