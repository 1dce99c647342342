//! Chat over the bridge, as people read it.

mod estimates;
mod transcripts;

use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::world::stage::{CHAT_TOKEN, SITE, World};
use crate::world::steps::PATIENCE;

impl World {
    /// Says something in a room; the answer as the bot gets it, with its status.
    pub async fn said_with(&self, token: &str, body: &Value) -> (u16, Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client
            .post(format!("{}/chat", self.url))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap())
    }

    /// What mona says in a room.
    pub async fn say_in(&self, room: &str, text: &str) -> Value {
        let body = json!({"user": "mona", "room": room, "text": text});
        let (status, answer) = self.said_with(CHAT_TOKEN, &body).await;
        assert_eq!(status, 200, "{answer}");
        self.github.wait_for_deliveries(PATIENCE).await.unwrap();
        answer
    }

    /// A dialogue in the room `deployment`: what mona says after `>`, then the answer.
    pub async fn dialogue(&self, lines: &[&str]) -> String {
        let mut all = Vec::new();
        for line in lines {
            let answer = self.say_in("deployment", line).await;
            let code = answer["reason"].as_str().map(|code| format!(" [{code}]"));
            let text = answer["text"].as_str().unwrap();
            all.push(format!("> {line}\n{text}{}", code.unwrap_or_default()));
            let offers = answer["offers"].as_array().cloned().unwrap_or_default();
            let word = |offer: &Value, key: &str| offer[key].as_str().unwrap().to_owned();
            all.extend(
                offers
                    .iter()
                    .map(|offer| format!("  [{}] {}", word(offer, "label"), word(offer, "text"))),
            );
        }
        self.redacted(&all.join("\n")).await
    }
}

#[tokio::test]
async fn a_deployment_is_asked_for_made_and_carried_out() {
    let world = World::new().await;
    assert_snapshot!(world.dialogue(&["chima deploy site to staging"]).await, @r#"
    > chima deploy site to staging
    deployment <1> of `main` at <one> to `staging` of `site`, asked for by mona
    nothing was deployed there before
    "#);
    world.settle_all().await;
    assert_eq!(world.journal().len(), 2);
    let run = world.runs().await.pop().unwrap();
    assert_eq!(run.requester.as_deref(), Some("mona"));
    assert_eq!(run.room.as_deref(), Some("deployment"));
    assert_snapshot!(world.dialogue(&["status", "status site", "deploys site in staging", "why site staging", "where can i deploy site", "log site staging"]).await, @"
    > status
    - `site` `production`: nothing deployed yet
    - `site` `staging`: <one> (main), deployed 0 s ago by @mona
    > status site
    `site` (octo/site):
    - `production`: nothing deployed yet
    - `staging`: <one> (main), deployed 0 s ago by @mona
    > deploys site in staging
    - 0 s ago, @mona: deployed <one> (main) to staging in 0 s
    > why site staging
    deployed <one> (main) to staging in 0 s (0 s ago)
    <chima>/runs/<run 1>
    > where can i deploy site
    `site` can be deployed to:
    - `production`: nothing deployed yet
    - `staging`: <one> (main), deployed 0 s ago by @mona
    > log site staging
    ```
    $ ./script/deploy
    version one
    ```
    all of it: <chima>/runs/<run 1>
    ");
    world.end().await;
}

#[tokio::test]
async fn what_is_refused_makes_no_deployment() {
    let world = World::setup()
        .with("allowed_rooms: [deployment]\ntasks: [deploy, \"deploy:migrate\"]")
        .start()
        .await;
    let dialogue = world
        .dialogue(&[
            "deploy hubot to production",
            "deploy site to moon",
            "deploy site",
            "deploy:drop site to staging",
            "deploy site/nowhere to staging",
            "deploy! site to staging",
            "deploy site to staging/web1",
            "deplyo site to staging",
            "",
            "cancel site staging",
            "why site staging",
            "retry site staging",
            "rollback site staging",
            "builds site/nowhere",
            "contains 0123456789",
        ])
        .await;
    assert_snapshot!(dialogue, @"
    > deploy hubot to production
    `hubot`? never heard of it; apps `site` [app_unknown]
    > deploy site to moon
    `site` has no environment `moon`; it has `production`, `staging` [environment_unknown]
      [production] deploy site to production
      [staging] deploy site to staging
    > deploy site
    say where: `site` has `production`, `staging` [environment_not_named]
      [production] deploy site to production
      [staging] deploy site to staging
    > deploy:drop site to staging
    task `deploy:drop` is not allowed; allowed: `deploy`, `deploy:migrate`; ask again with an allowed one, or have an operator add it to `tasks` [task_not_allowed]
      [deploy] deploy site to staging
      [deploy:migrate] deploy:migrate site to staging
    > deploy site/nowhere to staging
    there is no branch, tag or commit `nowhere`; push it, or name another [ref_unknown]
    > deploy! site to staging
    @mona (`chat:mona`) may not force it, and nobody may: no `admins` are named; ask without `!`, or ask an admin; an operator names those who may force with `admins` [force_not_allowed]
    > deploy site to staging/web1
    host `web1` is not declared; declared: none; ask again without hosts or with declared ones, or have an operator declare them [hosts_not_allowed]
      [All hosts] deploy site to staging
    > deplyo site to staging
    `deplyo` is no command; did you mean `deploy site to staging`? [not_understood]
      [deploy site to staging] deploy site to staging
    > 
    say what to do, for example `deploy trelhub/edge to staging`; `help` lists the commands [not_understood]
      [Help] help
    > cancel site staging
    nothing runs or waits for `staging` of `site` [nothing_there]
    > why site staging
    nothing was ever deployed to `staging` of `site`; `deploy site to staging` does [nothing_there]
      [Deploy to staging] deploy site to staging
    > retry site staging
    nothing was ever deployed to `staging` of `site`; `deploy site to staging` does [nothing_there]
      [Deploy to staging] deploy site to staging
    > rollback site staging
    nothing was ever deployed to `staging` of `site` [nothing_there]
      [Deploy to staging] deploy site to staging
    > builds site/nowhere
    there is no branch, tag or commit `nowhere`; push it, or name another [ref_unknown]
    > contains 0123456789
    no configured repository has a commit `0123456789` [commit_unknown]
    ");
    let elsewhere = world.say_in("random", "deploy site to staging").await;
    assert_snapshot!(elsewhere["text"].as_str().unwrap(), @"room `random` may not deploy this; allowed: `deployment`; ask again from an allowed room, or have an operator add this one to `allowed_rooms`");
    assert_eq!(elsewhere["reason"], "room_not_allowed");
    assert_eq!(
        world
            .github
            .read(|github| github.repository(SITE).unwrap().deployments.len()),
        0
    );
    world.end().await;
}

#[tokio::test]
async fn what_runs_and_waits_is_listed_and_stopped() {
    let world = World::new().await;
    world.hold();
    world.say_in("deployment", "deploy site to staging").await;
    world.intake().await;
    let running = world.begin(world.runs().await[0].id);
    world.journal_of(1).await;
    world.say_in("deployment", "deploy site to staging").await;
    world.intake().await;
    assert_snapshot!(world.dialogue(&["queue", "queue site production", "status site staging", "retry site staging", "cancel site staging: wrong branch"]).await, @"
    > queue
    - `site` deploying <one> (main) to staging; for 0 s, asked for by @mona
    - `site` queued: <one> (main) to staging; for 0 s, asked for by @mona
    > queue site production
    nothing runs or waits for `production` of `site`
    > status site staging
    `staging`: nothing deployed yet; deploying <one> (main) now for 0 s; <one> (main) is queued
    > retry site staging
    the last one has not ended: queued: <one> (main) to staging; for 0 s, asked for by @mona; `cancel <run 2>` stops it [not_over]
      [Cancel] cancel <run 2>
    > cancel site staging: wrong branch
    run `<run 1>` is asked to stop: what it started on this machine is gone within 10 s
    ");
    world.sweep().await;
    running.await.unwrap();
    world.release();
    world.settle_all().await;
    assert_snapshot!(world.dialogue(&["deploys site", "cancel site staging"]).await, @r#"
    > deploys site
    - 0 s ago, @mona: deployed <one> (main) to staging in 0 s
    - 0 s ago, @mona: cancelled by @mona after 0 s: "wrong branch"
    > cancel site staging
    nothing runs or waits for `staging` of `site` [nothing_there]
    "#);
    world.end().await;
}

#[tokio::test]
async fn a_rollback_says_what_it_undoes_before_it_does() {
    let mut world = World::new().await;
    world.say_in("deployment", "deploy site to staging").await;
    world.settle_all().await;
    let two = world.commit("two");
    assert_snapshot!(world.dialogue(&["diff site staging"]).await, @"
    > diff site staging
    `main` has 1 commit that `staging` lacks (<github>/octo/site/compare/<one>...main)
    - <two> by @mona: two
      [Deploy to staging] deploy site to staging
    ");
    world.say_in("deployment", "deploy site to staging").await;
    world.settle_all().await;
    let one = world.runs().await[0].sha.clone();
    assert_snapshot!(world.dialogue(&["diff site staging", "rollback site staging", &format!("rollback site staging to {}", &one[..8])]).await, @r#"
    > diff site staging
    `staging` runs exactly `main` (<github>/octo/site/compare/<two>...main)
    > rollback site staging
    before, `staging` of `site` ran <one> (main), deployed 0 s ago by @mona; say `rollback site staging to <one>` to deploy that again, which undoes (<github>/octo/site/compare/<one>...<two>)
    - <two> by @mona: two
      [Roll back to <one>] rollback site staging to <one>
    > rollback site staging to <one>
    deployment <3> of <one> to `staging` of `site`, asked for by mona
    now it runs <two> (main), deployed 0 s ago by @mona
    `<one>` is 1 commit behind what `staging` runs (<github>/octo/site/compare/<two>...<one>)
    "#);
    world.settle_all().await;
    assert_eq!(world.runs().await[2].sha, one);
    assert_snapshot!(world.dialogue(&["status site staging", "rollback site staging to 0123456", &format!("contains {}", &two[..8]), &format!("contains {one}"), "retry site staging"]).await, @r#"
    > status site staging
    `staging`: <one> (main), deployed 0 s ago by @mona
    > rollback site staging to 0123456
    `staging` of `site` never ran `0123456`, as far as is remembered; `deploys site in staging` lists what it ran, and `deploy site/0123456` deploys anything [nothing_there]
    > contains <two>
    - `site` `production` runs nothing yet
    - `site` `staging` does not contain it yet
    > contains <one>
    - `site` `production` runs nothing yet
    - `site` `staging` contains it
    > retry site staging
    deployment <4> of <one> to `staging` of `site`, asked for by mona
    now it runs <one> (main), deployed 0 s ago by @mona
    no change: `staging` runs exactly that
    usually takes a few seconds
    "#);
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn contexts_are_told_as_they_stand() {
    let world = World::setup().required("[ci]").start().await;
    let sha = world.github.repository(SITE).head("main").unwrap();
    let first = world.dialogue(&["builds site"]).await;
    world
        .github
        .repository(SITE)
        .status(&sha, "ci", "pending")
        .status(&sha, "lint", "success");
    let id = world.ask(DeploymentRequest::to("staging")).await;
    world.settle().await;
    let second = world.dialogue(&["builds site/main", "why site staging", "queue"]).await;
    world.github.ci(SITE, &sha, "ci", "failure").await.unwrap();
    world.settle().await;
    world.sweep().await;
    world.settle_all().await;
    let third = world.dialogue(&["builds site", "why site staging"]).await;
    assert_snapshot!([first, second, third].join("\n"), @"
    > builds site
    nothing has reported about `main` at <one> yet
    > builds site/main
    `main` at <one> is not finished: 1 of 2 contexts are green
    - `ci` (pending)
    > why site staging
    held: waiting for `ci` (pending) (for 0 s)
    it goes on by itself once they are green; if one never starts, whoever runs the checks can look
    <chima>/runs/<run 1>
      [Show the builds] builds site/main
      [Cancel] cancel <run 1>
    > queue
    - `site` held: waiting for `ci` (pending); for 0 s, asked for by @mona
    > builds site
    `main` at <one> is red
    - `ci` (failure)
    > why site staging
    rejected: required context failed: `ci` (failure) (0 s ago)
    whoever can make it green does so, then deploy again
    nothing was deployed to `staging` yet
    <chima>/runs/<run 1>
      [Show the builds] builds site/main
      [Retry] retry site staging
    ");
    assert_eq!(world.latest(id).state, "error");
    world.end().await;
}

#[tokio::test]
async fn locks_are_taken_refused_and_given_up_in_chat() {
    let world = World::setup().with("default_environment: staging").start().await;
    let mona = world
        .dialogue(&[
            "lock site staging,production for 2h: the database moves",
            "lock site staging",
            "locks",
            "status site",
            "deploy site to staging",
        ])
        .await;
    let lisa = json!({"user": "lisa", "room": "deployment", "text": "deploy site to staging"});
    let refused = world.said_with(CHAT_TOKEN, &lisa).await.1;
    let lisa = json!({"user": "lisa", "room": "deployment", "text": "wait for site production: hotfix"});
    let waits = world.said_with(CHAT_TOKEN, &lisa).await.1;
    world.settle_all().await;
    let after = world
        .dialogue(&[
            "locks site",
            "unlock production on site",
            "unlock all mine",
            "unlock all",
            "locks",
        ])
        .await;
    let told = [&refused, &waits].map(|answer| answer["text"].as_str().unwrap().to_owned());
    let all = [mona, told.join("\n"), after].join("\n");
    let moment = without_dates(&all);
    assert_snapshot!(moment, @r#"
    > lock site staging,production for 2h: the database moves
    `staging` of `site` and `production` of `site` are locked by @mona for 2 h: "the database moves"
    > lock site staging
    nothing was locked: `staging` of `site` is locked by you already, for 0 s: "the database moves"; `chima unlock site staging` first, or `--steal` to lock it anew [already_locked]
      [Unlock] unlock site staging
      [Lock it anew] lock! site staging
    > locks
    - `site` `staging` is locked by @mona for 0 s, for another 2 h: "the database moves"
    - `site` `production` is locked by @mona for 0 s, for another 2 h: "the database moves"
    > status site
    `site` (octo/site):
    - `production`: nothing deployed yet; locked by @mona for 0 s, for another 2 h: "the database moves"
    - `staging`: nothing deployed yet; locked by @mona for 0 s, for another 2 h: "the database moves"
    > deploy site to staging
    deployment <1> of `main` at <one> to `staging` of `site`, asked for by mona
    nothing was deployed there before
    `staging` of `site` is locked by @mona for 0 s, for another 2 h: "the database moves"; ask @mona, or unlock it yourself: `chima unlock site staging`, or `wait for site staging`
    `production` of `site` is locked by @mona for 0 s, for another 2 h: "the database moves"; @lisa waits for it, at position 1, and is told when it is theirs
    > locks site
    - `site` `staging` is locked by @mona for 0 s, for another 2 h: "the database moves"
    - `site` `production` is locked by @mona for 0 s, for another 2 h: "the database moves"; waiting for it: @lisa
    > unlock production on site
    `production` of `site` is unlocked, after 0 s; @lisa waited for `production` of `site`, and holds it now
    > unlock all mine
    `staging` of `site` is unlocked, after 0 s
    > unlock all
    @mona has locked nothing; `chima locks` lists what is [not_locked]
      [Show the locks] locks
    > locks
    - `site` `production` is locked by @lisa for 0 s: "hotfix"
    "#);
    assert_eq!(refused["reason"], "locked");
    assert_eq!(world.runs().await.len(), 1);
    world.settle_all().await;
    world.end().await;
}

/// Without dates: the clock of the world begins now.
fn without_dates(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        match (word.len(), digits) {
            (10, 8) if word.matches('-').count() == 2 => "<date>",
            (5, 4) | (8, 6) if word.contains(':') => "<time>",
            _ => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn an_answer_that_github_owes_is_told_as_what_it_is() {
    let world = World::new().await;
    world.github.fail(Fault::on("GET", "/repos", FaultKind::InternalError));
    let asked = world.dialogue(&["deploy site to staging"]).await;
    world
        .github
        .fail(Fault::on("POST", "/deployments", FaultKind::LostAnswer));
    let unsettled = world.dialogue(&["deploy site to staging"]).await;
    world.settle().await;
    assert_snapshot!(asked, @"
    > deploy site to staging
    GitHub answered 500: Server Error; nothing was done [github_unavailable]
      [Try again] deploy site to staging
    ");
    assert!(
        unsettled.contains("it may have made the deployment all the same"),
        "{unsettled}"
    );
    assert!(
        unsettled.contains("[unsettled]\n  [Show the queue] queue"),
        "{unsettled}"
    );
    world.settle_all().await;
    assert_eq!(world.runs().await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn only_a_bot_with_the_token_is_heard() {
    let world = World::new().await;
    let body = json!({"user": "mona", "room": "deployment", "text": "deploy site to staging"});
    let (status, answer) = world.said_with("a token of somebody else", &body).await;
    assert_eq!((status, &answer["code"]), (401, &json!("unauthorized")));
    for body in [json!({}), json!([]), json!({"user": "", "room": "x", "text": "help"})] {
        let (status, answer) = world.said_with(CHAT_TOKEN, &body).await;
        assert_eq!((status, &answer["code"]), (400, &json!("bad_request")), "{body}");
    }
    let long = json!({"user": "mona", "room": "x", "text": "x".repeat(100_000)});
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(format!("{}/chat", world.url))
        .bearer_auth(CHAT_TOKEN)
        .body(long.to_string());
    assert_eq!(request.send().await.unwrap().status().as_u16(), 413);
    assert_eq!(world.github.requests().len(), 0);
    world.end().await;
}
