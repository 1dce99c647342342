//! What a person types, and what it answers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use regex::Regex;

use crate::process::child::{Output, command, output};
use crate::process::installation::{Installation, eventually};
use crate::queue_conformance::redis_server::RedisServer;

const SOON: Duration = Duration::from_secs(10);
const SCHEMA: &str = include_str!("../../../config/app.schema.json");

const PROVIDER_SCHEMA: &str = include_str!("../../../providers/provider.schema.json");

/// Without what differs from run to run.
fn redacted(installation: &Installation, text: &str) -> String {
    let folder = regex::escape(&installation.path("").display().to_string());
    [
        (r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "[id]"),
        (r"\b[0-9a-f]{64}\b", "[digest]"),
        (r"\b[0-9a-f]{40}\b", "[sha]"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)", "[time]"),
        (r"(?m)(succeeded|failed) +[\d.]+ (ms|s) *", "$1 [age]  "),
        (folder.as_str(), ""),
        (r"\b127\.0\.0\.1:\d+\b", "[address]"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (pattern, with)| {
        Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

fn refused(output: &Output, code: i32, words: &[&str]) {
    assert_eq!(output.code, Some(code), "{output:?}");
    for word in words {
        assert!(
            output.stderr.contains(word),
            "`{word}` is missing in: {}",
            output.stderr
        );
    }
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_prints_every_problem_or_says_that_all_is_well() {
    let installation = Installation::sqlite().await;
    let good = installation.run(&["check"]).await;
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(
        good.stdout.contains("everything named here is set up"),
        "{}",
        good.stdout
    );
    let bad = installation
        .config()
        .replace("workers: 4", "workers: many")
        .replace("provider: shell", "provder: shell");
    installation.write("bad.yaml", &bad);
    let found = installation.run(&["check", "bad.yaml"]).await;
    assert_eq!(found.code, Some(1));
    for words in ["workers", "did you mean `provider`", "bad.yaml: 2 problems"] {
        assert!(
            found.stdout.contains(words),
            "`{words}` is missing in: {}",
            found.stdout
        );
    }
    let served = output(
        command(&installation.path(""), &["serve", "--config", "bad.yaml"]),
        SOON,
    )
    .await;
    refused(&served, 2, &["workers", "did you mean `provider`"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_that_is_printed_is_the_one_that_is_shipped() {
    let folder = tempfile::tempdir().unwrap();
    let printed = output(command(folder.path(), &["schema"]), SOON).await;
    assert_eq!((printed.code, printed.stdout.as_str()), (Some(0), SCHEMA));
    let of_providers = output(command(folder.path(), &["schema", "--provider"]), SOON).await;
    assert_eq!(
        (of_providers.code, of_providers.stdout.as_str()),
        (Some(0), PROVIDER_SCHEMA)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_cannot_be_good_says_why_and_ends() {
    let installation = Installation::sqlite().await;
    let folder = installation.path("");
    let nowhere = output(command(&folder, &["serve", "--config", "nowhere.yaml"]), SOON).await;
    refused(&nowhere, 2, &["nowhere.yaml", "--config PATH"]);

    installation.write("webhook-secret", "fifteen bytes..");
    let short = installation.run(&["serve"]).await;
    refused(
        &short,
        2,
        &["holds 15 bytes; expected at least 16", "openssl rand -hex 32"],
    );
    installation.write("webhook-secret", "a webhook secret of many bytes");

    let mut first = installation.serve().await;
    let second = installation.run(&["serve"]).await;
    refused(&second, 3, &["cannot listen on", "choose another with `server.listen`"]);
    first.stop(SOON).await;

    let ledger = installation.path("data/chima.db");
    fs::set_permissions(&ledger, fs::Permissions::from_mode(0o644)).unwrap();
    for subcommand in ["serve", "worker", "runs"] {
        let open = installation.run(&[subcommand]).await;
        refused(&open, 3, &["lets everybody on this machine read", "chmod o-rwx"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_logs_and_decisions_can_be_read_without_a_server() {
    let installation = Installation::sqlite().await;
    let early = installation.run(&["runs"]).await;
    refused(&early, 3, &["there is no ledger", "it is made by `chima serve`"]);
    let mut server = installation.serve().await;
    assert_eq!(
        installation.run(&["runs"]).await.stdout,
        "no runs yet: they begin with a deployment on GitHub\n"
    );
    let good = installation.deploy("main", "staging").await;
    assert_eq!(installation.concluded(good, SOON).await, "success");
    let bad = installation.deploy("failing", "staging").await;
    assert_eq!(installation.concluded(bad, SOON).await, "failure");
    server.stop(SOON).await;

    let show = |output: Output| {
        assert_eq!(output.stderr, "", "{output:?}");
        redacted(&installation, &output.stdout)
    };
    insta::assert_snapshot!(show(installation.run(&["runs"]).await), @r#"
    RUN                         STATE        AGE        WHAT                                WHY
    [id]  failed [age]  site/failing to staging             step `deploy` exited with code 7
    [id]  succeeded [age]  site/main to staging
    "#);
    let json = installation.run(&["runs", "--json", "-n", "1"]).await.stdout;
    insta::assert_snapshot!(redacted(&installation, &json), @r#"{"id":"[id]","state":"failed","app":"site","repository":"octo/site","environment":"staging","ref":"failing","sha":"[sha]","task":"deploy","deployment":1015,"delivery":"[id]","source":"webhook","requester":"mona","reason":{"code":"exit_code","step":"deploy","exit_code":7},"attempts":1,"created_at":"[time]","started_at":"[time]","finished_at":"[time]"}"#);
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    let run = line["id"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(show(installation.run(&["logs", &run.to_lowercase()]).await), @r#"
    $ ./script/deploy
    line 00000
    [chima: exited with code 7]
    "#);
    let followed = installation.run(&["logs", "--follow", &run]).await;
    assert_eq!(followed.code, Some(1));
    refused(
        &installation.run(&["logs", "0"]).await,
        3,
        &["more than one run begins with `0`"],
    );
    refused(&installation.run(&["logs", "7Z"]).await, 3, &["no run `7Z`"]);

    let guid = installation.github.read(|world| world.deliveries[0].guid.clone());
    let decided = installation.run(&["decide", "--delivery", &guid]).await;
    assert_eq!(decided.code, Some(0));
    insta::assert_snapshot!(show(decided), @r#"
    [time]: run, run [id]
      passed    foreign            found mona, wanted a person
      passed    repository         found octo/site, wanted octo/site
      passed    environment        found staging, wanted one of staging, qa, live
      passed    task               found deploy, wanted one of deploy
      passed    ref                found main, wanted a ref name
      passed    sha                found [sha], wanted a full commit SHA
      passed    hosts              found all of the environment's, wanted no hosts: the environment declares none to choose from
      passed    room               found no room, wanted any room
      passed    lane               found position 1, no run is active, wanted its turn
      passed    lock               found no lock, wanted no lock, or one's own
      passed    required_contexts  found not asked, wanted nothing
      decided again from the stored facts: the same
    "#);
    insta::assert_snapshot!(show(installation.run(&["replay", &guid]).await), @r#"delivery `[id]` has had its effect (run [id]); a deployment runs once. To deploy again, create a new deployment"#);
    refused(&installation.run(&["replay", "none"]).await, 3, &["no delivery `none`"]);
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_followed_log_ends_with_the_run_and_tells_how_it_went() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    for (branch, environment, code) in [("gated", "staging", 0), ("failing", "qa", 1)] {
        let deployment = installation.deploy(branch, environment).await;
        let run = installation.noted(deployment, "start").await.field("run").to_owned();
        let typed = ["logs", &run, "--follow"];
        let follow = installation.run(&typed);
        let open = async { installation.open_gate(deployment) };
        let (followed, ()) = tokio::join!(follow, open);
        assert_eq!(followed.code, Some(code), "{followed:?}");
        let lines = installation.noted(deployment, "end").await.number("lines");
        assert_eq!(followed.stdout.matches("line 0").count() as u64, lines);
        installation.concluded(deployment, SOON).await;
    }
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_was_ignored_can_be_replayed_once_its_repository_is_configured() {
    let installation = Installation::sqlite().await;
    installation.write("app.yaml", &installation.config().replace("octo/site", "octo/other"));
    let mut server = installation.serve().await;
    let deployment = installation.deploy("main", "staging").await;
    let guid = installation.github.read(|world| world.deliveries[0].guid.clone());
    eventually("it is decided", || {
        server.stderr().contains("\"verdict\":\"ignore\"").then_some(())
    })
    .await;
    server.stop(SOON).await;
    installation.write("app.yaml", &installation.config());
    let mut server = installation.serve().await;
    let replayed = installation.run(&["replay", &guid]).await;
    assert!(
        replayed
            .stdout
            .contains("was `ignored` and is now before the door again"),
        "{replayed:?}"
    );
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_of_ones_own_is_known_and_carries_out_deployments() {
    let installation = Installation::sqlite().await;
    fs::create_dir_all(installation.path("manifests/mine")).unwrap();
    let manifest = "name: mine\ndescription: Ours.\nkind: command\nforms:\n  - command: [./script/deploy]\n";
    installation.write("manifests/mine/provider.yaml", manifest);
    let config = installation
        .config()
        .replace("workers: 4", "workers: 4\nproviders: [manifests]")
        .replace(
            "provider: shell\n    with: { command: [./script/deploy] }",
            "provider: mine",
        );
    installation.write("app.yaml", &config);
    let checked = installation.run(&["check"]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let mut server = installation.serve().await;
    let deployment = installation.deploy("main", "staging").await;
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    server.stop(SOON).await;
    installation.close().await;
}

async fn demo(queue: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let arguments: Vec<&str> = ["demo", "--once"]
        .into_iter()
        .chain(queue.into_iter().flat_map(|queue| ["--queue", queue]))
        .collect();
    let shown = output(command(folder.path(), &arguments), Duration::from_secs(60)).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert_eq!(shown.stderr, "");
    for words in [
        "in_progress deploying",
        "success     deployed",
        "live: hello, world",
        "The deployment has succeeded.",
    ] {
        assert!(
            shown.stdout.contains(words),
            "`{words}` is missing in: {}",
            shown.stdout
        );
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "it leaves nothing where it was started"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_ends_well_on_sqlite() {
    demo(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_ends_well_on_redis() {
    demo(Some(&RedisServer::start().url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_says_when_its_redis_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let url = RedisServer::not_running().url();
    let shown = output(
        command(folder.path(), &["demo", "--once", "--queue", &url]),
        Duration::from_secs(30),
    )
    .await;
    refused(&shown, 3, &["does not answer"]);
}

/// What the doctor says of ledger and queue. The git of this machine, which comes next, may be any.
fn storage(installation: &Installation, told: &Output) -> String {
    let text = redacted(installation, &told.stdout);
    let (storage, others) = text.split_at(text.find("ok    git").or_else(|| text.find("warn  git")).unwrap());
    let sound = "ok    site/staging, site/qa, site/live: provider `shell` finds what it needs\n";
    assert!(others.contains(sound), "{others}");
    storage.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_finds_what_is_wrong_and_how_to_mend_it() {
    let installation = Installation::sqlite().await;
    let fresh = installation.run(&["doctor"]).await;
    assert_eq!(fresh.code, Some(0), "{fresh:?}");
    insta::assert_snapshot!(storage(&installation, &fresh), @r#"
    ok    ledger `data/chima.db`: not there yet; `chima serve` makes it
    ok    queue `data/queue.db`: not there yet; `chima serve` makes it
    "#);
    let mut server = installation.serve().await;
    let running = installation.run(&["doctor"]).await;
    assert_eq!(running.code, Some(0), "{running:?}");
    insta::assert_snapshot!(storage(&installation, &running), @r#"
    ok    ledger `data/chima.db`: opens, commits reach the disk
    ok    queue `data/queue.db`: answers, and its settings keep what it is given
    "#);
    let missed = "missed deployments of `octo/site`: ";
    assert!(running.stdout.contains(missed), "{}", running.stdout);
    server.stop(SOON).await;

    let mut installation = Installation::redis().await;
    let good = installation.run(&["doctor"]).await;
    assert_eq!(good.code, Some(0), "{good:?}");
    insta::assert_snapshot!(storage(&installation, &good), @r#"
    ok    ledger `data/chima.db`: not there yet; `chima serve` makes it
    warn  queue on Redis: `appendfsync` is `everysec`: a power cut loses the newest jobs, which then wait for the ledger's sweep
          fix: set `appendfsync always` in redis.conf
    "#);
    let mut connection = installation.redis.as_ref().unwrap().connection().await;
    let _: () = redis::cmd("CONFIG")
        .arg(&["SET", "appendonly", "no"])
        .query_async(&mut connection)
        .await
        .unwrap();
    let forgetful = installation.run(&["doctor"]).await;
    assert_eq!(forgetful.code, Some(1), "{forgetful:?}");
    insta::assert_snapshot!(storage(&installation, &forgetful), @r#"
    ok    ledger `data/chima.db`: not there yet; `chima serve` makes it
    FAIL  queue on Redis: `appendonly` is `no`: a restart of redis forgets every waiting job
          fix: set `appendonly yes` in redis.conf, or set `queue: sqlite`
    "#);
    refused(
        &installation.run(&["serve"]).await,
        3,
        &["the queue is unsafe", "appendonly yes"],
    );
    installation.redis.as_mut().unwrap().kill();
    let dead = installation.run(&["doctor"]).await;
    assert_eq!(dead.code, Some(1), "{dead:?}");
    insta::assert_snapshot!(storage(&installation, &dead), @r#"
    ok    ledger `data/chima.db`: opens, commits reach the disk
    FAIL  queue on Redis: cannot count the waiting jobs: Redis does not do it
          fix: start it, or correct `queue` in the configuration; meanwhile deliveries are accepted and wait
    "#);
}

#[tokio::test]
async fn how_to_speak_to_chima_is_told_without_a_ledger() {
    let installation = Installation::sqlite().await;
    for (said, code, words) in [
        (["chat", "help", "lock"].as_slice(), 0, "keeps others from deploying"),
        (&["chat", "version"], 0, "Chima "),
        (
            &["chat", "deplyo", "site", "to", "staging"],
            1,
            "did you mean `deploy site to staging`?",
        ),
    ] {
        let answer = installation.run(said).await;
        assert_eq!(answer.code, Some(code), "{answer:?}");
        assert!(answer.stdout.contains(words), "{answer:?}");
    }
    let status = installation.run(&["chat", "status"]).await;
    refused(&status, 3, &["ledger"]);
    installation.close().await;
}
