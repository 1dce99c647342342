//! The page of a run: what it says, to whom it shows which buttons, and what each of them does.

use std::time::Duration;

use chima::domain::run::RunState;
use chima_simulator::github::deploy::DeploymentRequest;

use crate::world::setup::Setup;
use crate::world::sign_in::{Browser, Page, open_to_the_world, signed_in};
use crate::world::stage::{SITE, World};

/// Mona may everything in the app, Lisa may look.
pub fn with_people() -> Setup {
    open_to_the_world().with("viewers: [lisa]\ndeployers: [mona, root]\nadmins: [root]")
}

/// The value of a field of a form on a page.
pub fn field(page: &str, name: &str) -> String {
    let found = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
    found
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default()
        .to_owned()
}

impl Browser {
    /// A page that must be there.
    pub async fn page(&mut self, path: &str) -> String {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {} {}", page.location, page.text);
        page.text
    }

    /// Presses the button of the small page at this address.
    pub async fn press(&mut self, path: &str, more: &[(&str, &str)]) -> Page {
        let shown = self.page(path).await;
        let values: Vec<(&str, String)> = ["proof", "ask", "to"].map(|name| (name, field(&shown, name))).to_vec();
        let mut form: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        form.extend(more);
        self.post(path, &form).await
    }

    /// Where a deployment that was asked for leads, once it is delivered: the path of its run.
    pub async fn arrive(&mut self, world: &World, pressed: &Page) -> String {
        assert_eq!(pressed.status, 303, "{}", pressed.text);
        assert!(pressed.location.starts_with("/deployments/"), "{}", pressed.location);
        let waiting = self.page(&pressed.location).await;
        assert!(waiting.contains("is on its way"), "{waiting}");
        world
            .github
            .wait_for_deliveries(crate::world::steps::PATIENCE)
            .await
            .unwrap();
        while world.intake().await > 0 {}
        let arrived = self.get(&pressed.location).await;
        assert_eq!(arrived.status, 303, "{}", arrived.text);
        assert!(arrived.location.starts_with("/runs/"), "{}", arrived.location);
        arrived.location
    }
}

async fn path(world: &World, deployment: u64) -> String {
    format!("/runs/{}", world.run(deployment).await.id)
}

#[tokio::test]
async fn a_run_is_told_whole() {
    let mut world = World::new().await;
    world.deploy("staging").await;
    world.settle_all().await;
    let one = world.commits[0].1.clone();
    let two = world.commit("two");
    let id = world.deploy("staging").await;
    world.settle_all().await;
    let page = world.run_page(id).await;
    for expected in [
        "<h2>Stages</h2>",
        "<td>on its way from GitHub</td>",
        "<td>queued</td>",
        "<td>prepared</td>",
        "<td>carried out</td>",
        "too few runs of its kind have succeeded to tell",
        "Ask GitHub which commits it brings",
        "<th scope=\"col\">Check</th>",
        "/deliveries/",
        "all lines, with a search",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    // nobody who may only look sees a button
    assert!(!page.contains("id=\"acts\"") && !page.contains("<form"), "{page}");
    // GitHub is asked once, and then it is on the page
    let asked = || {
        world.github.read(|found| {
            found
                .requests
                .iter()
                .filter(|one| one.path.contains("/compare/"))
                .count()
        })
    };
    let before = asked();
    for _ in 0..2 {
        let commits = world.page(&format!("{}/commits", path(&world, id).await)).await;
        assert!(
            commits.contains(&format!("{} ran here before; 1 commit new.", &one[..8])),
            "{commits}"
        );
        assert!(
            commits.contains(&two[..8]) && commits.contains("<td>two</td><td>mona</td>"),
            "{commits}"
        );
    }
    assert_eq!(asked(), before + 1);
    let page = world.run_page(id).await;
    assert!(
        page.contains("1 commit new.") && page.contains("<td>two</td>"),
        "{page}"
    );
    world.end().await;
}

#[tokio::test]
async fn while_github_is_away_the_page_is_there_all_the_same() {
    let mut world = World::new().await;
    world.deploy("staging").await;
    world.settle_all().await;
    world.commit("two");
    let id = world.deploy("staging").await;
    world.settle_all().await;
    world.github.down();
    let page = world.run_page(id).await;
    assert!(page.contains("Ask GitHub which commits it brings"), "{page}");
    let (status, text) = world.get(&format!("{}/commits", path(&world, id).await)).await;
    assert!(status == 502 && text.contains("<h1>Not done</h1>"), "{status} {text}");
    world.github.up();
    assert!(
        world
            .page(&format!("{}/commits", path(&world, id).await))
            .await
            .contains("1 commit new")
    );
    world.end().await;
}

#[tokio::test]
async fn a_run_that_is_slower_than_its_like_says_so() {
    let world = World::new().await;
    for _ in 0..20 {
        world.deploy("staging").await;
        world.settle_all().await;
    }
    world.hold();
    let id = world.deploy("staging").await;
    world.intake().await;
    let run = world.run(id).await.id;
    let begun = world.begin(run);
    world.journal_of(41).await;
    world.clock.advance(Duration::from_secs(600));
    let page = world.run_page(id).await;
    assert!(page.contains("half of the last 20 took no longer than"), "{page}");
    assert!(page.contains("slower than 95 % of runs"), "{page}");
    assert!(page.contains("so far</td>"), "{page}");
    world.release();
    begun.await.unwrap();
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn nothing_of_a_request_does_anything_on_the_page() {
    let world = World::new().await;
    let hostile = "<script>alert(1)</script>\u{202e}\"'";
    let id = world
        .ask(DeploymentRequest {
            task: hostile.to_owned(),
            payload: serde_json::json!({"notify": {"user_name": hostile, "room": hostile}}),
            ..DeploymentRequest::to(hostile)
        })
        .await;
    world.settle_all().await;
    let page = world.run_page(id).await;
    assert!(!page.contains("<script>alert") && !page.contains('\u{202e}'), "{page}");
    assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
    world.end().await;
}

#[tokio::test]
async fn buttons_are_shown_to_those_whom_they_serve() {
    let world = with_people().start().await;
    world.hold();
    let id = world.deploy("production").await;
    world.intake().await;
    let path = path(&world, id).await;
    let (mut mona, mut lisa) = (signed_in(&world, "mona").await, signed_in(&world, "lisa").await);
    let page = mona.page(&path).await;
    assert!(
        page.contains(&format!("href=\"{path}/cancel\"")) && !page.contains("/retry\""),
        "{page}"
    );
    assert!(!lisa.page(&path).await.contains("id=\"acts\""));
    assert_eq!(lisa.get(&format!("{path}/cancel")).await.status, 403);
    world.release();
    world.settle_all().await;
    let page = mona.page(&path).await;
    for expected in ["/retry\"", "/promote\">Promote to staging<"] {
        assert!(page.contains(&format!("href=\"{path}{expected}")), "{expected}: {page}");
    }
    assert!(!page.contains("/cancel\""), "{page}");
    assert!(!page.contains("/rollback\""), "nothing ran here before: {page}");
    let mut stranger = Browser::at(&world);
    assert_eq!(stranger.get(&format!("{path}/retry")).await.status, 303);
    for gone in ["/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/runs/nothing"] {
        for what in ["", "/cancel", "/commits", "/log"] {
            let missing = mona.get(&format!("{gone}{what}")).await;
            assert!(
                missing.status == 404 && missing.text.contains("<h1>Not here</h1>"),
                "{}",
                missing.text
            );
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_run_is_cancelled_with_a_reason() {
    let world = with_people().start().await;
    world.hold();
    let id = world.deploy("staging").await;
    world.intake().await;
    let path = path(&world, id).await;
    let mut mona = signed_in(&world, "mona").await;
    let pressed = mona
        .press(&format!("{path}/cancel"), &[("reason", "wrong <branch>")])
        .await;
    assert_eq!(
        (pressed.status, pressed.location.as_str()),
        (303, path.as_str()),
        "{}",
        pressed.text
    );
    world.release();
    world.settle_all().await;
    assert_eq!(world.state(id).await, RunState::Cancelled);
    assert!(mona.page(&path).await.contains("wrong &#60;branch&#62;"));
    // a second time it says that it is over
    let again = mona.press(&format!("{path}/cancel"), &[]).await;
    assert!(
        again.status == 409 && again.text.contains("<h1>Not done</h1>"),
        "{} {}",
        again.status,
        again.text
    );
    world.end().await;
}

#[tokio::test]
async fn a_run_is_deployed_once_more_and_only_once() {
    let world = with_people().start().await;
    let id = world.deploy("staging").await;
    world.settle_all().await;
    let path = path(&world, id).await;
    let mut mona = signed_in(&world, "mona").await;
    let shown = mona.page(&format!("{path}/retry")).await;
    let (proof, ask) = (field(&shown, "proof"), field(&shown, "ask"));
    let form = [("proof", proof.as_str()), ("ask", ask.as_str())];
    let first = mona.post(&format!("{path}/retry"), &form).await;
    let second = mona.post(&format!("{path}/retry"), &form).await;
    assert_eq!(
        (second.status, &second.location),
        (303, &first.location),
        "{}",
        second.text
    );
    let run = mona.arrive(&world, &first).await;
    world.settle_all().await;
    assert!(mona.page(&run).await.contains("id=\"state\">succeeded<"));
    let made = world
        .github
        .read(|found| found.repository(SITE).unwrap().deployments.len());
    assert_eq!(made, 2);
    world.end().await;
}

#[tokio::test]
async fn what_ran_is_promoted_and_rolled_back() {
    let mut world = with_people().start().await;
    world.deploy("production").await;
    world.settle_all().await;
    let one = world.commits[0].1.clone();
    let two = world.commit("two");
    let id = world.deploy("production").await;
    world.settle_all().await;
    let path = path(&world, id).await;
    let mut mona = signed_in(&world, "mona").await;
    let shown = mona.page(&format!("{path}/promote")).await;
    assert!(
        shown.contains(&format!("/deploy?app=site&#38;environment=staging&#38;ref={two}")),
        "{shown}"
    );
    // where the page that was looked at would not have led
    let proof = mona.proof().await;
    for elsewhere in ["", "production", "`<b>`"] {
        let form = [("proof", proof.as_str()), ("ask", "one"), ("to", elsewhere)];
        let refused = mona.post(&format!("{path}/promote"), &form).await;
        assert!(
            refused.status == 409 && refused.text.contains("is <code>staging</code> now"),
            "{elsewhere}: {} {}",
            refused.status,
            refused.text
        );
    }
    let pressed = mona.press(&format!("{path}/promote"), &[]).await;
    let run = mona.arrive(&world, &pressed).await;
    world.settle_all().await;
    let promoted = world.runs().await.pop().unwrap();
    assert_eq!(
        (
            promoted.environment.as_str(),
            promoted.sha.as_str(),
            promoted.git_ref.as_str()
        ),
        ("staging", two.as_str(), "main")
    );
    assert!(run.ends_with(&promoted.id.to_string()));
    assert!(mona.page(&path).await.contains(&format!("href=\"{path}/rollback\"")));
    let shown = mona.page(&format!("{path}/rollback")).await;
    assert!(
        shown.contains(&format!("Roll back to {}", &one[..8])) && shown.contains("two"),
        "{shown}"
    );
    let pressed = mona.press(&format!("{path}/rollback"), &[]).await;
    mona.arrive(&world, &pressed).await;
    world.settle_all().await;
    let back = world.runs().await.pop().unwrap();
    assert_eq!(
        (back.environment.as_str(), back.sha.as_str(), back.git_ref.as_str()),
        ("production", one.as_str(), "main")
    );
    world.end().await;
}

#[tokio::test]
async fn a_person_says_on_the_page_how_it_went() {
    const MANUAL: &str = "viewers: [lisa]\ndeployers: [mona]\nprovider: manual\nwith: { instructions: \"Press <go>.\" }\n\
                          required_contexts: []\nenvironments: { store: {}, market: {} }";
    let world = open_to_the_world().app(MANUAL).start().await;
    let (mut mona, mut lisa) = (signed_in(&world, "mona").await, signed_in(&world, "lisa").await);
    for (environment, done, state) in [
        ("store", "yes", RunState::Succeeded),
        ("market", "no", RunState::Failed),
    ] {
        let id = world.deploy(environment).await;
        world.settle().await;
        let path = path(&world, id).await;
        let page = mona.page(&path).await;
        assert!(
            page.contains("Press &#60;go&#62;.") && page.contains("/verdict\""),
            "{page}"
        );
        assert!(!lisa.page(&path).await.contains("/verdict\""));
        let proof = mona.proof().await;
        let form = [("proof", proof.as_str()), ("done", done), ("note", "as it was said")];
        let said = mona.post(&format!("{path}/verdict"), &form).await;
        assert_eq!(
            (said.status, said.location.as_str()),
            (303, path.as_str()),
            "{}",
            said.text
        );
        world.sweep().await;
        world
            .until("nothing is watched", || {
                world.engine.watched_runs().is_empty().then_some(())
            })
            .await;
        world.settle_all().await;
        assert_eq!(world.state(id).await, state);
        assert!(mona.page(&path).await.contains("as it was said"));
    }
    world.end().await;
}
