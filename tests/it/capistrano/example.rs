//! `examples/capistrano` works as its pages say, through the whole app and over a real connection.

use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;
use serde_json::json;

use crate::tools::example::example;
use crate::tools::stage::Stage;
use crate::tools::tool::Tool;

#[tokio::test]
async fn the_example_puts_up_releases_and_goes_back() {
    let mut stage = example(&Tool::debian("capistrano", "cap"), |target, staging| {
        staging["env"] = json!({
            "EXAMPLE_PORT": target.server.port().to_string(),
            "EXAMPLE_USER": target.server.user(),
            "EXAMPLE_FOLDER": target.path("site"),
        });
    })
    .await;
    assert_snapshot!(carried_out(&stage, "deploy:plan").await, @"inactive: planned: deploy <one> (main) to staging in 0 s; nothing was deployed, see the log");
    assert!(!stage.target.path("site").exists());

    assert_snapshot!(carried_out(&stage, "deploy").await, @"success: deployed <one> (main) to staging in 0 s");
    let page = stage.target.read("site/current/index.html").unwrap_or_default();
    assert!(page.contains("Deployed with Capistrano."), "{page}");
    assert_eq!(live(&stage).await, "<one>");

    stage.world.commit("two");
    assert_snapshot!(carried_out(&stage, "deploy").await, @"success: deployed <two> (main) to staging in 0 s");
    assert_eq!(live(&stage).await, "<two>");

    assert_snapshot!(carried_out(&stage, "deploy:rollback").await, @"success: ran `deploy:rollback` of <two> (main) on staging in 0 s");
    assert_eq!(live(&stage).await, "<one>");
    assert_snapshot!(carried_out(&stage, "deploy:rollback").await, @"failure: failure: there is no older release to go back to (step `2: bundle`, code 1) after 0 s");
    stage.end().await;
}

/// How a deployment ended.
async fn carried_out(stage: &Stage, task: &str) -> String {
    let request = DeploymentRequest {
        task: task.to_owned(),
        ..DeploymentRequest::to("staging")
    };
    let id = stage.world.ask(request).await;
    stage.world.settle_all().await;
    let row = stage.row("staging", id).await;
    format!("{}: {}", row.state, row.description)
}

/// The commit of the live release, as Capistrano writes it down.
async fn live(stage: &Stage) -> String {
    let revision = stage.target.read("site/current/REVISION").unwrap_or_default();
    stage.redacted(revision.trim()).await
}
