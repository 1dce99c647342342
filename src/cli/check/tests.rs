//! What a person reads of a good file and of a bad one.

use std::fs;

use super::check;
use crate::config::Known;

/// The report of a file of this text, named `app.yaml`.
fn report(text: &str) -> (String, bool) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.yaml");
    fs::write(&path, text).unwrap();
    let (report, good) = check(
        &path,
        &Known {
            providers: &["fabric", "shell"],
        },
    );
    (report.replace(&format!("{}/", dir.path().display()), ""), good)
}

#[test]
fn a_good_file_is_told_with_what_is_not_set_up() {
    let (report, good) = report(
        "
github:
  token: { env: ABSENT_TOKEN }
  webhook_secrets: [{ env: ABSENT_WEBHOOK_SECRET }]
slack: { signing_secret: { file: /does/not/exist } }
apps:
  trelhub:
    repository: oursky/trelhub
    provider: fabric
    required_contexts: [ci]
    allowed_rooms: [deployment]
    environments:
      pandawork: { auto_deploy: { branch: edge } }
      production: { tasks: [deploy, restart], secrets: { DEPLOY_KEY: { env: ABSENT_KEY } } }
  docs:
    repository: oursky/docs
    remote: /srv/git/docs.git
    environments: { live: { provider: shell, required_contexts: [], deployers: [mona] } }
",
    );
    assert!(good);
    insta::assert_snapshot!(report, @"
    app.yaml is valid

    server  listens on 127.0.0.1:8080, known as http://127.0.0.1:8080
    ledger  data/chima.db, queue sqlite, at most 4 runs at once
    github  https://github.com, API https://api.github.com

    trelhub  oursky/trelhub
      pandawork: provider fabric; task deploy; needs ci; from deployment; deploys edge by itself when it is green
      production: provider fabric; production; tasks deploy, restart; needs ci; from deployment

    docs  oursky/docs, fetched from /srv/git/docs.git
      live: provider shell; task deploy; needs no context; from any room

    without effect
      `deployers` and `admins` of `apps.docs.environments.live` are not enforced in this version: whoever may create deployments on GitHub may deploy
      `slack.bot_token`, `slack.signing_secret` and `chat.token` have no effect in this version: chat is told, through `slack.incoming_webhook`, but not listened to

    not set up
      deliveries from GitHub: environment variable `ABSENT_WEBHOOK_SECRET` is not set
        hint: make one with `openssl rand -hex 32` and give it to the webhook http://127.0.0.1:8080/webhooks/github
      statuses on GitHub: environment variable `ABSENT_TOKEN` is not set
        hint: make a GitHub App at https://github.com/settings/apps, or a token at https://github.com/settings/tokens
      Slack commands: file `/does/not/exist` is not there
        hint: the app's page at https://api.slack.com/apps shows it
      trelhub/production `DEPLOY_KEY`: environment variable `ABSENT_KEY` is not set
        hint: its deployments end in `error` until it is there
    ");
}

#[test]
fn an_empty_file_is_good_and_says_what_to_do() {
    let (report, good) = report("");
    assert!(good);
    insta::assert_snapshot!(report, @"
    app.yaml is valid

    server  listens on 127.0.0.1:8080, known as http://127.0.0.1:8080
    ledger  data/chima.db, queue sqlite, at most 4 runs at once
    github  https://github.com, API https://api.github.com

    no app is configured: every delivery is stored and ignored
    hint: name one under `apps`

    not set up
      deliveries from GitHub: `github.webhook_secrets` names no secret
        hint: make one with `openssl rand -hex 32` and give it to the webhook http://127.0.0.1:8080/webhooks/github
      statuses on GitHub: neither `github.app_id` nor `github.token` is there
        hint: make a GitHub App at https://github.com/settings/apps, or a token at https://github.com/settings/tokens
    ");
}

#[test]
fn a_bad_file_is_told_whole() {
    let (report, good) = report("workers: 0\nque: redis\n");
    assert!(!good);
    insta::assert_snapshot!(report, @"
    app.yaml:1:10: `workers` is 0; expected a whole number from 1 to 1000
      1 | workers: 0
        |          ^

    app.yaml:2:1: unknown key `que` at the top level
      2 | que: redis
        | ^
    hint: did you mean `queue`?

    app.yaml: 2 problems
    ");
}

#[test]
fn a_missing_file_is_told_with_how_to_name_another() {
    let (report, good) = check("does/not/exist.yaml".as_ref(), &Known::default());
    assert!(!good);
    insta::assert_snapshot!(report, @"
    does/not/exist.yaml: cannot read the configuration: No such file or directory (os error 2)
    hint: name another file with `--config PATH` or in `CHIMA_CONFIG`

    does/not/exist.yaml: 1 problem
    ");
}
