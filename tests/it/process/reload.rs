//! SIGHUP: a new configuration takes over as a whole or not at all, and nobody who delivers notices.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::child::Chima;
use crate::process::installation::{Installation, eventually};
use crate::process::journal::Journal;
use crate::process::trickle::{Said, Trickle};

const SOON: Duration = Duration::from_secs(10);
/// As the installation has it.
const OLD: &str = "a webhook secret of many bytes";
const NEW: &str = "another webhook secret, of other bytes";

/// What a process has said about taking over or refusing.
fn words(process: &Chima) -> usize {
    process.stderr().matches("the configuration was read again").count()
}

/// Sends SIGHUP, and waits for the word about it.
async fn hang_up(process: &Chima) {
    let before = words(process);
    process.signal(Signal::HUP);
    eventually("a word about the configuration", || {
        (words(process) > before).then_some(())
    })
    .await;
}

fn bad(said: &[Said]) -> Vec<&Said> {
    said.iter().filter(|said| !said.is_good()).collect()
}

/// The configuration whose commands write into another journal.
fn elsewhere(installation: &Installation) -> String {
    installation.config().replace("/journal,", "/other-journal,")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_file_holds_for_the_next_deployment_and_no_delivery_and_no_run_notices() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let under_way = installation.deploy("gated", "staging").await;
    installation.noted(under_way, "start").await;
    let trickle = Trickle::start(installation.port, OLD, 20);
    installation.write("app.yaml", &elsewhere(&installation));
    for _ in 0..5 {
        hang_up(&server).await;
    }
    let next = installation.deploy("main", "qa").await;
    assert_eq!(installation.concluded(next, SOON).await, "success");
    installation.open_gate(under_way);
    assert_eq!(installation.concluded(under_way, SOON).await, "success");
    eventually("deliveries have come all the time", || {
        (trickle.answered() > 20).then_some(())
    })
    .await;
    let said = trickle.stop().await;
    assert_eq!(bad(&said), Vec::<&Said>::new());
    let other = Journal::read(&installation.path("other-journal"));
    assert!(other.find(next, "end").is_some(), "the new file did not hold");
    assert!(installation.journal().find(under_way, "end").is_some() && other.of(under_way).is_empty());
    let told = server.stderr();
    assert!(
        told.contains("\"old_digest\":") && told.contains("\"new_digest\":"),
        "{told}"
    );
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_changes_nothing_and_every_line_at_fault_is_named() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let broken = elsewhere(&installation)
        .replace("required_contexts: []", "required_contextz: []")
        .replace("workers: 4", "workers: many");
    installation.write("app.yaml", &broken);
    hang_up(&server).await;
    let told = server.stderr();
    let line = |of: &str| broken.lines().position(|line| line.contains(of)).unwrap() + 1;
    for (place, word) in [
        (line("workers: many"), "workers"),
        (line("required_contextz"), "did you mean `required_contexts`"),
    ] {
        let place = format!("refused: app.yaml:{place}:");
        assert!(
            told.contains(&place) && told.contains(word),
            "`{place}` is missing in {told}"
        );
    }
    assert!(told.contains("everything stays as it was"), "{told}");
    let deployment = installation.deploy("main", "staging").await;
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    assert!(installation.journal().find(deployment, "end").is_some());
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_a_restart_and_what_would_no_longer_be_set_up_is_refused_whole() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let moved = elsewhere(&installation)
        .replace("workers: 4", "workers: 5")
        .replace("data_dir: data", "data_dir: other");
    installation.write("app.yaml", &moved);
    hang_up(&server).await;
    let told = server.stderr();
    assert!(
        told.contains("`data_dir` and `workers` changed, which takes a restart"),
        "{told}"
    );
    let unset = elsewhere(&installation).replace("{ file: github-token }", "{ env: NOT_THERE }");
    installation.write("app.yaml", &unset);
    hang_up(&server).await;
    let told = server.stderr();
    assert!(
        told.contains("environment variable `NOT_THERE`") && told.contains("only after a restart"),
        "{told}"
    );
    let deployment = installation.deploy("main", "staging").await;
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    assert!(installation.journal().find(deployment, "end").is_some());
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_webhook_secret_is_rotated_both_are_good_and_then_the_old_one_is_gone_at_once() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    installation.write("new-secret", NEW);
    let with = |secrets: &str| installation.config().replace("[{ file: webhook-secret }]", secrets);
    installation.write("app.yaml", &with("[{ file: webhook-secret }, { file: new-secret }]"));
    let old = Trickle::start(installation.port, OLD, 15);
    hang_up(&server).await;
    let new = Trickle::start(installation.port, NEW, 15);
    eventually("both are used for a while", || (new.answered() > 10).then_some(())).await;
    installation.write("app.yaml", &with("[{ file: new-secret }]"));
    hang_up(&server).await;
    let removed = Instant::now();
    assert!(
        server.stderr().matches("holds from now on").count() == 2,
        "{}",
        server.stderr()
    );
    let sent = new.answered();
    eventually("the new one is used for a while", || {
        (new.answered() > sent + 20).then_some(())
    })
    .await;
    let (old, new) = (old.stop().await, new.stop().await);
    assert_eq!(bad(&new), Vec::<&Said>::new());
    let (before, after): (Vec<&Said>, Vec<&Said>) = old.iter().partition(|said| said.sent < removed);
    assert!(before.iter().all(|said| said.is_good() || said.status == 401));
    assert!(
        before.len() > 10 && before[..10].iter().all(|said| said.is_good()),
        "{before:?}"
    );
    // not one that was sent after the word was believed
    assert!(after.len() > 5, "{}", after.len());
    assert!(after.iter().all(|said| said.status == 401), "{after:?}");
    server.stop(SOON).await;
    installation.close().await;
}
