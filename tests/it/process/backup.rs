//! `chima backup` beside a server that works, and `chima restore` after it.

use std::fs;
use std::time::Duration;

use crate::process::installation::{Installation, eventually};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_while_a_deployment_runs_is_restored_and_repeats_nothing() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let running = installation.deploy("gated", "staging").await;
    installation.noted(running, "start").await;
    eventually("GitHub hears that it runs", || {
        (installation.told(running).len() == 2).then_some(())
    })
    .await;
    let backup = installation.run(&["backup", "ledger.bak"]).await;
    assert_eq!(backup.code, Some(0), "{backup:?}");
    assert!(
        backup.stdout.starts_with("backed up to ledger.bak: "),
        "{}",
        backup.stdout
    );
    // what comes after is in no backup
    let after = installation.deploy("main", "qa").await;
    assert_eq!(installation.concluded(after, SOON).await, "success");

    let refused = installation.run(&["restore", "ledger.bak"]).await;
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("is in use by chima ("), "{}", refused.stderr);
    server.kill();
    let restored = installation.run(&["restore", "ledger.bak"]).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(restored.stdout.contains("chima.db.before-"), "{}", restored.stdout);

    let mut next = installation.serve().await;
    // its runner's own files tell of this one, on this machine
    installation.open_gate(running);
    assert_eq!(installation.concluded(running, SOON).await, "success");
    let fresh = installation.deploy("main", "live").await;
    assert_eq!(installation.concluded(fresh, SOON).await, "success");
    for deployment in [running, after, fresh] {
        let starts = installation
            .journal()
            .of(deployment)
            .iter()
            .filter(|note| note.what == "start")
            .count();
        assert_eq!(starts, 1, "{deployment}");
    }
    next.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_backup_is_refused_and_changes_nothing() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    server.stop(SOON).await;
    let ledger = installation.path("data/chima.db");
    let before = fs::read(&ledger).unwrap();
    installation.write("text.bak", "not a database");
    fs::copy(&ledger, installation.path("copy.bak")).unwrap();
    for (name, word) in [
        ("text.bak", "file is not a database"),
        ("copy.bak", "use one that `chima backup` made"),
        ("absent.bak", "there is no file"),
    ] {
        let refused = installation.run(&["restore", name]).await;
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(refused.stderr.contains(word), "{name}: {}", refused.stderr);
    }
    assert_eq!(fs::read(&ledger).unwrap(), before);
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_so_many_backups_are_kept_as_are_wanted() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    for _ in 0..3 {
        let made = installation.run(&["backup", "--keep", "2"]).await;
        assert_eq!(made.code, Some(0), "{made:?}");
    }
    fs::write(installation.path("data/backups/chima-mine.db"), "somebody's own").unwrap();
    let made = installation.run(&["backup", "--keep", "1"]).await;
    assert!(made.stdout.contains("2 older backups were removed"), "{}", made.stdout);
    let left = fs::read_dir(installation.path("data/backups")).unwrap().count();
    assert_eq!(left, 2, "the newest, and what is not ours");
    server.stop(SOON).await;
    installation.close().await;
}
