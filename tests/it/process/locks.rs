//! `chima lock`, `unlock` and `locks`, with and beside a server.

use std::time::Duration;

use crate::process::child::Output;
use crate::process::installation::{Installation, eventually};

const SOON: Duration = Duration::from_secs(10);

async fn chima(installation: &Installation, arguments: &[&str], code: i32) -> Output {
    let output = installation.run(arguments).await;
    assert_eq!(output.code, Some(code), "{arguments:?}: {output:?}");
    output
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_keeps_others_out_over_a_restart_until_somebody_unlocks() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let both = [
        "lock",
        "SITE",
        "qa,live",
        "--for",
        "2h",
        "--reason",
        "db migration",
        "--by",
        "lisa",
    ];
    let locked = chima(&installation, &both, 0).await;
    assert_eq!(
        locked.stdout,
        "`qa` of `site` and `live` of `site` are locked by @lisa for 2 h: \"db migration\"\n"
    );
    server.stop(SOON).await;
    let mut server = installation.serve().await;
    // a deployment of mona's
    let refused = installation.deploy("main", "live").await;
    assert_eq!(installation.concluded(refused, SOON).await, "error");
    let told = installation.description(refused);
    assert!(told.starts_with("rejected: `live` is locked by @lisa since "), "{told}");
    assert_eq!(installation.journal().count(refused, "start"), 0);

    let taken = chima(&installation, &["lock", "site", "staging,live", "--by", "paul"], 1).await;
    assert!(
        taken
            .stderr
            .starts_with("chima: nothing was locked: `live` of `site` is locked by @lisa for "),
        "{taken:?}"
    );
    let listed = chima(&installation, &["locks"], 0).await.stdout;
    assert!(
        listed.contains("`qa` of `site` is locked by @lisa for ") && listed.contains("chima unlock site qa"),
        "{listed}"
    );
    let lines = chima(&installation, &["locks", "--json"], 0).await.stdout;
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (lines.len(), &lines[0]["owner"]["name"]),
        (2, &serde_json::json!("lisa"))
    );

    let unlocked = chima(&installation, &["unlock", "--all-mine", "--by", "lisa"], 0).await;
    assert!(
        unlocked.stdout.starts_with("`qa` of `site` is unlocked, after "),
        "{unlocked:?}"
    );
    assert_eq!(chima(&installation, &["locks"], 0).await.stdout, "nothing is locked\n");
    let free = installation.deploy("main", "live").await;
    assert_eq!(installation.concluded(free, SOON).await, "success");
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_queued_is_held_by_a_lock_from_beside_and_goes_on_without_it() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let first = installation.deploy("gated", "staging").await;
    installation.noted(first, "start").await;
    let second = installation.deploy("main", "staging").await;
    eventually("the second one waits", || {
        (!installation.told(second).is_empty()).then_some(())
    })
    .await;
    // GitHub's times have whole seconds
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let locked = chima(&installation, &["lock", "site", "staging", "--by", "lisa"], 0).await;
    assert!(
        locked.stdout.contains(" had begun and goes on: `chima cancel "),
        "{locked:?}"
    );
    eventually("the second one is held", || {
        installation
            .told(second)
            .iter()
            .any(|state| state == "pending")
            .then_some(())
    })
    .await;
    installation.open_gate(first);
    assert_eq!(installation.concluded(first, SOON).await, "success");
    assert_eq!(installation.journal().count(second, "start"), 0);
    chima(&installation, &["unlock", "site", "staging", "--by", "lisa"], 0).await;
    assert_eq!(installation.concluded(second, SOON).await, "success");
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_use_locks_nothing() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    for (arguments, code, words) in [
        (
            ["lock", "blog", "live"].as_slice(),
            2,
            "there is no app `blog`; configured: `site`",
        ),
        (
            &["lock", "site", "live,prod"],
            2,
            "`site` has no environment `prod`; configured: ",
        ),
        (
            &["lock", "site", "live", "--for", "soon"],
            2,
            "`soon` is not a length of time; expected a number with",
        ),
        (&["lock", "site", "live", "--steal", "--wait"], 2, "--wait"),
        (&["lock", "site"], 2, "<ENV>"),
        (&["unlock"], 2, "<APP>"),
        (&["unlock", "site", "live", "--all-mine"], 2, "--all-mine"),
        (&["unlock", "site", "prod"], 2, "`site` has no environment `prod`"),
        (&["unlock", "site", "live"], 1, "chima: `live` of `site` is not locked"),
    ] {
        let refused = chima(&installation, arguments, code).await;
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    let nothing = chima(&installation, &["unlock", "--all-mine", "--by", "mona"], 0).await;
    assert_eq!(
        nothing.stdout,
        "@mona has locked nothing; `chima locks` lists what is\n"
    );
    assert_eq!(chima(&installation, &["locks"], 0).await.stdout, "nothing is locked\n");
    server.stop(SOON).await;
    installation.close().await;
}
