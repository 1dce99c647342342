//! Redis, GitHub or the disk is away for a while: nothing that was acknowledged is lost, and all of it follows.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use chima_simulator::fault::{Fault, FaultKind};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::process::installation::{ENVIRONMENTS, Installation, eventually};
use crate::queue_conformance::redis_server::RedisServer;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_and_accepts_without_redis_and_catches_up_when_it_comes() {
    let redis = RedisServer::not_running();
    let mut installation = Installation::with(redis.url(), Some(redis)).await;
    let mut server = installation.serve().await;
    let mut deployments = Vec::new();
    for environment in ENVIRONMENTS {
        deployments.push(installation.deploy("main", environment).await);
    }
    installation.redis.as_mut().expect("a server").run();
    let back = Instant::now();
    for deployment in deployments {
        assert_eq!(installation.concluded(deployment, SOON).await, "success");
    }
    assert!(back.elapsed() < SOON, "{:?}", back.elapsed());
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_dies_in_the_middle_holds_up_only_what_has_not_begun() {
    let mut installation = Installation::redis().await;
    let mut server = installation.serve().await;
    let begun = installation.deploy("gated", "staging").await;
    installation.noted(begun, "start").await;
    installation.redis.as_mut().expect("a server").kill();
    let behind = installation.deploy("main", "staging").await;
    let beside = installation.deploy("main", "qa").await;
    installation.open_gate(begun);
    assert_eq!(installation.concluded(begun, SOON).await, "success");
    installation.redis.as_mut().expect("a server").run();
    let back = Instant::now();
    for deployment in [behind, beside] {
        assert_eq!(installation.concluded(deployment, SOON).await, "success");
    }
    assert!(back.elapsed() < SOON, "{:?}", back.elapsed());
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ended_while_github_was_down_is_told_when_it_is_back() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = installation.deploy("gated", "staging").await;
    installation.noted(deployment, "start").await;
    installation.github.down();
    installation.open_gate(deployment);
    installation.noted(deployment, "end").await;
    eventually("an attempt to tell GitHub", || {
        server.stderr().contains("not sent yet").then_some(())
    })
    .await;
    installation.github.up();
    let back = Instant::now();
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    assert!(back.elapsed() < SOON, "{:?}", back.elapsed());
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_a_dead_server_was_sending_holds_up_nothing() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    installation
        .github
        .fail(Fault::on("POST", "/statuses", FaultKind::Timeout).after(1).always());
    let deployment = installation.deploy("gated", "staging").await;
    let path = format!("/deployments/{deployment}/statuses");
    eventually("the second status is under way", || {
        let requests = installation.github.requests();
        (requests.iter().filter(|request| request.is("POST", &path)).count() == 2).then_some(())
    })
    .await;
    installation.noted(deployment, "start").await;
    server.kill();
    installation.github.heal();
    installation.open_gate(deployment);
    installation.noted(deployment, "end").await;
    let begun = Instant::now();
    let mut server = installation.serve().await;
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    server.stop(SOON).await;
    installation.close().await;
}

/// Another program that writes to the ledger and takes its time.
async fn lock_ledger(installation: &Installation, seconds: u32) -> Child {
    let script = "import sqlite3, sys, time\n\
                  ledger = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n\
                  ledger.execute('BEGIN IMMEDIATE')\n\
                  print('locked', flush=True)\n\
                  time.sleep(float(sys.argv[2]))\n\
                  ledger.execute('ROLLBACK')\n";
    #[expect(clippy::disallowed_methods, reason = "the lock must be another process'")]
    let mut locker = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(installation.path("data/chima.db"))
        .arg(seconds.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`python3` is installed");
    let stdout = locker.stdout.take().expect("a pipe");
    let stdout = tokio::process::ChildStdout::from_std(stdout).expect("a pipe");
    let line = BufReader::new(stdout).lines().next_line().await;
    assert_eq!(line.expect("its word").as_deref(), Some("locked"));
    locker
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_ledger_delays_and_loses_nothing() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let begun = installation.deploy("gated", "staging").await;
    installation.noted(begun, "start").await;
    let mut locker = lock_ledger(&installation, 4).await;
    let locked = Instant::now();
    installation.open_gate(begun);
    let (during, acknowledged) = installation.try_deploy("main", "qa").await;
    let took = locked.elapsed();
    assert!(
        !acknowledged || took > Duration::from_secs(3),
        "acknowledged after {took:?}"
    );
    locker.wait().expect("it is ours");
    if !acknowledged {
        let guid = installation
            .github
            .read(|world| world.deliveries.last().map(|delivery| delivery.guid.clone()));
        installation.github.redeliver(&guid.expect("a delivery")).await;
    }
    for deployment in [begun, during] {
        assert_eq!(installation.concluded(deployment, SOON).await, "success");
    }
    let after = installation.deploy("main", "live").await;
    assert_eq!(installation.concluded(after, SOON).await, "success");
    server.stop(SOON).await;
    installation.close().await;
}
