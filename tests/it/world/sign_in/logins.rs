//! A login that another account takes: whoever was signed in with it is not any more.

use std::time::Duration;

use chima_simulator::fault::{Fault, FaultKind};

use crate::world::sign_in::{open_to_the_world, signed_in, told_by_audit};
use crate::world::stage::World;

const FRESH: Duration = Duration::from_secs(300);

/// Mona is named, so that nothing else of her is asked.
async fn world() -> World {
    open_to_the_world()
        .with("viewers: [lisa]\nadmins: [mona]")
        .answer_timeout(Duration::from_millis(500))
        .start()
        .await
}

#[tokio::test]
async fn a_session_ends_when_another_account_takes_its_login() {
    let world = world().await;
    let mut mona = signed_in(&world, "mona").await;
    let mut elsewhere = signed_in(&world, "mona").await;
    let mut lisa = signed_in(&world, "lisa").await;
    let proof = elsewhere.proof().await;
    world.github.takes_login("mona");
    world.clock.advance(FRESH - Duration::from_secs(1));
    assert_eq!(mona.get("/").await.status, 200, "what was just asked is believed");
    world.clock.advance(Duration::from_secs(1));
    let stopped = mona.get("/").await;
    assert_eq!(
        (stopped.status, stopped.location.as_str()),
        (303, "/sign-in"),
        "{}",
        stopped.text
    );
    assert_eq!(mona.get("/api/v1/me").await.status, 401);
    // the first that is done in it is as good a time to notice
    let form = [
        ("proof", proof.as_str()),
        ("ask", "one"),
        ("app", "site"),
        ("environment", "staging"),
    ];
    assert_eq!(elsewhere.post("/deploy", &form).await.status, 401);
    assert_eq!(lisa.get("/").await.status, 200, "nobody else is concerned");
    let ended = "-: ended a session of @mona: another account has that login now";
    assert_eq!(told_by_audit(&world, "login").await, [ended, ended]);
    // whoever has the login now is what the configuration makes of the login
    let mut new = signed_in(&world, "mona").await;
    world.clock.advance(FRESH);
    assert_eq!(new.get("/").await.status, 200);
    assert_eq!(mona.get("/").await.status, 303, "it stays ended");
    world.end().await;
}

#[tokio::test]
async fn a_login_that_nobody_has_is_nobody_elses() {
    let world = world().await;
    let mut mona = signed_in(&world, "mona").await;
    world.github.gives_up_login("mona");
    world.clock.advance(FRESH);
    assert_eq!(mona.get("/").await.status, 200);
    world.github.takes_login("mona");
    world.clock.advance(FRESH);
    assert_eq!(mona.get("/").await.status, 303);
    world.end().await;
}

/// GitHub is not asked by every page, nor while it says nothing; and whoever is named looks on while it is down.
#[tokio::test]
async fn a_github_that_does_not_say_whose_a_login_is_ends_no_session() {
    let world = world().await;
    let mut mona = signed_in(&world, "mona").await;
    let asked = || {
        let requests = world.github.requests();
        requests.iter().filter(|one| one.path.ends_with("/users/mona")).count()
    };
    for kind in [
        FaultKind::InternalError,
        FaultKind::BadGateway,
        FaultKind::Garbage,
        FaultKind::HalfAnswer,
        FaultKind::Unauthorized,
        FaultKind::Forbidden,
        FaultKind::TooManyRequests { seconds: 40 },
        FaultKind::Reset,
        FaultKind::Timeout,
    ] {
        world.clock.advance(FRESH);
        world
            .github
            .fail(Fault::on("GET", "/users/mona", kind.clone()).always());
        let before = asked();
        for _ in 0..3 {
            assert_eq!(mona.get("/").await.status, 200, "{kind:?}");
        }
        assert!(asked() <= before + 2, "{kind:?}: asked by every page");
        world.github.heal();
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(mona.get("/").await.status, 200, "{kind:?}");
    }
    world
        .github
        .fail(Fault::on("GET", "/users/mona", FaultKind::InternalError).always());
    world.clock.advance(Duration::from_secs(2 * 3600));
    assert_eq!(mona.get("/").await.status, 200, "on call, with GitHub down for hours");
    world.github.heal();
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(mona.get("/").await.status, 200);
    assert_eq!(told_by_audit(&world, "login").await, Vec::<String>::new());
    world.end().await;
}
