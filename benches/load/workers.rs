//! Four processes that work, next to one: deployments that sleep, so that neither the processors nor what is deployed is the limit.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use chima_simulator::git::GitRepository;
use chima_simulator::github::DEFAULT_TOKEN;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::Options;
use crate::client::Connection;
use crate::figures::{heading, row};
use crate::first_act::{REPOSITORY, world};
use crate::servers;

/// Runs at once in each process.
const PLACES: usize = 8;
/// Long enough that two processors have time for the start of every run: a checkout and a few processes.
const SLEEP: u32 = 8;
const LANES: usize = 64;
const LIMIT: Duration = Duration::from_secs(600);

pub async fn measure(options: &Options) -> anyhow::Result<()> {
    heading(&format!(
        "{} deployments that sleep {SLEEP} s, in {LANES} lanes, on one ledger and one Redis; {PLACES} runs at once in each process",
        options.sleepers
    ));
    let one = with(options, 1).await?;
    row("one process: deployments per second", &format!("{one:.2}"));
    let four = with(options, 4).await?;
    row("four processes: deployments per second", &format!("{four:.2}"));
    row("four / one", &format!("{:.2}", four / one));
    Ok(())
}

async fn with(options: &Options, processes: usize) -> anyhow::Result<f64> {
    let folder = TempDir::new()?;
    let at = folder.path();
    let git = GitRepository::create(&at.join("hello"))?;
    let journal = at.join("journal");
    git.write(
        "script/deploy",
        &format!(
            "#!/bin/sh\nnote() {{ echo \"$1 $CHIMA_ENVIRONMENT $CHIMA_DEPLOYMENT_ID $(date +%s%N)\" >> {}; }}\n\
             note start; sleep {SLEEP}; note end\n",
            journal.display()
        ),
    )?;
    let sha = git.commit("Sleep")?;
    let environments: Vec<String> = (0..options.sleepers)
        .map(|one| format!("lane-{}", one % LANES))
        .collect();
    let (github, deliveries, _elsewhere) = world(&sha, environments)?;
    servers::write_secret(&at.join("token"), DEFAULT_TOKEN)?;
    let (_redis, url) = servers::redis(&at.join("redis")).await?;
    let lanes: Vec<String> = (0..LANES).map(|lane| format!("lane-{lane}: {{}}")).collect();
    let home = at.join("chima");
    let config = format!(
        "workers: {PLACES}\nqueue: '{url}'\ngithub:\n  url: {github_url}\n  api_url: {api}\n  token: {{ file: {at}/token }}\n  \
         webhook_secrets: [{{ file: {at}/chima/webhook-secret }}]\n\
         apps:\n  hello:\n    repository: {REPOSITORY}\n    remote: {at}/hello\n    provider: shell\n    \
         with: {{ command: [./script/deploy] }}\n    required_contexts: []\n    environments: {{ {lanes} }}\n",
        github_url = github.url(),
        api = github.api_url(),
        at = at.display(),
        lanes = lanes.join(", "),
    );
    let server = servers::chima(&options.chima, &home, &config).await?;
    let mut workers = Vec::new();
    for number in 1..processes {
        workers.push(servers::worker(&options.chima, &home, number)?);
    }
    // before anything is asked of them
    sleep(Duration::from_secs(2)).await;
    let mut connection = Connection::open(server.address).await?;
    for request in &deliveries {
        let status = connection.send(request).await?;
        anyhow::ensure!(status == 202, "answered with {status}, expected 202");
    }
    let began = Instant::now();
    let rate = loop {
        if let Some(rate) = rate(&journal, options.sleepers)? {
            break rate;
        }
        anyhow::ensure!(began.elapsed() < LIMIT, "not all have ended after {LIMIT:?}");
        sleep(Duration::from_millis(100)).await;
    };
    drop(workers);
    server.stop()?;
    Ok(rate)
}

/// Deployments per second from the first start to the last end, once all have ended: each once, and no two at once in a lane.
fn rate(journal: &Path, count: usize) -> anyhow::Result<Option<f64>> {
    let text = fs::read_to_string(journal).unwrap_or_default();
    let mut works: BTreeMap<&str, &str> = BTreeMap::new();
    let mut begun: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut first, mut last, mut ended) = (u128::MAX, 0, 0);
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, lane, deployment, at] = words.as_slice() else {
            continue;
        };
        let at: u128 = at.parse().context("the journal has no time")?;
        if *what == "start" {
            let other = works.insert(lane, deployment);
            anyhow::ensure!(
                other.is_none(),
                "{deployment} began in {lane} while {other:?} worked there"
            );
            *begun.entry(deployment).or_default() += 1;
            first = first.min(at);
        } else {
            anyhow::ensure!(
                works.remove(lane) == Some(*deployment),
                "{deployment} ended in {lane}, and had not begun"
            );
            ended += 1;
            last = last.max(at);
        }
    }
    anyhow::ensure!(begun.values().all(|times| *times == 1), "some began more than once");
    if ended < count {
        return Ok(None);
    }
    let took = Duration::from_nanos(u64::try_from(last - first)?);
    Ok(Some(count as f64 / took.as_secs_f64()))
}
