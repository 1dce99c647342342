//! Sessions that are ended before their time: one's own elsewhere, and those of everybody.

use std::time::Duration;

use crate::world::sign_in::{Browser, open_to_the_world, signed_in, told_by_audit};
use crate::world::stage::World;

async fn world() -> World {
    open_to_the_world()
        .with("viewers: [lisa]\nadmins: [mona]")
        .start()
        .await
}

/// Where the forms of the page lead that end one session each.
async fn ends(browser: &mut Browser) -> Vec<String> {
    let page = browser.get("/sessions").await;
    assert_eq!(page.status, 200, "{}", page.text);
    let forms = page.text.split("action=\"/sessions/").skip(1);
    let ids = forms.filter_map(|rest| rest.split_once("/end\"").map(|(id, _)| id));
    let own = ids.filter(|id| id.len() == 26);
    own.map(|id| format!("/sessions/{id}/end")).collect()
}

#[tokio::test]
async fn ones_own_sessions_are_seen_and_ended_and_nobody_elses() {
    let world = world().await;
    let mut one = signed_in(&world, "lisa").await;
    world.clock.advance(Duration::from_secs(60));
    let mut two = signed_in(&world, "lisa").await;
    world.clock.advance(Duration::from_secs(60));
    let mut three = signed_in(&world, "lisa").await;
    let mut mona = signed_in(&world, "mona").await;
    let page = one.get("/sessions").await.text;
    for expected in [
        "<td>another browser</td>",
        "this one",
        "action=\"/sessions/others/end\"",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(!page.contains("/sessions/all/end"), "lisa is admin of nothing: {page}");
    assert_eq!(page.matches("End this one").count(), 2, "{page}");
    assert_eq!(ends(&mut mona).await, Vec::<String>::new(), "mona has one");
    let (proof, monas) = (one.proof().await, mona.proof().await);
    let others = ends(&mut one).await;
    // another's is not there, and neither is one that nobody has
    for path in [
        others[0].as_str(),
        "/sessions/01ARZ3NDEKTSV4RRFFQ69G5FAV/end",
        "/sessions/x/end",
    ] {
        assert_eq!(mona.post(path, &[("proof", &monas)]).await.status, 404, "{path}");
    }
    assert_eq!(three.get("/").await.status, 200);
    // the newest stands first
    let ended = one.post(&others[0], &[("proof", &proof)]).await;
    assert_eq!(
        (ended.status, ended.location.as_str()),
        (303, "/sessions"),
        "{}",
        ended.text
    );
    assert_eq!((three.get("/").await.status, two.get("/").await.status), (303, 200));
    assert_eq!(
        one.post(&others[0], &[("proof", &proof)]).await.status,
        404,
        "it is over"
    );
    let mut four = signed_in(&world, "lisa").await;
    let ended = one.post("/sessions/others/end", &[("proof", &proof)]).await;
    assert_eq!(
        (ended.status, ended.location.as_str()),
        (303, "/sessions"),
        "{}",
        ended.text
    );
    assert_eq!((two.get("/").await.status, four.get("/").await.status), (303, 303));
    assert_eq!((one.get("/").await.status, mona.get("/").await.status), (200, 200));
    assert!(!one.get("/sessions").await.text.contains("others/end"));
    assert_eq!(
        told_by_audit(&world, "session").await,
        ["@lisa: ended 1 session of @lisa", "@lisa: ended 2 sessions of @lisa"]
    );
    world.end().await;
}

#[tokio::test]
async fn an_admin_of_everything_ends_those_of_everybody_and_nobody_else_does() {
    let world = world().await;
    let mut lisa = signed_in(&world, "lisa").await;
    let mut mona = signed_in(&world, "mona").await;
    let (proof, lisas) = (mona.proof().await, lisa.proof().await);
    let asked = lisa.get("/sessions/all/end").await;
    assert!(
        asked.status == 403 && asked.text.contains("<code>chima sessions end --all</code>"),
        "{}",
        asked.text
    );
    assert_eq!(lisa.post("/sessions/all/end", &[("proof", &lisas)]).await.status, 403);
    assert!(mona.get("/sessions").await.text.contains("href=\"/sessions/all/end\""));
    let asked = mona.get("/sessions/all/end").await;
    assert!(
        asked.status == 200 && asked.text.contains("and so are you"),
        "{}",
        asked.text
    );
    assert_eq!(lisa.get("/").await.status, 200, "to be asked changes nothing");
    let ended = mona.post("/sessions/all/end", &[("proof", &proof)]).await;
    assert_eq!(
        (ended.status, ended.location.as_str()),
        (303, "/sign-in"),
        "{}",
        ended.text
    );
    assert_eq!((lisa.get("/").await.status, mona.get("/").await.status), (303, 303));
    assert_eq!(
        told_by_audit(&world, "session").await,
        ["@mona: ended 2 sessions of everybody"]
    );
    world.end().await;
}

/// Of two apps mona is admin of one: what concerns everybody is not hers.
#[tokio::test]
async fn an_admin_of_one_app_among_several_ends_nobody_elses() {
    let shop = "provider: shell\nwith: { command: [make] }\nadmins: [lisa]\nenvironments: { live: {} }";
    let world = open_to_the_world()
        .with("viewers: [lisa]\nadmins: [mona]")
        .another_app("shop", "octo/shop", shop)
        .start()
        .await;
    world.github.repository("octo/shop");
    let mut mona = signed_in(&world, "mona").await;
    let proof = mona.proof().await;
    assert!(!mona.get("/sessions").await.text.contains("/sessions/all/end"));
    assert_eq!(mona.post("/sessions/all/end", &[("proof", &proof)]).await.status, 403);
    assert_eq!(mona.get("/").await.status, 200);
    world.end().await;
}

#[tokio::test]
async fn what_a_browser_says_of_itself_is_not_kept() {
    let world = world().await;
    world.github.at_browser(Some("mona"));
    let mut browser = Browser::at(&world);
    let back = browser.go("/sign-in/github").await;
    let says = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) <script>secret-word</script> Firefox/128.0";
    let landed = browser
        .ask(reqwest::Method::GET, &back, None, &[("user-agent", says)])
        .await;
    assert_eq!(landed.status, 303, "{}", landed.text);
    let page = browser.get("/sessions").await.text;
    assert!(
        page.contains("<td>Firefox on Linux</td>") && !page.contains("secret-word"),
        "{page}"
    );
    world.engine.store.probe_write().await.unwrap();
    for name in ["chima.db", "chima.db-wal"] {
        let bytes = std::fs::read(world.path("data").join(name)).unwrap_or_default();
        assert!(!bytes.windows(11).any(|window| window == b"secret-word"), "{name}");
    }
    world.end().await;
}
