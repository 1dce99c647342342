//! Payloads as Heaven read them.

use super::{apps, made, refused};

/// A delivery, cut to what is read of it.
const DELIVERY: &str = r#"
{
  "deployment": {
    "id": 77,
    "sha": "0123456789012345678901234567890123456789",
    "ref": "topic",
    "task": "deploy:migrations",
    "environment": "staging",
    "payload": {
      "name": "shop",
      "robotName": "hubot",
      "hosts": "",
      "notify": { "adapter": "slack", "room": "shop", "user": "mona" },
      "config": {
        "provider": "shell",
        "repository": "octo-org/shop",
        "auto_merge": true,
        "environments": ["production", "staging"],
        "deploy_script": "bin/deploy",
        "staging_url": "https://staging.example.com",
        "aws_secret_access_key": "not-to-be-copied"
      }
    }
  },
  "repository": { "full_name": "octo-org/shop" }
}
"#;

#[test]
fn a_realistic_delivery_is_carried_over() {
    insta::assert_snapshot!(made(DELIVERY), @r#"
    # Made by `chima import` from `the file`, a payload for Heaven.
    # Comments that begin with "Not carried over" or "To do" need a person. `chima check` says whether it loads.
    #
    # To do: Heaven's own settings are not in this file: its keys and tokens, `DEPLOYMENT_TIMEOUT`
    # (`timeout_seconds` here), `DEPLOY_COMMAND_FORMAT`, and Slack's address, which goes into
    # `slack: { incoming_webhook: { env: SLACK_INCOMING_WEBHOOK } }`.
    #
    # To do: Heaven deployed a green default branch to every environment by itself. Here that is
    # `auto_deploy: true`, at each app or environment that should have it.

    github:
      # To do: put the token, which was in `GITHUB_TOKEN` of Heaven, into the variable below of Chima's process,
      # or make a GitHub App.
      token: { env: GITHUB_TOKEN }
      # To do: make a secret with `openssl rand -hex 32` and give it to the webhook of each repository.
      webhook_secrets: [{ env: CHIMA_WEBHOOK_SECRET }]

    apps:
      shop:
        repository: octo-org/shop
        # To do: `aws_secret_access_key` looks like a secret, and each deployment published it in its payload:
        # replace it. If the command needs it, name it here as
        # `secrets: { AWS_SECRET_ACCESS_KEY: { env: AWS_SECRET_ACCESS_KEY } }`.
        auto_merge: true
        tasks: [deploy, "deploy:migrations"]
        provider: shell
        # It still finds `BRANCH`, `SHA`, `DEPLOY_ENV` and `DEPLOY_TASK`; `SHA` has all digits now.
        with: { command: [./bin/deploy] }
        environments:
          production: {}
          staging:
            url: https://staging.example.com
    "#);
}

#[test]
fn every_wrapping_says_the_same_of_the_app() {
    let whole: serde_json::Value = serde_json::from_str(DELIVERY).unwrap();
    let deployment = &whole["deployment"];
    let payload = &deployment["payload"];
    let of = |value: &serde_json::Value| apps(&value.to_string());
    let without_task = |text: &str| text.replace("    tasks: [deploy, \"deploy:migrations\"]\n", "");
    assert_eq!(of(deployment), of(&whole));
    assert_eq!(of(payload), without_task(&of(&whole)));
    assert_eq!(of(&payload["config"]), without_task(&of(&whole)));
    let mut text = deployment.clone();
    text["payload"] = payload.to_string().into();
    assert_eq!(of(&text), of(&whole));
}

#[test]
fn several_payloads_of_one_app_are_one_app() {
    let payload = |environment: &str, url: &str| {
        format!(
            r#"{{ "environment": "{environment}", "repository_url": "https://api.github.com/repos/o/r", "task": "deploy:lock",
                "payload": {{ "name": "app", "config": {{ "provider": "capistrano", "auto_merge": false, "{environment}_url": "{url}" }} }} }}"#
        )
    };
    let both = format!(
        "[{}, {}]",
        payload("staging", "https://a.example/"),
        payload("live", "https://b.example/")
    );
    insta::assert_snapshot!(made(&both), @r#"
    # Made by `chima import` from `the file`, a payload for Heaven.
    # Comments that begin with "Not carried over" or "To do" need a person. `chima check` says whether it loads.
    #
    # To do: Heaven's own settings are not in this file: its keys and tokens, `DEPLOYMENT_TIMEOUT`
    # (`timeout_seconds` here), `DEPLOY_COMMAND_FORMAT`, and Slack's address, which goes into
    # `slack: { incoming_webhook: { env: SLACK_INCOMING_WEBHOOK } }`.
    #
    # To do: Heaven deployed a green default branch to every environment by itself. Here that is
    # `auto_deploy: true`, at each app or environment that should have it.

    github:
      # To do: put the token, which was in `GITHUB_TOKEN` of Heaven, into the variable below of Chima's process,
      # or make a GitHub App.
      token: { env: GITHUB_TOKEN }
      # To do: make a secret with `openssl rand -hex 32` and give it to the webhook of each repository.
      webhook_secrets: [{ env: CHIMA_WEBHOOK_SECRET }]

    apps:
      app:
        repository: o/r
        auto_merge: false
        # To do: the Capfile finds the commit to deploy in `BRANCH`, as in `set :branch, ENV["BRANCH"]`. Heaven's
        # `-s branch=…` of Capistrano 2 is gone.
        # To do: Heaven logged in with its `DEPLOYMENT_PRIVATE_KEY` and believed every host. Put that key into a
        # file and name it with `ssh: { key: { file: PATH }, known_hosts: PATH }`, or let the account's own be
        # used with `inherit_env: [HOME, SSH_AUTH_SOCK]`.
        provider: capistrano
        environments:
          staging:
            url: https://a.example/
          live:
            url: https://b.example/
    "#);
}

#[test]
fn what_is_no_payload_is_refused() {
    insta::assert_snapshot!(refused(r#"{ "payload": "gAAAAABencrypted" }"#), @"
    `FILE`, read as a payload for Heaven, cannot be imported
      `payload` is a text that is no JSON map; expected Heaven's payload, not an encrypted one
    ");
    insta::assert_snapshot!(refused(r#"{ "deployment": { "payload": { "name": "x" } } }"#), @"
    `FILE`, read as a payload for Heaven, cannot be imported
      `deployment.payload` holds no `config`; expected a payload as hubot-deploy made it
    ");
    insta::assert_snapshot!(refused(r#"{ "config": { "provider": "heroku" } }"#), @"
    `FILE`, read as a payload for Heaven, cannot be imported
      `config` names no `repository`; expected `owner/name`
    ");
    insta::assert_snapshot!(refused(r#"[{ "payload": { "config": [1] } }, { "payload": { "config": {} } }]"#), @"
    `FILE`, read as a payload for Heaven, cannot be imported
      `[0].payload.config` is a list; expected a map with `provider`
      `[1].payload.config` names no `repository`; expected `owner/name`
    ");
}
