//! GitHub fails while people sign in, and while they are signed in.

use std::time::Duration;

use chima_simulator::fault::{Fault, FaultKind};

use crate::world::sign_in::{Browser, open_to_the_world, signed_in};
use crate::world::stage::{SITE, World};

async fn world() -> World {
    let world = open_to_the_world()
        .answer_timeout(Duration::from_millis(500))
        .start()
        .await;
    world.github.repository(SITE).permission("mona", "write");
    world
}

#[tokio::test]
async fn a_github_that_fails_signs_nobody_in_and_the_next_try_does() {
    let world = world().await;
    world.github.at_browser(Some("mona"));
    for (path, kind) in [
        ("/access_token", FaultKind::InternalError),
        ("/access_token", FaultKind::BadGateway),
        ("/access_token", FaultKind::Garbage),
        ("/access_token", FaultKind::NotFound),
        ("/access_token", FaultKind::Unauthorized),
        ("/access_token", FaultKind::TooManyRequests { seconds: 40 }),
        ("/access_token", FaultKind::Reset),
        ("/access_token", FaultKind::Timeout),
        ("/access_token", FaultKind::HalfAnswer),
        ("/user", FaultKind::InternalError),
        ("/user", FaultKind::Unauthorized),
        ("/user", FaultKind::Forbidden),
        ("/user", FaultKind::Garbage),
        ("/user", FaultKind::Timeout),
    ] {
        let mut browser = Browser::at(&world);
        let back = browser.go("/sign-in/github").await;
        let method = if path == "/user" { "GET" } else { "POST" };
        world.github.fail(Fault::on(method, path, kind.clone()));
        let failed = browser.get(&back).await;
        assert_eq!(failed.status, 502, "{path} {kind:?}: {}", failed.text);
        assert!(
            failed.text.contains("GitHub does not say who you are"),
            "{}",
            failed.text
        );
        assert!(browser.cookies.is_empty(), "{path} {kind:?}");
        world.github.heal();
        // the same way is gone
        assert_eq!(browser.get(&back).await.status, 400);
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(browser.sign_in().await.status, 303, "{path} {kind:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn what_github_does_not_say_opens_nothing() {
    let world = world().await;
    world.github.at_browser(Some("mona"));
    let mut browser = Browser::at(&world);
    let back = browser.go("/sign-in/github").await;
    world
        .github
        .fail(Fault::on("GET", "/permission", FaultKind::InternalError));
    let untold = browser.get(&back).await;
    assert!(
        untold.status == 503 && untold.text.contains("GitHub does not say now what @mona may see here"),
        "{}",
        untold.text
    );
    assert!(browser.cookies.is_empty());
    world.github.heal();
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(browser.sign_in().await.status, 303);
    world.end().await;
}

#[tokio::test]
async fn while_github_is_away_a_session_keeps_what_was_known_for_an_hour_and_no_longer() {
    let world = world().await;
    let mut mona = signed_in(&world, "mona").await;
    world.github.down();
    world.clock.advance(Duration::from_secs(3599));
    assert_eq!(mona.get("/").await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    let closed = mona.get("/").await;
    assert!(
        closed.status == 503 && closed.text.contains("GitHub does not answer"),
        "{}",
        closed.text
    );
    assert_eq!(mona.get("/api/v1/runs").await.status, 401);
    let proof = mona.proof().await;
    assert!(!proof.is_empty());
    world.github.up();
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(mona.get("/").await.status, 200);
    world.end().await;
}

#[tokio::test]
async fn a_github_that_says_nothing_is_not_asked_by_every_page() {
    let world = world().await;
    let mut mona = signed_in(&world, "mona").await;
    world.clock.advance(Duration::from_secs(300));
    world
        .github
        .fail(Fault::on("GET", "/permission", FaultKind::InternalError).always());
    let asked = || {
        world
            .github
            .requests()
            .iter()
            .filter(|one| one.path.ends_with("/permission"))
            .count()
    };
    let before = asked();
    for _ in 0..5 {
        assert_eq!(mona.get("/").await.status, 200);
    }
    assert_eq!(asked(), before + 1);
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(mona.get("/").await.status, 200);
    assert_eq!(asked(), before + 2);
    world.github.heal();
    world.end().await;
}
