//! Every command of the manual, once.

use std::time::Duration;

use chima::chat::manual::MANUAL;
use insta::assert_snapshot;

use crate::world::stage::World;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn what_is_deployed_looked_at_and_undone() {
    let mut world = World::new().await;
    let first = world.transcript("mona: deploy site to staging").await;
    world.settle_all().await;
    world.clock.advance(HOUR);
    world.commit("two");
    world.commit("three");
    let second = world
        .transcript("mona: diff site staging\n lisa: builds site\n lisa: deploy site/main to staging")
        .await;
    world.settle_all().await;
    world.clock.advance(HOUR);
    let one = world.runs().await[0].sha.clone();
    let looks = world
        .transcript(&format!(
            "mona: status
             mona: status site
             mona: status site staging
             mona: why site staging
             mona: log site staging
             mona: deploys site
             mona: deploys site/main in staging
             mona: where can i deploy site
             mona: contains {one}
             mona: rollback site staging
             mona: rollback site staging to {}",
            &one[..8]
        ))
        .await;
    world.settle_all().await;
    let again = world
        .transcript("mona: retry site staging\n mona: plan site to production")
        .await;
    world.settle_all().await;
    assert_snapshot!([first, second, looks, again].join("\n"), @r#"
    mona> deploy site to staging
    deployment <1> of `main` at <one> to `staging` of `site`, asked for by mona
    nothing was deployed there before
    mona> diff site staging
    `main` has 2 commits that `staging` lacks (<github>/octo/site/compare/<one>...main)
    - <three> by @mona: three
    - <two> by @mona: two
      [Deploy to staging] deploy site to staging
    lisa> builds site
    nothing has reported about `main` at <three> yet
    lisa> deploy site/main to staging
    deployment <2> of `main` at <three> to `staging` of `site`, asked for by lisa
    now it runs <one> (main), deployed 1 h ago by @mona
    `main` has 2 commits that `staging` lacks (<github>/octo/site/compare/<one>...<three>)
    - <three> by @mona: three
    - <two> by @mona: two
    mona> status
    - `site` `production`: nothing deployed yet
    - `site` `staging`: <three> (main), deployed 1 h ago by @lisa
    mona> status site
    `site` (octo/site):
    - `production`: nothing deployed yet
    - `staging`: <three> (main), deployed 1 h ago by @lisa
    mona> status site staging
    `staging`: <three> (main), deployed 1 h ago by @lisa
    mona> why site staging
    deployed <three> (main) to staging in 0 s (1 h ago)
    <chima>/runs/<run 2>
    mona> log site staging
    ```
    $ ./script/deploy
    version three
    ```
    all of it: <chima>/runs/<run 2>
    mona> deploys site
    - 1 h ago, @lisa: deployed <three> (main) to staging in 0 s
    - 2 h ago, @mona: deployed <one> (main) to staging in 0 s
    mona> deploys site/main in staging
    - 1 h ago, @lisa: deployed <three> (main) to staging in 0 s
    - 2 h ago, @mona: deployed <one> (main) to staging in 0 s
    mona> where can i deploy site
    `site` can be deployed to:
    - `production`: nothing deployed yet
    - `staging`: <three> (main), deployed 1 h ago by @lisa
    mona> contains <one>
    - `site` `production` runs nothing yet
    - `site` `staging` contains it
    mona> rollback site staging
    before, `staging` of `site` ran <one> (main), deployed 2 h ago by @mona; say `rollback site staging to <one>` to deploy that again, which undoes (<github>/octo/site/compare/<one>...<three>)
    - <three> by @mona: three
    - <two> by @mona: two
      [Roll back to <one>] rollback site staging to <one>
    mona> rollback site staging to <one>
    deployment <3> of <one> to `staging` of `site`, asked for by mona
    now it runs <three> (main), deployed 1 h ago by @lisa
    `<one>` is 2 commits behind what `staging` runs (<github>/octo/site/compare/<three>...<one>)
    mona> retry site staging
    deployment <4> of <one> to `staging` of `site`, asked for by mona
    now it runs <one> (main), deployed 0 s ago by @mona
    no change: `staging` runs exactly that
    usually takes a few seconds
    mona> plan site to production
    deployment <5> of `main` at <three>: `deploy:plan` on `production` of `site`, asked for by mona
    nothing was deployed there before
    "#);
    world.end().await;
}

#[tokio::test]
async fn what_runs_and_waits_is_seen_and_stopped() {
    let world = World::new().await;
    world.hold();
    let empty = world.transcript("mona: queue").await;
    world.say_in("deployment", "deploy site to staging").await;
    world.intake().await;
    let running = world.begin(world.runs().await[0].id);
    world.journal_of(1).await;
    world.say_in("deployment", "deploy site to staging").await;
    world.intake().await;
    world.clock.advance(Duration::from_secs(90));
    let seen = world
        .transcript("lisa: queue\n lisa: why site staging\n lisa: cancel site staging: not today")
        .await;
    world.sweep().await;
    running.await.unwrap();
    world.release();
    world.settle_all().await;
    let after = world
        .transcript("mona: deploys site in staging\n mona: status site staging")
        .await;
    assert_snapshot!([empty, seen, after].join("\n"), @r#"
    mona> queue
    nothing runs or waits anywhere
    lisa> queue
    - `site` deploying <one> (main) to staging; for 1 min 30 s, asked for by @mona
    - `site` queued: <one> (main) to staging; for 1 min 30 s, asked for by @mona
    lisa> why site staging
    queued: <one> (main) to staging (for 1 min 30 s)
    it starts by itself when its turn comes
    <chima>/runs/<run 2>
      [Cancel] cancel <run 2>
    lisa> cancel site staging: not today
    run `<run 1>` is asked to stop: what it started on this machine is gone within 10 s
    mona> deploys site in staging
    - 1 min 30 s ago, @mona: deployed <one> (main) to staging in 0 s
    - 1 min 30 s ago, @mona: cancelled by @lisa after 1 min 30 s: "not today"
    mona> status site staging
    `staging`: <one> (main), deployed 0 s ago by @mona
    "#);
    world.end().await;
}

#[tokio::test]
async fn locks_from_the_first_to_the_last_word() {
    let world = World::new().await;
    let taken = world
        .transcript(
            "mona: lock site staging, production for 2h: the database moves
             lisa: lock site staging
             lisa: deploy site to staging
             lisa: wait for site staging: hotfix
             lisa: locks",
        )
        .await;
    world.clock.advance(HOUR);
    let later = world
        .transcript(
            "lisa: lock! site production: on call
             mona: lock site production
             lisa: lock site production
             mona: unlock site staging
             mona: unlock all mine
             lisa: locks site
             lisa: unlock all
             lisa: locks",
        )
        .await;
    world.sweep().await;
    world.settle_all().await;
    let told = super::super::without_dates(&world.chat().await);
    assert_snapshot!([taken, later, told].join("\n"), @r#"
    mona> lock site staging, production for 2h: the database moves
    `staging` of `site` and `production` of `site` are locked by @mona for 2 h: "the database moves"
    lisa> lock site staging
    nothing was locked: `staging` of `site` is locked by @mona for 0 s, for another 2 h: "the database moves"; ask @mona, or unlock it yourself: `chima unlock site staging`, take it over with `--steal`, or wait for it with `--wait` [already_locked]
      [Wait for it] wait for site staging
      [Take it over] lock! site staging
    lisa> deploy site to staging
    `staging` of `site` is locked by @mona for 0 s, for another 2 h: "the database moves"; ask @mona, or unlock it yourself: `chima unlock site staging`, or `wait for site staging` [locked]
      [Wait for it] wait for site staging
      [Take it over] lock! site staging
      [Unlock] unlock site staging
    lisa> wait for site staging: hotfix
    `staging` of `site` is locked by @mona for 0 s, for another 2 h: "the database moves"; @lisa waits for it, at position 1, and is told when it is theirs
    lisa> locks
    - `site` `staging` is locked by @mona for 0 s, for another 2 h: "the database moves"; waiting for it: @lisa
    - `site` `production` is locked by @mona for 0 s, for another 2 h: "the database moves"
    lisa> lock! site production: on call
    `production` of `site` is locked by @lisa: "on call"; `production` of `site` was locked by @mona for 1 h, for another 1 h: "the database moves"
    mona> lock site production
    nothing was locked: `production` of `site` is locked by @lisa for 0 s: "on call"; ask @lisa, or unlock it yourself: `chima unlock site production`, take it over with `--steal`, or wait for it with `--wait` [already_locked]
      [Wait for it] wait for site production
      [Take it over] lock! site production
    lisa> lock site production
    nothing was locked: `production` of `site` is locked by you already, for 0 s: "on call"; `chima unlock site production` first, or `--steal` to lock it anew [already_locked]
      [Unlock] unlock site production
      [Lock it anew] lock! site production
    mona> unlock site staging
    `staging` of `site` is unlocked, after 1 h; @lisa waited for `staging` of `site`, and holds it now
    mona> unlock all mine
    @mona has locked nothing; `chima locks` lists what is [not_locked]
      [Show the locks] locks
    lisa> locks site
    - `site` `staging` is locked by @lisa for 0 s: "hotfix"
    - `site` `production` is locked by @lisa for 0 s: "on call"
    lisa> unlock all
    `staging` of `site` is unlocked, after 0 s; `production` of `site` is unlocked, after 0 s
    lisa> locks
    nothing is locked
    @mona: @lisa has taken over your lock of `production` of `site`: "on call"
    "#);
    world.end().await;
}

#[tokio::test]
async fn how_to_say_it() {
    let world = World::new().await;
    assert_snapshot!(world.transcript("mona: help\n mona: help lock\n mona: deploy --help\n mona: help lok").await, @r#"
    mona> help
    `deploy[:TASK][!] APP[/REF] [to ENVIRONMENT[/HOSTS]]`: deploys a branch, tag or commit; without one, the repository's default branch; with `!`, past what others wait for, for admins
    `plan APP[/REF] [to ENVIRONMENT]`: shows what that would do, and does nothing
    `rollback APP [ENVIRONMENT] [to COMMIT]`: deploys what the environment ran before, or a commit that it once ran
    `retry APP [ENVIRONMENT]`: deploys once more what was last tried there
    `cancel APP [ENVIRONMENT][: REASON], or cancel RUN`: stops what runs or waits there
    `status [APP [ENVIRONMENT]]`: says what runs where
    `why APP [ENVIRONMENT], or why RUN`: says why the newest deployment there stands as it does, and who can change that
    `queue [APP [ENVIRONMENT]]`: lists what runs and waits, and what it waits for
    `log APP [ENVIRONMENT], or log RUN`: shows the end of the newest log there, and where all of it is
    `diff APP[/REF] [ENVIRONMENT]`: lists the commits that a deployment would bring
    `deploys APP[/REF] [in ENVIRONMENT]`: lists the newest deployments: who, what, when and how it ended
    `where can i deploy APP`: lists the environments of an app, and what they run
    `builds APP[/REF]`: says how the commit statuses and check runs of a ref stand
    `auto_deploy status COMMIT`: says which environments contain a commit
    `lock[!] APP [ENVIRONMENT[,ENVIRONMENT]] [for TIME][: REASON]`: keeps others from deploying there; with `!`, takes the lock from whoever has it
    `wait for APP [ENVIRONMENT] [for TIME][: REASON]`: locks as soon as whoever has the lock gives it up, and tells you then
    `unlock APP [ENVIRONMENT[,ENVIRONMENT]], or unlock all`: lets them again; `unlock all` gives up all of your locks
    `locks [APP]`: lists who holds what, since when and why
    `help [COMMAND]`: lists the commands, or explains one
    `version`: says which Chima this is
    mona> help lock
    `lock[!] APP [ENVIRONMENT[,ENVIRONMENT]] [for TIME][: REASON]`: keeps others from deploying there; with `!`, takes the lock from whoever has it
    for example `lock trelhub production for 2h: the database moves`, `lock trelhub staging,production: release freeze`, `lock! trelhub production: I am on call`
    mona> deploy --help
    `deploy[:TASK][!] APP[/REF] [to ENVIRONMENT[/HOSTS]]`: deploys a branch, tag or commit; without one, the repository's default branch; with `!`, past what others wait for, for admins
    for example `deploy trelhub/edge to staging`, `deploy trelhub to production`, `deploy:migrate trelhub/edge to staging/web1,web2`, `deploy! trelhub/hotfix to production`
    mona> help lok
    `lok` is no command; did you mean `lock[!] APP [ENVIRONMENT[,ENVIRONMENT]] [for TIME][: REASON]`, for example `lock trelhub production for 2h: the database moves`? [not_understood]
      [Help] help lock
    "#);
    let version = world.say_in("deployment", "version").await;
    assert_eq!(version["text"], format!("Chima {}", env!("CARGO_PKG_VERSION")));
    world.end().await;
}

/// The sentence of the plan: "for each command".
#[test]
fn no_command_is_left_out() {
    let transcripts = include_str!("commands.rs");
    let missing: Vec<&str> = MANUAL
        .iter()
        .map(|entry| entry.name)
        .filter(|name| {
            let said = [format!("> {name}\n"), format!("> {name} "), format!("> {name}! ")];
            *name != "version" && !said.iter().any(|said| transcripts.contains(said.as_str()))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
