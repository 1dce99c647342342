//! Every refusal, with what clears it.

use insta::assert_snapshot;
use serde_json::json;

use crate::world::stage::{CHAT_TOKEN, SITE, World};

#[tokio::test]
async fn names_that_mean_nothing() {
    let world = World::setup().with("tasks: [deploy, \"deploy:migrate\"]").start().await;
    assert_snapshot!(world.transcript(
        "mona: deploy siet to staging
         mona: deploy moon to staging
         mona: deploy site to stagin
         mona: deploy site/topic to prodction
         mona: deploy site
         mona: lock site
         mona: deploy site/topic to staging
         mona: deploy site to staging/web9
         mona: deploy:drop site to staging
         mona: deploy:migrat site to staging
         mona: builds site/topic
         mona: contains 0123456789
         mona: log site staging
         mona: deplyo site to stagng
         mona: rolback site staging
         mona: deploy site staging now
         mona: deploy
         mona: good morning",
    ).await, @"
    mona> deploy siet to staging
    `siet`? never heard of it; did you mean `site`? [app_unknown]
      [site] deploy site to staging
    mona> deploy moon to staging
    `moon`? never heard of it; apps `site` [app_unknown]
    mona> deploy site to stagin
    `site` has no environment `stagin`; did you mean `staging`? [environment_unknown]
      [staging] deploy site to staging
    mona> deploy site/topic to prodction
    `site` has no environment `prodction`; did you mean `production`? [environment_unknown]
      [production] deploy site/topic to production
    mona> deploy site
    say where: `site` has `production`, `staging` [environment_not_named]
      [production] deploy site to production
      [staging] deploy site to staging
    mona> lock site
    say where: `site` has `production`, `staging` [environment_not_named]
      [production] lock site production
      [staging] lock site staging
    mona> deploy site/topic to staging
    there is no branch, tag or commit `topic`; push it, or name another [ref_unknown]
    mona> deploy site to staging/web9
    host `web9` is not declared; declared: none; ask again without hosts or with declared ones, or have an operator declare them [hosts_not_allowed]
      [All hosts] deploy site to staging
    mona> deploy:drop site to staging
    task `deploy:drop` is not allowed; allowed: `deploy`, `deploy:migrate`; ask again with an allowed one, or have an operator add it to `tasks` [task_not_allowed]
      [deploy] deploy site to staging
      [deploy:migrate] deploy:migrate site to staging
    mona> deploy:migrat site to staging
    task `deploy:migrat` is not allowed; allowed: `deploy`, `deploy:migrate`; ask again with an allowed one, or have an operator add it to `tasks` [task_not_allowed]
      [deploy] deploy site to staging
      [deploy:migrate] deploy:migrate site to staging
    mona> builds site/topic
    there is no branch, tag or commit `topic`; push it, or name another [ref_unknown]
    mona> contains 0123456789
    no configured repository has a commit `0123456789` [commit_unknown]
    mona> log site staging
    nothing was ever deployed to `staging` of `site`; `deploy site to staging` does [nothing_there]
      [Deploy to staging] deploy site to staging
    mona> deplyo site to stagng
    `deplyo` is no command; did you mean `deploy site to stagng`? [not_understood]
      [deploy site to stagng] deploy site to stagng
    mona> rolback site staging
    `rolback` is no command; did you mean `rollback site staging`? [not_understood]
      [rollback site staging] rollback site staging
    mona> deploy site staging now
    `now` follows the environment; expected `deploy[:TASK][!] APP[/REF] [to ENVIRONMENT[/HOSTS]]`, for example `deploy trelhub/edge to staging` [not_understood]
      [Help] help deploy
    mona> deploy
    nothing is named; expected `deploy[:TASK][!] APP[/REF] [to ENVIRONMENT[/HOSTS]]`, for example `deploy trelhub/edge to staging` [not_understood]
      [Help] help deploy
    mona> good morning
    `good` is no command; `help` lists the commands, and a deployment is `deploy APP[/REF] to ENVIRONMENT` [not_understood]
      [Help] help
    ");
    world.end().await;
}

#[tokio::test]
async fn rooms_and_what_is_over() {
    let world = World::setup().with("allowed_rooms: [deployment]").start().await;
    let elsewhere = json!({"user": "mona", "room": "random", "text": "deploy site to staging"});
    let elsewhere = world.said_with(CHAT_TOKEN, &elsewhere).await.1;
    assert_eq!(
        elsewhere["offers"],
        json!(null),
        "nobody may leave the room by a button"
    );
    let never = world
        .transcript(
            "mona: retry site staging
             mona: rollback site staging
             mona: cancel site staging
             mona: unlock site staging",
        )
        .await;
    world.say_in("deployment", "deploy site to staging").await;
    world.settle_all().await;
    let id = world.runs().await[0].id;
    let once = world
        .transcript(&format!(
            "mona: rollback site staging
             mona: rollback site staging to 0123456
             mona: cancel {id}"
        ))
        .await;
    world.say_in("deployment", "deploy site to staging").await;
    world.say_in("deployment", "deploy site to staging").await;
    world.intake().await;
    let queued = world
        .transcript("mona: cancel site staging\n mona: retry site staging\n mona: cancel 01M")
        .await;
    world.settle_all().await;
    assert_snapshot!([super::shown(&elsewhere), never, once, queued].join("\n"), @"
    room `random` may not deploy this; allowed: `deployment`; ask again from an allowed room, or have an operator add this one to `allowed_rooms` [room_not_allowed]
    mona> retry site staging
    nothing was ever deployed to `staging` of `site`; `deploy site to staging` does [nothing_there]
      [Deploy to staging] deploy site to staging
    mona> rollback site staging
    nothing was ever deployed to `staging` of `site` [nothing_there]
      [Deploy to staging] deploy site to staging
    mona> cancel site staging
    nothing runs or waits for `staging` of `site` [nothing_there]
    mona> unlock site staging
    `staging` of `site` is not locked [not_locked]
      [Show the locks] locks
    mona> rollback site staging
    `staging` of `site` never ran anything but <one> (main), as far as is remembered [nothing_there]
    mona> rollback site staging to 0123456
    `staging` of `site` never ran `0123456`, as far as is remembered; `deploys site in staging` lists what it ran, and `deploy site/0123456` deploys anything [nothing_there]
    mona> cancel <run 1>
    run `<run 1>` had ended 0 s ago, at <date> <time> UTC: deployed <one> (main) to staging in 0 s [run_over]
    mona> cancel site staging
    several wait for `staging` of `site`; say which, as in `cancel <run 2>`:
    - `<run 2>` queued: <one> (main) to staging; for 0 s, asked for by @mona
    - `<run 3>` queued: position 2; for 0 s, asked for by @mona [run_ambiguous]
      [Cancel <run 2>] cancel <run 2>
      [Cancel <run 3>] cancel <run 3>
    mona> retry site staging
    the last one has not ended: queued: <one> (main) to staging; for 0 s, asked for by @mona; `cancel <run 3>` stops it [not_over]
      [Cancel] cancel <run 3>
    mona> cancel 01M
    `01M`? never heard of it; apps `site` [app_unknown]
    ");
    world.end().await;
}

#[tokio::test]
async fn contexts_that_are_not_green() {
    let world = World::setup().required("[ci, lint]").start().await;
    let sha = world.github.repository(SITE).head("main").unwrap();
    world
        .github
        .repository(SITE)
        .status(&sha, "ci", "pending")
        .status(&sha, "lint", "success");
    world.say_in("deployment", "deploy site to staging").await;
    world.settle().await;
    let held = world.transcript("mona: why site staging\n mona: builds site").await;
    world.github.ci(SITE, &sha, "ci", "failure").await.unwrap();
    world.settle().await;
    world.sweep().await;
    world.settle_all().await;
    let red = world.transcript("mona: why site staging\n mona: builds site").await;
    assert_snapshot!([held, red].join("\n"), @"
    mona> why site staging
    held: waiting for `ci` (pending) (for 0 s)
    it goes on by itself once they are green; if one never starts, whoever runs the checks can look
    <chima>/runs/<run 1>
      [Show the builds] builds site/main
      [Cancel] cancel <run 1>
    mona> builds site
    `main` at <one> is not finished: 1 of 2 contexts are green
    - `ci` (pending)
    mona> why site staging
    rejected: required context failed: `ci` (failure) (0 s ago)
    whoever can make it green does so, then deploy again
    nothing was deployed to `staging` yet
    <chima>/runs/<run 1>
      [Show the builds] builds site/main
      [Retry] retry site staging
    mona> builds site
    `main` at <one> is red
    - `ci` (failure)
    ");
    world.end().await;
}
