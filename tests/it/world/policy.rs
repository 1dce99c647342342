//! The policy through the whole flow: what people are told, and what never starts.

use chima::domain::run::RunState;
use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::github::world::Workflow;
use insta::assert_snapshot;
use serde_json::json;

use crate::world::ending::Left;
use crate::world::stage::{APP, SITE, World};

#[tokio::test]
async fn deployments_of_others_are_left_alone_without_a_status() {
    let world = World::new().await;
    let workflow = DeploymentRequest {
        workflow: Workflow::Run {
            name: "pages".to_owned(),
        },
        ..DeploymentRequest::to("production")
    };
    let through_app = DeploymentRequest {
        app: Some("some-pages".to_owned()),
        ..DeploymentRequest::to("production")
    };
    let by_bot = DeploymentRequest {
        creator: Some("some-pages[bot]".to_owned()),
        ..DeploymentRequest::to("github-pages")
    };
    for request in [workflow, through_app, by_bot] {
        let id = world.ask(request).await;
        world.settle().await;
        assert_eq!(world.states(id), Vec::<String>::new());
    }
    assert_eq!((world.runs().await, world.slack.messages()), (vec![], vec![]));
    assert!(world.github.requests().is_empty(), "GitHub was not even asked");
    world.end().await;
}

#[tokio::test]
async fn a_repository_that_is_not_configured_is_ignored() {
    let world = World::new().await;
    world.github.repository("octo/other");
    let deployed = world
        .github
        .deploy("octo/other", DeploymentRequest::default())
        .await
        .unwrap();
    assert_eq!(deployed.deliveries[0].status, 202);
    world.settle().await;
    let parcel = world.parcel(&deployed.deliveries[0].guid);
    assert_eq!(world.disposition(&parcel).await, "ignored");
    assert_eq!(world.github.statuses("octo/other", deployed.id), []);
    world.end().await;
}

#[tokio::test]
async fn an_unknown_environment_is_rejected_with_the_known_ones_named() {
    let world = World::new().await;
    let id = world.deploy("prod").await;
    world.settle().await;
    assert_snapshot!(world.told(id).await, @"error: rejected: environment `prod` is not configured; configured: `production`, `staging`");
    assert_snapshot!(world.chat().await, @"rejected: deploy `octo/site` to `prod`: environment `prod` is not configured; configured: `production`, `staging`; ask again with a configured one, or have an operator add it under `environments` (`octo/site` at <one> (main), asked for by @mona) <chima>/runs/<run 1>");
    assert_eq!(world.journal(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn an_environment_may_be_spelled_in_another_case() {
    let world = World::new().await;
    let id = world.deploy("Production").await;
    world.settle().await;
    assert_eq!(world.journal()[0], format!("begin production {id}"));
    world.end().await;
}

#[tokio::test]
async fn a_task_that_is_not_allowed_is_rejected_and_an_allowed_one_runs() {
    let world = World::setup().with("tasks: [deploy, 'deploy:migrate']").start().await;
    let task = |name: &str| DeploymentRequest {
        task: name.to_owned(),
        ..DeploymentRequest::to("staging")
    };
    let refused = world.ask(task("deploy:seed")).await;
    let allowed = world.ask(task("deploy:migrate")).await;
    world.settle().await;
    assert_snapshot!(world.told(refused).await, @"error: rejected: task `deploy:seed` is not allowed; allowed: `deploy`, `deploy:migrate`");
    assert_snapshot!(world.told(allowed).await, @"success: ran `deploy:migrate` of <one> (main) on staging in 0 s");
    world.end().await;
}

#[tokio::test]
async fn a_room_that_may_not_deploy_is_told_so_and_an_allowed_one_may() {
    let world = World::setup().with("allowed_rooms: [deployment]").start().await;
    let room = |name: &str| DeploymentRequest {
        payload: json!({"notify": {"room": name, "user_name": "mona"}}),
        ..DeploymentRequest::to("staging")
    };
    let refused = world.ask(room("random")).await;
    let allowed = world.ask(room("#Deployment")).await;
    let nowhere = world.deploy("production").await;
    world.settle().await;
    assert_snapshot!(world.told(refused).await, @"error: rejected: room `random` may not deploy this; allowed: `deployment`");
    assert_snapshot!(world.chat().await.lines().next().unwrap(), @"rejected: deploy `site` to `staging`: room `random` may not deploy this; allowed: `deployment`; ask again from an allowed room, or have an operator add this one to `allowed_rooms` (`octo/site` at <one> (main), asked for by @mona) <chima>/runs/<run 1>");
    assert_eq!(
        [world.state(allowed).await, world.state(nowhere).await],
        [RunState::Succeeded; 2]
    );
    world.end().await;
}

#[tokio::test]
async fn hosts_may_be_narrowed_and_never_widened() {
    let app = APP.replace("required_contexts: []", "required_contexts: []\nhosts: [web1, web2]");
    let world = World::setup()
        .app(&app)
        .script("#!/bin/sh\necho \"hosts $CHIMA_HOSTS\"\n")
        .start()
        .await;
    let hosts = |hosts: serde_json::Value| DeploymentRequest {
        payload: json!({ "hosts": hosts }),
        ..DeploymentRequest::to("staging")
    };
    let narrowed = world.ask(hosts(json!("web2"))).await;
    let widened = world.ask(hosts(json!(["web1", "db1"]))).await;
    let odd = world.ask(hosts(json!("web1;id"))).await;
    world.settle().await;
    assert!(world.log(narrowed).await.contains("\nhosts web2\n"));
    assert_snapshot!(world.told(widened).await, @"error: rejected: host `db1` is not declared; declared: `web1`, `web2`");
    assert_snapshot!(world.told(odd).await, @"error: rejected: `web1;id` is not a host name; expected 1 to 253 letters, digits, `.`, `_` and `-`, starting with a letter or digit");
    world.end().await;
}

#[tokio::test]
async fn everything_that_is_against_a_deployment_is_on_its_page() {
    let world = World::setup().with("allowed_rooms: [deployment]").start().await;
    let request = DeploymentRequest {
        task: "deploy:seed".to_owned(),
        payload: json!({"notify": {"room": "random"}}),
        ..DeploymentRequest::to("staging")
    };
    let id = world.ask(request).await;
    world.settle().await;
    let page = world.run_page(id).await;
    for text in ["deploy:seed", "random", "one of deployment", "rejected"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_deployment_by_a_deleted_account_is_told_like_any_other() {
    let world = World::new().await;
    let request = DeploymentRequest {
        creator: None,
        ..DeploymentRequest::to("staging")
    };
    let id = world.ask(request).await;
    world.settle().await;
    assert_eq!(world.latest(id).state, "success");
    assert!(world.run_page(id).await.contains("unknown"));
    world.end().await;
}

#[tokio::test]
async fn an_environment_that_goes_away_ends_what_was_held_for_it() {
    let mut world = World::setup().required("[ci]").start().await;
    let held = world.deploy("production").await;
    world.settle().await;
    assert_eq!(world.state(held).await, RunState::Held);
    world
        .restart_with(&APP.replace("  production: { url: 'https://site.example.com' }\n", ""))
        .await;
    world.pass(std::time::Duration::from_secs(61)).await;
    assert_snapshot!(world.told(held).await, @"
    pending: held: waiting for `ci` (missing)
    error: rejected: environment `production` is not configured; configured: `staging`
    ");
    world.end_with(Left::default()).await;
}

#[tokio::test]
async fn an_environment_that_goes_away_ends_what_was_queued_for_it() {
    let mut world = World::new().await;
    let queued = world.deploy("production").await;
    world.intake().await;
    world
        .restart_with(&APP.replace("  production: { url: 'https://site.example.com' }\n", ""))
        .await;
    world.settle().await;
    assert_snapshot!(world.told(queued).await, @"error: error: the configuration changed while it waited: `production` of `octo/site` is not configured any more");
    assert_eq!(world.github.statuses(SITE, queued).last().unwrap().state, "error");
    world.end().await;
}
