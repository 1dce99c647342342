//! Who may do what, through the whole flow: what people are told, and what never starts.

mod force;

use std::time::Duration;

use chima::domain::run::{Run, RunState};
use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::world::ending::Left;
use crate::world::setup::Setup;
use crate::world::stage::{CHAT_TOKEN, SITE, World};
use crate::world::steps::PATIENCE;

/// As whom Chima makes deployments in these worlds.
const OURSELVES: &str = "chima-bot";

impl World {
    /// What somebody says in a room; the answer with its code.
    pub async fn said_by(&self, user: &str, room: &str, text: &str) -> String {
        let body = json!({"user": user, "room": room, "text": text});
        let (status, answer) = self.said_with(CHAT_TOKEN, &body).await;
        assert_eq!(status, 200, "{answer}");
        self.github.wait_for_deliveries(PATIENCE).await.unwrap();
        let code = answer["reason"].as_str().map(|code| format!(" [{code}]"));
        let text = format!("{}{}", answer["text"].as_str().unwrap(), code.unwrap_or_default());
        self.redacted(&text).await
    }

    /// What GitHub shows of the deployments: description and payload.
    fn shown_on_github(&self) -> Vec<(Option<String>, Value)> {
        self.github.read(|world| {
            let made = world.repository(SITE).unwrap().deployments.iter();
            made.map(|one| (one.description.clone(), one.payload.clone())).collect()
        })
    }

    async fn only_run(&self) -> Run {
        let mut runs = self.runs().await;
        assert_eq!(runs.len(), 1, "{runs:#?}");
        runs.remove(0)
    }
}

/// `mona`, who is called `mona.l` in chat, may deploy.
fn for_mona() -> Setup {
    World::setup()
        .people("{ mona: { chat: [mona.l] } }")
        .with("deployers: [mona]")
}

fn request(creator: &str, payload: Value) -> DeploymentRequest {
    DeploymentRequest {
        creator: Some(creator.to_owned()),
        payload,
        ..DeploymentRequest::to("staging")
    }
}

#[tokio::test]
async fn where_nobody_is_named_anybody_in_an_allowed_room_deploys() {
    let world = World::setup().with("allowed_rooms: [deployment]").start().await;
    let refused = world
        .said_by("Lisa from sales", "random", "deploy site to staging")
        .await;
    assert_snapshot!(refused, @"room `random` may not deploy this; allowed: `deployment`; ask again from an allowed room, or have an operator add this one to `allowed_rooms` [room_not_allowed]");
    let nowhere = world.said_by("Lisa from sales", "", "deploy site to staging").await;
    assert!(nowhere.ends_with("[room_not_allowed]"), "{nowhere}");
    let done = world
        .said_by("Lisa from sales", "#deployment", "deploy site to staging")
        .await;
    assert_snapshot!(done, @r#"
    deployment <1> of `main` at <one> to `staging` of `site`, asked for by Lisa from sales
    nothing was deployed there before
    "#);
    world.settle_all().await;
    let run = world.only_run().await;
    assert_eq!(
        (run.state, run.requester.as_deref()),
        (RunState::Succeeded, Some("Lisa from sales"))
    );
    assert_eq!(
        world.shown_on_github()[0].0.as_deref(),
        Some("asked for by Lisa from sales")
    );
    world.end().await;
}

#[tokio::test]
async fn somebody_who_is_linked_asks_as_their_login_and_others_do_not() {
    let world = for_mona().start().await;
    // a name in a chat can be anybody's
    let impostor = world.said_by("mona", "deployment", "deploy site to staging").await;
    assert_snapshot!(impostor, @"@mona (`chat:mona`) is none of those who may deploy this: `mona`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people` [deployer_not_allowed]");
    assert_eq!(world.shown_on_github(), []);
    let mona = world.said_by("mona.l", "deployment", "deploy site to staging").await;
    assert_snapshot!(mona, @r#"
    deployment <1> of `main` at <one> to `staging` of `site`, asked for by @mona
    nothing was deployed there before
    "#);
    world.settle_all().await;
    let run = world.only_run().await;
    assert_eq!(
        (run.state, run.requester.as_deref()),
        (RunState::Succeeded, Some("mona"))
    );
    let (description, payload) = world.shown_on_github().remove(0);
    assert_eq!(description.as_deref(), Some("asked for by @mona"));
    assert_eq!((&payload["actor"], &payload["via"]), (&json!("mona"), &json!("chat")));
    // on GitHub, her login is enough
    let own = world.ask(request("Mona", json!({}))).await;
    let of_lisa = world.ask(request("lisa", json!({"actor": "mona"}))).await;
    world.settle_all().await;
    assert_eq!(world.state(own).await, RunState::Succeeded);
    assert_snapshot!(world.told(of_lisa).await, @"error: rejected: @lisa is none of those who may deploy this: `mona`");
    assert_eq!(world.journal().len(), 4);
    world.end().await;
}

#[tokio::test]
async fn a_forged_payload_and_a_copied_nonce_prove_nothing() {
    let world = for_mona().start().await;
    world.said_by("mona.l", "deployment", "deploy site to staging").await;
    world.settle_all().await;
    let (_, proven) = world.shown_on_github().remove(0);
    assert!(proven["nonce"].is_string(), "{proven}");
    let forged = json!({"actor": "mona", "via": "chat", "force": true, "nonce": "01JFORGED",
        "notify": {"user_name": "mona", "user": "mona", "adapter": "bridge"}});
    let mut refused = Vec::new();
    for payload in [forged, proven] {
        // in her own name, and with the token that we have ourselves
        for creator in ["lisa", OURSELVES] {
            refused.push(world.ask(request(creator, payload.clone())).await);
        }
    }
    world.settle_all().await;
    for id in refused {
        assert_eq!(
            (world.state(id).await, world.code(id).await),
            (RunState::Rejected, "deployer_not_allowed")
        );
    }
    assert_eq!(world.journal().len(), 2);
    world.end().await;
}

#[tokio::test]
async fn a_lost_answer_of_github_takes_no_proof_away() {
    let world = for_mona().start().await;
    world
        .github
        .fail(Fault::on("POST", "/deployments", FaultKind::LostAnswer));
    let unsettled = world.said_by("mona.l", "deployment", "deploy site to staging").await;
    assert!(unsettled.ends_with("[unsettled]"), "{unsettled}");
    world.settle_all().await;
    assert_eq!(world.only_run().await.state, RunState::Succeeded);
    let (_, payload) = world.shown_on_github().remove(0);
    let copied = world.ask(request(OURSELVES, payload)).await;
    world.settle_all().await;
    assert_eq!(world.code(copied).await, "deployer_not_allowed");
    world.end().await;
}

#[tokio::test]
async fn an_app_proves_who_asked_as_a_token_does() {
    let world = for_mona().github_app().start().await;
    world.said_by("mona.l", "deployment", "deploy site to staging").await;
    world.settle_all().await;
    assert_eq!(world.only_run().await.state, RunState::Succeeded);
    let (_, payload) = world.shown_on_github().remove(0);
    let copied = DeploymentRequest {
        app: Some("chima".to_owned()),
        ..request("chima[bot]", payload)
    };
    let copied = world.ask(copied).await;
    world.settle_all().await;
    assert_snapshot!(world.told(copied).await, @"error: rejected: @chima[bot] is none of those who may deploy this: `mona`");
    world.end().await;
}

#[tokio::test]
async fn members_of_a_team_may_and_are_asked_about_once() {
    let world = World::setup()
        .github_app()
        .people("{ mona: { chat: mona.l }, lisa: { chat: lisa } }")
        .with("deployers: [octo/web]")
        .start()
        .await;
    world.github.team_member("octo", "web", "mona");
    let lisa = world.said_by("lisa", "deployment", "deploy site to staging").await;
    assert_snapshot!(lisa, @"@lisa is none of those who may deploy this: `octo/web`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people` [deployer_not_allowed]");
    let asked = || {
        let requests = world.github.requests();
        requests
            .iter()
            .filter(|one| one.path.contains("/memberships/mona"))
            .count()
    };
    world.said_by("mona.l", "deployment", "deploy site to staging").await;
    world.settle_all().await;
    assert_eq!((world.only_run().await.state, asked()), (RunState::Succeeded, 1));
    // whoever makes the deployment on GitHub is asked about by that login
    world.clock.advance(Duration::from_secs(61));
    let own = world.ask(request("mona", json!({}))).await;
    let of_lisa = world.ask(request("lisa", json!({"actor": "mona"}))).await;
    world.settle_all().await;
    assert_eq!(
        (world.state(own).await, world.code(of_lisa).await),
        (RunState::Succeeded, "deployer_not_allowed")
    );
    assert_eq!(asked(), 2);
    world.end().await;
}

#[tokio::test]
async fn while_github_does_not_say_who_is_in_a_team_it_is_held() {
    let world = World::setup().with("deployers: [octo/web]").start().await;
    world.github.team_member("octo", "web", "mona");
    world
        .github
        .fail(Fault::on("GET", "/memberships", FaultKind::BadGateway).always());
    let id = world.ask(request("mona", json!({}))).await;
    world.settle().await;
    assert_snapshot!(world.told(id).await, @"pending: held: GitHub could not tell what the decision needs to know: GitHub answered 502: Bad Gateway");
    // nothing is changed meanwhile that cannot wait
    let lock = world.said_by("mona", "deployment", "lock site staging").await;
    assert!(lock.ends_with("[deployer_not_allowed]"), "no login, no team: {lock}");
    world.github.heal();
    world.pass(Duration::from_secs(6)).await;
    world.settle_all().await;
    assert_eq!(world.state(id).await, RunState::Succeeded);
    world.end().await;
}

#[tokio::test]
async fn a_missing_permission_is_named_and_lets_nobody_through() {
    let world = World::setup().github_app().with("deployers: [octo/web]").start().await;
    world.github.team_member("octo", "web", "mona");
    world.github.grant("members", None);
    let id = world.ask(request("mona", json!({}))).await;
    world.settle().await;
    assert_snapshot!(world.told(id).await, @"pending: held: GitHub could not tell what the decision needs to know: GitHub answered 403: the permission `Members: read` is missing (Resource not a…");
    world.github.grant("members", Some("read"));
    world.pass(Duration::from_secs(6)).await;
    world.settle_all().await;
    assert_eq!(world.state(id).await, RunState::Succeeded);
    world.end().await;
}

#[tokio::test]
async fn whatever_changes_something_is_for_deployers_and_looking_for_everybody() {
    let world = for_mona().start().await;
    world
        .said_by("mona.l", "deployment", "lock site staging: the database moves")
        .await;
    let mut all = Vec::new();
    for text in [
        "unlock site staging",
        "lock site production",
        "lock! site staging",
        "wait for site staging",
        "deploy:lock site to production",
        "plan site to production",
        "status site staging",
        "locks",
        "queue",
    ] {
        all.push(format!("> {text}\n{}", world.said_by("lisa", "deployment", text).await));
    }
    // whoever calls themselves like the owner is not the owner
    all.push(format!(
        "> unlock all mine\n{}",
        world.said_by("mona", "deployment", "unlock all mine").await
    ));
    assert_snapshot!(all.join("\n"), @r#"
    > unlock site staging
    @lisa (`chat:lisa`) is none of those who may deploy this: `mona`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people` [deployer_not_allowed]
    > lock site production
    @lisa (`chat:lisa`) is none of those who may deploy this: `mona`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people` [deployer_not_allowed]
    > lock! site staging
    @lisa (`chat:lisa`) is none of those who may deploy this: `mona`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people` [deployer_not_allowed]
    > wait for site staging
    @lisa (`chat:lisa`) is none of those who may deploy this: `mona`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people` [deployer_not_allowed]
    > deploy:lock site to production
    @lisa (`chat:lisa`) is none of those who may deploy this: `mona`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people` [deployer_not_allowed]
    > plan site to production
    @lisa (`chat:lisa`) is none of those who may deploy this: `mona`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people` [deployer_not_allowed]
    > status site staging
    `staging`: nothing deployed yet; locked by @mona for 0 s: "the database moves"
    > locks
    - `site` `staging` is locked by @mona for 0 s: "the database moves"
    > queue
    nothing runs or waits anywhere
    > unlock all mine
    @mona (`chat:mona`) is none of those who may deploy this: `mona`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people` [deployer_not_allowed]
    "#);
    let own = world.said_by("mona.l", "deployment", "unlock all mine").await;
    assert!(!own.contains('['), "{own}");
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn cancel_and_retry_are_for_deployers_too() {
    // `required` begins anew
    let world = for_mona().required("[ci]").with_more("deployers: [mona]").start().await;
    world.said_by("mona.l", "deployment", "deploy site to staging").await;
    world.settle().await;
    let mut all = Vec::new();
    for text in ["cancel site staging", "why site staging"] {
        all.push(world.said_by("lisa", "deployment", text).await);
    }
    all.push(world.said_by("mona.l", "random", "cancel site staging").await);
    world.settle_all().await;
    for text in ["retry site staging", "rollback site staging"] {
        all.push(world.said_by("lisa", "deployment", text).await);
    }
    assert_snapshot!(all.join("\n"), @r#"
    @lisa (`chat:lisa`) is none of those who may deploy this: `mona`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people` [deployer_not_allowed]
    held: waiting for `ci` (missing) (for 0 s)
    it goes on by itself once they are green; if one never starts, whoever runs the checks can look
    <chima>/runs/<run 1>
    run `<run 1>` is cancelled: it was held, and nothing of it ever ran
    @lisa (`chat:lisa`) is none of those who may deploy this: `mona`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people` [deployer_not_allowed]
    nothing was ever deployed to `staging` of `site` [nothing_there]
    "#);
    assert_eq!(world.only_run().await.state, RunState::Cancelled);
    world.end().await;
}

#[tokio::test]
async fn what_nobody_asked_for_needs_no_deployer() {
    let auto = crate::world::auto::app("deployers: [mona]\nrequired_contexts: []", "{ on: push }");
    let mut world = World::setup().app(&auto).start().await;
    world.ask(request("mona", json!({}))).await;
    world.round().await;
    world.push("two").await;
    world.round().await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    // what only says so of itself is somebody's
    let (_, payload) = world.shown_on_github().pop().unwrap();
    for payload in [payload, json!({"via": "auto_deploy"})] {
        let forged = world.ask(request(OURSELVES, payload)).await;
        world.settle_all().await;
        assert_eq!(world.code(forged).await, "deployer_not_allowed");
    }
    world.end().await;
}

#[tokio::test]
async fn a_decision_about_people_comes_out_the_same_from_what_was_stored() {
    let world = for_mona().start().await;
    world.said_by("mona.l", "deployment", "deploy site to staging").await;
    world.ask(request("lisa", json!({}))).await;
    world.settle_all().await;
    let sent = world.github.read(|found| found.deliveries.clone());
    for sent in sent.iter().filter(|sent| sent.event == "deployment") {
        let (text, agrees) = chima::cli::decide::decide(&world.engine.store, &sent.guid, false)
            .await
            .unwrap();
        assert!(agrees && text.contains("deployer "), "{text}");
    }
    world.end_with(Left::default()).await;
}
