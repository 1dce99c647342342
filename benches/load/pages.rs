//! What pages cost: with a thousand runs in the ledger, and with a million.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use chima::store::Store;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tempfile::TempDir;
use tokio::time::sleep;
use ulid::Ulid;

use crate::Options;
use crate::client::Connection;
use crate::figures::{Figures, heading, row};
use crate::servers;

/// Looks at each page before any counts.
const WARM: usize = 20;
const SETTLED: Duration = Duration::from_secs(5);
/// What the target is, for the 99th percentile.
const LIMIT_MS: f64 = 50.0;
const LIMIT_TIMES: f64 = 1.5;
/// What stands for the newest run, and for one with enough before it.
const RUN: &str = "{run}";
const EARLY: &str = "{early}";

/// Pages, with what each is about. Those that find little are the hard ones.
const PAGES: [(&str, &str); 10] = [
    ("overview", "/"),
    ("history", "/history"),
    ("history of an environment", "/history?app=full&environment=production"),
    ("history of a person", "/history?person=person-3"),
    ("history of what failed", "/history?outcome=failed"),
    (
        "history of nothing",
        "/history?app=full&environment=production&person=nobody",
    ),
    (
        "history of a person's failures",
        "/history?person=person-0&outcome=failed",
    ),
    ("history, deep", "/history?before={early}"),
    ("queue", "/queue"),
    ("one run", "/runs/{run}"),
];

pub async fn measure(options: &Options) -> anyhow::Result<()> {
    let sizes = [1_000, options.runs];
    heading(&format!(
        "pages over loopback, {} looks at each, in turns: 50 % / 99 % of them took no longer, ms; the 99th to be at most {LIMIT_MS} and {LIMIT_TIMES} times that of {} runs",
        options.looks, sizes[0]
    ));
    let mut all = Vec::new();
    for runs in sizes {
        let folder = TempDir::new()?;
        all.push(of(options, folder.path(), runs).await?);
    }
    let [few, many] = all.as_slice() else {
        anyhow::bail!("two sizes are compared");
    };
    for (at, (name, _)) in PAGES.iter().enumerate() {
        let (few, many) = (&few[at], &many[at]);
        let (before, now) = (few.quantile(0.99), many.quantile(0.99));
        // below a millisecond only the machine's own noise is compared
        let kept = now <= LIMIT_MS && (now <= LIMIT_TIMES * before || now < 1.0);
        row(
            &format!("{name}: {} and {} runs", sizes[0], sizes[1]),
            &format!(
                "{:.2} / {before:.2}   {:.2} / {now:.2}   {:.2} times{}",
                few.median(),
                many.median(),
                now / before,
                if kept { "" } else { "   MISSED" }
            ),
        );
    }
    Ok(())
}

async fn of(options: &Options, folder: &Path, runs: usize) -> anyhow::Result<Vec<Figures>> {
    fs::create_dir_all(folder.join("data"))?;
    let time = Ulid::generate().to_string()[..10].to_owned();
    fill(&folder.join("data/chima.db"), runs, &time).await?;
    let config = format!(
        "github:\n  webhook_secrets: [{{ file: {}/webhook-secret }}]\napps:\n  full:\n    repository: octo/full\n    \
         provider: shell\n    with: {{ command: [echo, done] }}\n    required_contexts: []\n    \
         environments: {{ production: {{}}, staging: {{}}, preview: {{}} }}\n",
        folder.display()
    );
    let server = servers::chima(&options.chima, folder, &config).await?;
    sleep(SETTLED).await;
    let requests: Vec<Vec<u8>> = PAGES
        .iter()
        .map(|(_, path)| {
            let path = path
                .replace(RUN, &format!("{time}{runs:016}"))
                .replace(EARLY, &format!("{time}{:016}", 600));
            format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\n\r\n",
                server.address
            )
            .into_bytes()
        })
        .collect();
    let mut figures = vec![Figures::default(); PAGES.len()];
    let mut connection = Connection::open(server.address).await?;
    for look in 0..options.looks + WARM {
        for (at, request) in requests.iter().enumerate() {
            let sent = Instant::now();
            let status = connection.send(request).await?;
            anyhow::ensure!(
                status == 200,
                "{} was answered with {status}, expected 200",
                PAGES[at].1
            );
            if look >= WARM {
                figures[at].push_time(sent.elapsed());
            }
        }
    }
    server.stop().context("the server does not stop")?;
    Ok(figures)
}

/// `time` is what the ids of all runs begin with: that of a ULID of today.
async fn fill(ledger: &Path, runs: usize, time: &str) -> anyhow::Result<()> {
    Store::open(ledger).await?.close().await;
    let from = SqliteConnectOptions::new().filename(ledger).foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&from).await?;
    for statement in include_str!("pages.sql").split(";\n\n") {
        let statement = statement
            .replace("?1", &runs.to_string())
            .replace("?host", "github.com")
            .replace("?time", time);
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}
