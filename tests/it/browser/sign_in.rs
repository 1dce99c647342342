//! In through GitHub, and out again, where the pages are open to the network.

use crate::browser::chromium::ELSEWHERE;
use crate::browser::stage::{SHOP, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_in_sees_what_they_came_for_until_they_sign_out() {
    let mut stage = Stage::at(ELSEWHERE).await;
    stage.repository("shop", SHOP);
    stage
        .deploy("good", "shop", "staging", "main", "mona", "succeeded")
        .await;
    let run = format!("/runs/{}", stage.run("good"));
    let page = stage.window().await;
    page.open(&run).await;
    assert_eq!(page.text("h1").await, "Sign in");
    assert_eq!(page.evaluate("document.body.innerText.includes('shop')").await, false);
    let mut found = page.faults("sign-in").await;
    // at GitHub's own page mona has agreed before
    stage.installation.github.at_browser(Some("mona"));
    page.leads_on(page.click("main a.button")).await;
    page.wait_for_path(&run).await;
    assert!(page.text("header .who").await.contains("mona"));
    assert!(page.text("#log").await.contains("Live."));
    found.extend(page.faults("run-signed-in").await);
    assert!(found.is_empty(), "{}", found.join("\n"));
    page.leads_on(page.click("header .who button")).await;
    page.wait_until("location.pathname === '/sign-in'").await;
    page.open(&run).await;
    assert_eq!(page.text("h1").await, "Sign in");
}
