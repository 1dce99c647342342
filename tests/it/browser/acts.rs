//! What people do on the pages, with mouse and keyboard, and what becomes of it.

use std::time::{Duration, Instant};

use chima_simulator::github::deploy::DeploymentRequest;
use rustix::process::Signal;

use crate::browser::page::Page;
use crate::browser::stage::{SHOP, Stage};
use crate::process::installation::eventually;

const SOON: Duration = Duration::from_secs(30);

/// Whether the run of the page stands so.
fn stands(state: &str) -> String {
    format!(
        "document.readyState === 'complete' && document.getElementById('state')?.textContent === '{state}' \
         && location.pathname.startsWith('/runs/')"
    )
}

/// Presses a button of a run, and the one on the page that asks whether that is meant.
async fn act(page: &Page, what: &str) {
    page.leads_on(page.click(&format!("#acts a[href$='/{what}']"))).await;
    page.leads_on(page.click("main form button:not(.plain)")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_is_asked_for_seen_and_done() {
    let stage = Stage::idle().await;
    let (_, commits) = stage.repository("shop", SHOP);
    let page = stage.window_of("mona").await;
    page.open("/").await;
    page.leads_on(page.click("nav a[href='/deploy']")).await;
    page.choose("select[name='place']", "shop/staging").await;
    page.write("input[name='ref']", "main").await;
    page.leads_on(page.press("Enter")).await;
    // what would happen, and nothing has yet
    let head = &commits[4][..8];
    assert!(page.text("main").await.contains(head));
    assert_eq!(stage.chima(&["runs"]).await.lines().count(), 1);
    page.leads_on(page.click("#deploy button")).await;
    page.wait_until(&stands("succeeded")).await;
    assert!(page.text("#log").await.contains("Live."));
    told(&stage, &[("staging", &commits[4])]).await;
}

/// What GitHub knows of the shop's deployments, oldest first: where to, and which commit.
fn deployed(stage: &Stage) -> Vec<(String, String)> {
    stage.installation.github.read(|world| {
        let repository = world.repository("octo/shop").expect("it is there");
        let deployments = repository.deployments.iter();
        deployments
            .map(|one| (one.environment.clone(), one.sha.clone()))
            .collect()
    })
}

/// Waits until GitHub has heard that the newest of these, and they are all, has succeeded.
async fn told(stage: &Stage, expected: &[(&str, &str)]) {
    let all: Vec<(String, String)> = expected
        .iter()
        .map(|(to, sha)| ((*to).to_owned(), (*sha).to_owned()))
        .collect();
    assert_eq!(deployed(stage), all);
    eventually("GitHub hears of the end", || {
        stage.installation.github.read(|world| {
            let repository = world.repository("octo/shop").expect("it is there");
            let newest = repository.deployments.last().expect("there is one");
            (newest.state() == Some("success")).then_some(())
        })
    })
    .await;
}

/// Loads a page until something is on it.
async fn open_until(page: &Page, path: &str, selector: &str) {
    let begun = Instant::now();
    page.open(path).await;
    while page.count(selector).await == 0 {
        assert!(begun.elapsed() < SOON, "never on {path}: {selector}");
        page.open(path).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_is_promoted_and_rolled_back() {
    let mut stage = Stage::idle().await;
    let (_, commits) = stage.repository("shop", SHOP);
    let (old, new) = (commits[1].clone(), commits[4].clone());
    stage.deploy("old", "shop", "staging", &old, "mona", "succeeded").await;
    stage
        .deploy("new", "shop", "production", "main", "mona", "succeeded")
        .await;
    let page = stage.window_of("mona").await;
    page.open(&format!("/runs/{}", stage.run("new"))).await;
    page.leads_on(page.click("#acts a[href$='/promote']")).await;
    assert_eq!(page.text("h1").await, "Promote to staging?");
    // to be asked changes nothing, and whoever leaves it is back
    page.leads_on(page.click("main form a.button.plain[href^='/runs/']"))
        .await;
    assert_eq!(deployed(&stage).len(), 2);
    act(&page, "promote").await;
    page.wait_until(&stands("succeeded")).await;
    assert!(page.text("h1").await.contains("to staging"));
    let mut expected = vec![("staging", old.as_str()), ("production", &new), ("staging", &new)];
    told(&stage, &expected).await;
    page.leads_on(page.click("#acts a[href$='/rollback']")).await;
    let asked = page.text("main").await;
    assert!(asked.contains(&format!("Roll back to {}", &old[..8])), "{asked}");
    page.leads_on(page.click("main form button.danger")).await;
    page.wait_until(&stands("succeeded")).await;
    expected.push(("staging", &old));
    told(&stage, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_worked_on_again_once_the_configuration_is_mended() {
    let stage = Stage::idle().await;
    let (_, commits) = stage.repository("shop", SHOP);
    let request = DeploymentRequest {
        app: Some("release-bot".to_owned()),
        ..DeploymentRequest::to("staging").of("main")
    };
    let asked = stage.installation.github.deploy("octo/shop", request).await;
    asked.expect("GitHub agrees");
    let page = stage.window_of("mona").await;
    // what became of it is there as soon as it was looked at
    let ignored = "/deliveries?event=deployment&disposition=ignored";
    open_until(&page, ignored, "main tbody a").await;
    page.leads_on(page.click("main tbody a")).await;
    assert!(page.text("main").await.contains("release-bot"));
    let path = page.evaluate("location.pathname").await;
    let path = path.as_str().expect("a path").to_owned();
    let file = stage.installation.path("app.yaml");
    let config = std::fs::read_to_string(file).expect("it is there");
    let mended = config.replacen("github:\n", "github:\n  known_apps: [release-bot]\n", 1);
    stage.installation.write("app.yaml", &mended);
    stage.server.signal(Signal::HUP);
    eventually("a word about the configuration", || {
        stage
            .server
            .stderr()
            .contains("the configuration was read again")
            .then_some(())
    })
    .await;
    page.leads_on(page.click("form[action$='/replay'] button")).await;
    page.wait_for_path(&path).await;
    let run = "main dl a[href^='/runs/']";
    open_until(&page, &path, run).await;
    assert_eq!(page.count("form[action$='/replay']").await, 0, "it has had its effect");
    page.leads_on(page.click(run)).await;
    page.wait_until(&stands("succeeded")).await;
    told(&stage, &[("staging", &commits[4])]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_elsewhere_is_ended() {
    let stage = Stage::idle().await;
    stage.repository("shop", SHOP);
    let (page, other) = (stage.window_of("mona").await, stage.window_of("mona").await);
    page.leads_on(page.click("header .who a")).await;
    assert_eq!(page.text("h1").await, "Where you are signed in");
    assert!(page.text("main tbody").await.contains("Chrome on Linux"));
    page.leads_on(page.click("main tbody form button")).await;
    assert_eq!(
        (page.count("main tbody tr").await, page.count("main form").await),
        (1, 0)
    );
    other.open("/queue").await;
    assert_eq!(other.count("header form.who").await, 0, "nobody is signed in there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_cancelled_and_tried_again() {
    let stage = Stage::busy().await;
    let page = stage.window_of("mona").await;
    page.open(&format!("/runs/{}", stage.run("live"))).await;
    act(&page, "cancel").await;
    page.wait_until(&stands("cancelled")).await;
    page.open(&format!("/runs/{}", stage.run("bad"))).await;
    act(&page, "retry").await;
    // the same commit fails again, as another run
    page.wait_until(&stands("failed")).await;
    let path = page.evaluate("location.pathname").await;
    assert_ne!(path, format!("/runs/{}", stage.run("bad")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_is_locked_and_unlocked() {
    let stage = Stage::idle().await;
    stage.repository("shop", SHOP);
    let page = stage.window_of("mona").await;
    page.open("/queue").await;
    page.choose("select[name='place']", "shop/staging").await;
    page.write("form[action='/locks'] input[name='reason']", "a demonstration")
        .await;
    page.leads_on(page.press("Enter")).await;
    page.wait_until("location.pathname === '/queue' && document.querySelector('form[action$=\"/unlock\"]') !== null")
        .await;
    let held = stage.chima(&["locks"]).await;
    assert!(held.contains("mona") && held.contains("a demonstration"), "{held}");
    page.leads_on(page.click("form[action$='/unlock'] button")).await;
    page.wait_until("location.pathname === '/queue' && document.querySelector('form[action$=\"/unlock\"]') === null")
        .await;
    assert_eq!(stage.chima(&["locks"]).await, "nothing is locked\n");
}
