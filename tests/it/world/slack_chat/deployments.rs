//! One message about each deployment, which changes as things go on, and its thread.

use std::time::Duration;

use chima::domain::run::RunState;
use chima::flow::slack;
use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::slack::world::{Message, Way};
use insta::assert_snapshot;
use serde_json::json;

use crate::slack_kit::takes;
use crate::world::ending::Left;
use crate::world::slack_chat::{bot, content};
use crate::world::stage::World;

const FAILS: &str = "#!/bin/sh\necho '```<!channel> & <@U1>'\necho 'last words'\nexit 3\n";

impl World {
    /// Messages outside of threads that were posted.
    fn posted(&self) -> Vec<Message> {
        let all = self.slack.messages().into_iter();
        all.filter(|message| message.thread_ts.is_none() && message.way == Way::Posted)
            .collect()
    }

    /// How the newest of them reads.
    async fn newest(&self) -> String {
        let message = self.posted().pop().unwrap();
        self.redacted(&content(&message.blocks)).await
    }

    /// Lets the bot say what it has not said yet, without anything else going on.
    async fn tell(&self) {
        while slack::step(&self.engine).await.unwrap() + self.outbox().await > 0 {
            self.clock.advance(Duration::from_secs(1));
        }
    }
}

#[tokio::test]
async fn one_message_goes_from_queued_to_done_and_its_thread_has_the_details() {
    let mut world = bot().start().await;
    world.deploy("staging").await;
    world.settle_slack().await;
    assert_eq!(world.slack.messages().len(), 0, "nobody named a channel");
    world.commit("two");
    world.commit("three");
    world.mention("Ev1", "deploy site to staging").await;
    slack::step(&world.engine).await.unwrap();
    world
        .github
        .wait_for_deliveries(crate::world::steps::PATIENCE)
        .await
        .unwrap();
    while world.intake().await > 0 {}
    world.tell().await;
    assert_snapshot!(world.newest().await, @"
    *queued*: deploy `site` to `staging`
    queued: <three> (main) to staging
    `octo/site` at <three> (main) · asked for by <@U0MONA> · <<chima>/runs/<run 2>|run page>
    [cancel?: cancel <run 2>]
    ");
    world.hold();
    let run = world.runs().await.pop().unwrap();
    let running = world.begin(run.id);
    world.journal_of(3).await;
    world.tell().await;
    assert_snapshot!(world.newest().await, @"
    *started*: deploy `site` to `staging`
    `octo/site` at <three> (main) · asked for by <@U0MONA> · <<chima>/runs/<run 2>|run page>
    [cancel?: cancel <run 2>]
    ");
    world.release();
    running.await.unwrap();
    world.settle_slack().await;
    assert_snapshot!(world.in_slack().await, @r#"
    [C0DEPLOY in a thread] deployment <2> of `main` at <three> to `staging` of `site`, asked for by mona
    now it runs <one> (main), deployed 0 s ago by @mona
    `main` has 2 commits that `staging` lacks (<<github>/octo/site/compare/<one>...<three>>)
    - <three> by @mona: three
    - <two> by @mona: two
    [C0DEPLOY] *succeeded*: deploy `site` to `staging`
    `octo/site` at <three> (main) · asked for by <@U0MONA> · took 2 s · <<chima>/runs/<run 2>|run page>
    [C0DEPLOY in a thread] 2 new commits: <<github>/octo/site/compare/<one>...<three>|compare>
    - <<github>/octo/site/commit/<three>|<three>> by @mona: three
    - <<github>/octo/site/commit/<two>|<two>> by @mona: two
    [C0DEPLOY in a thread] <@U0MONA> deployed <three> (main) to staging in 2 s
    "#);
    assert_eq!(world.posted().len(), 1);
    assert!(world.posted()[0].former_texts.len() >= 2);
    world.end().await;
}

#[tokio::test]
async fn a_failure_comes_with_the_end_of_its_log_and_what_can_be_done() {
    let mut world = bot().start().await;
    world.deploy("staging").await;
    world.settle_slack().await;
    world.git.write("script/deploy", FAILS).unwrap();
    world.commit("two");
    world.mention("Ev1", "deploy site to staging").await;
    world.settle_slack().await;
    assert_snapshot!(world.in_slack().await, @r#"
    [C0DEPLOY in a thread] deployment <2> of `main` at <two> to `staging` of `site`, asked for by mona
    now it runs <one> (main), deployed 0 s ago by @mona
    `main` has 1 commit that `staging` lacks (<<github>/octo/site/compare/<one>...<two>>)
    - <two> by @mona: two
    [C0DEPLOY] *failed*: deploy `site` to `staging`
    step `deploy` exited with code 3; read the log, fix the cause, then deploy again
    `staging` still runs <one> (main)
    `octo/site` at <two> (main) · asked for by <@U0MONA> · took 0 s · <<chima>/runs/<run 2>|run page>
    [retry: retry <run 2>] · [roll back: rollback site in `staging`] · [why: why <run 2>]
    [C0DEPLOY in a thread] 1 new commit: <<github>/octo/site/compare/<one>...<two>|compare>
    - <<github>/octo/site/commit/<two>|<two>> by @mona: two
    [C0DEPLOY in a thread] <@U0MONA> failure: step `deploy` exited with code 3 after 0 s
    read the log, fix the cause, then deploy again
    ```
    $ ./script/deploy
    '''&lt;!channel&gt; &amp; &lt;@U1&gt;
    last words
    [chima: exited with code 3]
    ```
    "#);
    let messages = world.slack.messages().into_iter().filter(|one| !one.blocks.is_null());
    takes(&messages.map(|one| json!({"blocks": one.blocks})).collect::<Vec<_>>());
    let before = world.posted().len();
    let message = world.posted().pop().unwrap();
    world
        .send_press(&world.slack.pressed(&message, "say-0", ("U0HUBOT", "hubot")))
        .await;
    world.settle_slack().await;
    let run = world.runs().await.pop().unwrap();
    assert_eq!((run.requester.as_deref(), run.state), (Some("hubot"), RunState::Failed));
    assert_eq!(world.posted().len(), before + 1, "another run, another message");
    world.end().await;
}

#[tokio::test]
async fn a_run_is_stopped_by_a_button() {
    let world = bot().start().await;
    world.mention("Ev1", "deploy site to staging").await;
    slack::step(&world.engine).await.unwrap();
    world
        .github
        .wait_for_deliveries(crate::world::steps::PATIENCE)
        .await
        .unwrap();
    while world.intake().await > 0 {}
    world.tell().await;
    let message = world.posted().pop().unwrap();
    world
        .send_press(&world.slack.pressed(&message, "say-0", ("U0HUBOT", "hubot")))
        .await;
    slack::step(&world.engine).await.unwrap();
    world.settle_slack().await;
    assert_snapshot!(world.newest().await, @"
    *cancelled*: deploy `site` to `staging`
    cancelled by @hubot; deploy again when it is wanted
    `octo/site` at <one> (main) · asked for by <@U0MONA> · <<chima>/runs/<run 1>|run page>
    [retry: retry <run 1>] · [why: why <run 1>]
    ");
    world.end().await;
}

#[tokio::test]
async fn what_nobody_asked_for_in_slack_is_told_in_the_channel_of_its_environment() {
    let world = bot_in("channel: deployment\nincoming_webhook: { file: '{folder}/slack' }")
        .with("slack_channel: C0OTHER")
        .start()
        .await;
    world.deploy("staging").await;
    world.settle_slack().await;
    let channels: Vec<String> = world
        .slack
        .messages()
        .iter()
        .map(|message| message.channel.clone())
        .collect();
    assert_eq!(channels, ["C0OTHER"], "and the webhook has nothing to add");
    world.end().await;
    let world = bot_in("incoming_webhook: { file: '{folder}/slack' }").start().await;
    world.deploy("staging").await;
    world.settle_slack().await;
    let channels: Vec<String> = world
        .slack
        .messages()
        .iter()
        .map(|message| message.channel.clone())
        .collect();
    assert_eq!(channels, ["webhook"], "no channel is named");
    world.end().await;
}

fn bot_in(more: &str) -> crate::world::setup::Setup {
    World::setup().slack_bot(more)
}

#[tokio::test]
async fn a_payload_names_no_room_and_no_person_but_by_slacks_ids() {
    let world = bot_in("channel: C0DEPLOY").start().await;
    let payload = json!({"notify": {
        "adapter": "slack", "room": "x", "room_id": "<!channel>", "user": "<!channel>", "user_name": "<!here> & co",
    }});
    world
        .ask(DeploymentRequest {
            payload,
            ..DeploymentRequest::to("staging")
        })
        .await;
    world.settle_slack().await;
    let messages = world.slack.messages();
    assert_eq!(messages.len(), 1);
    let all = format!("{}{}", messages[0].text, content(&messages[0].blocks));
    assert_eq!(messages[0].channel, "C0DEPLOY");
    assert!(!all.contains("<!") && all.contains("&lt;!here&gt; &amp; co"), "{all}");
    world.end().await;
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_not_written_again_whatever_happens_in_between() {
    let world = bot_in("channel: C0DEPLOY").start().await;
    world
        .slack
        .fail(Fault::on_any("/api/chat.postMessage", FaultKind::LostAnswer));
    world.deploy("staging").await;
    while world.intake().await > 0 {}
    slack::step(&world.engine).await.unwrap();
    world.outbox().await;
    world.settle_slack().await;
    assert_eq!(world.posted().len(), 1);
    assert!(
        world.newest().await.starts_with("*succeeded*"),
        "{}",
        world.newest().await
    );
    world.end().await;
}

#[tokio::test]
async fn a_message_that_somebody_deleted_is_written_anew() {
    let world = bot_in("channel: C0DEPLOY").start().await;
    world.deploy("staging").await;
    while world.intake().await > 0 {}
    world.tell().await;
    world.slack.delete(&world.posted()[0].ts);
    world.settle_slack().await;
    assert_eq!(world.posted().len(), 1);
    assert!(world.newest().await.starts_with("*succeeded*"));
    world.end().await;
}

#[tokio::test]
async fn a_room_without_the_bot_is_given_up_with_what_to_do() {
    let world = bot_in("channel: C0DEPLOY").start().await;
    world.slack.refuse("C0DEPLOY", "not_in_channel");
    let id = world.deploy("staging").await;
    world.settle_slack().await;
    assert_eq!(world.latest(id).state, "success", "told without Slack");
    let page = world.run_page(id).await;
    assert!(page.contains("invite the bot to the channel"), "{page}");
    world.end_with(Left { held: 0, dead: 1 }).await;
}

#[tokio::test]
async fn while_slack_is_away_nothing_waits_for_it_and_the_end_is_told_once() {
    let world = bot_in("channel: C0DEPLOY").start().await;
    world.slack.down();
    let id = world.deploy("staging").await;
    for _ in 0..20 {
        world.settle().await;
        slack::step(&world.engine).await.unwrap();
        world.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(world.latest(id).state, "success", "told without Slack");
    world.slack.up();
    world.settle_slack().await;
    assert_eq!(world.slack.messages().len(), 1);
    assert!(world.newest().await.starts_with("*succeeded*"));
    world.end().await;
}

#[tokio::test]
async fn a_room_hears_no_more_than_slack_takes() {
    let world = bot_in("channel: C0DEPLOY").start().await;
    world.slack.limit_to_one_per_second(true);
    for _ in 0..4 {
        world.deploy("staging").await;
        world.deploy("production").await;
    }
    world.settle_slack().await;
    assert_eq!(world.posted().len(), 8);
    assert_eq!(world.slack.requests_inside_wait_window(), 0);
    world.end().await;
}

#[tokio::test]
async fn two_processes_write_one_message_and_one_thread() {
    let mut world = bot_in("channel: C0DEPLOY").start().await;
    let second = world.second_worker().await;
    world.deploy("staging").await;
    world.settle_slack().await;
    world.commit("two");
    world.mention("Ev1", "deploy site to staging").await;
    for _ in 0..30 {
        let both = tokio::join!(slack::step(&world.engine), slack::step(&second));
        both.0.unwrap();
        both.1.unwrap();
        world
            .github
            .wait_for_deliveries(crate::world::steps::PATIENCE)
            .await
            .unwrap();
        world.settle().await;
        world.clock.advance(Duration::from_secs(1));
    }
    world.settle_slack().await;
    assert_snapshot!(world.in_slack().await, @r#"
    [C0DEPLOY] *succeeded*: deploy `site` to `staging`
    `octo/site` at <one> (main) · asked for by @mona · took 0 s · <<chima>/runs/<run 1>|run page>
    [C0DEPLOY in a thread] deployment <2> of `main` at <two> to `staging` of `site`, asked for by mona
    now it runs <one> (main), deployed 0 s ago by @mona
    `main` has 1 commit that `staging` lacks (<<github>/octo/site/compare/<one>...<two>>)
    - <two> by @mona: two
    [C0DEPLOY] *succeeded*: deploy `site` to `staging`
    `octo/site` at <two> (main) · asked for by <@U0MONA> · took 0 s · <<chima>/runs/<run 2>|run page>
    [C0DEPLOY in a thread] 1 new commit: <<github>/octo/site/compare/<one>...<two>|compare>
    - <<github>/octo/site/commit/<two>|<two>> by @mona: two
    [C0DEPLOY in a thread] <@U0MONA> deployed <two> (main) to staging in 0 s
    "#);
    second.store.close().await;
    world.end().await;
}

#[tokio::test]
async fn while_github_does_not_say_what_comes_the_message_goes_on_without() {
    let mut world = bot_in("channel: C0DEPLOY").start().await;
    world.deploy("staging").await;
    world.settle_slack().await;
    world.commit("two");
    world
        .github
        .fail(Fault::on("GET", "/compare/", FaultKind::BadGateway).always());
    world.deploy("staging").await;
    for _ in 0..20 {
        world.settle_slack().await;
        world.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(world.posted().len(), 2);
    assert!(world.newest().await.starts_with("*succeeded*"));
    assert_eq!(world.slack.messages().len(), 2, "no thread");
    world.github.heal();
    world.end().await;
}

#[tokio::test]
async fn locks_are_told_in_the_channel_of_the_environment() {
    let world = bot_in("channel: C0DEPLOY").start().await;
    world.slash("lock site staging: the database moves").await;
    world.sweep().await;
    world.settle_slack().await;
    assert_snapshot!(world.in_slack().await, @"");
    world.end().await;
}
