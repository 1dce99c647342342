//! The command line as a client: the real binary, a real server, a token.

use std::time::Duration;

use serde_json::Value;

use crate::process::child::{Output, command, output};
use crate::process::installation::{Installation, REPOSITORY};

const SOON: Duration = Duration::from_secs(10);

/// Somebody elsewhere: no configuration, an address and a token.
struct Elsewhere<'a> {
    installation: &'a Installation,
    token: String,
}

impl Elsewhere<'_> {
    async fn says(&self, words: &[&str]) -> Output {
        let folder = self.installation.path("elsewhere");
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = command(&folder, words);
        command.env("CHIMA_SERVER", format!("http://127.0.0.1:{}", self.installation.port));
        command.env("CHIMA_TOKEN", &self.token);
        output(command, Duration::from_secs(60)).await
    }

    async fn gets(&self, words: &[&str], code: i32) -> String {
        let said = self.says(words).await;
        assert_eq!(said.code, Some(code), "{words:?}: {}{}", said.stdout, said.stderr);
        format!("{}{}", said.stdout, said.stderr)
    }
}

async fn token(installation: &Installation, words: &[&str]) -> String {
    let all: Vec<&str> = ["token", "create", "--for"].iter().chain(words).copied().collect();
    let made = installation.run(&all).await;
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    let token = made.stdout.trim().to_owned();
    assert!(token.starts_with("chima_") && token.len() == 70, "{token}");
    assert!(!made.stderr.contains(&token));
    token
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_is_asked_for_from_elsewhere_and_followed_to_its_end() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let token = token(&installation, &["mona", "--scope", "deploy,lock"]).await;
    let elsewhere = Elsewhere {
        installation: &installation,
        token,
    };
    let said = elsewhere.gets(&["deploy", "site/main", "to", "staging"], 0).await;
    assert!(said.contains("line 00009\n"), "{said}");
    assert!(said.lines().last().unwrap().starts_with("deployed "), "{said}");
    let failed = elsewhere.gets(&["deploy", "site/failing", "to", "staging"], 1).await;
    assert!(failed.contains("step `deploy` exited with code 7"), "{failed}");

    let status = elsewhere.gets(&["status", "site"], 0).await;
    assert!(
        status.contains("site (octo/site)") && status.contains("\"main\"") && status.contains("by mona"),
        "{status}"
    );
    let board: Value = serde_json::from_str(&elsewhere.gets(&["status", "--json"], 0).await).unwrap();
    assert_eq!(board["apps"][0]["environments"][0]["current"]["requester"], "mona");
    let runs = elsewhere.gets(&["runs", "--json", "--state", "failed"], 0).await;
    let run: Value = serde_json::from_str(runs.trim()).unwrap();
    let id = run["id"].as_str().unwrap();
    let why = elsewhere.gets(&["why", "site", "staging"], 0).await;
    assert!(why.contains(id) && why.contains("exited with code 7"), "{why}");
    for log in [&["logs", id][..], &["logs", "site", "staging"]] {
        assert!(elsewhere.gets(log, 0).await.contains("line 00000\n"), "{log:?}");
    }
    elsewhere.gets(&["logs", "-f", id], 1).await;
    assert_eq!(elsewhere.gets(&["queue"], 0).await, "nothing runs or waits\n");

    elsewhere
        .gets(&["lock", "site", "live", "--for", "2h", "--reason", "db migration"], 0)
        .await;
    for locks in [&["locks"][..], &["locks", "SITE"]] {
        assert!(elsewhere.gets(locks, 0).await.contains("db migration"), "{locks:?}");
    }
    assert_eq!(elsewhere.gets(&["locks", "other"], 0).await, "nothing is locked\n");
    elsewhere.gets(&["lock", "site", "live"], 1).await;
    elsewhere.gets(&["unlock", "site", "live"], 0).await;
    elsewhere.gets(&["unlock", "site", "live"], 1).await;

    let again = elsewhere.gets(&["retry", id], 1).await;
    assert!(again.contains("exited with code 7"), "{again}");
    let retried: Value =
        serde_json::from_str(&elsewhere.gets(&["deploy", "site/main", "to", "qa", "--json"], 0).await).unwrap();
    assert_eq!(
        (&retried["state"], &retried["environment"]),
        (&"succeeded".into(), &"qa".into())
    );
    let undone = elsewhere.gets(&["rollback", "site", "staging"], 2).await;
    assert!(undone.contains("nothing_there"), "{undone}");
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_stopped_from_elsewhere_while_somebody_follows_it() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let token = token(&installation, &["mona", "--scope", "deploy"]).await;
    let elsewhere = Elsewhere {
        installation: &installation,
        token,
    };
    let asked = elsewhere
        .gets(&["deploy", "site/gated", "to", "staging", "--no-wait"], 0)
        .await;
    assert!(asked.contains("of `gated`"), "{asked}");
    let deployment = installation.deployments()[0];
    installation.noted(deployment, "start").await;
    let runs = elsewhere.gets(&["runs", "--json"], 0).await;
    let run: Value = serde_json::from_str(runs.trim()).unwrap();
    let id = run["id"].as_str().unwrap();
    let (follow, stop) = (["logs", "-f", id], ["cancel", id, "--reason", "wrong branch", "--wait"]);
    let (followed, stopped) = tokio::join!(elsewhere.gets(&follow, 1), elsewhere.gets(&stop, 0));
    assert!(followed.contains("line 00000"), "{followed}");
    assert!(stopped.contains("cancelled by @mona"), "{stopped}");
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_tell_a_refusal_from_a_wrong_word() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let reads = token(&installation, &["mona"]).await;
    let reader = Elsewhere {
        installation: &installation,
        token: reads,
    };
    for (words, code, expected) in [
        (&["deploy", "site", "to", "staging"][..], 3, "scope_missing"),
        (&["deploy", "nosuch", "to", "staging"], 2, "app_unknown"),
        (&["deploy", "site", "to", "moon"], 2, "no environment `moon`"),
        (&["status", "nosuch"], 2, "app_unknown"),
        (&["logs", "01JD0000000000000000000000"], 2, "run_unknown"),
        (&["lock", "site", "staging", "--by", "lisa"], 2, "leave `--by` out"),
        (&["serve", "--server", "http://127.0.0.1:1"], 2, "works on this machine"),
        (&["status", "--server", "somewhere"], 2, "no address of a server"),
        (&["status", "--server", "http://127.0.0.1:1"], 3, "did not answer"),
    ] {
        let said = reader.gets(words, code).await;
        assert!(said.contains(expected), "{words:?}: {said}");
    }
    let tokens = installation.run(&["token", "list"]).await.stdout;
    assert!(tokens.contains("mona") && tokens.contains("for 89 d"), "{tokens}");
    let id = tokens.lines().nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(installation.run(&["token", "revoke", &id]).await.code, Some(0));
    assert_eq!(installation.run(&["token", "revoke", &id]).await.code, Some(1));
    assert!(reader.gets(&["status"], 3).await.contains("[unauthorized]"));
    for wrong in [
        &["token", "create", "--for", "not a login"][..],
        &["token", "create", "--for", "mona", "--scope", "root"],
        &["token", "create", "--for", "mona", "--app", "nosuch"],
        &["token", "create", "--for", "mona", "--days", "0"],
        &["token", "revoke", "nothing"],
    ] {
        assert_eq!(installation.run(wrong).await.code, Some(2), "{wrong:?}");
    }
    server.stop(SOON).await;
    installation.close().await;
}

/// Without a server in between: the same words on the machine that has the ledger.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_machine_of_the_ledger_looks_retries_and_rolls_back_by_itself() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let ok = |said: Output| {
        assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
        said.stdout
    };
    ok(installation.run(&["deploy", "site/main", "to", "staging"]).await);
    let again = ok(installation.run(&["retry", "site", "staging"]).await);
    assert!(again.lines().last().unwrap().starts_with("deployed "), "{again}");
    ok(installation.run(&["deploy", "site/main", "to", "qa", "--json"]).await);
    let status = ok(installation.run(&["status", "site", "staging"]).await);
    assert!(status.contains("\"main\"") && !status.contains("live"), "{status}");
    let why = ok(installation.run(&["why", "site", "staging"]).await);
    assert!(why.contains("deployed "), "{why}");
    assert_eq!(ok(installation.run(&["queue"]).await), "nothing runs or waits\n");
    let log = ok(installation.run(&["logs", "site", "staging"]).await);
    assert!(log.contains("line 00009\n"), "{log}");
    let runs = ok(installation.run(&["runs", "--environment", "qa", "--json"]).await);
    assert_eq!(runs.lines().count(), 1, "{runs}");
    let back = installation.run(&["rollback", "site", "staging", "--previous"]).await;
    assert_eq!(
        back.code,
        Some(1),
        "one commit ran there: {}{}",
        back.stdout,
        back.stderr
    );
    server.stop(SOON).await;
    installation.close().await;
}

/// About commits, numbers and what needs a person: a server answers as the machine of the ledger does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_numbers_and_needs_are_told_the_same_here_and_elsewhere() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let token = token(&installation, &["mona", "--scope", "deploy"]).await;
    let elsewhere = Elsewhere {
        installation: &installation,
        token,
    };
    elsewhere.gets(&["deploy", "site/main", "to", "staging"], 0).await;
    elsewhere.gets(&["deploy", "site/failing", "to", "qa"], 1).await;
    let runs = elsewhere.gets(&["runs", "--json", "--environment", "staging"], 0).await;
    let run: Value = serde_json::from_str(runs.trim()).unwrap();
    let (id, sha) = (run["id"].as_str().unwrap(), run["sha"].as_str().unwrap());
    let (newer, what_runs) = ("5".repeat(40), format!("site/{sha}"));
    let repository = installation.github.repository(REPOSITORY);
    repository
        .commit(&newer, "second", "mona", &[sha])
        .branch("main", &newer)
        .status(&newer, "ci/test", "failure")
        .check_run(&newer, "lint", "completed", Some("success"))
        .status(sha, "ci/test", "success");
    for (words, code, expected) in [
        (
            &["diff", "site", "staging"][..],
            0,
            "`main` has 1 commit that `staging` lacks",
        ),
        (
            &["diff", "site/main", "to", "staging", "--exit-code"],
            1,
            "mona              second",
        ),
        (
            &["diff", &what_runs, "staging", "--exit-code"],
            0,
            "`staging` runs exactly",
        ),
        (
            &["diff", "site", "live", "--exit-code"],
            1,
            "nothing is deployed to `live` yet: all of `main` would be new",
        ),
        (&["diff", id], 0, "nothing ran there before: all of it was new"),
        (&["builds", "site"], 1, "is red: 1 of 2 contexts\n  failed   ci/test"),
        (&["builds", &what_runs], 0, "is green: 1 of 1 contexts"),
        (&["contains", sha], 0, "`site` `staging` contains it"),
        (&["contains", sha, "site", "staging"], 0, "contains it"),
        (&["contains", sha, "site"], 1, "`site` `live` runs nothing yet"),
        (
            &["contains", &newer, "site", "staging"],
            1,
            "`site` `staging` does not contain it yet",
        ),
        (&["statistics"], 0, "site staging"),
        (&["statistics", "site", "qa", "--days", "30"], 0, "100 %"),
        (
            &["statistics", "site", "live"],
            0,
            "nothing has been deployed in the last 90 days",
        ),
    ] {
        let far = elsewhere.gets(words, code).await;
        assert!(far.contains(expected), "{words:?}: {far}");
        let near = installation.run(words).await;
        assert_eq!((near.code, near.stdout), (Some(code), far), "{words:?}");
    }
    for (words, code, expected) in [
        (&["attention"][..], 1, "exited with code 7"),
        (
            &["runs", "--app", "site", "--since", "1h", "--until", "2100-01-01"],
            0,
            "site/failing to qa",
        ),
        (&["runs", "--until", "1h"], 0, "no such runs"),
        (
            &["deliveries", "--event", "deployment", "--disposition", "processed"],
            0,
            "octo/site: run",
        ),
        (&["deliveries", "--run", id, "--repository", "octo/site"], 0, id),
        (&["deliveries", "--disposition", "lost"], 2, "expected one of received"),
        (&["deploy", "site/nosuch", "to", "staging", "--preview"], 2, "nosuch"),
        (&["diff", "site"], 2, "no environment is named; `site` has `staging`"),
        (&["diff", "nosuch", "staging"], 2, "no"),
        (&["builds", "site/nosuch"], 2, "nosuch"),
        (&["contains", "44444444"], 2, "44444444"),
        (&["contains", sha, "nosuch"], 2, "no"),
        (&["statistics", "nosuch"], 2, "no"),
        (&["statistics", "--days", "31"], 2, "expected 30, 90 or 365"),
    ] {
        let far = elsewhere.gets(words, code).await;
        let near = installation.run(words).await;
        let near = (near.code, format!("{}{}", near.stdout, near.stderr));
        assert!(
            far.contains(expected) && near.1.contains(expected),
            "{words:?}: {far}{}",
            near.1
        );
        assert_eq!(near.0, Some(code), "{words:?}: {}", near.1);
    }
    for (words, code, pointer, expected) in [
        (
            &["diff", "site", "staging", "--json"][..],
            0,
            "/brings/ahead",
            Value::from(1),
        ),
        (&["builds", "site", "--json"], 1, "/sha", newer.as_str().into()),
        (
            &["contains", sha, "site", "staging", "--json"],
            0,
            "/has",
            "contains".into(),
        ),
        (&["attention", "--json"], 1, "/kind", "failed".into()),
        (
            &["deploy", "site", "to", "staging", "--preview", "--json"],
            0,
            "/brings/ahead",
            1.into(),
        ),
        (
            &["deliveries", "--run", id, "--json"],
            0,
            "/disposition",
            "processed".into(),
        ),
        (&["statistics", "--json"], 0, "/all/failures", 1.into()),
    ] {
        let far: Value = serde_json::from_str(&elsewhere.gets(words, code).await).unwrap();
        let near: Value = serde_json::from_str(&installation.run(words).await.stdout).unwrap();
        assert_eq!(far.pointer(pointer), Some(&expected), "{words:?}: {far}");
        assert_eq!(near, far, "{words:?}");
    }
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test]
async fn shells_and_manual_pages_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let limit = Duration::from_secs(20);
    for shell in ["bash", "zsh", "fish"] {
        let said = output(command(folder.path(), &["completions", shell]), limit).await;
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(
            ["rollback", "steal", "exit-code", "attention"]
                .iter()
                .all(|word| said.stdout.contains(word)),
            "{shell}"
        );
    }
    let page = output(command(folder.path(), &["man"]), limit).await;
    assert!(
        page.stdout.starts_with(".ie") || page.stdout.contains(".TH chima 1"),
        "{}",
        page.stdout
    );
    let all = output(command(folder.path(), &["man", "pages"]), limit).await;
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    for name in ["chima.1", "chima-deploy.1", "chima-token.1", "chima-contains.1"] {
        let text = std::fs::read_to_string(folder.path().join("pages").join(name)).unwrap();
        assert!(text.contains(".TH"), "{name}");
    }
}
