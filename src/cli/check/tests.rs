//! What a person reads of a good file and of a bad one.

use std::fs;

use super::check;

/// The report of a file of this text, named `app.yaml`. `DIR` in it is its folder.
fn report(text: &str) -> (String, bool) {
    report_with(text, &[])
}

/// The same, with manifests of one's own, by name.
fn report_with(text: &str, manifests: &[(&str, &str)]) -> (String, bool) {
    let dir = tempfile::tempdir().unwrap();
    for (name, manifest) in manifests {
        let folder = dir.path().join("providers").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("provider.yaml"), manifest).unwrap();
    }
    let path = dir.path().join("app.yaml");
    fs::write(&path, text.replace("DIR", &dir.path().display().to_string())).unwrap();
    let (report, good) = check(&path);
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
chat: { callbacks: { hubot: { url: 'http://127.0.0.1:8081/', secret: { env: ABSENT_BOT_SECRET } } } }
notify: [{ to: { discord: { env: ABSENT_DISCORD } } }]
apps:
  trelhub:
    repository: oursky/trelhub
    provider: manual
    with: { instructions: 'Release {{ref}}' }
    required_contexts: [ci]
    allowed_rooms: [deployment]
    environments:
      pandawork: { auto_deploy: { branch: edge } }
      production: { tasks: [deploy, restart], secrets: { DEPLOY_KEY: { env: ABSENT_KEY } } }
  docs:
    repository: oursky/docs
    remote: /srv/git/docs.git
    environments: { live: { provider: shell, with: { script: deploy }, required_contexts: [], deployers: [mona, octo/web], admins: [mona] } }
",
    );
    assert!(good);
    insta::assert_snapshot!(report, @"
    app.yaml is valid

    server  listens on 127.0.0.1:8080, known as http://127.0.0.1:8080
    ledger  data/chima.db, queue sqlite, at most 4 runs at once
    github  https://github.com, API https://api.github.com

    trelhub  oursky/trelhub
      pandawork: provider manual; task deploy; needs ci; from deployment; deploys edge by itself when it is green
      production: provider manual; production; tasks deploy, restart; needs ci; from deployment

    docs  oursky/docs, fetched from /srv/git/docs.git
      live: provider shell; task deploy; needs no context; from any room; by mona, octo/web; forced by mona

    not set up
      deliveries from GitHub: environment variable `ABSENT_WEBHOOK_SECRET` is not set
        hint: make one with `openssl rand -hex 32` and give it to the webhook http://127.0.0.1:8080/webhooks/github
      statuses on GitHub: environment variable `ABSENT_TOKEN` is not set
        hint: `chima setup` makes a GitHub App; or make a token at https://github.com/settings/tokens
      Slack commands: file `/does/not/exist` is not there
        hint: the app's page at https://api.slack.com/apps shows it
      news for `callback/hubot`: environment variable `ABSENT_BOT_SECRET` is not set
        hint: without it nothing is told there; docs/guides/notifications.md says where it comes from
      news for `discord/ABSENT_DISCORD`: environment variable `ABSENT_DISCORD` is not set
        hint: without it nothing is told there; docs/guides/notifications.md says where it comes from
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
        hint: `chima setup` makes a GitHub App; or make a token at https://github.com/settings/tokens
    ");
}

#[test]
fn pull_mode_is_told_and_misses_no_webhook() {
    let (report, good) = report("github: { polling: true }");
    assert!(good);
    assert!(
        report.contains("asked for new deployments every 15 s; no webhook is needed"),
        "{report}"
    );
    assert!(!report.contains("deliveries from GitHub"), "{report}");
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
    let (report, good) = check("does/not/exist.yaml".as_ref());
    assert!(!good);
    insta::assert_snapshot!(report, @"
    does/not/exist.yaml: cannot read the configuration: No such file or directory (os error 2)
    hint: name another file with `--config PATH` or in `CHIMA_CONFIG`

    does/not/exist.yaml: 1 problem
    ");
}

const TOOL: &str = r#"
name: tool
description: A tool.
inputs:
  stage: { type: string, description: The stage., default: "{{environment}}" }
  branch: { type: string, description: The branch., pattern: "v[0-9.]+" }
  playbook: { type: path, description: The playbook., required: true, aliases: [tool_playbook] }
  task: { type: string, description: The task., default: "{{task}}", pattern: "[a-z]+" }
  count: { type: integer, description: How many. }
  colour: { type: bool, description: Colours. }
secrets:
  TOOL_TOKEN: { description: The token., required: true }
forms:
  - command: [tool, "--stage={{stage}}", "{{task}}", "{{playbook}}", { when: branch, args: ["--branch={{branch}}"] },
      { when: count, args: ["--count={{count}}"] }]
dry_run: arguments
"#;

fn tool(settings: &str) -> (String, bool) {
    let text =
        format!("providers: [DIR/providers]\napps:\n  site:\n    repository: o/site\n    provider: tool\n{settings}");
    report_with(&text, &[("tool", TOOL)])
}

#[test]
fn what_a_provider_would_refuse_is_told_where_it_is_written() {
    let (report, good) = tool(
        "
    with: { tool_playbok: site.yml, colour: true }
    environments:
      staging: {}
      live: { with: { playbook: site.yml, stage: [a] } }
",
    );
    assert!(!good);
    insta::assert_snapshot!(report, @"
    app.yaml:7:13: `apps.site.with.tool_playbok`: provider `tool` has no input `tool_playbok`; inputs: `branch`, `colour`, `count`, `playbook`, `stage`, `task`
      7 |     with: { tool_playbok: site.yml, colour: true }
        |             ^
    hint: did you mean `tool_playbook`?

    app.yaml: 1 problem
    ");
}

#[test]
fn every_wrong_value_is_told_and_every_missing_secret() {
    let (report, good) = tool(
        "
    environments:
      staging: { secrets: { TOOL_TOKEN: { env: ABSENT } }, with: { playbook: ../site.yml, count: many } }
      live:
        with: { playbook: site.yml, colour: true }
",
    );
    assert!(!good);
    insta::assert_snapshot!(report, @"
    app.yaml:8:78: `apps.site.environments.staging.with.playbook`: input `playbook` is `../site.yml`; expected a path of letters, digits, spaces and `. _ @ + -`, without `..`
      8 | ng: { secrets: { TOOL_TOKEN: { env: ABSENT } }, with: { playbook: ../site.yml, count: many } }
        |                                                                   ^

    app.yaml:8:98: `apps.site.environments.staging.with.count`: input `count` is a text; expected a whole number
      8 | L_TOKEN: { env: ABSENT } }, with: { playbook: ../site.yml, count: many } }
        |                                                                   ^

    app.yaml:9:7: `apps.site.environments.live`: provider `tool` needs the secret `TOOL_TOKEN`; say in `secrets` where it is found
      9 |       live:
        |       ^

    app.yaml:10:37: `apps.site.environments.live.with.colour`: input `colour` is not used; remove it
      10 |         with: { playbook: site.yml, colour: true }
         |                                     ^

    app.yaml: 4 problems
    ");
}

#[test]
fn what_fails_for_one_task_only_is_told_with_the_task() {
    let (report, good) = tool(
        "
    secrets: { TOOL_TOKEN: { env: ABSENT } }
    tasks: [deploy, 'deploy:migrate']
    with: { playbook: site.yml }
    environments: { live: {} }
",
    );
    assert!(!good);
    insta::assert_snapshot!(report, @"
    app.yaml:9:5: `apps.site.with`: input `task` is `deploy:migrate`; expected text that matches `[a-z]+` (for task `deploy:migrate`)
      9 |     with: { playbook: site.yml }
        |     ^

    app.yaml: 1 problem
    ");
}

#[test]
fn what_only_a_request_can_say_is_not_judged() {
    let (report, good) = tool(
        "
    secrets: { TOOL_TOKEN: { env: ABSENT } }
    with: { playbook: site.yml, branch: '{{ref}}' }
    environments: { live: {} }
",
    );
    assert!(good, "{report}");
}

#[test]
fn a_broken_manifest_is_told_and_so_is_who_names_it() {
    let text = "
providers: [DIR/providers]
apps:
  site:
    repository: o/site
    environments:
      live: { provider: shell, with: { script: deploy } }
      other: { provider: manual, with: { instructions: x } }
";
    let (report, good) = report_with(text, &[("shell", "name: shell\ndescription: Ours.\nform: []\n")]);
    assert!(!good);
    insta::assert_snapshot!(report, @"
    providers/shell/provider.yaml:3:1: unknown key `form` at the top level
      3 | form: []
        | ^
    hint: did you mean `forms`?

    app.yaml:7:25: `apps.site.environments.live.provider`: the manifest of provider `shell` cannot be used; `chima providers shell` says why
      7 |       live: { provider: shell, with: { script: deploy } }
        |                         ^

    app.yaml: 2 problems
    ");
}
