//! Requests of Slack: believed, written down, answered in time, each with one effect.

use std::time::Duration;

use chima::flow::slack;
use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::post::post;
use chima_simulator::sign::slack_signed;
use insta::assert_snapshot;
use serde_json::json;

use crate::torture::within;
use crate::world::slack_chat::{bot, content};
use crate::world::stage::{SLACK_SECRET, World};

const FORM: &str = "application/x-www-form-urlencoded";

impl World {
    /// Posts a body with a signature of this age, or without one.
    async fn raw(&self, which: &str, body: &str, secret: Option<&str>, seconds: i64) -> (u16, String) {
        let mut headers = vec![("Content-Type".to_owned(), FORM.to_owned())];
        if let Some(secret) = secret {
            let now = self.engine.now().timestamp();
            headers.extend(slack_signed(body.as_bytes(), secret, now + seconds));
        }
        let to = self.slack_address(which);
        let reply = post(&to, &headers, body.as_bytes().to_vec(), Duration::from_secs(3))
            .await
            .unwrap();
        (reply.status, String::from_utf8(reply.body).unwrap())
    }
}

#[tokio::test]
async fn only_what_slack_signed_lately_is_believed() {
    let world = bot().start().await;
    let refused = (401, String::new());
    let body = "command=%2Fchima&text=status&trigger_id=1&user_id=U0MONA&channel_id=C0DEPLOY";
    for which in ["commands", "events", "interactivity"] {
        assert_eq!(world.raw(which, body, None, 0).await, refused);
        assert_eq!(
            world.raw(which, body, Some("another secret, also long"), 0).await,
            refused
        );
        assert_eq!(world.raw(which, body, Some(SLACK_SECRET), 301).await, refused);
        assert_eq!(world.raw(which, body, Some(SLACK_SECRET), -301).await, refused);
    }
    assert_eq!(world.raw("commands", body, Some(SLACK_SECRET), -300).await.0, 200);
    assert_eq!(world.raw("events", "{", Some(SLACK_SECRET), 0).await.0, 400);
    assert_eq!(world.raw("events", "{}", Some(SLACK_SECRET), 0).await.0, 400);
    assert_eq!(
        world.raw("interactivity", "payload=", Some(SLACK_SECRET), 0).await.0,
        400
    );
    assert_eq!(world.raw("commands", "text=status", Some(SLACK_SECRET), 0).await.0, 400);
    assert_eq!(
        world
            .raw("commands", "ssl_check=1&token=x", Some(SLACK_SECRET), 0)
            .await,
        (200, String::new())
    );
    let long = format!("text={}", "x".repeat(600 * 1024));
    assert_eq!(world.raw("commands", &long, Some(SLACK_SECRET), 0).await.0, 413);
    world.settle_slack().await;
    assert_eq!(world.slack.messages().len(), 0);
    world.end().await;
}

#[tokio::test]
async fn an_address_proves_itself_and_without_a_secret_there_is_none() {
    let world = bot().start().await;
    let reply = world
        .slack
        .verify_url(&world.slack_address("events"), SLACK_SECRET, "abc")
        .await
        .unwrap();
    assert_eq!(
        (reply.status, reply.body.as_slice()),
        (200, br#"{"challenge":"abc"}"#.as_slice())
    );
    world.end().await;
    let world = World::new().await;
    let (status, text) = world.raw("events", "{}", Some(SLACK_SECRET), 0).await;
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("slack.signing_secret"), "{text}");
    world.end().await;
}

#[tokio::test]
async fn a_slash_command_is_answered_where_it_was_typed() {
    let world = bot().start().await;
    let mut dialogue = Vec::new();
    for text in [
        "",
        "status site",
        "deploy site to moon",
        "deploy site to staging",
        "deplyo",
        "“help” version",
    ] {
        let answer = world.slash(text).await;
        let kind = answer["response_type"].as_str().unwrap_or_default();
        dialogue.push(format!("> /chima {text}\n[{kind}] {}", content(&answer["blocks"])));
    }
    assert_snapshot!(world.redacted(&dialogue.join("\n")).await, @r#"
    > /chima 
    [ephemeral] say what to do, for example `deploy trelhub/edge to staging`; `help` lists the commands
    [Help: help]
    > /chima status site
    [ephemeral] `site` (octo/site):
    - `production`: nothing deployed yet
    - `staging`: nothing deployed yet
    > /chima deploy site to moon
    [ephemeral] `site` has no environment `moon`; it has `production`, `staging`
    [production: deploy site to production] · [staging: deploy site to staging]
    > /chima deploy site to staging
    [in_channel] deployment <1> of `main` at <one> to `staging` of `site`, asked for by mona
    nothing was deployed there before
    > /chima deplyo
    [ephemeral] `deplyo` is no command; did you mean `deploy[:TASK][!] APP[/REF] [to ENVIRONMENT[/HOSTS]]`, for example `deploy trelhub/edge to staging`?
    [Help: help deploy]
    > /chima “help” version
    [ephemeral] `version`: says which Chima this is
    for example `version`
    "#);
    world.settle_slack().await;
    assert_eq!(world.journal().len(), 2);
    let run = world.runs().await.pop().unwrap();
    assert_eq!(
        (run.requester.as_deref(), run.room.as_deref()),
        (Some("mona"), Some("deployment"))
    );
    let payload = world
        .github
        .read(|world| world.repositories[0].deployments[0].payload.clone());
    assert_eq!(payload["notify"]["user"], "U0MONA");
    assert_eq!(payload["notify"]["room_id"], "C0DEPLOY");
    world.end().await;
}

#[tokio::test]
async fn a_mention_is_answered_in_its_thread_and_a_refusal_to_one_person() {
    let world = bot().start().await;
    world.mention("Ev1", "deploy `site` to staging").await;
    world.mention("Ev2", "deploy site to moon").await;
    let direct = json!({"type": "message", "channel_type": "im", "user": "U0MONA", "text": "deploy <http://site.com|site.com>", "ts": "2.5", "channel": "D0MONA"});
    world.slack_event("Ev3", &direct, 0).await;
    assert_eq!(
        world.slack.messages().len(),
        0,
        "nothing is worked on before the answer"
    );
    world.settle_slack().await;
    assert_snapshot!(world.in_slack().await, @r#"
    [C0DEPLOY in a thread] deployment <1> of `main` at <one> to `staging` of `site`, asked for by mona
    nothing was deployed there before
    [C0DEPLOY only for U0MONA] `site` has no environment `moon`; it has `production`, `staging`
    [production: deploy site to production] · [staging: deploy site to staging]
    [D0MONA] `site.com`? never heard of it; apps `site`
    [C0DEPLOY] *succeeded*: deploy `site` to `staging`
    `octo/site` at <one> (main) · asked for by <@U0MONA> · took 0 s · <<chima>/runs/<run 1>|run page>
    [C0DEPLOY in a thread] <@U0MONA> deployed <one> (main) to staging in 0 s
    "#);
    assert_eq!(world.journal().len(), 2);
    world.end().await;
}

#[tokio::test]
async fn what_slack_says_again_has_one_effect() {
    let world = bot().start().await;
    let event = json!({"type": "app_mention", "user": "U0MONA", "text": "<@U0BOT> deploy site to staging", "ts": "1.5", "channel": "C0DEPLOY"});
    for again in 0..4 {
        assert_eq!(world.slack_event("Ev1", &event, again).await.status, 200);
        if again == 1 {
            world.settle_slack().await;
        }
    }
    let command = world.slack.slash_command("/chima", "deploy site to production");
    assert!(!world.send_slash(&command).await.is_null());
    assert!(world.send_slash(&command).await.is_null());
    world.settle_slack().await;
    assert_eq!(world.journal().len(), 4, "two deployments");
    world.end().await;
}

#[tokio::test]
async fn bots_and_changed_messages_are_not_answered() {
    let world = bot().start().await;
    for (number, (key, value)) in [("bot_id", "B0BOT"), ("subtype", "message_changed"), ("user", "U0BOT")]
        .iter()
        .enumerate()
    {
        let mut event = json!({"type": "message", "channel_type": "im", "user": "U0MONA", "text": "status", "ts": "1", "channel": "D0MONA"});
        event[key] = json!(value);
        assert_eq!(world.slack_event(&format!("Ev{number}"), &event, 0).await.status, 200);
    }
    world.settle_slack().await;
    assert_eq!(world.slack.messages().len(), 0);
    world.end().await;
}

#[tokio::test]
async fn while_github_is_slow_slack_has_its_answer_in_time_and_the_rest_follows() {
    let world = bot().answer_timeout(Duration::from_millis(2_500)).start().await;
    world
        .github
        .fail(Fault::on("GET", "/repos/octo/site", FaultKind::Timeout));
    let begun = std::time::Instant::now();
    let answer = world.slash("deploy site to staging").await;
    assert!(
        begun.elapsed() < within(Duration::from_millis(2_900)),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(answer["text"], "working on it; the answer follows here");
    world
        .until("it is answered", || (world.engine.tasks.len() <= 2).then_some(()))
        .await;
    world.settle_slack().await;
    assert_snapshot!(world.in_slack().await, @r#"
    [response to one] GitHub did not answer: nothing within 2 s; nothing was done
    [Try again: deploy site to staging]
    "#);
    world.end().await;
}

#[tokio::test]
async fn an_answer_of_github_that_was_lost_makes_no_second_deployment() {
    let world = bot().start().await;
    world
        .github
        .fail(Fault::on("POST", "/repos/octo/site/deployments", FaultKind::LostAnswer));
    world.mention("Ev1", "deploy site to staging").await;
    slack::step(&world.engine).await.unwrap();
    world.clock.advance(Duration::from_secs(30));
    world.settle_slack().await;
    assert_eq!(world.journal().len(), 2, "one deployment");
    assert_snapshot!(world.in_slack().await, @"
    [C0DEPLOY in a thread] deployment <1>
    [C0DEPLOY] *succeeded*: deploy `site` to `staging`
    `octo/site` at <one> (main) · asked for by <@U0MONA> · took 0 s · <<chima>/runs/<run 1>|run page>
    [C0DEPLOY in a thread] <@U0MONA> deployed <one> (main) to staging in 0 s
    ");
    world.end().await;
}

#[tokio::test]
async fn two_processes_answer_once_and_one_takes_up_what_the_other_left() {
    let world = bot().start().await;
    let second = world.second_worker().await;
    world.mention("Ev1", "deploy site to staging").await;
    let both = tokio::join!(slack::step(&world.engine), slack::step(&second));
    assert_eq!(both.0.unwrap() + both.1.unwrap(), 1);
    world.settle_slack().await;
    assert_eq!(world.slack.messages().len(), 3, "the answer, the deployment, its end");
    // a process that is gone had it
    world.mention("Ev2", "status site").await;
    let dead = "chima@gone/boot/1/1/1";
    let store = &world.engine.store;
    let claimed = store
        .claim_slack_ask(dead, world.engine.now(), Duration::from_secs(300))
        .await
        .unwrap();
    assert!(claimed.is_some());
    world.settle_slack().await;
    assert_eq!(world.slack.messages().len(), 3, "somebody may be at it");
    world.clock.advance(Duration::from_secs(301));
    world.settle_slack().await;
    assert_eq!(world.slack.messages().len(), 4);
    second.store.close().await;
    world.end().await;
}

#[tokio::test]
async fn while_slack_is_away_answers_wait_and_arrive_once() {
    let world = bot().start().await;
    world.slack.down();
    world.mention("Ev1", "deploy site to staging").await;
    slack::step(&world.engine).await.unwrap();
    for _ in 0..20 {
        world.settle().await;
        world.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(world.journal().len(), 2, "deployed without Slack");
    world.slack.up();
    world.settle_slack().await;
    assert_eq!(world.slack.messages().len(), 3, "the answer, the deployment, its end");
    world.end().await;
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_looked_for_first() {
    let world = bot().start().await;
    world
        .slack
        .fail(Fault::on_any("/api/chat.postMessage", FaultKind::LostAnswer));
    world.mention("Ev1", "status site").await;
    world.settle_slack().await;
    assert_eq!(world.slack.messages().len(), 1);
    world.end().await;
}

#[tokio::test]
async fn what_others_named_calls_nobody() {
    let world = bot().start().await;
    world.mention("Ev1", "deploy &lt;!channel&gt; to `&lt;@U1&gt;`").await;
    world
        .mention(
            "Ev2",
            "lock site staging: &lt;!channel&gt; `x` &lt;https://evil|ok&gt; &amp;",
        )
        .await;
    world.mention("Ev3", "locks").await;
    world.settle_slack().await;
    assert_snapshot!(world.in_slack().await, @r#"
    [C0DEPLOY only for U0MONA] `&lt;!channel&gt;`? never heard of it; apps `site`
    [C0DEPLOY in a thread] `staging` of `site` is locked by @mona: "&lt;!channel&gt; 'x' &lt;<https://evil>|ok&gt; &amp;"
    [C0DEPLOY in a thread] - `site` `staging` is locked by @mona for 0 s: "&lt;!channel&gt; 'x' &lt;<https://evil>|ok&gt; &amp;"
    "#);
    for message in world.slack.messages() {
        let all = format!("{}{}", message.text, content(&message.blocks));
        assert!(!all.contains("<!") && !all.contains("<@"), "{all}");
    }
    world.end().await;
}

#[tokio::test]
async fn an_address_that_is_not_slacks_is_never_called() {
    let world = bot().answer_timeout(Duration::from_millis(2_500)).start().await;
    let mut command = world.slack.slash_command("/chima", "status site");
    command.response_url = format!("{}/metrics", world.github.url());
    world
        .github
        .fail(Fault::on("GET", "/repos/octo/site", FaultKind::Timeout));
    command.text = "deploy site to staging".to_owned();
    world.send_slash(&command).await;
    world
        .until("it is answered", || (world.engine.tasks.len() <= 2).then_some(()))
        .await;
    world.settle_slack().await;
    assert_snapshot!(world.in_slack().await, @r#"
    [C0DEPLOY only for U0MONA] GitHub did not answer: nothing within 2 s; nothing was done
    [Try again: deploy site to staging]
    "#);
    world.end().await;
}
