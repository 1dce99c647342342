//! `examples/shell` works as its page says: the app of its `app.yaml`, as it stands but for the folder it deploys to.

use std::fs;

use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::docs::root;
use crate::world::stage::World;

async fn example() -> World {
    let folder = root().join("examples/shell");
    let mut file: Value = serde_yaml::from_str(&fs::read_to_string(folder.join("app.yaml")).unwrap()).unwrap();
    let mut app = file["apps"]["website"].take();
    app["env"]["SITE_ROOT"] = json!("{folder}/srv");
    app["env"]["RELEASES_TO_KEEP"] = json!("1");
    let keys = app.as_object().unwrap().iter().filter(|(key, _)| *key != "repository");
    let lines: Vec<String> = keys.map(|(key, value)| format!("{key}: {value}")).collect();
    let setup = World::setup().app(&lines.join("\n")).project(&folder.join("project"));
    setup.start().await
}

#[tokio::test]
async fn the_example_puts_up_releases_and_its_plan_only_talks() {
    let mut world = example().await;
    let plan = DeploymentRequest {
        task: "deploy:plan".to_owned(),
        ..DeploymentRequest::to("staging")
    };
    let plan = world.ask(plan).await;
    world.settle_all().await;
    assert_snapshot!(world.redacted(&world.latest(plan).description).await, @"planned: deploy <one> (main) to staging in 0 s; nothing was deployed, see the log");
    assert!(world.log(plan).await.contains("would put "));
    assert!(!world.path("srv").exists());

    for (name, again) in [("one", false), ("one", true), ("two", false)] {
        if name == "two" {
            world.commit("two");
        }
        let id = world.deploy("staging").await;
        world.settle_all().await;
        assert_eq!(
            world.latest(id).state,
            "success",
            "{name} {again}: {}",
            world.log(id).await
        );
        let site = world.path("srv/staging");
        let live = fs::read_to_string(site.join("current/revision.txt")).unwrap();
        assert_eq!(live.trim(), world.run(id).await.sha);
        assert_eq!(fs::read_dir(site.join("releases")).unwrap().count(), 1, "one is kept");
    }
    world.end().await;
}
