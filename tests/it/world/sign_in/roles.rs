//! What somebody is to each app, and that nothing tells them of the others.

use std::time::Duration;

use crate::world::setup::Setup;
use crate::world::sign_in::{Browser, open_to_the_world, signed_in};
use crate::world::stage::SITE;

const SHOP: &str =
    "provider: shell\nwith: { command: [./script/deploy] }\nrequired_contexts: []\nenvironments: { live: {} }";

/// The site and the shop, of which the world's repository is the site's.
fn two_apps(site: &str, shop: &str) -> Setup {
    let shop = format!("{shop}\n{SHOP}");
    open_to_the_world()
        .with(site)
        .another_app("shop", "octo/shop", shop.trim())
}

async fn me(browser: &mut Browser) -> serde_json::Value {
    let answer = browser.get("/api/v1/me").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

async fn scopes_and_apps(browser: &mut Browser) -> (Vec<String>, Option<Vec<String>>) {
    let me = me(browser).await;
    let words = |value: &serde_json::Value| -> Option<Vec<String>> { serde_json::from_value(value.clone()).unwrap() };
    (words(&me["scopes"]).unwrap(), words(&me["apps"]))
}

#[tokio::test]
async fn everybody_is_to_each_app_what_the_configuration_says() {
    let world = two_apps(
        "viewers: [octo/readers]\ndeployers: [octo/web]\nadmins: [lisa]",
        "deployers: [otto]",
    )
    .start()
    .await;
    world
        .github
        .repository("octo/shop")
        .permission("rita", "write")
        .permission("eve", "read");
    world.github.team_member("octo", "readers", "rita");
    world.github.team_member("octo", "web", "wanda");
    let apps = |all: &[&str]| Some(all.iter().map(|app| (*app).to_owned()).collect::<Vec<_>>());
    for (login, scopes, seen) in [
        ("rita", &["read"][..], apps(&["site", "shop"])),
        ("wanda", &["read", "deploy", "lock"], apps(&["site"])),
        ("lisa", &["read", "deploy", "lock", "admin"], apps(&["site"])),
        ("otto", &["read", "deploy", "lock"], apps(&["shop"])),
    ] {
        let mut browser = signed_in(&world, login).await;
        let found = scopes_and_apps(&mut browser).await;
        assert_eq!(
            (found.0.iter().map(String::as_str).collect::<Vec<_>>(), found.1),
            (scopes.to_vec(), seen),
            "{login}"
        );
    }
    world.github.at_browser(Some("eve"));
    assert_eq!(Browser::at(&world).sign_in().await.status, 403);
    world.end().await;
}

#[tokio::test]
async fn where_nobody_is_named_whoever_may_push_may_deploy() {
    let world = two_apps("", "viewers: [octo/readers]").start().await;
    world
        .github
        .repository(SITE)
        .permission("mona", "write")
        .permission("rita", "read");
    world.github.repository("octo/shop");
    world.github.team_member("octo", "readers", "rita");
    let mut mona = signed_in(&world, "mona").await;
    let seen = scopes_and_apps(&mut mona).await;
    assert_eq!(
        seen,
        (
            vec!["read".into(), "deploy".into(), "lock".into()],
            Some(vec!["site".into()])
        )
    );
    let mut rita = signed_in(&world, "rita").await;
    assert_eq!(
        scopes_and_apps(&mut rita).await,
        (vec!["read".into()], Some(vec!["shop".into()]))
    );
    world.end().await;
}

#[tokio::test]
async fn whoever_is_admin_of_everything_sees_everything() {
    let world = two_apps("admins: [mona]", "admins: [mona]")
        .sign_in("viewers: [lisa]")
        .start()
        .await;
    let mut mona = signed_in(&world, "mona").await;
    assert_eq!(scopes_and_apps(&mut mona).await.1, None);
    // `sign_in.viewers` are those of every app that names none
    world.github.repository("octo/shop");
    let mut lisa = signed_in(&world, "lisa").await;
    assert_eq!(
        scopes_and_apps(&mut lisa).await,
        (vec!["read".into()], Some(vec!["site".into(), "shop".into()]))
    );
    world.end().await;
}

/// Whoever is admin of one app has no delivery of another worked on again.
#[tokio::test]
async fn an_admin_of_one_app_is_none_of_another() {
    let world = two_apps("viewers: [mona]\ndeployers: [otto]\nadmins: [lisa]", "admins: [mona]")
        .start()
        .await;
    let id = world.deploy("staging").await;
    world.settle().await;
    let run = world.run(id).await;
    let (path, cancel) = (
        format!("/deliveries/{}/replay", run.delivery),
        format!("/runs/{}/cancel", run.id),
    );
    let mut mona = signed_in(&world, "mona").await;
    let proof = mona.proof().await;
    for path in [&path, &cancel] {
        let refused = mona.post(path, &[("proof", &proof)]).await;
        assert!(
            refused.status == 403 && refused.text.contains("You may not"),
            "{path}: {}",
            refused.text
        );
    }
    // whoever may is told what is so
    let mut lisa = signed_in(&world, "lisa").await;
    let proof = lisa.proof().await;
    assert_eq!(lisa.post(&path, &[("proof", &proof)]).await.status, 409);
    assert_eq!(lisa.post(&cancel, &[("proof", &proof)]).await.status, 409);
    world.end().await;
}

/// What is answered of what is kept from somebody is what is answered of what is not there, to the byte.
#[tokio::test]
async fn what_may_not_be_seen_is_answered_as_what_is_not_there() {
    let world = two_apps(
        "viewers: [mona]\ndeployers: [mona]",
        "viewers: [lisa]\ndeployers: [lisa]",
    )
    .start()
    .await;
    world.github.repository("octo/shop");
    let id = world.deploy("staging").await;
    world.settle().await;
    let run = world.run(id).await.id.to_string();
    let none = "01JD0000000000000000000000";
    let mut lisa = signed_in(&world, "lisa").await;
    for path in ["/runs/{run}", "/api/v1/runs/{run}", "/api/v1/runs/{run}/log"] {
        let hidden = lisa.get(&path.replace("{run}", &run)).await;
        let absent = lisa.get(&path.replace("{run}", none)).await;
        assert_eq!((hidden.status, &hidden.text), (404, &absent.text), "{path}");
        let names = |page: &crate::world::sign_in::Page| -> Vec<String> {
            page.headers
                .iter()
                .filter(|(name, _)| *name != "date")
                .map(|(name, value)| format!("{name}: {value:?}"))
                .collect()
        };
        assert_eq!(names(&hidden), names(&absent), "{path}");
    }
    let mut mona = signed_in(&world, "mona").await;
    assert_eq!(mona.get(&format!("/runs/{run}")).await.status, 200);
    world.end().await;
}

#[tokio::test]
async fn whoever_leaves_a_team_sees_nothing_within_minutes() {
    let world = open_to_the_world().with("deployers: [octo/web]").start().await;
    world.github.team_member("octo", "web", "mona");
    let mut mona = signed_in(&world, "mona").await;
    world.github.leaves_team("octo", "web", "mona");
    world.clock.advance(Duration::from_secs(299));
    assert_eq!(mona.get("/").await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    let closed = mona.get("/").await;
    assert!(
        closed.status == 403 && closed.text.contains("may see nothing here"),
        "{}",
        closed.text
    );
    // and can still sign out
    assert!(closed.text.contains("action=\"/sign-out\""), "{}", closed.text);
    assert_eq!(mona.get("/api/v1/runs").await.status, 401);
    world.end().await;
}
