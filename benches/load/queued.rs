//! What 50,000 queued runs cost: those that come after them, a restart, memory. In one lane, in 5,000 lanes, and with Redis.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use chima::store::Store;
use chima_simulator::git::GitRepository;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::Options;
use crate::client::Connection;
use crate::figures::{Figures, heading, row};
use crate::first_act::{REPOSITORY, world};
use crate::servers::{self, Server};

/// As many come while the others wait.
const MORE: usize = 300;
const DECIDED: Duration = Duration::from_secs(120);
const SETTLED: Duration = Duration::from_secs(10);
/// In place of the commit.
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

pub async fn measure(options: &Options) -> anyhow::Result<()> {
    heading(&format!(
        "{} queued runs, as many held, undecided deliveries and statuses twice that; {MORE} more come one by one: median (lowest to highest)",
        options.queued
    ));
    floor()?;
    for (name, lanes, on_redis) in [
        ("one lane", 1, false),
        ("5,000 lanes", 5_000, false),
        ("5,000 lanes, Redis", 5_000, true),
    ] {
        with(options, name, lanes, on_redis).await?;
    }
    Ok(())
}

/// What the disk itself takes for as many bytes as one delivery has, written and synced.
fn floor() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let mut file = File::create(folder.path().join("bytes"))?;
    let mut took = Figures::default();
    for _ in 0..MORE {
        let began = Instant::now();
        file.write_all(&[1; 8_192])?;
        file.sync_data()?;
        took.push_time(began.elapsed());
    }
    row("8 KiB written and synced, ms", &took.shown(2));
    row("the same, p99, ms", &format!("{:.1}", took.quantile(0.99)));
    Ok(())
}

/// As those that come are of `host`, repository `number`.
async fn fill(
    ledger: &Path,
    (count, lanes): (usize, usize),
    (host, number, sha): (&str, u64, &str),
) -> anyhow::Result<()> {
    Store::open(ledger).await?.close().await;
    let from = SqliteConnectOptions::new().filename(ledger).foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&from).await?;
    for statement in include_str!("../../tests/it/process/full.sql").split(";\n\n") {
        let statement = statement
            .replace("?1", &count.to_string())
            .replace("?2", &lanes.to_string())
            .replace("'github.com', 1,", &format!("'{host}', {number},"))
            .replace("'github.com/1/", &format!("'{host}/{number}/"))
            .replace("octo/full", REPOSITORY)
            .replace(SHA, sha);
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}

async fn runs(ledger: &Path) -> anyhow::Result<i64> {
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(ledger)).await?;
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM runs WHERE deployment_id < 1000000")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(count)
}

async fn with(options: &Options, name: &str, lanes: usize, on_redis: bool) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let at = folder.path();
    let home = at.join("chima");
    fs::create_dir_all(home.join("data"))?;
    let ledger = home.join("data/chima.db");
    let git = GitRepository::create(&at.join("hello"))?;
    let sha = git.commit("Say hello")?;
    // every one to a lane in which others wait already
    let (github, deliveries, _elsewhere) = world(&sha, vec!["lane-0".to_owned(); MORE])?;
    let number = repository_of(deliveries.first().context("nothing was delivered")?)?;
    let host = github.url().trim_start_matches("http://").to_owned();
    fill(&ledger, (options.queued, lanes), (&host, number, &sha)).await?;
    // those whose bells are rung first: nobody needs the others
    let environments: Vec<String> = (0..lanes.min(100)).map(|lane| format!("lane-{lane}: {{}}")).collect();
    let redis = if on_redis {
        Some(servers::redis(&at.join("redis")).await?)
    } else {
        None
    };
    let queue = redis.as_ref().map_or("sqlite", |(_, url)| url.as_str());
    // the first that begins takes the only place, and all others wait
    let config = format!(
        "workers: 1\nqueue: '{queue}'\ngithub:\n  url: {url}\n  api_url: {api}\n  \
         webhook_secrets: [{{ file: {home}/webhook-secret }}]\n\
         apps:\n  full:\n    repository: {REPOSITORY}\n    remote: {at}/hello\n    provider: shell\n    \
         with: {{ command: [sleep, '90'] }}\n    required_contexts: []\n    environments: {{ {environments} }}\n",
        url = github.url(),
        api = github.api_url(),
        home = home.display(),
        at = at.display(),
        environments = environments.join(", "),
    );
    let server = servers::chima(&options.chima, &home, &config).await?;
    let mut stored = Figures::default();
    let mut connection = Connection::open(server.address).await?;
    let began = Instant::now();
    for request in &deliveries {
        let sent = Instant::now();
        let status = connection.send(request).await?;
        anyhow::ensure!(status == 202, "answered with {status}, expected 202");
        stored.push_time(sent.elapsed());
    }
    while usize::try_from(runs(&ledger).await?)? < MORE {
        anyhow::ensure!(began.elapsed() < DECIDED, "not all are decided on");
        sleep(Duration::from_millis(20)).await;
    }
    let decided = began.elapsed();
    sleep(SETTLED).await;
    let (resident, peak) = (server.memory("VmRSS")?, server.memory("VmHWM")?);
    server.stop().context("the server does not stop")?;
    let server = restarted(options, &home, &config).await?;
    row(&format!("{name}: enqueued, answered with 202, ms"), &stored.shown(2));
    row(
        &format!("{name}: the same, p99, ms"),
        &format!("{:.1}", stored.quantile(0.99)),
    );
    row(
        &format!("{name}: from the first to the last run in the ledger, each ms"),
        &format!("{:.1}", decided.as_secs_f64() * 1000.0 / MORE as f64),
    );
    row(
        &format!("{name}: restart to ready, ms"),
        &format!("{:.1}", server.ready_after.as_secs_f64() * 1000.0),
    );
    sleep(SETTLED).await;
    row(
        &format!("{name}: resident after 10 s / most, MiB"),
        &format!("{resident:.1} / {peak:.1}"),
    );
    row(
        &format!("{name}: the same after the restart, MiB"),
        &format!("{:.1} / {:.1}", server.memory("VmRSS")?, server.memory("VmHWM")?),
    );
    server.stop()
}

/// GitHub's number of the repository, from the bytes of a delivery.
fn repository_of(request: &[u8]) -> anyhow::Result<u64> {
    let body = memchr::memmem::find(request, b"\r\n\r\n").context("a request has no body")?;
    let body: serde_json::Value = serde_json::from_slice(&request[body + 4..])?;
    body["repository"]["id"]
        .as_u64()
        .context("a delivery names no repository")
}

async fn restarted(options: &Options, home: &Path, config: &str) -> anyhow::Result<Server> {
    servers::chima(&options.chima, home, config).await
}
