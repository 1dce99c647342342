//! `chima audit`, beside a server and after somebody was at the ledger's file.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::process::child::{self, Output, output};
use crate::process::installation::Installation;

const SOON: Duration = Duration::from_secs(10);

async fn chima(installation: &Installation, arguments: &[&str], code: i32) -> Output {
    let output = installation.run(arguments).await;
    assert_eq!(output.code, Some(code), "{arguments:?}: {output:?}");
    output
}

/// The program that the guide shows, and nothing of Chima's.
async fn by_the_guide(installation: &Installation) -> Output {
    let guide = include_str!("../../../docs/guides/audit.md");
    let program = guide.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let arguments = ["-c", program, "data/chima.db"];
    output(
        child::program(Path::new("python3"), &installation.path(""), &arguments),
        SOON,
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_is_listed_and_whole_until_somebody_is_at_the_file() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = installation.deploy("main", "live").await;
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    chima(
        &installation,
        &["lock", "site", "qa", "--by", "mona", "--reason", "\u{1b}[2Jhere"],
        0,
    )
    .await;
    let account = chima(&installation, &["audit", "--app", "site", "--environment", "qa"], 0).await;
    // whatever name was said, the account is told; and nothing that was said moves the cursor
    assert!(
        account.stdout.contains("@mona (terminal) from the account `") && account.stdout.contains("\\u{1b}[2Jhere"),
        "{}",
        account.stdout
    );
    let listed = chima(&installation, &["audit", "--since", "1h", "--json"], 0)
        .await
        .stdout;
    let rows: Vec<serde_json::Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let deeds: Vec<&str> = rows.iter().filter_map(|row| row["entry"]["what"].as_str()).collect();
    assert_eq!(deeds, ["configured", "decided", "ended", "locked"]);
    let run = rows[1]["entry"]["run"].as_str().unwrap();
    let of_run = chima(&installation, &["audit", "--run", &run[..24]], 0).await.stdout;
    assert_eq!(of_run.lines().count(), 3, "{of_run}");
    let head = chima(&installation, &["audit", "head"], 0).await.stdout;
    let whole = chima(&installation, &["audit", "verify", "--head", head.trim()], 0).await;
    assert!(
        whole.stdout.starts_with("the audit log is whole: 4 rows"),
        "{}",
        whole.stdout
    );
    let other = by_the_guide(&installation).await;
    assert_eq!((other.code, other.stdout.trim()), (Some(0), head.trim()), "{other:?}");
    server.stop(SOON).await;

    let ledger = installation.path("data/chima.db");
    let mut connection = SqliteConnectOptions::new().filename(&ledger).connect().await.unwrap();
    for sql in [
        "DROP TRIGGER audit_is_not_changed",
        "UPDATE audit SET entry = replace(entry, 'mona', 'lisa') WHERE position = 2",
    ] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    let broken = chima(&installation, &["audit", "verify"], 1).await.stdout;
    assert!(
        broken.starts_with("row 2 does not continue row 1: it, or row 1, is not what was written\n"),
        "{broken}"
    );
    assert_eq!(by_the_guide(&installation).await.code, Some(1));
    let lines = chima(&installation, &["audit", "verify", "--json"], 1).await.stdout;
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["fault"], &first["from"]), (&"altered".into(), &2.into()));
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_says_who_put_it_there_and_what_it_replaced() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    chima(&installation, &["backup", "ledger.bak"], 0).await;
    chima(&installation, &["lock", "site", "qa"], 0).await;
    let before = chima(&installation, &["audit", "head"], 0).await.stdout;
    server.stop(SOON).await;
    chima(&installation, &["restore", "ledger.bak"], 0).await;
    let found = chima(&installation, &["audit", "verify", "--head", before.trim()], 0)
        .await
        .stdout;
    assert!(
        found.contains("row 2: a backup of ")
            && found.contains("rows 2 to 2 of the log that it replaced are not here; it is kept as `")
            && found.contains("is of the log that a restore replaced (row 2)"),
        "{found}"
    );
    let mut server = installation.serve().await;
    server.stop(SOON).await;
    chima(&installation, &["audit", "verify"], 0).await;
    let head = fs::read_to_string(installation.path("data/chima.db.audit-head")).unwrap();
    let (position, hash) = head.trim().split_once(' ').unwrap();
    let printed = chima(&installation, &["audit", "head"], 0).await.stdout;
    assert_eq!(printed.trim(), format!("{position}:{hash}"));
    installation.close().await;
}
