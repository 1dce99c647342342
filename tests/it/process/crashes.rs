//! The server dies or is stopped in the middle of a deployment, which goes on and is reported as it really ended.

use std::time::{Duration, Instant};

use crate::process::child::Chima;
use crate::process::installation::{ENVIRONMENTS, Installation, eventually};
use crate::torture::within;

/// From the start of the next process to the last word on GitHub.
const REPORTED: Duration = Duration::from_secs(5);
const SOON: Duration = Duration::from_secs(10);

/// A gated deployment that writes, and of which GitHub has been told.
async fn under_way(installation: &Installation, environment: &str) -> u64 {
    let deployment = installation.deploy("gated", environment).await;
    installation.noted(deployment, "start").await;
    eventually("GitHub hears that it runs", || {
        installation
            .told(deployment)
            .contains(&"in_progress".to_owned())
            .then_some(())
    })
    .await;
    deployment
}

/// The log is what the script wrote, byte for byte, whoever watched it.
pub async fn log_is_whole(installation: &Installation, deployment: u64) {
    log_ends(installation, deployment, "").await;
}

/// The same, and what we say below it.
pub async fn log_ends(installation: &Installation, deployment: u64, last: &str) {
    let end = installation.noted(deployment, "end").await;
    let lines: String = (0..end.number("lines"))
        .map(|number| format!("line {number:05}\n"))
        .collect();
    let log = installation.run(&["logs", end.field("run")]).await;
    assert_eq!(log.stdout, format!("$ ./script/deploy\n{lines}{last}"));
}

async fn killed(server: &mut Chima) {
    server.kill();
}

async fn stopped(server: &mut Chima) {
    let (status, took) = server.stop(SOON).await;
    assert_eq!(status.code(), Some(0));
    assert!(
        took < within(Duration::from_secs(2)),
        "a watched run held up the stop for {took:?}"
    );
}

/// Ends while nobody is there.
async fn ends_alone(installation: &Installation, deployment: u64) {
    installation.open_gate(deployment);
    installation.noted(deployment, "end").await;
    assert_eq!(installation.told(deployment), ["queued", "in_progress"]);
}

async fn survives(down: impl AsyncFn(&mut Chima), while_down: bool) {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = under_way(&installation, "staging").await;
    down(&mut server).await;
    assert!(installation.runner(deployment).is_alive());
    if while_down {
        ends_alone(&installation, deployment).await;
    }
    let begun = Instant::now();
    let mut next = installation.serve().await;
    if !while_down {
        eventually("the run is adopted", || {
            next.stderr().contains("adopting a run").then_some(())
        })
        .await;
        installation.open_gate(deployment);
    }
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    assert!(begun.elapsed() < REPORTED, "{:?}", begun.elapsed());
    log_is_whole(&installation, deployment).await;
    stopped(&mut next).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_ends_while_the_server_is_dead_is_reported_after_the_restart() {
    survives(killed, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_outlives_a_dead_server_is_adopted() {
    survives(killed, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_ends_between_stop_and_start_is_reported() {
    survives(stopped, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_outlives_a_stopped_server_is_adopted() {
    survives(stopped, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_that_is_left_adopts_what_the_dead_one_carried_out() {
    for server_dies in [true, false] {
        let installation = Installation::sqlite().await;
        let mut server = installation.serve().await;
        let mut worker = installation.worker().await;
        let mut deployments = Vec::new();
        for environment in ENVIRONMENTS {
            deployments.push(under_way(&installation, environment).await);
        }
        let (dead, left) = if server_dies {
            (&mut server, &mut worker)
        } else {
            (&mut worker, &mut server)
        };
        dead.kill();
        let begun = Instant::now();
        for deployment in &deployments {
            installation.open_gate(*deployment);
        }
        for deployment in &deployments {
            assert_eq!(installation.concluded(*deployment, SOON).await, "success");
            log_is_whole(&installation, *deployment).await;
        }
        assert!(begun.elapsed() < REPORTED, "{:?}", begun.elapsed());
        stopped(left).await;
        installation.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_a_ledger_and_run_nothing_twice() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let mut worker = installation.worker().await;
    let mut deployments = Vec::new();
    for environment in ENVIRONMENTS.iter().cycle().take(9) {
        deployments.push(installation.deploy("main", environment).await);
    }
    for deployment in deployments {
        assert_eq!(installation.concluded(deployment, SOON).await, "success");
    }
    for process in [&mut server, &mut worker] {
        eventually("every child is collected", || {
            process.zombies().is_empty().then_some(())
        })
        .await;
        stopped(process).await;
    }
    installation.close().await;
}
