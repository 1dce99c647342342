//! `chima finish`, and servers that are killed while a person is waited for.

use std::time::Duration;

use crate::process::child::Output;
use crate::process::installation::{Installation, REPOSITORY, eventually};

const SOON: Duration = Duration::from_secs(10);

/// An installation with one place for runs, and two environments that wait for a person.
async fn installation() -> Installation {
    let installation = Installation::sqlite().await;
    let by_hand = "provider: manual, with: { instructions: 'Release {{ref}}, then say so.' }";
    let config = installation.config().replace("workers: 4", "workers: 1").replace(
        "      qa: {}\n",
        &format!("      qa: {{}}\n      store: {{ {by_hand} }}\n      market: {{ {by_hand} }}\n"),
    );
    installation.write("app.yaml", &config);
    installation
}

impl Installation {
    /// A deployment that waits for a person, and its run.
    async fn waiting(&self, environment: &str) -> (u64, String) {
        let deployment = self.deploy("main", environment).await;
        let begun = eventually("it waits for a person", || {
            let statuses = self.github.statuses(REPOSITORY, deployment);
            let told = statuses
                .iter()
                .find(|status| status.description.starts_with("waiting for a person"))?;
            // as the status says it
            let run = told
                .description
                .split("`chima finish ")
                .nth(1)?
                .split('`')
                .next()?
                .to_owned();
            let started = self.path(&format!("data/runs/{run}/attempt-1/started"));
            started.exists().then_some(run)
        });
        (deployment, begun.await)
    }

    async fn finish(&self, run: &str, options: &[&str]) -> Output {
        let arguments: Vec<&str> = ["finish", run].iter().chain(options).copied().collect();
        self.run(&arguments).await
    }
}

/// What was said, with the run's id replaced.
fn said(output: &Output, run: &str) -> String {
    format!("{}{}", output.stdout, output.stderr).replace(run, "[run]")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_says_how_it_went_while_others_use_the_only_place() {
    let installation = installation().await;
    let mut server = installation.serve().await;
    let (done, done_run) = installation.waiting("store").await;
    let (not_done, not_done_run) = installation.waiting("market").await;
    let ordinary = installation.deploy("main", "staging").await;
    assert_eq!(installation.concluded(ordinary, SOON).await, "success");

    let options = ["--by", "mona", "--note", "version 7", "--wait"];
    let finished = installation.finish(&done_run.to_lowercase(), &options).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let told = said(&finished, &done_run);
    let (heard, ended) = told.split_once('\n').unwrap();
    assert_eq!(
        heard,
        "run `[run]` ends with that: @mona says that it is done: \"version 7\""
    );
    assert!(
        ended.starts_with("done, says @mona after ") && ended.ends_with(": \"version 7\"\n"),
        "{ended}"
    );
    assert_eq!(installation.concluded(done, SOON).await, "success");

    let options = ["--failed", "--note", "the market is closed", "--wait"];
    let finished = installation.finish(&not_done_run, &options).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(installation.concluded(not_done, SOON).await, "failure");
    let told = installation.description(not_done);
    // the test's environment names nobody
    let account = format!("not done, says `account {}` after ", rustix::process::getuid().as_raw());
    assert!(
        told.starts_with(&account) && told.ends_with(": \"the market is closed\""),
        "{told}"
    );
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_is_asked_no_word_is_taken_and_it_says_why() {
    let installation = installation().await;
    let mut server = installation.serve().await;
    let (first, waits) = installation.waiting("store").await;
    let queued = installation.deploy("main", "store").await;
    eventually("it is queued", || (!installation.told(queued).is_empty()).then_some(())).await;
    let listed = installation.run(&["runs", "--json", "-n", "1"]).await.stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let behind = listed["id"].as_str().unwrap();
    let gated = installation.deploy("gated", "staging").await;
    let command = installation.noted(gated, "start").await.field("run").to_owned();
    for (run, words) in [
        (
            behind,
            "chima: run `[run]` is queued; nobody is asked about it before its turn has come: `chima cancel [run]` ends it\n",
        ),
        (
            command.as_str(),
            "chima: run `[run]` is carried out by a command, which says itself how it went: `chima logs -f [run]` follows it, \
             `chima cancel [run]` stops it\n",
        ),
    ] {
        let refused = installation.finish(run, &["--wait"]).await;
        assert_eq!((refused.code, said(&refused, run).as_str()), (Some(1), words));
    }
    assert_eq!(installation.finish("7Z", &[]).await.code, Some(3));
    assert_eq!(installation.finish(&waits, &["--by", ""]).await.code, Some(2));
    installation.open_gate(gated);
    assert_eq!(installation.concluded(gated, SOON).await, "success");

    let shown = installation.run(&["runs"]).await.stdout;
    let line = shown.lines().find(|line| line.starts_with(&waits)).unwrap();
    assert!(line.ends_with("  waiting for a person"), "{line}");
    assert_eq!(
        installation.finish(&waits, &["--by", "mona", "--wait"]).await.code,
        Some(0)
    );
    assert_eq!(installation.concluded(first, SOON).await, "success");
    let late = installation.finish(&waits, &["--failed"]).await;
    assert_eq!(late.code, Some(1));
    let late = said(&late, &waits);
    assert!(
        late.starts_with("chima: run `[run]` had ended ") && late.contains(" UTC: done, says @mona after "),
        "{late}"
    );
    let cancelled = installation.run(&["cancel", behind, "--by", "mona", "--wait"]).await;
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");
    assert_eq!(installation.concluded(queued, SOON).await, "error");
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_waited_for_on_and_a_word_said_meanwhile_is_told_by_the_next() {
    let installation = installation().await;
    let mut server = installation.serve().await;
    let (adopted, adopted_run) = installation.waiting("store").await;
    let (meanwhile, meanwhile_run) = installation.waiting("market").await;
    server.kill();
    let heard = installation.finish(&meanwhile_run, &["--by", "mona"]).await;
    assert_eq!(heard.code, Some(0), "{heard:?}");
    assert!(
        heard
            .stdout
            .ends_with("no worker watches it: its end is told as soon as `chima serve` or `chima worker` runs again\n"),
        "{heard:?}"
    );
    let contradicted = installation
        .finish(&meanwhile_run, &["--failed", "--by", "hubot"])
        .await;
    assert_eq!(
        (contradicted.code, said(&contradicted, &meanwhile_run).as_str()),
        (
            Some(1),
            "chima: run `[run]` ends with what was said first: @mona says that it is done\n"
        )
    );
    let mut server = installation.serve().await;
    assert_eq!(installation.concluded(meanwhile, SOON).await, "success");
    assert!(
        installation
            .description(meanwhile)
            .starts_with("done, says @mona after ")
    );
    assert_eq!(installation.description(adopted), "", "it waits on");
    let next = installation.deploy("main", "qa").await;
    assert_eq!(installation.concluded(next, SOON).await, "success");
    let heard = installation
        .finish(&adopted_run, &["--by", "hubot", "--failed", "--wait"])
        .await;
    assert_eq!(heard.code, Some(0), "{heard:?}");
    assert_eq!(installation.concluded(adopted, SOON).await, "failure");
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_the_server_is_killed_a_word_is_kept_and_told_once() {
    let installation = installation().await;
    let mut server = installation.serve().await;
    for delay in [0, 10, 40, 120, 300] {
        let (deployment, run) = installation.waiting("store").await;
        let dies = async {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            server.kill();
        };
        let (heard, ()) = tokio::join!(installation.finish(&run, &["--by", "mona"]), dies);
        assert_eq!(heard.code, Some(0), "{heard:?}");
        server = installation.serve().await;
        assert_eq!(installation.concluded(deployment, SOON).await, "success");
    }
    server.stop(SOON).await;
    installation.close().await;
}
