//! What goes wrong: with a deployment, and with GitHub.

use std::time::Duration;

use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::message::Answer;
use insta::assert_snapshot;
use serde_json::json;

use crate::world::stage::{SITE, World};

/// Works with every version but the second.
const FAILS: &str = r#"#!/bin/sh
set -eu
echo "version $(cat version)"
[ "$(cat version)" != two ] || exit 3
"#;

#[tokio::test]
async fn a_deployment_that_fails_says_what_runs_now() {
    let mut world = World::setup().script(FAILS).start().await;
    world.commit("two");
    world.say_in("deployment", "deploy site to staging").await;
    world.settle_all().await;
    let first = world.transcript("mona: why site staging").await;
    world.commit("three");
    world.say_in("deployment", "deploy site to staging").await;
    world.settle_all().await;
    let two = world.runs().await[0].sha.clone();
    world
        .say_in("deployment", &format!("deploy site/{two} to staging"))
        .await;
    world.settle_all().await;
    let second = world
        .transcript("mona: why site staging\n mona: status site staging\n mona: log site staging")
        .await;
    let told = world.chat().await;
    assert_snapshot!([first, second, told].join("\n"), @"
    mona> why site staging
    failure: step `deploy` exited with code 3 after 0 s (0 s ago)
    read the log, fix the cause, then deploy again
    nothing has worked on `staging` yet
    <chima>/runs/<run 1>
      [Retry] retry site staging
      [Show the log] log site staging
    mona> why site staging
    failure: step `deploy` exited with code 3 after 0 s (0 s ago)
    read the log, fix the cause, then deploy again
    the last that worked on `staging` is <three> (main), deployed 0 s ago by @mona
    <chima>/runs/<run 3>
      [Retry] retry site staging
      [Roll back to <three>] rollback site staging to <three>
      [Show the log] log site staging
    mona> status site staging
    `staging`: <three> (main), deployed 0 s ago by @mona
    last tried: 0 s ago, @mona: failure: step `deploy` exited with code 3 after 0 s
    mona> log site staging
    ```
    $ ./script/deploy
    version two
    [chima: exited with code 3]
    ```
    all of it: <chima>/runs/<run 3>
    failed: deploy `site` to `staging`: step `deploy` exited with code 3; read the log, fix the cause, then deploy again; nothing has worked on `staging` yet (`octo/site` at <two> (main), asked for by @mona, took 0 s) <chima>/runs/<run 1>
    succeeded: deploy `site` to `staging` (`octo/site` at <three> (main), asked for by @mona, took 0 s) <chima>/runs/<run 2>
    failed: deploy `site` to `staging`: step `deploy` exited with code 3; read the log, fix the cause, then deploy again; the last that worked on `staging` is <three> (main), deployed 0 s ago by @mona (`octo/site` at <two>, asked for by @mona, took 0 s) <chima>/runs/<run 3>
    ");
    world.end().await;
}

#[tokio::test]
async fn what_github_refuses_or_does_not_answer() {
    let world = World::new().await;
    let contexts = json!({"message": "Conflict: Commit status checks failed for main.", "errors": [{
        "contexts": [{"context": "ci/build", "state": "failure"}, {"context": "security", "state": "pending"},
                     {"context": "lint", "state": "success"}],
        "resource": "Deployment", "field": "required_contexts", "code": "invalid"}],
        "documentation_url": "https://docs.github.com/rest"});
    let merged = json!({"message": "Auto-merged main into topic on deployment."});
    let create = |kind: FaultKind| Fault::on("POST", "/deployments", kind);
    let faults = [
        ("a red context", create(FaultKind::Answer(Answer::json(409, &contexts)))),
        ("a conflict", create(FaultKind::Conflict)),
        (
            "a branch that moves",
            create(FaultKind::Answer(Answer::json(202, &merged))).times(4),
        ),
        ("no login", create(FaultKind::Unauthorized).times(2)),
        ("no permission", create(FaultKind::Forbidden)),
        ("no repository", create(FaultKind::NotFound)),
        ("trouble", create(FaultKind::InternalError)),
        (
            "trouble before",
            Fault::on("GET", "/repos/octo/site", FaultKind::BadGateway),
        ),
        ("a limit", create(FaultKind::ForbiddenRetryAfter { seconds: 30 })),
    ];
    let mut all = Vec::new();
    for (name, fault) in faults {
        world.github.fail(fault);
        let answer = world.transcript("mona: deploy site to staging").await;
        all.push(format!("# {name}\n{answer}"));
        world.github.heal();
        world.clock.advance(Duration::from_secs(120));
    }
    world.settle_all().await;
    assert_snapshot!(all.join("\n"), @r#"
    # a red context
    mona> deploy site to staging
    GitHub insists on contexts of `main` that are not green: `ci/build` (failure) and `security` (pending); make them green, then ask again [required_context_failed]
      [Show the builds] builds site
      [Try again] deploy site to staging
    # a conflict
    mona> deploy site to staging
    `main` conflicts with the default branch (Conflict); merge that into it, then ask again [merge_conflict]
      [Try again] deploy site to staging
    # a branch that moves
    mona> deploy site to staging
    Auto-merged main into topic on deployment.
    Auto-merged main into topic on deployment.
    Auto-merged main into topic on deployment.
    GitHub keeps merging into `main` and made no deployment (Auto-merged main into topic on deployment.); wait until the branch rests, then ask again [branch_moves]
      [Try again] deploy site to staging
    # no login
    mona> deploy site to staging
    GitHub answered 401: Bad credentials; nothing was done; GitHub does not accept Chima's login: an operator can run `chima doctor` [github_unavailable]
      [Try again] deploy site to staging
    # no permission
    mona> deploy site to staging
    GitHub answered 403: the permission `Deployments: write` is missing (Resource not accessible by integration); nothing was done; an operator can run `chima doctor` [github_unavailable]
    # no repository
    mona> deploy site to staging
    GitHub answered 404: Not Found; nothing was done; Chima may not see the repository: an operator can look whether its App is installed there (`chima doctor`) [github_unavailable]
    # trouble
    mona> deploy site to staging
    GitHub answered 500: Server Error; it may have made the deployment all the same: if it did, `queue` lists it within a minute; if not, ask again [unsettled]
      [Show the queue] queue
    # trouble before
    mona> deploy site to staging
    GitHub answered 502: Bad Gateway; nothing was done [github_unavailable]
      [Try again] deploy site to staging
    # a limit
    mona> deploy site to staging
    nothing more goes to GitHub for 30 s: it asks for that, or as much was written as `github.writes_per_minute` allows; nothing was done [github_unavailable]
      [Try again] deploy site to staging
    "#);
    let made = world
        .github
        .read(|github| github.repository(SITE).unwrap().deployments.len());
    assert_eq!(made, 0);
    world.end().await;
}

#[tokio::test]
async fn what_is_in_a_deployment_that_github_does_not_tell() {
    let mut world = World::new().await;
    world.say_in("deployment", "deploy site to staging").await;
    world.settle_all().await;
    world.commit("two");
    world
        .github
        .fail(Fault::on("GET", "/compare/", FaultKind::InternalError));
    assert_snapshot!(world.transcript("mona: deploy site to staging").await, @r#"
    mona> deploy site to staging
    deployment <2> of `main` at <two> to `staging` of `site`, asked for by mona
    now it runs <one> (main), deployed 0 s ago by @mona
    <github>/octo/site/compare/<one>...<two>
    "#);
    world.settle_all().await;
    world.end().await;
}
