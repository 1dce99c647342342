//! A server on a ledger in which very much waits: what it asks the ledger at every tick, by its own log, and how SQLite would find it.
//!
//! Figures are `script/bench queued`; this is about what would make them worse: a table that is read whole, and answers as long as
//! the queue.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use chima::store::Store;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use tempfile::TempDir;

use crate::process::child::{Chima, command};
use crate::process::installation::eventually;

const WAITING: i64 = 2_000;
/// No statement of a tick answers with more rows than its batch has.
const ROWS: u64 = 1_001;
const LOOKED_AT: Duration = Duration::from_secs(4);

/// Reads a whole index, and may: nothing in it but what works or is being sent at this moment, or a counter.
const FEW: [&str; 4] = [
    "USING INDEX runs_one_running",
    "USING COVERING INDEX runs_one_running",
    "USING COVERING INDEX outbox_senders",
    // in the order of the ids, up to the first that are due: the batch is what is read, unless all were put off
    "INDEX deliveries_open",
];
/// Counted for a person, or for monitoring, and not at every tick.
const COUNTED: &str = "COUNT(*)";
const GROWING: [&str; 9] = [
    "runs",
    "deliveries",
    "outbox",
    "run_events",
    "decisions",
    "deployments",
    "slack_messages",
    "steps",
    "watch_words",
];

async fn fill(ledger: &Path, lanes: i64) {
    // as it is made, with its indexes
    Store::open(ledger).await.unwrap().close().await;
    let options = SqliteConnectOptions::new().filename(ledger).foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    for statement in include_str!("full.sql").split(";\n\n") {
        sqlx::query(AssertSqlSafe(
            statement
                .replace("?1", &WAITING.to_string())
                .replace("?2", &lanes.to_string()),
        ))
        .execute(&mut connection)
        .await
        .unwrap();
    }
    connection.close().await.unwrap();
}

fn secret(path: &Path, value: &str) {
    fs::write(path, value).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Statements of the log, and the most rows that each answered with.
fn asked(log: &str) -> BTreeMap<String, u64> {
    let mut asked = BTreeMap::new();
    for line in log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
    {
        let text = |name: &str| {
            line.get(name)
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
                .trim()
        };
        if text("target") != "sqlx::query" {
            continue;
        }
        let whole = text("db.statement");
        let statement = if whole.is_empty() { text("summary") } else { whole };
        let rows = line
            .get("rows_returned")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or_default();
        let most = asked.entry(statement.to_owned()).or_insert(0);
        *most = rows.max(*most);
    }
    asked
}

/// What is wrong with how SQLite finds it.
async fn faults(pool: &SqlitePool, statement: &str) -> Vec<String> {
    let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")))
        .fetch_all(pool)
        .await;
    let Ok(plan) = plan else {
        // of the queue's own file, or no statement that has a plan
        return Vec::new();
    };
    let aliases = |table: &str| {
        let after = statement.split_whitespace().collect::<Vec<_>>();
        let pairs = after
            .windows(2)
            .filter(|pair| pair[0] == table)
            .map(|pair| pair[1].trim_matches(',').to_owned());
        pairs.chain([table.to_owned()]).collect::<Vec<_>>()
    };
    let growing: Vec<String> = GROWING.iter().flat_map(|table| aliases(table)).collect();
    let mut found = Vec::new();
    for row in plan {
        // what is no query answers with something else
        let Ok(detail) = row.try_get_unchecked::<String, _>(3) else {
            continue;
        };
        let of = detail.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
        let all = of.is_some_and(|of| growing.iter().any(|name| name == of));
        if all && !FEW.iter().any(|few| detail.contains(few)) {
            found.push(detail);
        }
    }
    found
}

async fn what_it_asks(lanes: i64) {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let ledger = at.join("data/chima.db");
    fill(&ledger, lanes).await;
    secret(&at.join("secret"), "a webhook secret of many bytes");
    let config = format!(
        "server: {{ listen: '127.0.0.1:0' }}\ndata_dir: {0}/data\nstore: sqlite:{0}/data/chima.db\nworkers: 2\n\
         github: {{ webhook_secrets: [{{ file: {0}/secret }}], token: {{ file: {0}/secret }}, api_url: 'http://127.0.0.1:9' }}\n\
         slack: {{ bot_token: {{ file: {0}/secret }}, api_url: 'http://127.0.0.1:9' }}\n\
         apps: {{ other: {{ repository: octo/other, provider: shell, with: {{ command: ['true'] }}, environments: {{ live: {{}} }} }} }}\n",
        at.display()
    );
    fs::write(at.join("app.yaml"), config).unwrap();
    let mut serve = command(at, &["--config", "app.yaml", "serve"]);
    serve.env("RUST_LOG", "info,sqlx::query=debug");
    let mut server = Chima::start(serve, at.join("log"));
    eventually("it is ready", || {
        server.stderr().contains("ready; webhooks go to").then_some(())
    })
    .await;
    let began = Instant::now();
    eventually("it has looked for a while", || {
        (began.elapsed() > LOOKED_AT).then_some(())
    })
    .await;
    let log = server.stderr();
    server.kill();
    let asked = asked(&log);
    assert!(asked.len() > 30, "it asked little: {asked:#?}");
    for (statement, rows) in &asked {
        assert!(*rows <= ROWS, "{rows} rows at once: {statement}");
    }
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&ledger))
        .await
        .unwrap();
    // as it was asked once, at every tick: SQLite takes the index of ids, and reads whatever ever ran
    let blind = faults(&pool, "SELECT * FROM runs WHERE state = 'running' ORDER BY id").await;
    assert_eq!(blind.len(), 1, "the judge sees what it must: {blind:?}");
    let mut wrong = Vec::new();
    for statement in asked.keys().filter(|statement| !statement.contains(COUNTED)) {
        for fault in faults(&pool, statement).await {
            wrong.push(format!("{fault}: {statement}"));
        }
    }
    pool.close().await;
    assert_eq!(wrong, Vec::<String>::new(), "these read a whole table, which grows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_in_one_lane_is_not_read_at_every_tick() {
    what_it_asks(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_in_many_lanes_is_not_read_at_every_tick() {
    what_it_asks(WAITING).await;
}
