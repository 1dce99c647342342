//! `chima cancel`, and servers that are killed between the request and the stop.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use chima::provider::processes;
use rustix::process::Signal;

use crate::process::child::{Chima, Output};
use crate::process::installation::{Installation, eventually};

const SOON: Duration = Duration::from_secs(10);
/// A command that heeds no request to end is killed after five seconds.
const STOPPED: Duration = Duration::from_secs(10);

async fn cancel(installation: &Installation, run: &str, options: &[&str]) -> Output {
    let arguments: Vec<&str> = ["cancel", run].iter().chain(options).copied().collect();
    installation.run(&arguments).await
}

/// What was said, with the run's id replaced.
fn said(output: &Output, run: &str) -> String {
    format!("{}{}", output.stdout, output.stderr).replace(run, "[run]")
}

fn is_alive(pid: u64) -> bool {
    let found = processes::find(i32::try_from(pid).unwrap());
    found.is_some_and(|process| !process.is_zombie)
}

async fn ends_cancelled(installation: &Installation, deployment: u64) {
    assert_eq!(installation.concluded(deployment, STOPPED).await, "error");
    let told = installation.description(deployment);
    assert!(told.starts_with("cancelled by @mona"), "{told}");
    assert_eq!(installation.journal().count(deployment, "end"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_and_what_waits_is_stopped_and_what_has_ended_says_how() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let runs = installation.deploy("gated", "staging").await;
    let run = installation.noted(runs, "start").await.field("run").to_owned();
    let waits = installation.deploy("main", "staging").await;
    eventually("the second one waits", || {
        (!installation.told(waits).is_empty()).then_some(())
    })
    .await;

    // the newest run is the one that waits
    let listed = installation.run(&["runs", "--json", "-n", "1"]).await.stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let waiting = listed["id"].as_str().unwrap();
    let waited = cancel(&installation, waiting, &[]).await;
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert_eq!(
        said(&waited, waiting),
        "run `[run]` is cancelled: it was queued, and nothing of it ever ran\n"
    );
    assert_eq!(installation.concluded(waits, SOON).await, "error");
    // the test's environment names nobody
    let account = format!("cancelled by `account {}`", rustix::process::getuid().as_raw());
    assert_eq!(installation.description(waits), account);

    let begun = Instant::now();
    let options = ["--by", "mona", "--reason", "the wrong branch", "--wait"];
    let stopped = cancel(&installation, &run.to_lowercase(), &options).await;
    assert!(begun.elapsed() < STOPPED, "{:?}", begun.elapsed());
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    let told = said(&stopped, &run);
    let (asked, ended) = told.split_once('\n').unwrap();
    assert_eq!(
        asked,
        "run `[run]` is asked to stop: what it started on this machine is gone within 10 s"
    );
    assert!(
        ended.starts_with("cancelled by @mona after ") && ended.ends_with(": \"the wrong branch\"\n"),
        "{ended}"
    );
    ends_cancelled(&installation, runs).await;
    let log = installation.run(&["logs", &run]).await.stdout;
    assert!(
        log.ends_with("[chima: cancelled: @mona: \"the wrong branch\"]\n"),
        "{log}"
    );

    let again = cancel(&installation, &run, &["--by", "hubot", "--wait"]).await;
    assert_eq!((again.code, again.stdout.as_str()), (Some(1), ""), "{again:?}");
    let again = said(&again, &run);
    assert!(
        again.starts_with("chima: run `[run]` had ended ") && again.contains(" ago, at "),
        "{again}"
    );
    assert!(again.contains(" UTC: cancelled by @mona after "), "{again}");
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_use_and_no_such_run_stop_nothing() {
    let installation = Installation::sqlite().await;
    let early = cancel(&installation, "0", &[]).await;
    assert_eq!(early.code, Some(3), "{early:?}");
    assert!(early.stderr.contains("there is no ledger"), "{early:?}");
    let mut server = installation.serve().await;
    let deployment = installation.deploy("gated", "staging").await;
    installation.noted(deployment, "start").await;
    for (arguments, code, words) in [
        (["7Z", "--wait"].as_slice(), 3, "no run `7Z`; `chima runs` lists them"),
        (["0", "--by", ""].as_slice(), 2, "--by"),
        (["0", "--because"].as_slice(), 2, "--because"),
        ([].as_slice(), 2, "<RUN>"),
    ] {
        let arguments: Vec<&str> = ["cancel"].iter().chain(arguments).copied().collect();
        let refused = installation.run(&arguments).await;
        assert_eq!(refused.code, Some(code), "{refused:?}");
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    installation.open_gate(deployment);
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_the_request_and_the_stop_still_tells_that_it_was_cancelled() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = installation.deploy("stubborn", "staging").await;
    let alive = installation.noted(deployment, "alive").await;
    let (run, command) = (alive.field("run").to_owned(), alive.number("pid"));
    let asked = cancel(&installation, &run, &["--by", "mona"]).await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    server.kill();
    assert!(is_alive(command), "killed before the stop");
    let mut server = installation.serve().await;
    ends_cancelled(&installation, deployment).await;
    assert!(!is_alive(command), "told while it still worked");
    let next = installation.deploy("main", "staging").await;
    assert_eq!(installation.concluded(next, SOON).await, "success");
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_stopped_although_no_server_is_there() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = installation.deploy("gated", "staging").await;
    let start = installation.noted(deployment, "start").await;
    let (run, command) = (start.field("run").to_owned(), start.number("pid"));
    server.kill();
    let asked = cancel(&installation, &run, &["--by", "mona"]).await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(
        asked.stdout.contains("its end is told as soon as `chima serve`"),
        "{asked:?}"
    );
    eventually("the command has ended", || (!is_alive(command)).then_some(())).await;
    let mut server = installation.serve().await;
    ends_cancelled(&installation, deployment).await;
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_checkout_a_killed_server_had_begun_never_starts_once_it_is_cancelled() {
    let installation = Installation::sqlite().await;
    // its git waits for the test before it makes a checkout
    let programs = installation.path("programs");
    std::fs::create_dir(&programs).unwrap();
    let gate = installation.path("gates/git");
    let git = format!(
        "#!/bin/sh\ncase \"$*\" in *worktree*) : > '{0}.waits'; while [ ! -e '{0}' ]; do sleep 0.01; done ;; esac\n\
         PATH=${{PATH#*:}}\nexec git \"$@\"\n",
        gate.display()
    );
    std::fs::write(programs.join("git"), git).unwrap();
    std::fs::set_permissions(programs.join("git"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = installation.command(&["serve"]);
    #[expect(clippy::disallowed_methods, reason = "git is where the tester's shell finds it")]
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", programs.display()));
    let mut server = Chima::start(command, installation.path("serve.err"));
    installation.ready(&mut server).await;

    for (environment, dies) in [("staging", false), ("qa", true)] {
        let deployment = installation.deploy("main", environment).await;
        let waits = installation.path("gates/git.waits");
        eventually("the checkout has begun", || waits.exists().then_some(())).await;
        let listed = installation.run(&["runs", "--json", "-n", "1"]).await.stdout;
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        if dies {
            server.kill();
        }
        let asked = cancel(&installation, listed["id"].as_str().unwrap(), &["--by", "mona"]).await;
        assert_eq!(asked.code, Some(0), "{asked:?}");
        if dies {
            installation.write("gates/git", "");
            server = installation.serve().await;
        }
        ends_cancelled(&installation, deployment).await;
        assert_eq!(installation.journal().count(deployment, "start"), 0);
        std::fs::remove_file(&waits).unwrap();
    }
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_came_to_its_own_end_first_is_told_as_it_ended() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = installation.deploy("gated", "staging").await;
    let run = installation.noted(deployment, "start").await.field("run").to_owned();
    // its runner hears of the request only when the command has ended
    let runner = installation.runner(deployment);
    assert!(processes::signal(runner, Signal::STOP));
    let ends = async {
        let request = installation.path(&format!("data/runs/{run}/attempt-1/cancel"));
        eventually("the request is there", || request.exists().then_some(())).await;
        installation.open_gate(deployment);
        let end = installation.noted(deployment, "end").await;
        eventually("the command has ended", || (!is_alive(end.number("pid"))).then_some(())).await;
        assert!(processes::signal(runner, Signal::CONT));
    };
    let (asked, ()) = tokio::join!(cancel(&installation, &run, &["--wait"]), ends);
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(asked.stdout.contains("\ndeployed "), "{asked:?}");
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_the_server_is_killed_a_request_is_kept_and_told_once() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    for delay in [0, 10, 40, 120, 300] {
        let deployment = installation.deploy("gated", "staging").await;
        let run = installation.noted(deployment, "start").await.field("run").to_owned();
        let dies = async {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            server.kill();
        };
        let (asked, ()) = tokio::join!(cancel(&installation, &run, &["--by", "mona"]), dies);
        assert_eq!(asked.code, Some(0), "{asked:?}");
        server = installation.serve().await;
        ends_cancelled(&installation, deployment).await;
    }
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_left_its_session_and_heeds_no_request_is_gone_in_ten_seconds() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = installation.deploy("forking", "staging").await;
    let alive = installation.noted(deployment, "alive").await;
    let child = eventually("the child says who it is", || {
        let text = std::fs::read_to_string(installation.path("gates/child")).ok()?;
        text.trim().parse().ok()
    })
    .await;
    assert!(is_alive(child));
    let next = installation.deploy("main", "staging").await;
    let asked = cancel(&installation, alive.field("run"), &["--by", "mona", "--wait"]);
    let asked = tokio::time::timeout(STOPPED, asked).await.expect("stopped in time");
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(!is_alive(child) && !is_alive(alive.number("pid")));
    ends_cancelled(&installation, deployment).await;
    assert_eq!(installation.concluded(next, SOON).await, "success");
    server.stop(SOON).await;
    installation.close().await;
}
