//! Getting in without GitHub: a word that whoever may write the ledger has made, once and soon.

use std::time::Duration;

use chima::flow::sign_in::make_word;
use chima::report::audit as words;
use chima::store::audit::Filter;
use reqwest::Method;

use crate::world::sign_in::Browser;
use crate::world::stage::World;

async fn word(world: &World) -> String {
    let store = &world.engine.store;
    make_word(store, world.engine.clock.as_ref(), "root").await.unwrap().0
}

async fn world() -> World {
    World::setup().public_url("https://deploy.example.com").start().await
}

#[tokio::test]
async fn a_word_lets_in_once_and_then_everything_may_be_looked_at() {
    let world = world().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    let run = format!("/runs/{}", world.run(id).await.id);
    let word = word(&world).await;
    let mut browser = Browser::at(&world);
    assert!(
        browser
            .get("/sign-in")
            .await
            .text
            .contains("Nobody signs in with GitHub here yet")
    );
    let landed = browser.post("/sign-in", &[("word", &word)]).await;
    assert_eq!((landed.status, landed.location.as_str()), (303, "/"), "{}", landed.text);
    let cookie = landed
        .set_cookies
        .iter()
        .find(|cookie| cookie.starts_with("__Host-chima="))
        .unwrap();
    assert!(cookie.contains("Max-Age=3600;"), "{cookie}");
    assert_eq!(browser.get(&run).await.status, 200);
    let mut other = Browser::at(&world);
    let again = other.post("/sign-in", &[("word", &word)]).await;
    assert!(
        again.status == 403 && again.text.contains("good once"),
        "{}",
        again.text
    );
    assert!(other.cookies.is_empty());
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(browser.get(&run).await.status, 303);
    let rows = world.engine.store.audit_rows(&Filter::default(), 100).await.unwrap();
    let told: Vec<String> = rows
        .iter()
        .map(|row| row.entry.as_ref().unwrap())
        .filter(|entry| entry.by.as_ref().is_some_and(|by| by.name == "root"))
        .map(|entry| format!("{}: {}", words::who(entry), words::what(entry)))
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("@root (terminal): made a word to get in with once, without GitHub"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("@root (break-glass): got in without GitHub, and may all until"),
        "{told:?}"
    );
    assert!(!rows.iter().any(|row| row.text.contains(&word)));
    world.end().await;
}

#[tokio::test]
async fn a_word_that_is_old_or_nobodys_or_sent_by_another_site_lets_nobody_in() {
    let world = world().await;
    let old = word(&world).await;
    world.clock.advance(Duration::from_secs(600));
    let unknown = format!("chima_break_glass_{}", "0".repeat(64));
    let mut browser = Browser::at(&world);
    for word in ["", "x", &old, &unknown] {
        assert_eq!(browser.post("/sign-in", &[("word", word)]).await.status, 403, "{word}");
    }
    let good = word(&world).await;
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[
            ("origin", "https://deploy.example.com"),
            ("sec-fetch-site", "cross-site"),
        ],
    ] {
        let form = [("word", good.as_str())];
        let answer = browser.ask(Method::POST, "/sign-in", Some(&form), headers).await;
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    assert!(browser.cookies.is_empty());
    // and it is still good
    assert_eq!(browser.post("/sign-in", &[("word", &good)]).await.status, 303);
    world.end().await;
}

#[tokio::test]
async fn of_ten_at_once_one_gets_in() {
    let world = world().await;
    let word = word(&world).await;
    let tries = (0..10).map(|_| {
        let (mut browser, word) = (Browser::at(&world), word.clone());
        async move { browser.post("/sign-in", &[("word", &word)]).await.status }
    });
    let mut found = futures_util::future::join_all(tries).await;
    found.sort_unstable();
    assert_eq!(found, [303, 403, 403, 403, 403, 403, 403, 403, 403, 403]);
    world.end().await;
}

#[tokio::test]
async fn whoever_tries_too_often_has_to_wait() {
    let world = world().await;
    let mut browser = Browser::at(&world);
    let mut refused = 0;
    for _ in 0..25 {
        let answer = browser.post("/sign-in", &[("word", "x")]).await;
        refused += u32::from(answer.status == 429);
    }
    assert_eq!(refused, 5);
    let waiting = browser.post("/sign-in", &[("word", "x")]).await;
    assert_eq!(waiting.headers.get("retry-after").unwrap(), "5");
    // somebody else need not
    let headers = [("x-forwarded-for", "198.51.100.7")];
    let form = [("word", "x")];
    let mut other = Browser::at(&world);
    let answer = other.ask(Method::POST, "/sign-in", Some(&form), &headers).await;
    // the proxy's own word is the last one
    assert_eq!(answer.status, 403);
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(browser.post("/sign-in", &[("word", "x")]).await.status, 403);
    world.end().await;
}
