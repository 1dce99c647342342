//! Values of a request that try to become something else: refused, or as inert as any other text.

mod corpus;
mod repositories;
mod tools;

use chima::domain::run::RunState;
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;
use serde_json::json;

use crate::world::environment::{RECORDED, RECORDER};
use crate::world::stage::{SITE, World};

/// Whatever runs one of these leaves a canary.
fn hostile(world: &World) -> Vec<String> {
    let canary = world.path("canary").display().to_string();
    [
        "$(touch CANARY)",
        "`touch CANARY`",
        "x; touch CANARY",
        "x && touch CANARY",
        "x|touch CANARY",
        "x\ntouch CANARY",
        "-e touch CANARY",
        "--upload-pack=touch CANARY",
        "-oProxyCommand=touch CANARY",
        "{{ lookup('pipe','touch CANARY') }}",
        "x\"; touch CANARY; \"",
        "x'; touch CANARY; '",
        "../../../CANARY",
        "x\u{0}y",
        "x\u{202e}y",
        "<script>touch CANARY</script>",
        "<!channel>",
    ]
    .iter()
    .map(|text| text.replace("CANARY", &canary))
    .collect()
}

async fn world() -> World {
    World::setup().app(RECORDED).script(RECORDER).start().await
}

async fn nothing_ran(world: &World) {
    world.settle_all().await;
    assert!(!world.path("canary").exists());
    assert!(!world.path("argv").exists());
    for run in world.runs().await {
        assert_eq!(run.state, RunState::Rejected, "{run:#?}");
        let page = world.page(&format!("/runs/{}", run.id)).await;
        assert!(!page.contains("<script>touch") && !page.contains('\u{202e}'));
    }
    for message in world.slack.messages() {
        assert!(!message.text.contains("<!channel>") && !message.blocks.to_string().contains("<!channel>"));
    }
}

#[tokio::test]
async fn a_hostile_environment_is_rejected() {
    let world = world().await;
    for value in hostile(&world) {
        world.deploy(&value).await;
    }
    nothing_ran(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_hostile_task_is_rejected() {
    let world = world().await;
    for value in hostile(&world).into_iter().chain(["BRANCH=zzz".to_owned()]) {
        let request = DeploymentRequest {
            task: value,
            ..DeploymentRequest::to("staging")
        };
        world.ask(request).await;
    }
    nothing_ran(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_hostile_ref_is_rejected() {
    let world = world().await;
    for value in hostile(&world) {
        world.github.repository(SITE).branch(&value, &world.commits[0].1);
        world.ask(DeploymentRequest::to("staging").of(&value)).await;
    }
    nothing_ran(&world).await;
    world.end().await;
}

#[tokio::test]
async fn hostile_hosts_are_rejected() {
    let world = world().await;
    for value in hostile(&world) {
        let request = DeploymentRequest {
            payload: json!({ "hosts": [value] }),
            ..DeploymentRequest::to("staging")
        };
        world.ask(request).await;
    }
    nothing_ran(&world).await;
    world.end().await;
}

#[tokio::test]
async fn people_read_a_hostile_value_without_its_teeth() {
    let world = world().await;
    let id = world.deploy("a\u{1b}[31m`x`\u{202e}<script>").await;
    world.settle().await;
    assert_snapshot!(world.told(id).await, @r##"error: rejected: `a\u{1b}[31m'x'\u{202e}<script>` is not an environment name; expected one of eu west/1, staging"##);
    assert_snapshot!(world.chat().await, @r##"rejected: deploy `octo/site` to `a\u{1b}[31m'x'\u{202e}&lt;script&gt;`: `a\u{1b}[31m'x'\u{202e}&lt;script&gt;` is not an environment name; expected one of eu west/1, staging; ask again with a configured environment (`octo/site` at <one> (main), asked for by @mona) <chima>/runs/<run 1>"##);
    world.end().await;
}

#[tokio::test]
async fn odd_but_honest_refs_arrive_byte_for_byte() {
    let world = world().await;
    for odd in [
        "feature/x#42",
        "v1.2.3+build=7,a",
        "dependabot/npm/@babel/core-7.1",
        "_x",
    ] {
        world.github.repository(SITE).branch(odd, &world.commits[0].1);
        let id = world.ask(DeploymentRequest::to("staging").of(odd)).await;
        world.settle_all().await;
        assert_eq!(world.state(id).await, RunState::Succeeded);
        assert_eq!(world.recorded("argv")[1], odd);
        assert!(world.recorded("environ").contains(&format!("BRANCH={odd}")));
    }
    world.end().await;
}

#[tokio::test]
async fn a_payload_chooses_no_command_provider_variable_or_folder() {
    let world = world().await;
    let canary = world.path("canary").display().to_string();
    let payloads = [
        json!({"command": ["touch", canary], "provider": "shell", "with": {"command": ["touch", canary]}}),
        json!({"env": {"JOURNAL": "/nonexistent", "PATH": "/nonexistent"}, "folder": "/", "script": canary}),
        json!(format!("{{\"command\": [\"touch\", \"{canary}\"]}}")),
        json!(format!("touch {canary}")),
        json!([1, 2, {"hosts": "web9"}]),
        json!({"notify": "not an object", "hosts": null, "actor": {"x": 1}}),
    ];
    for payload in payloads {
        let request = DeploymentRequest {
            payload: payload.clone(),
            ..DeploymentRequest::to("staging")
        };
        let id = world.ask(request).await;
        world.settle_all().await;
        assert_eq!(world.state(id).await, RunState::Succeeded, "{payload}");
        assert_eq!(world.recorded("argv"), ["staging", "main", "deploy", ""]);
    }
    assert!(!world.path("canary").exists());
    world.end().await;
}
