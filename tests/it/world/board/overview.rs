//! The overview: what needs a person, and what runs where.

use std::time::Duration;

use chima::domain::run::RunState;
use chima::domain::viewer::{Scope, Viewer, Who};
use chima::flow::view::Look;
use chima::flow::view::board::board;
use chima::flow::view::needs::needs;
use chima_simulator::github::deploy::DeploymentRequest;

use crate::world::ending::Left;
use crate::world::stage::{APP, World};

/// Fails wherever a file says so.
const BREAKABLE: &str = "#!/bin/sh\n[ ! -e \"$JOURNAL/broken\" ]\n";

impl World {
    /// What needs a person, by kind and environment, as somebody sees it who sees these apps.
    async fn needed(&self, apps: Option<&[&str]>) -> Vec<String> {
        let viewer = Viewer {
            who: Who::Local,
            scopes: vec![Scope::Read],
            apps: apps.map(|apps| apps.iter().map(|app| app.parse().unwrap()).collect()),
        };
        let look = Look::of(&self.engine, &viewer);
        let all = needs(&look, &board(&look, None).await.unwrap()).await.unwrap();
        let named = all.items.into_iter().map(|one| {
            let place = one.environment.unwrap_or_default();
            format!("{} {place}", one.kind).trim().to_owned()
        });
        named.collect()
    }
}

#[tokio::test]
async fn what_runs_where_is_seen_at_once() {
    let world = World::new().await;
    let id = world.deploy("production").await;
    world.settle().await;
    let run = world.run(id).await;
    let page = world.page("/").await;
    for text in [
        "Nothing needs a person.",
        "Nothing has been deployed here.",
        "https://site.example.com",
        &run.sha[..8],
        &format!("/runs/{}", run.id),
        "<span class=\"state succeeded\">succeeded</span>",
        "/history?app=site&#38;environment=production",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    world.hold();
    let running = world.deploy("staging").await;
    world.intake().await;
    let job = world.begin(world.run(running).await.id);
    world.journal_of(3).await;
    let next = world.deploy("staging").await;
    world.intake().await;
    let page = world.page("/").await;
    let next = format!(
        "<span class=\"state queued\">next</span> <a href=\"/runs/{}\">",
        world.run(next).await.id
    );
    assert!(page.contains(&next) && page.contains("In the lane: 1 queued"), "{page}");
    assert!(page.contains("<span class=\"state running\">running</span>"), "{page}");
    world.release();
    job.await.unwrap();
    world.settle().await;
    world.end().await;
}

#[tokio::test]
async fn what_went_wrong_stands_on_top_until_it_came_right() {
    let world = World::setup().script(BREAKABLE).start().await;
    world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.needed(None).await, Vec::<String>::new());
    std::fs::write(world.path("broken"), "").unwrap();
    let failed = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.needed(None).await, ["failed staging"]);
    let page = world.page("/").await;
    let top = page.split("<section>").next().unwrap();
    let link = format!("/runs/{}", world.run(failed).await.id);
    assert!(top.contains("Needs a person") && top.contains(&link), "{page}");
    // what was refused since hides nothing
    world
        .ask(DeploymentRequest {
            task: "nonsense".to_owned(),
            ..DeploymentRequest::to("staging")
        })
        .await;
    world.settle().await;
    assert_eq!(world.needed(None).await, ["failed staging"]);
    assert_eq!(world.needed(Some(&["site"])).await, ["failed staging"]);
    assert_eq!(world.needed(Some(&["other"])).await, Vec::<String>::new());
    std::fs::remove_file(world.path("broken")).unwrap();
    world.clock.advance(Duration::from_secs(1));
    world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.needed(None).await, Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn what_waits_for_somebody_stands_on_top() {
    let world = World::setup().required("[ci]").start().await;
    let held = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.state(held).await, RunState::Held);
    // a moment is no trouble
    assert_eq!(world.needed(None).await, Vec::<String>::new());
    world.pass(Duration::from_secs(601)).await;
    assert_eq!(world.needed(None).await, ["held staging"]);
    let page = world.page("/").await;
    assert!(page.contains("<code>ci</code>") && page.contains("1 held"), "{page}");
    world.end_with(Left { held: 1, dead: 0 }).await;
}

#[tokio::test]
async fn an_old_lock_stands_on_top() {
    let world = World::new().await;
    world.lock_for_test("lisa", "production").await;
    assert_eq!(world.needed(None).await, Vec::<String>::new());
    let page = world.page("/").await;
    assert!(page.contains("<span class=\"state locked\">locked</span>"), "{page}");
    world.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(world.needed(None).await, ["old_lock production"]);
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn a_commit_that_was_asked_for_by_its_id_is_shown_once() {
    let mut world = World::new().await;
    let sha = world.commits[0].1.clone();
    world.commit("two");
    let asked = || DeploymentRequest {
        git_ref: sha.clone(),
        ..DeploymentRequest::to("staging")
    };
    world.hold();
    let id = world.ask(asked()).await;
    world.intake().await;
    let texts = |page: String| -> String {
        page.split('<')
            .filter_map(|rest| rest.split_once('>'))
            .map(|(_, text)| text)
            .collect()
    };
    for path in ["/", "/queue"] {
        let text = texts(world.page(path).await);
        assert_eq!(text.matches(&sha[..8]).count(), 1, "{path}: {text}");
    }
    world.release();
    world.settle_all().await;
    assert_eq!(world.state(id).await, RunState::Succeeded);
    let text = texts(world.page("/").await);
    assert_eq!(text.matches(&sha[..8]).count(), 1, "{text}");
    let text = texts(world.run_page(id).await);
    assert!(
        !text.contains(&format!("({})", &sha[..8])) && !text.contains(&format!("({sha})")),
        "{text}"
    );
    world.end().await;
}

#[tokio::test]
async fn nothing_that_people_choose_becomes_a_part_of_the_page() {
    let mut world = World::setup().app(APP).start().await;
    let sha = world.commit_all("<script>alert(1)</script>\u{202e}evil");
    let id = world
        .ask(DeploymentRequest {
            git_ref: sha,
            ..DeploymentRequest::to("staging")
        })
        .await;
    world.ask(DeploymentRequest::to("<img src=x onerror=alert(1)>")).await;
    world.settle().await;
    assert_eq!(world.state(id).await, RunState::Succeeded);
    for path in [
        "/",
        "/history",
        "/history?environment=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
        "/queue",
    ] {
        let page = world.page(path).await;
        assert!(
            !page.contains("<script>alert") && !page.contains("<img") && !page.contains('\u{202e}'),
            "{path}: {page}"
        );
    }
    let overview = world.page("/").await;
    assert!(
        overview.contains("&#60;script&#62;alert(1)&#60;/script&#62;"),
        "{overview}"
    );
    world.end().await;
}
