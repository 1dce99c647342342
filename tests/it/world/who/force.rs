//! Force: for admins only, past red contexts and the lock of somebody else, and recorded wherever people look.

use chima::domain::run::RunState;
use chima::domain::timeline::RunEvent;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::request;
use crate::world::setup::Setup;
use crate::world::stage::{CHAT_TOKEN, SITE, World};

/// `ci` is required and red; `mona`, who is called `mona.l` in chat, may force.
fn red() -> Setup {
    World::setup()
        .people("{ mona: { chat: [mona.l] } }")
        .required("[ci]")
        .with_more("admins: [mona]")
}

async fn in_red(setup: Setup) -> World {
    let world = setup.start().await;
    world
        .github
        .repository(SITE)
        .status(&world.commits[0].1, "ci", "failure");
    world
}

/// What an answer offers last: the way past everything stands behind the others.
fn last_offer(answer: &Value) -> Option<&Value> {
    answer["offers"].as_array()?.last()
}

#[tokio::test]
async fn an_admin_deploys_past_red_contexts_and_everybody_sees_it() {
    let world = in_red(red()).await;
    assert_snapshot!(world.said_by("mona.l", "deployment", "deploy! site to staging").await, @r#"
    deployment <1> of `main` at <one> to `staging` of `site`, asked for by @mona
    nothing was deployed there before
    "#);
    world.settle_all().await;
    let run = world.only_run().await;
    assert_eq!(run.state, RunState::Succeeded);
    assert_snapshot!(world.told(run.deployment.0).await, @"success: deployed <one> (main) to staging in 0 s, forced by @mona past: `ci` failed");
    assert_snapshot!(world.chat().await, @"succeeded: deploy `site` to `staging` (`octo/site` at <one> (main), asked for by @mona, forced by @mona past: `ci` failed, took 0 s) <chima>/runs/<run 1>");
    let (text, _) = world.decided(run.deployment.0).await;
    let told = text
        .lines()
        .filter(|line| line.contains("force") || line.contains("contexts"));
    assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @"
    passed    required_contexts  found 0 green, 0 pending, 1 failed, and passed by force, wanted green: ci
    passed    force              found mona (proven), wanted one of mona
    ");
    assert!(
        world
            .run_page(run.deployment.0)
            .await
            .contains("forced by @mona past: <code>ci</code> failed")
    );
    let events = world.engine.store.events(run.id).await.unwrap();
    assert_eq!(
        events
            .iter()
            .filter(|(_, event)| matches!(event, RunEvent::Forced(_)))
            .count(),
        1
    );
    let status = world.said_by("lisa", "deployment", "why site staging").await;
    assert!(status.contains("forced by @mona past: `ci` failed"), "{status}");
    let (description, payload) = world.shown_on_github().remove(0);
    assert_eq!(description.as_deref(), Some("asked for by @mona"));
    assert_eq!(payload["force"], json!(true));
    world.end().await;
}

#[tokio::test]
async fn nobody_else_forces_and_hears_who_may() {
    let world = in_red(red()).await;
    let lisa = world.said_by("lisa", "deployment", "deploy! site to staging").await;
    assert_snapshot!(lisa, @"@lisa (`chat:lisa`) may not force it; admins: `mona`; ask without `!`, or ask an admin; an operator names those who may force with `admins` [force_not_allowed]");
    let impostor = world.said_by("mona", "deployment", "deploy! site to staging").await;
    assert!(impostor.ends_with("[force_not_allowed]"), "{impostor}");
    assert_eq!(world.shown_on_github(), []);
    world.end().await;
    let nobody = World::new().await;
    assert_snapshot!(nobody.said_by("mona", "deployment", "deploy! site to staging").await, @"@mona (`chat:mona`) may not force it, and nobody may: no `admins` are named; ask without `!`, or ask an admin; an operator names those who may force with `admins` [force_not_allowed]");
    nobody.end().await;
}

#[tokio::test]
async fn what_a_payload_says_forces_nothing() {
    let world = in_red(red()).await;
    world.said_by("mona.l", "deployment", "deploy! site to staging").await;
    world.settle_all().await;
    let (_, proven) = world.shown_on_github().remove(0);
    let mut ids = Vec::new();
    for payload in [
        json!({"actor": "mona", "force": true}),
        json!({"notify": {"user_name": "mona"}, "force": true, "auto_merge": false, "required_contexts": []}),
        proven,
    ] {
        // not even an admin's own deployment: GitHub knows no force, and neither does a payload
        for creator in ["lisa", "mona", "chima-bot"] {
            ids.push(world.ask(request(creator, payload.clone())).await);
        }
    }
    world.settle_all().await;
    for id in ids {
        assert_eq!(world.code(id).await, "required_context_failed");
    }
    assert_eq!(world.journal().len(), 2);
    world.end().await;
}

#[tokio::test]
async fn a_lock_in_the_way_is_offered_to_be_passed_to_those_who_may() {
    let world = World::setup()
        .people("{ mona: { chat: [mona.l] } }")
        .with("admins: [mona]")
        .start()
        .await;
    world
        .said_by("lisa", "deployment", "lock site staging: the database moves")
        .await;
    world.settle_all().await;
    let say = |user: &str, text: &str| json!({"user": user, "room": "deployment", "text": text});
    let of_mona = world
        .said_with(CHAT_TOKEN, &say("mona.l", "deploy site/main to staging"))
        .await
        .1;
    assert_eq!(of_mona["reason"], "locked");
    assert_eq!(
        last_offer(&of_mona),
        Some(&json!({"label": "Deploy anyway", "text": "deploy! site/main to staging"}))
    );
    let of_other = world
        .said_with(CHAT_TOKEN, &say("otto", "deploy site/main to staging"))
        .await
        .1;
    assert_eq!(of_other["reason"], "locked");
    assert_ne!(last_offer(&of_other).unwrap()["label"], "Deploy anyway");
    let text = of_other["text"].as_str().unwrap();
    assert!(
        text.ends_with("; `mona` may deploy all the same, with `deploy!`"),
        "{text}"
    );
    // pressing the button is saying it
    world
        .said_by("mona.l", "deployment", "deploy! site/main to staging")
        .await;
    world.settle_all().await;
    let run = world.only_run().await;
    assert_eq!(run.state, RunState::Succeeded);
    assert_snapshot!(world.told(run.deployment.0).await, @"success: deployed <one> (main) to staging in 0 s, forced by @mona past: the lock of @lisa");
    assert_eq!(
        world.engine.store.locks(world.engine.now()).await.unwrap().len(),
        1,
        "the lock stays"
    );
    world.end().await;
}

#[tokio::test]
async fn what_red_contexts_refused_is_offered_to_be_forced_by_those_who_may() {
    let world = in_red(red()).await;
    world.said_by("lisa", "deployment", "deploy site to staging").await;
    world.settle_all().await;
    let say = |user: &str| json!({"user": user, "room": "deployment", "text": "why site staging"});
    let of_lisa = world.said_with(CHAT_TOKEN, &say("lisa")).await.1;
    assert_ne!(last_offer(&of_lisa).unwrap()["label"], "Deploy anyway");
    assert!(
        of_lisa["text"]
            .as_str()
            .unwrap()
            .ends_with("\n`mona` may deploy all the same, with `deploy!`"),
        "{of_lisa}"
    );
    let of_mona = world.said_with(CHAT_TOKEN, &say("mona.l")).await.1;
    // exactly what was refused, wherever the branch is by now
    let says = format!("deploy! site/{} to staging", world.commits[0].1);
    assert_eq!(
        last_offer(&of_mona),
        Some(&json!({"label": "Deploy anyway", "text": says}))
    );
    world.said_by("mona.l", "deployment", &says).await;
    world.settle_all().await;
    let runs = world.runs().await;
    assert_eq!(runs.last().unwrap().state, RunState::Succeeded);
    world.end().await;
}

#[tokio::test]
async fn whoever_is_no_admin_any_more_when_it_arrives_is_refused() {
    let mut world = in_red(red()).await;
    world.hook.url("http://127.0.0.1:1/");
    world
        .said_by("mona.l", "deployment", "deploy! site/main to staging")
        .await;
    let app = crate::world::stage::APP.replace("required_contexts: []", "required_contexts: [ci]\nadmins: [lisa]");
    world.restart_with(&app).await;
    let guid = world.github.read(|found| found.deliveries.last().unwrap().guid.clone());
    world.github.redeliver(&guid).await;
    world.settle_all().await;
    let run = world.only_run().await;
    assert_eq!(run.state, RunState::Rejected);
    assert_snapshot!(world.told(run.deployment.0).await, @"error: rejected: @mona may not force it; admins: `lisa`");
    world.end().await;
}

impl World {
    /// The decision about a deployment, as `chima decide` tells it.
    async fn decided(&self, deployment: u64) -> (String, bool) {
        let delivery = self.run(deployment).await.delivery.to_string();
        chima::cli::decide::decide(&self.engine.store, &delivery, false)
            .await
            .unwrap()
    }
}
