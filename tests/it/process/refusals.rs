//! What Chima does not start with, because it could not keep its promises there; each with what was found and what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chima::app::clock::SystemClock;
use chima::app::start::{Surroundings, start_with};
use chima::config::{Config, Known};
use chima::flow::engine::Lease;

use crate::process::child::{output, program};
use crate::process::installation::Installation;
use crate::torture::row;

const SOON: Duration = Duration::from_secs(20);

/// Starts the real program, which must end by itself with these words.
async fn refused(installation: &Installation, code: i32, words: &[&str]) {
    for subcommand in ["serve", "worker"] {
        let ended = installation.run(&[subcommand]).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        for word in words {
            assert!(ended.stderr.contains(word), "`{word}` is missing in: {}", ended.stderr);
        }
    }
}

async fn with_redis(set: &[&str], words: &[&str]) {
    let installation = Installation::redis().await;
    let mut connection = installation.redis.as_ref().unwrap().connection().await;
    let _: () = redis::cmd(set[0])
        .arg(&set[1..])
        .query_async(&mut connection)
        .await
        .unwrap();
    refused(&installation, 3, words).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_would_lose_bells_is_refused() {
    with_redis(
        &["CONFIG", "SET", "appendonly", "no"],
        &["the queue is unsafe", "`appendonly` is `no`", "set `appendonly yes`"],
    )
    .await;
    with_redis(
        &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
        &[
            "the queue is unsafe",
            "`maxmemory-policy` is `allkeys-lru`",
            "noeviction",
        ],
    )
    .await;
    with_redis(
        &["REPLICAOF", "127.0.0.1", "1"],
        &["the queue is unsafe", "redis is a replica", "address of the primary"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_others_can_read_or_that_would_vanish_is_refused() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    server.stop(SOON).await;
    let ledger = installation.path("data/chima.db");
    fs::set_permissions(&ledger, Permissions::from_mode(0o644)).unwrap();
    refused(&installation, 3, &["its mode 644", "chmod o-rwx"]).await;
    fs::set_permissions(&ledger, Permissions::from_mode(0o600)).unwrap();

    // in memory on every Linux
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let config = installation
        .config()
        .replace("sqlite:data", &format!("sqlite:{}", memory.path().display()))
        .replace("ephemeral: true\n", "");
    installation.write("app.yaml", &config);
    refused(
        &installation,
        3,
        &["it lies in memory (tmpfs)", "place on a disk", "`ephemeral: true`"],
    )
    .await;
    assert!(!memory.path().join("chima.db").exists());
    installation.write("app.yaml", &format!("{config}ephemeral: true\n"));
    let mut server = installation.serve().await;
    server.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_can_be_guessed_or_read_is_refused() {
    let installation = Installation::sqlite().await;
    installation.write("webhook-secret", "fifteen bytes..");
    refused(
        &installation,
        2,
        &["holds 15 bytes; expected at least 16", "openssl rand"],
    )
    .await;
    installation.write("webhook-secret", "a webhook secret of many bytes");
    fs::set_permissions(installation.path("webhook-secret"), Permissions::from_mode(0o644)).unwrap();
    refused(&installation, 2, &["has mode 0644", "chmod 600"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_behind_the_program_is_refused() {
    let installation = Installation::sqlite().await;
    let copy = installation.path("chima-of-tomorrow");
    // by another process: a file that this one still had open for writing could not be run
    #[expect(clippy::disallowed_methods, reason = "makes a copy of the program")]
    let made = std::process::Command::new("sh")
        .args([
            "-c",
            "cp \"$1\" \"$2\" && touch -d '2 days' \"$2\"",
            "sh",
            env!("CARGO_BIN_EXE_chima"),
        ])
        .arg(&copy)
        .status()
        .unwrap();
    assert!(made.success());
    let serve = program(&copy, &installation.path(""), &["--config", "app.yaml", "serve"]);
    let ended = output(serve, SOON).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for words in ["the clock says", "this program's file is from", "set the clock"] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

/// No setting makes one: this is for whoever changes the constants.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_two_late_renewals_would_lose_is_refused() {
    let installation = Installation::sqlite().await;
    let path = installation.path("app.yaml");
    let config = Config::parse(&path, &installation.config(), &Known::default()).unwrap();
    let surroundings = Surroundings {
        program: PathBuf::from(env!("CARGO_BIN_EXE_chima")),
        clock: Arc::new(SystemClock::default()),
        answer_timeout: None,
    };
    let lease = Lease {
        length: Duration::from_secs(20),
        renewal: Duration::from_secs(8),
    };
    let refused = start_with(&config, &surroundings, lease).await.unwrap_err().to_string();
    assert!(
        refused.contains("good for 20000 ms and renewed every 8000 ms; expected"),
        "{refused}"
    );
    row(
        "unsafe storage, secrets, leases and clocks refused at start",
        1,
        "Redis without AOF, with eviction, a replica; a ledger that all can read or that lies in memory; a short and a readable secret; \
         a clock behind the program; a lease of two renewals and a half",
        "each refused with the reason and what to do",
    );
}
