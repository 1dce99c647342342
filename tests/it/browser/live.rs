//! A log that grows while somebody looks at it.

use std::time::Duration;

use crate::browser::Page;
use crate::browser::stage::Stage;
use crate::process::installation::Installation;

/// The page as it is made for a run that is over.
const ENDED: &str =
    "document.readyState === 'complete' && document.getElementById('state')?.textContent === 'succeeded'
  && !document.getElementById('follow')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_followed_from_its_first_line_to_the_end_of_its_run() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = installation.deploy("printing", "staging").await;
    let run = installation.noted(deployment, "start").await.field("run").to_owned();
    let page = Page::new(&format!("http://127.0.0.1:{}", installation.port)).await;
    page.open(&format!("/runs/{run}")).await;
    page.wait_until("document.getElementById('state').textContent === 'running'")
        .await;
    let mut all = String::new();
    for word in ["first", "second", "third"] {
        installation.print(word, format!("the {word} line\n").as_bytes());
        all.push_str(&format!("the {word} line\n"));
        let there = format!(
            "document.getElementById('log').textContent.endsWith({})",
            serde_json::json!(all)
        );
        page.wait_until(&there).await;
    }
    installation.open_gate(deployment);
    page.wait_until(ENDED).await;
    assert!(page.text("#log").await.contains("the third line"));
    assert_eq!(
        installation.concluded(deployment, Duration::from_secs(20)).await,
        "success"
    );
    drop(page);
    server.stop(Duration::from_secs(10)).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_in_the_lane_begins_before_the_eyes_of_whoever_looks() {
    let stage = Stage::busy().await;
    let page = stage.window().await;
    page.open(&format!("/runs/{}", stage.run("next"))).await;
    assert_eq!(page.text("#state").await, "queued");
    stage.open("api-staging");
    page.wait_until(ENDED).await;
    assert!(page.text("#log").await.contains("Live."));
}
