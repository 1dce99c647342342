//! To GitHub and back: where one lands, what is kept, and who cannot come back.

use std::time::Duration;

use chima::domain::session::{digest_of, digest_of_word};
use chima::flow::sign_in::make_word;
use chima::store::Store;
use chima::store::audit::Filter;

use crate::world::sign_in::{Browser, open_to_the_world, signed_in, told_by_audit};
use crate::world::stage::{SITE, World};

async fn world() -> World {
    let world = open_to_the_world().start().await;
    world
        .github
        .repository(SITE)
        .permission("mona", "write")
        .permission("lisa", "write");
    world
}

#[tokio::test]
async fn a_link_to_a_run_leads_through_github_to_the_run() {
    let world = world().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    let run = format!("/runs/{}", world.run(id).await.id);
    world.github.at_browser(Some("mona"));
    let mut browser = Browser::at(&world);
    let stopped = browser.get(&run).await;
    let ask = format!("/sign-in?return_to={}", run.replace('/', "%2F"));
    assert_eq!((stopped.status, stopped.location.as_str()), (303, ask.as_str()));
    assert!(!stopped.text.contains("site"), "{}", stopped.text);
    let page = browser.get(&ask).await;
    let begin = format!("/sign-in/github?return_to={}", run.replace('/', "%2F"));
    assert!(page.text.contains(&format!("href=\"{begin}\"")), "{}", page.text);
    let back = browser.go(&begin).await;
    let landed = browser.get(&back).await;
    assert_eq!((landed.status, landed.location.as_str()), (303, run.as_str()));
    let shown = browser.get(&run).await;
    assert_eq!(shown.status, 200);
    assert!(
        shown.text.contains("version one") && shown.text.contains("mona"),
        "{}",
        shown.text
    );
    // and so is its log, which the page's own script reads
    let log = browser.get(&format!("/api/v1{run}/log")).await;
    assert!(log.text.contains("version one"), "{}", log.text);
    let proof = browser.proof().await;
    let out = browser.post("/sign-out", &[("proof", &proof)]).await;
    assert_eq!((out.status, out.location.as_str()), (303, "/sign-in"));
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
    assert_eq!(browser.get(&run).await.status, 303);
    let told = told_by_audit(&world, "@mona: sign").await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("@mona: signed in until ") && told[1] == "@mona: signed out",
        "{told:?}"
    );
    world.end().await;
}

#[tokio::test]
async fn cookies_stay_with_the_browser_and_the_ledger_has_none_of_them() {
    let world = world().await;
    world.github.at_browser(Some("mona"));
    let mut browser = Browser::at(&world);
    let sent = browser.get("/sign-in/github").await;
    let attributes = "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure";
    assert!(sent.set_cookies[0].starts_with("__Host-chima-sign-in=") && sent.set_cookies[0].ends_with(attributes));
    for part in [
        "client_id=",
        "redirect_uri=https%3A%2F%2Fdeploy.example.com%2Fsign-in%2Fcallback",
        "code_challenge_method=S256",
    ] {
        assert!(sent.location.contains(part), "{}", sent.location);
    }
    let landed = browser.sign_in().await;
    let cookie = landed
        .set_cookies
        .iter()
        .find(|cookie| cookie.starts_with("__Host-chima="))
        .unwrap();
    assert!(
        cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["__Host-chima"]);
    let text = browser.cookies["__Host-chima"].clone();
    assert_eq!(text.len(), 64);
    let proof = browser.proof().await;
    assert!(proof.len() == 64 && proof != text);
    world.engine.store.probe_write().await.unwrap();
    for name in ["chima.db", "chima.db-wal"] {
        let bytes = std::fs::read(world.path("data").join(name)).unwrap_or_default();
        for secret in [&text, &proof, "ghu_", "0123456789abcdef0123456789abcdef01234567"] {
            let held = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!held, "{name} holds {secret}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn over_http_the_cookie_is_no_less_kept_from_others() {
    let world = World::setup().sign_in("session_hours: 1").start().await;
    world.github.repository(SITE).permission("mona", "write");
    world.github.at_browser(Some("mona"));
    let mut browser = Browser::at(&world);
    let landed = browser.sign_in().await;
    let cookie = landed
        .set_cookies
        .iter()
        .find(|cookie| cookie.starts_with("chima="))
        .unwrap();
    assert!(
        cookie.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    assert_eq!(browser.get("/").await.status, 200);
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(browser.get("/").await.status, 303);
    world.end().await;
}

#[tokio::test]
async fn a_browser_comes_back_only_with_what_it_was_sent_with_and_once() {
    let world = world().await;
    world.github.at_browser(Some("mona"));
    let mut browser = Browser::at(&world);
    let back = browser.go("/sign-in/github").await;
    // somebody else's browser, with the address that this one was to come back to
    let mut other = Browser::at(&world);
    assert_eq!(other.get(&back).await.status, 400);
    let lost = browser.clone();
    let mut mixed = browser.clone();
    let code = back
        .split("code=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(
        mixed
            .get(&format!("/sign-in/callback?code={code}&state=x"))
            .await
            .status,
        400
    );
    assert!(mixed.cookies.is_empty(), "its way is gone");
    // two cookies of one name: one of them is somebody's who put it there
    let mut twice = Browser::at(&world);
    let own = &browser.cookies["__Host-chima-sign-in"];
    let cookies = format!("__Host-chima-sign-in={own}; __Host-chima-sign-in={own}");
    assert_eq!(
        twice
            .ask(reqwest::Method::GET, &back, None, &[("cookie", &cookies)])
            .await
            .status,
        400
    );
    assert_eq!(browser.get(&back).await.status, 303);
    let first = browser.cookies["__Host-chima"].clone();
    // the same again, with the same cookie
    let mut again = lost.clone();
    assert_eq!(again.get(&back).await.status, 400);
    assert!(!again.cookies.contains_key("__Host-chima"));
    // a code that was used, on a new way
    let new = browser.go("/sign-in/github").await;
    let state = new.split("state=").nth(1).unwrap().to_owned();
    let replayed = browser
        .get(&format!("/sign-in/callback?code={code}&state={state}"))
        .await;
    assert_eq!(replayed.status, 502, "{}", replayed.text);
    assert_eq!(browser.cookies["__Host-chima"], first, "who was signed in still is");
    // too late
    let late = browser.go("/sign-in/github").await;
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(browser.get(&late).await.status, 400);
    world.end().await;
}

#[tokio::test]
async fn a_session_that_was_there_before_is_another_and_over() {
    let world = world().await;
    let mut browser = Browser::at(&world);
    // somebody has put a session of their choice into the browser
    browser.cookies.insert("__Host-chima".to_owned(), "a".repeat(64));
    world.github.at_browser(Some("mona"));
    assert_eq!(browser.sign_in().await.status, 303);
    let first = browser.cookies["__Host-chima"].clone();
    assert_ne!(first, "a".repeat(64));
    world.github.at_browser(Some("lisa"));
    assert_eq!(browser.sign_in().await.status, 303);
    let mut old = Browser::at(&world);
    old.cookies.insert("__Host-chima".to_owned(), first);
    assert_eq!(old.get("/").await.status, 303);
    assert!(browser.get("/").await.text.contains("lisa"));
    world.end().await;
}

#[tokio::test]
async fn a_session_ends_with_its_time_and_everywhere_at_once_when_it_is_ended() {
    let world = world().await;
    let mut browser = signed_in(&world, "mona").await;
    let mut copy = browser.clone();
    assert_eq!(copy.get("/").await.status, 200);
    let proof = browser.proof().await;
    browser.post("/sign-out", &[("proof", &proof)]).await;
    assert_eq!(copy.get("/").await.status, 303);
    assert_eq!(copy.post("/sign-out", &[("proof", &proof)]).await.status, 401);
    assert_eq!(copy.get("/api/v1/me").await.status, 401);
    let mut browser = signed_in(&world, "mona").await;
    world.clock.advance(Duration::from_secs(12 * 3600 - 1));
    assert_eq!(browser.get("/").await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(browser.get("/").await.status, 303);
    world.end().await;
}

#[tokio::test]
async fn a_backup_lets_nobody_in() {
    let world = world().await;
    let browser = signed_in(&world, "mona").await;
    let (word, _) = make_word(&world.engine.store, world.engine.clock.as_ref(), "root")
        .await
        .unwrap();
    let backup = world.copied().await;
    let copy = Store::open(&backup).await.unwrap();
    let digest = digest_of(&browser.cookies["__Host-chima"]).unwrap();
    assert!(world.engine.store.session_of(&digest).await.unwrap().is_some());
    assert!(copy.session_of(&digest).await.unwrap().is_none());
    let digest = digest_of_word(&word).unwrap();
    assert!(copy.break_glass(&digest, world.engine.now()).await.unwrap().is_none());
    copy.close().await;
    world.end().await;
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let world = world().await;
    world.github.at_browser(Some("mona"));
    for wanted in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "%2F%09%2Fevil.example",
        "%2F..%2F%2Fevil.example",
        "javascript%3Aalert(1)",
        "%2Fsign-out",
    ] {
        let mut browser = Browser::at(&world);
        let page = browser.get(&format!("/sign-in?return_to={wanted}")).await;
        assert!(
            page.text.contains("href=\"/sign-in/github\"") && !page.text.contains("evil"),
            "{wanted}: {}",
            page.text
        );
        let back = browser.go(&format!("/sign-in/github?return_to={wanted}")).await;
        let landed = browser.get(&back).await;
        assert_eq!((landed.status, landed.location.as_str()), (303, "/"), "{wanted}");
        // nor by an address that the server is asked for
        let stopped = Browser::at(&world).get("//evil.example/x").await;
        assert!(!stopped.location.contains("evil"), "{}", stopped.location);
    }
    world.end().await;
}

#[tokio::test]
async fn whoever_does_not_agree_or_may_see_nothing_is_told_so() {
    let world = world().await;
    world.github.at_browser(Some("mona"));
    world.github.agrees(false);
    let mut browser = Browser::at(&world);
    let declined = browser.sign_in().await;
    assert!(
        declined.status == 403 && declined.text.contains("not agreed to"),
        "{}",
        declined.text
    );
    world.github.agrees(true);
    world.github.at_browser(Some("stranger"));
    let nothing = browser.sign_in().await;
    assert!(
        nothing.status == 403 && nothing.text.contains("You are @stranger, who may see nothing here"),
        "{}",
        nothing.text
    );
    assert!(!nothing.text.contains("site") && browser.cookies.is_empty());
    let sessions = world.engine.store.audit_rows(&Filter::default(), 100).await.unwrap();
    assert!(!sessions.iter().any(|row| row.text.contains("signed_in")));
    world.end().await;
}
