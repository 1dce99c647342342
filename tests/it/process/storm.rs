//! Kills of server, worker and runners at random moments while deployments arrive: none is lost, none begins twice, no two
//! meet in one environment, and GitHub hears the end of each.
//!
//! `CHIMA_TEST_KILLS` sets how many kills each queue gets, `CHIMA_TEST_SEED` repeats the random choices of an earlier storm.
//! `script/crash` sets both.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use chima::provider::processes::{self, ProcessId};
use rustix::process::Signal;

use crate::dice::{Dice, fresh_seed};
use crate::process::child::Chima;
use crate::process::installation::{ENVIRONMENTS, Installation, eventually};
use crate::torture::{rounds, row, setting};

/// Between two kills, in milliseconds.
const PAUSES: std::ops::Range<u64> = 10..700;

/// What was done to whom.
#[derive(Default)]
struct Kills {
    servers: u64,
    workers: u64,
    runners: HashSet<ProcessId>,
}

/// Whose delivery was not acknowledged, by GUID.
async fn arrivals(installation: &Installation, mut dice: Dice, kills: u64) -> Vec<(u64, Option<String>)> {
    let mut all = Vec::new();
    let count = deployments(kills);
    // spread over the whole storm
    let longest = 2 * kills * (PAUSES.start + PAUSES.end) / 2 / count + 2;
    for _ in 0..count {
        let environment = ENVIRONMENTS[usize::try_from(dice.roll(3)).unwrap()];
        let branch = ["main", "slow"][usize::try_from(dice.roll(2)).unwrap()];
        let (deployment, status, guid) = installation.deliver(branch, environment).await;
        all.push((deployment, (status != 202).then_some(guid)));
        dice.pause(1..longest).await;
    }
    all
}

fn deployments(kills: u64) -> u64 {
    (kills / 2).max(15)
}

/// Every runner of the two that lives, whether it has begun or not.
fn runners(installation: &Installation, parents: [i32; 2]) -> Vec<ProcessId> {
    let starting = processes::all().into_iter().filter(|process| {
        let command = std::fs::read(format!("/proc/{}/cmdline", process.id.pid)).unwrap_or_default();
        parents.contains(&process.parent) && command.ends_with(b"\0runner\0")
    });
    let mut all: Vec<_> = starting.map(|process| process.id).collect();
    all.extend(installation.live_runners());
    all.sort_unstable();
    all.dedup();
    all
}

/// Waits for a runner to live, and then a little: they are rare while servers are killed all the time.
async fn some_runner(installation: &Installation, dice: &mut Dice, parents: [i32; 2]) -> Option<ProcessId> {
    for _ in 0..300 {
        let lives = runners(installation, parents);
        if !lives.is_empty() {
            let choice = usize::try_from(dice.roll(lives.len() as u64)).unwrap();
            dice.pause(1..300).await;
            return lives[choice].is_alive().then_some(lives[choice]);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}

async fn kills(
    installation: &Installation,
    mut dice: Dice,
    count: u64,
    (server, worker): (&mut Chima, &mut Chima),
) -> Kills {
    let mut kills = Kills::default();
    for _ in 0..count {
        dice.pause(PAUSES).await;
        match dice.roll(4) {
            0 => {
                if let Some(runner) = some_runner(installation, &mut dice, [server.pid(), worker.pid()]).await {
                    processes::signal(runner, Signal::KILL);
                    kills.runners.insert(runner);
                }
            }
            1 => {
                worker.kill();
                *worker = installation.start_working();
                kills.workers += 1;
            }
            _ => {
                server.kill();
                *server = installation.start_serving();
                kills.servers += 1;
            }
        }
    }
    kills
}

/// How a deployment may have ended, given whom we killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Succeeded,
    /// Its runner was ours to kill, in the middle or before the command began.
    Interrupted,
    /// It happened to take its worker down three times before it began, is given up, and says so.
    GivenUp,
}

fn fate(installation: &Installation, killed: &Kills, deployment: u64, state: &str) -> Fate {
    let journal = installation.journal();
    let begun = journal.count(deployment, "start");
    let told = installation.description(deployment);
    let by_us = begun == 0 || killed.runners.contains(&installation.runner(deployment));
    let runner = told.starts_with("error: interrupted") || told.contains("the runner");
    match (state, begun) {
        ("success", 1) if journal.count(deployment, "end") == 1 => Fate::Succeeded,
        ("error", 0) if told.contains("took its worker down") => Fate::GivenUp,
        ("error", 0 | 1) if runner && by_us && !killed.runners.is_empty() => Fate::Interrupted,
        _ => panic!("deployment {deployment}: {state}, begun {begun} times: {told}"),
    }
}

#[expect(clippy::print_stderr, reason = "the seed repeats a storm that found something")]
async fn storm(queue: &str, installation: Installation) {
    let number = |name| setting(name).and_then(|text| text.parse().ok());
    let seed: u64 = number("CHIMA_TEST_SEED").unwrap_or_else(fresh_seed);
    let count: u64 = number("CHIMA_TEST_KILLS").unwrap_or_else(|| rounds(30, 500));
    eprintln!("CHIMA_TEST_SEED={seed} CHIMA_TEST_KILLS={count}");
    installation.write(
        "app.yaml",
        &installation
            .config()
            .replace("writes_per_minute: 80", "writes_per_minute: 100000"),
    );
    let (mut server, mut worker) = (installation.serve().await, installation.worker().await);
    let (all, killed) = tokio::join!(
        arrivals(&installation, Dice(seed), count),
        kills(
            &installation,
            Dice(seed ^ 0x9e37_79b9),
            count,
            (&mut server, &mut worker)
        ),
    );
    installation.ready(&mut server).await;
    let lost: Vec<String> = all.iter().filter_map(|(_, guid)| guid.clone()).collect();
    installation.deliver_again(&lost).await;
    // three lanes, and a deployment takes a second at most
    let settled = Duration::from_secs(40 + all.len() as u64);
    let mut fates: BTreeMap<Fate, u64> = BTreeMap::new();
    for (deployment, _) in &all {
        let state = installation.concluded(*deployment, settled).await;
        *fates
            .entry(fate(&installation, &killed, *deployment, &state))
            .or_default() += 1;
    }
    let interrupted = fates.get(&Fate::Interrupted).copied().unwrap_or_default();
    assert!(interrupted <= killed.runners.len() as u64, "{fates:?}");
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
        &format!("`kill -9` of server, worker and runners at random points, queue on {queue}"),
        count,
        format!(
            "{} servers, {} workers, {} runners killed; {} deployments: 0 lost, 0 overlaps, 0 started twice, each with a last \
             status ({} succeeded, {interrupted} interrupted, {} given up)",
            killed.servers,
            killed.workers,
            killed.runners.len(),
            all.len(),
            fates.get(&Fate::Succeeded).copied().unwrap_or_default(),
            fates.get(&Fate::GivenUp).copied().unwrap_or_default(),
        ),
        "0 lost, 0 overlaps, 0 started twice, 100 % with a last status",
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
