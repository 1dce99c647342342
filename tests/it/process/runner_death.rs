//! The runner is killed: what it carried out is stopped to the last process, then told as interrupted, then the next
//! run of its lane begins.

use std::fs;
use std::time::Duration;

use chima::provider::processes;
use rustix::process::Signal;

use crate::process::installation::{Installation, eventually};

const SOON: Duration = Duration::from_secs(10);
/// Stopping what heeds no request takes five seconds.
const STOPPED: Duration = Duration::from_secs(15);

fn is_alive(pid: i32) -> bool {
    processes::find(pid).is_some_and(|process| !process.is_zombie)
}

async fn ends_interrupted(installation: &Installation, deployment: u64, next: u64, processes: &[i32]) {
    assert_eq!(installation.concluded(deployment, STOPPED).await, "error");
    let alive: Vec<_> = processes.iter().filter(|pid| is_alive(**pid)).collect();
    assert!(alive.is_empty(), "told as interrupted while {alive:?} still worked");
    let told = installation.description(deployment);
    assert!(told.starts_with("error: interrupted: its runner was killed"), "{told}");
    assert_eq!(installation.journal().count(deployment, "end"), 0);
    assert_eq!(installation.concluded(next, SOON).await, "success");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_heeds_no_request_is_gone_before_the_next_run_begins() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = installation.deploy("stubborn", "staging").await;
    let command = installation.noted(deployment, "alive").await.number("pid");
    let next = installation.deploy("main", "staging").await;
    assert!(processes::signal(installation.runner(deployment), Signal::KILL));
    ends_interrupted(&installation, deployment, next, &[i32::try_from(command).unwrap()]).await;
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_left_its_session_and_its_parent_is_found_and_stopped() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = installation.deploy("forking", "staging").await;
    let command = installation.noted(deployment, "alive").await.number("pid");
    let child = eventually("the child says who it is", || {
        let text = fs::read_to_string(installation.path("gates/child")).ok()?;
        text.trim().parse::<i32>().ok()
    })
    .await;
    assert!(is_alive(child));
    let next = installation.deploy("main", "staging").await;
    assert!(processes::signal(installation.runner(deployment), Signal::KILL));
    ends_interrupted(
        &installation,
        deployment,
        next,
        &[i32::try_from(command).unwrap(), child],
    )
    .await;
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_died_with_its_runner_leaves_no_second_run_beside_the_command() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = installation.deploy("stubborn", "staging").await;
    let command = i32::try_from(installation.noted(deployment, "alive").await.number("pid")).unwrap();
    let next = installation.deploy("main", "staging").await;
    let runner = installation.runner(deployment);
    server.kill();
    assert!(processes::signal(runner, Signal::KILL));
    eventually("the runner is gone", || (!runner.is_alive()).then_some(())).await;
    assert!(is_alive(command));
    let mut server = installation.serve().await;
    ends_interrupted(&installation, deployment, next, &[command]).await;
    server.stop(SOON).await;
    installation.close().await;
}
