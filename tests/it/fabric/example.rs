//! `examples/fabric` works as its pages say, through the whole app and over a real connection.

use std::fs;

use chima_simulator::github::deploy::DeploymentRequest;
use serde_json::json;

use crate::tools::example::example;
use crate::tools::stage::Stage;
use crate::tools::tool::Tool;

async fn deploys_twice(tool: &Tool) {
    let mut stage = example(tool, |target, staging| {
        staging["with"]["hosts"] = json!([format!("{}@127.0.0.1:{}", target.server.user(), target.server.port())]);
        staging["env"] = json!({ "EXAMPLE_FOLDER": target.path("site") });
    })
    .await;
    let plan = DeploymentRequest {
        task: "deploy:plan".to_owned(),
        ..DeploymentRequest::to("staging")
    };
    assert_eq!(
        carried_out(&stage, plan).await,
        "planned: deploy <one> (main) to staging in 0 s; nothing was deployed, see the log"
    );
    assert!(!stage.target.path("site").exists());

    let deploy = || DeploymentRequest::to("staging");
    assert_eq!(
        carried_out(&stage, deploy()).await,
        "deployed <one> (main) to staging in 0 s"
    );
    let page = stage.target.read("site/staging/current/index.html").unwrap_or_default();
    assert!(page.contains("Deployed with Fabric."), "{page}");
    assert_eq!(
        carried_out(&stage, deploy()).await,
        "deployed <one> (main) to staging in 0 s"
    );
    assert_eq!(current(&stage).await, ("releases/<one>".to_owned(), 1));

    stage.world.commit("two");
    assert_eq!(
        carried_out(&stage, deploy()).await,
        "deployed <two> (main) to staging in 0 s"
    );
    assert_eq!(current(&stage).await, ("releases/<two>".to_owned(), 2));
    stage.end().await;
}

/// What GitHub shows in the end.
async fn carried_out(stage: &Stage, request: DeploymentRequest) -> String {
    let id = stage.world.ask(request).await;
    stage.world.settle_all().await;
    stage.row("", id).await.description
}

/// The release that is live, and how many there are.
async fn current(stage: &Stage) -> (String, usize) {
    let live = fs::read_link(stage.target.path("site/staging/current")).unwrap();
    let releases = fs::read_dir(stage.target.path("site/staging/releases")).unwrap();
    (stage.redacted(&live.display().to_string()).await, releases.count())
}

#[tokio::test]
async fn the_example_puts_up_releases_with_the_older_one() {
    deploys_twice(&Tool::debian("fabric", "fab")).await;
}

#[tokio::test]
async fn the_example_puts_up_releases_with_the_newer_one() {
    deploys_twice(&Tool::pypi("fabric", "fab")).await;
}
