//! `chima deploy` and `chima plan`: asked for on GitHub, carried out by the server, told in the terminal.

use std::time::Duration;

use crate::process::installation::Installation;

const SOON: Duration = Duration::from_secs(10);

async fn typed(installation: &Installation, words: &[&str]) -> (Option<i32>, String, String) {
    let said = installation.run(words).await;
    (said.code, said.stdout, said.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_is_asked_for_and_followed_to_its_end() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let (code, stdout, stderr) = typed(&installation, &["deploy", "site/main", "to", "staging", "--by", "mona"]).await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert!(stdout.contains(" of `main` at "), "{stdout}");
    assert!(stdout.contains("line 00009\n"), "{stdout}");
    assert!(stdout.lines().last().unwrap().starts_with("deployed "), "{stdout}");

    let (code, stdout, _) = typed(&installation, &["deploy", "site/failing to staging"]).await;
    assert_eq!(code, Some(1));
    assert!(
        stdout.ends_with('\n') && stdout.contains("failure: step `deploy` exited with code 7"),
        "{stdout}"
    );
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_deploys_nothing_and_says_so() {
    let installation = Installation::sqlite().await;
    let promised = installation
        .config()
        .replace("[./script/deploy] }", "[./script/deploy], dry_run: true }");
    installation.write("app.yaml", &promised);
    let mut server = installation.serve().await;
    let (code, stdout, stderr) = typed(&installation, &["plan", "site/main", "to", "staging"]).await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("deploy:plan site to staging"), "{stdout}");
    assert!(
        stdout.trim_end().ends_with("nothing was deployed, see the log"),
        "{stdout}"
    );
    let plan = installation.deployments()[0];
    assert_eq!(installation.concluded(plan, SOON).await, "inactive");
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_meant_is_said_before_github_is_asked() {
    let installation = Installation::sqlite().await;
    for (words, code, expected) in [
        (
            &["deploy", "sitee", "to", "staging"][..],
            2,
            "there is no app `sitee`; configured: `site`",
        ),
        (
            &["deploy", "site", "to", "prod"],
            2,
            "`site` has no environment `prod`; configured:",
        ),
        (&["deploy", "site"], 2, "no environment is named; `site` has"),
        (
            &["deploy", "site/nope", "to", "staging"],
            1,
            "there is no branch, tag or commit `nope`",
        ),
    ] {
        let (found, stdout, stderr) = typed(&installation, words).await;
        assert_eq!(found, Some(code), "{words:?}: {stdout}{stderr}");
        assert!(
            format!("{stdout}{stderr}").contains(expected),
            "{words:?}: {stdout}{stderr}"
        );
    }
    assert_eq!(installation.deployments(), Vec::<u64>::new());
}

/// Whoever can run `chima` on the machine of the ledger has its key: what is asked there is not judged, but written down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terminal_of_the_machine_deploys_and_forces_and_it_is_written_down() {
    let installation = Installation::sqlite().await;
    let closed = installation
        .config()
        .replace("    provider: shell\n", "    provider: shell\n    deployers: [mona]\n");
    assert!(closed.contains("deployers"), "{closed}");
    installation.write("app.yaml", &closed);
    let mut server = installation.serve().await;
    let (code, stdout, stderr) = typed(&installation, &["deploy", "site/main", "to", "staging", "--by", "lisa"]).await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    let (code, _, stderr) = typed(&installation, &["lock", "site", "staging", "--by", "mona"]).await;
    assert_eq!(code, Some(0), "{stderr}");
    let (code, stdout, _) = typed(&installation, &["deploy", "site/main", "to", "staging", "--by", "lisa"]).await;
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains("is locked by @mona"), "{stdout}");
    let forced = &["deploy", "site/main", "to", "staging", "--by", "lisa", "--force"];
    let (code, stdout, stderr) = typed(&installation, forced).await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    let last = stdout.lines().last().unwrap();
    assert!(
        last.contains(", forced by ") && last.ends_with(" past: the lock of @mona"),
        "{last}"
    );
    assert!(
        !last.contains("lisa"),
        "the account, not the name that was said: {last}"
    );
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn away_from_the_ledger_nothing_can_be_forced() {
    let installation = Installation::sqlite().await;
    let (code, _, stderr) = typed(&installation, &["deploy", "site/main", "to", "staging", "--force"]).await;
    assert_eq!(code, Some(3), "{stderr}");
    assert!(
        stderr.contains("`--force` is for the machine that `chima serve` runs on"),
        "{stderr}"
    );
    installation.close().await;
}
