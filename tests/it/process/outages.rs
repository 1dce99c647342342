//! Redis, GitHub or the disk is away for a while: nothing that was acknowledged is lost, and all of it follows.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::slack::Slack;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::process::installation::{ENVIRONMENTS, Installation, eventually};
use crate::queue_conformance::redis_server::RedisServer;
use crate::torture::{rounds, row};

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
    let seconds = rounds(4, 30);
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let begun = installation.deploy("gated", "staging").await;
    installation.noted(begun, "start").await;
    let mut locker = lock_ledger(&installation, u32::try_from(seconds).unwrap()).await;
    let locked = Instant::now();
    installation.open_gate(begun);
    let (mut all, mut refused) = (vec![begun], Vec::new());
    // each delivery waits as long as GitHub does, and no longer
    while locked.elapsed() < Duration::from_secs(seconds) {
        let (during, status, guid) = installation.deliver("main", "qa").await;
        let took = locked.elapsed();
        let early = took + Duration::from_secs(1) < Duration::from_secs(seconds);
        assert!(
            status == 503 || status == 202 && !early,
            "answered {status} after {took:?}"
        );
        if status == 503 {
            refused.push(guid);
        }
        all.push(during);
    }
    locker.wait().expect("it is ours");
    let back = Instant::now();
    assert_eq!(installation.concluded(begun, SOON).await, "success");
    let told = back.elapsed();
    assert!(told < SOON, "{told:?}");
    installation.deliver_again(&refused).await;
    for deployment in &all {
        assert_eq!(installation.concluded(*deployment, SOON).await, "success");
    }
    let after = installation.deploy("main", "live").await;
    assert_eq!(installation.concluded(after, SOON).await, "success");
    server.stop(SOON).await;
    installation.close().await;
    row(
        "the ledger locked by another program, in seconds",
        seconds,
        format!(
            "{} deliveries, {} of them answered with 503 and none acknowledged in vain; what had ended was told {:.1} s after",
            all.len(),
            refused.len(),
            told.as_secs_f64()
        ),
        "503, never a false 202, nothing lost",
    );
}

/// Deliveries are accepted while something is away, and told soon after it is back.
async fn through(
    installation: &mut Installation,
    what: &str,
    away: impl Fn(&mut Installation),
    back: impl Fn(&mut Installation),
    others_heard: impl Fn() -> bool,
    seconds: u64,
) {
    let mut server = installation.serve().await;
    let begun = installation.deploy("gated", "staging").await;
    installation.noted(begun, "start").await;
    away(installation);
    let mut all = vec![begun];
    let mut slowest = Duration::ZERO;
    for (branch, environment) in [("main", "staging"), ("main", "qa"), ("failing", "live")] {
        let asked = Instant::now();
        all.push(installation.deploy(branch, environment).await);
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "accepted after {slowest:?} only");
    // a command may take half an hour
    let until_end = Duration::from_secs(seconds) / 3;
    tokio::time::sleep(until_end).await;
    installation.open_gate(begun);
    installation.noted(begun, "end").await;
    tokio::time::sleep(2 * until_end).await;
    back(installation);
    let repaired = Instant::now();
    for (deployment, state) in all.iter().zip(["success", "success", "success", "failure"]) {
        assert_eq!(installation.concluded(*deployment, 2 * SOON).await, state);
    }
    eventually("the others hear of it", || others_heard().then_some(())).await;
    let took = repaired.elapsed();
    assert!(took < SOON, "{took:?}");
    server.stop(SOON).await;
    installation.close().await;
    row(
        &format!("{what}, in seconds"),
        seconds,
        format!(
            "every delivery accepted within {} ms; run and told {:.1} s after the repair; 0 lost, 0 begun twice",
            slowest.as_millis(),
            took.as_secs_f64()
        ),
        "accepted; run or reported within 10 s of the repair",
    );
}

fn redis(installation: &mut Installation) -> &mut RedisServer {
    installation.redis.as_mut().expect("a server")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_dead_deliveries_are_accepted_and_run_when_it_is_back() {
    let mut installation = Installation::redis().await;
    through(
        &mut installation,
        "Redis killed",
        |installation| redis(installation).kill(),
        |installation| redis(installation).run(),
        || true,
        rounds(3, 60),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_frozen_deliveries_are_accepted_and_run_when_it_goes_on() {
    let mut installation = Installation::redis().await;
    through(
        &mut installation,
        "Redis frozen (`SIGSTOP`)",
        |installation| redis(installation).freeze(),
        |installation| redis(installation).thaw(),
        || true,
        rounds(3, 60),
    )
    .await;
}

/// An hour in `script/torture`; a world test lets an hour pass by a clock of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_github_and_slack_are_down_deliveries_are_accepted_and_told_afterwards() {
    let slack = Slack::start().await.expect("a stand-in for Slack");
    let mut installation = Installation::sqlite().await;
    installation.write("slack-webhook", &slack.webhook_url());
    let config = installation.config();
    installation.write(
        "app.yaml",
        &format!("{config}slack: {{ incoming_webhook: {{ file: slack-webhook }} }}\n"),
    );
    through(
        &mut installation,
        "GitHub and Slack down",
        |installation| {
            installation.github.down();
            slack.down();
        },
        |installation| {
            installation.github.up();
            slack.up();
        },
        || slack.messages().iter().any(|message| message.text.contains("live")),
        rounds(3, 3600),
    )
    .await;
}
