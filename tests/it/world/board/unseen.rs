//! What somebody may not see is on no page, in no download, count, badge or feed.

use crate::world::sign_in::{Browser, open_to_the_world, signed_in};
use crate::world::stage::World;

/// Two apps of two repositories. Lisa sees one of them.
async fn two_apps() -> World {
    let world = open_to_the_world()
        .with("viewers: [lisa]\ndeployers: [mona]")
        .another_app(
            "secret",
            "octo/hidden",
            "viewers: [mona]\ndeployers: [mona]\nprovider: shell\nwith: { command: [./script/deploy] }\n\
             env: { JOURNAL: '{folder}' }\nrequired_contexts: []\nenvironments: { vault: {} }",
        )
        .start()
        .await;
    world.deploy("staging").await;
    world.settle().await;
    world.lock_in("secret", "vault").await;
    world
}

const PATHS: [&str; 9] = [
    "/",
    "/history",
    "/history?app=secret",
    "/history.csv",
    "/history.json?app=secret",
    "/queue",
    "/statistics",
    "/cctray.xml",
    "/monitor.json",
];

#[tokio::test]
async fn an_app_that_somebody_may_not_see_is_nowhere() {
    let world = two_apps().await;
    let mut mona = signed_in(&world, "mona").await;
    let mut lisa = signed_in(&world, "lisa").await;
    assert!(mona.page("/").await.contains("vault"), "there is something to hide");
    for path in PATHS {
        let page = lisa.page(path).await;
        let page = page.replace("app=secret", "");
        assert!(
            !page.contains("vault") && !page.contains("octo/hidden"),
            "{path}: {page}"
        );
        assert!(!page.contains("secret"), "{path}: {page}");
    }
    // the same bytes as of one that is not there
    let unseen = lisa.get("/badges/secret/vault.svg").await;
    let nowhere = lisa.get("/badges/nothing/vault.svg").await;
    assert_eq!((unseen.status, unseen.text), (nowhere.status, nowhere.text));
    assert_eq!(unseen.status, 404);
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn strangers_see_public_badges_and_nothing_else() {
    let world = open_to_the_world()
        .with("viewers: [lisa]\npublic_badges: true")
        .another_app(
            "secret",
            "octo/hidden",
            "viewers: [mona]\nprovider: shell\nwith: { command: [./script/deploy] }\nrequired_contexts: []\nenvironments: { vault: {} }",
        )
        .start()
        .await;
    let mut nobody = Browser::at(&world);
    let badge = nobody.get("/badges/site/staging.svg").await;
    assert!(
        badge.status == 200 && badge.text.contains("staging: nothing yet"),
        "{}",
        badge.text
    );
    let (hidden, nowhere) = (
        nobody.get("/badges/secret/vault.svg").await,
        nobody.get("/badges/nothing/vault.svg").await,
    );
    assert_eq!((hidden.status, hidden.text), (nowhere.status, nowhere.text));
    assert_eq!(hidden.status, 401);
    for path in PATHS {
        let answer = nobody.get(path).await;
        assert!(matches!(answer.status, 303 | 401), "{path}: {}", answer.status);
        assert!(
            !answer.text.contains("staging") && !answer.text.contains("vault"),
            "{path}: {}",
            answer.text
        );
    }
    world.end().await;
}
