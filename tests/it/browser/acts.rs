//! What people do on the pages, with mouse and keyboard, and what becomes of it.

use crate::browser::page::Page;
use crate::browser::stage::{SHOP, Stage};

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
    let told = stage.installation.github.read(|world| {
        let repository = world.repository("octo/shop").expect("it is there");
        let deployments = repository.deployments.iter();
        deployments
            .map(|one| (one.sha.clone(), one.state().map(str::to_owned)))
            .collect::<Vec<_>>()
    });
    assert_eq!(told, [(commits[4].clone(), Some("success".to_owned()))]);
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
