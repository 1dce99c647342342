//! Buttons: to press one is to say what is written in it.

use insta::assert_snapshot;
use serde_json::json;

use crate::world::slack_chat::bot;
use crate::world::stage::World;

impl World {
    /// Somebody presses a button that says this, below the newest message.
    async fn press_saying(&self, says: &str) {
        let message = self.slack.messages().pop().unwrap();
        let mut payload = self.slack.pressed(&message, "say-0", ("U0HUBOT", "hubot"));
        payload["actions"][0]["value"] = json!(says);
        self.send_press(&payload).await;
    }
}

#[tokio::test]
async fn whoever_presses_a_button_says_it_and_is_answered_in_the_thread() {
    let world = bot().start().await;
    world.mention("Ev1", "status site").await;
    world.settle_slack().await;
    world.press_saying("lock site staging: by button").await;
    world.settle_slack().await;
    world.press_saying("retry site staging").await;
    world.settle_slack().await;
    assert_snapshot!(world.in_slack().await, @r#"
    [C0DEPLOY in a thread] `site` (octo/site):
    - `production`: nothing deployed yet
    - `staging`: nothing deployed yet
    [C0DEPLOY in a thread] `staging` of `site` is locked by @hubot: "by button"
    [C0DEPLOY only for U0HUBOT in a thread] nothing was ever deployed to `staging` of `site`; `deploy site to staging` does
    [Deploy to staging: deploy site to staging]
    "#);
    world.end().await;
}

#[tokio::test]
async fn a_button_that_only_one_person_sees_is_answered_to_that_person() {
    let world = bot().start().await;
    world.mention("Ev1", "deploy site to moon").await;
    world.settle_slack().await;
    world.press_saying("deploy site to staging").await;
    world.settle_slack().await;
    assert_snapshot!(world.in_slack().await, @r#"
    [C0DEPLOY only for U0MONA] `site` has no environment `moon`; it has `production`, `staging`
    [production: deploy site to production] · [staging: deploy site to staging]
    [response to one] deployment <1> of `main` at <one> to `staging` of `site`, asked for by hubot
    nothing was deployed there before
    [C0DEPLOY] *succeeded*: deploy `site` to `staging`
    `octo/site` at <one> (main) · asked for by <@U0HUBOT> · took 0 s · <<chima>/runs/<run 1>|run page>
    [C0DEPLOY in a thread] <@U0HUBOT> deployed <one> (main) to staging in 0 s
    "#);
    assert_eq!(world.runs().await[0].requester.as_deref(), Some("hubot"));
    world.end().await;
}

#[tokio::test]
async fn a_press_that_slack_tells_twice_has_one_effect() {
    let world = bot().start().await;
    world.mention("Ev1", "status site").await;
    world.settle_slack().await;
    let message = world.slack.messages().pop().unwrap();
    let mut payload = world.slack.pressed(&message, "say-0", ("U0HUBOT", "hubot"));
    payload["actions"][0]["value"] = json!("deploy site to staging");
    world.send_press(&payload).await;
    world.send_press(&payload).await;
    // a link asks nothing of us
    payload["actions"][0].as_object_mut().unwrap().remove("value");
    payload["trigger_id"] = json!("another");
    world.send_press(&payload).await;
    world.settle_slack().await;
    assert_eq!(world.journal().len(), 2);
    world.end().await;
}
