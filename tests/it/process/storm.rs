//! Kills at random moments while deployments arrive: none is lost, none begins twice, no two meet in one environment,
//! and GitHub hears the end of each.
//!
//! `CHIMA_TEST_KILLS` sets how many kills, `CHIMA_TEST_SEED` repeats the random choices of an earlier storm.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chima_simulator::github::deploy::DeploymentRequest;

use crate::process::child::Chima;
use crate::process::installation::{ENVIRONMENTS, Installation, REPOSITORY, eventually};
use crate::torture::{rounds, row};

const DEPLOYMENTS: usize = 15;
const SETTLED: Duration = Duration::from_secs(40);

/// Xorshift: enough to choose moments, and repeatable.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    async fn pause(&mut self, milliseconds: std::ops::Range<u64>) {
        let length = milliseconds.start + self.roll(milliseconds.end - milliseconds.start);
        tokio::time::sleep(Duration::from_millis(length)).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the storm is set by whoever runs it, and differs from run to run"
)]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "the seed differs from run to run")]
fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) | 1
}

/// Whose delivery was not acknowledged, by GUID.
async fn arrivals(installation: &Installation, mut dice: Dice, kills: u64) -> Vec<(u64, Option<String>)> {
    let mut all = Vec::new();
    // spread over the whole storm
    let longest = 2 * kills * 450 / DEPLOYMENTS as u64 + 2;
    for _ in 0..DEPLOYMENTS {
        let environment = ENVIRONMENTS[usize::try_from(dice.roll(3)).unwrap()];
        let request = DeploymentRequest::to(environment);
        let deployed = installation
            .github
            .deploy(REPOSITORY, request)
            .await
            .expect("GitHub agrees");
        let delivery = &deployed.deliveries[0];
        let acknowledged = (200..300).contains(&delivery.status);
        all.push((deployed.id, (!acknowledged).then(|| delivery.guid.clone())));
        dice.pause(1..longest).await;
    }
    all
}

async fn kills(installation: &Installation, mut dice: Dice, kills: u64, (server, worker): (&mut Chima, &mut Chima)) {
    for _ in 0..kills {
        dice.pause(10..900).await;
        if dice.roll(3) == 0 {
            worker.kill();
            *worker = installation.start_working();
        } else {
            server.kill();
            *server = installation.start_serving();
        }
    }
}

#[expect(clippy::print_stderr, reason = "the seed repeats a storm that found something")]
async fn storm(queue: &str, installation: Installation) {
    let seed = setting("CHIMA_TEST_SEED").unwrap_or_else(fresh_seed);
    let count = setting("CHIMA_TEST_KILLS").unwrap_or_else(|| rounds(12, 500));
    eprintln!("CHIMA_TEST_SEED={seed} CHIMA_TEST_KILLS={count}");
    let (mut server, mut worker) = (installation.serve().await, installation.worker().await);
    let (all, ()) = tokio::join!(
        arrivals(&installation, Dice(seed), count),
        kills(
            &installation,
            Dice(seed ^ 0x9e37_79b9),
            count,
            (&mut server, &mut worker)
        ),
    );
    installation.ready(&mut server).await;
    for (_, unacknowledged) in &all {
        if let Some(guid) = unacknowledged {
            let again = installation.github.redeliver(guid).await;
            assert!((200..300).contains(&again[0].status), "{again:?}");
        }
    }
    for (deployment, _) in &all {
        let state = installation.concluded(*deployment, SETTLED).await;
        let begun = installation.journal().count(*deployment, "start");
        let told = installation.description(*deployment);
        // a run that happened to take its worker down three times before it began is given up, and says so
        let given_up = state == "error" && begun == 0 && told.contains("took its worker down");
        assert!(
            state == "success" && begun == 1 || given_up,
            "{state}, begun {begun} times: {told}"
        );
    }
    eventually("the worker is ready", || {
        worker.stderr().contains("ready to carry out runs").then_some(())
    })
    .await;
    for process in [&mut server, &mut worker] {
        eventually("every child is collected", || {
            process.zombies().is_empty().then_some(())
        })
        .await;
        let (status, took) = process.stop(Duration::from_secs(10)).await;
        assert_eq!(status.code(), Some(0));
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    installation.close().await;
    row(
        &format!("kill -9 at random points, {queue}"),
        count,
        format!(
            "{} deployments: 0 lost, 0 overlaps, 0 started twice, all ended",
            all.len()
        ),
        "the same",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_kills_loses_and_repeats_nothing_on_sqlite() {
    storm("SQLite", Installation::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_kills_loses_and_repeats_nothing_on_redis() {
    storm("Redis", Installation::redis().await).await;
}
