//! adnanh/webhook's hooks.

use super::{apps, made, refused};

#[test]
fn a_realistic_file_is_carried_over() {
    insta::assert_snapshot!(made(r#"
[
  {
    "id": "redeploy-site",
    "execute-command": "/srv/site/redeploy.sh",
    "command-working-directory": "/srv/site",
    "response-message": "on it",
    "response-headers": [{ "name": "X-Secret", "value": "not-to-be-copied" }],
    "pass-arguments-to-command": [
      { "source": "string", "name": "--verbose" },
      { "source": "payload", "name": "head_commit.id" },
      { "source": "payload", "name": "pusher.email" },
      { "source": "payload", "name": "ref" },
      { "source": "payload", "name": "repository.clone_url" },
      { "source": "string", "name": "--token=not-to-be-copied" }
    ],
    "pass-environment-to-command": [
      { "source": "string", "envname": "MODE", "name": "fast" },
      { "source": "string", "envname": "API_KEY", "name": "not-to-be-copied" },
      { "source": "payload", "envname": "COMMIT", "name": "after" },
      { "source": "payload", "name": "pusher.name" }
    ],
    "trigger-rule": {
      "and": [
        {
          "match": {
            "type": "payload-hmac-sha256",
            "secret": "not-to-be-copied",
            "parameter": { "source": "header", "name": "X-Hub-Signature-256" }
          }
        },
        { "match": { "type": "value", "value": "refs/heads/main", "parameter": { "source": "payload", "name": "ref" } } },
        {
          "match": {
            "type": "value",
            "value": "octo/site",
            "parameter": { "source": "payload", "name": "repository.full_name" }
          }
        }
      ]
    }
  },
  {
    "id": "site staging",
    "execute-command": "make",
    "command-working-directory": "site",
    "trigger-rule": {
      "and": [
        { "match": { "type": "value", "value": "octo/site", "parameter": { "source": "payload", "name": "repository.full_name" } } },
        {
          "or": [
            { "match": { "type": "value", "value": "refs/heads/next", "parameter": { "source": "payload", "name": "ref" } } },
            { "match": { "type": "value", "value": "refs/heads/beta", "parameter": { "source": "payload", "name": "ref" } } }
          ]
        },
        { "match": { "type": "ip-whitelist", "ip-range": "192.0.2.0/24" } }
      ]
    }
  },
  {
    "id": "shell-line",
    "execute-command": "/bin/sh",
    "pass-arguments-to-command": [
      { "source": "string", "name": "-c" },
      { "source": "string", "name": "cd /srv && git pull" }
    ],
    "http-methods": ["GET"],
    "trigger-rule": {
      "match": { "type": "value", "value": "not-to-be-copied", "parameter": { "source": "url", "name": "token" } }
    }
  }
]
"#), @r#"
    # Made by `chima import` from `the file`, the hooks of adnanh/webhook.
    # Comments that begin with "Not carried over" or "To do" need a person. `chima check` says whether it loads.
    #
    # To do: webhook ran a command when anything was sent to it. Chima runs it when GitHub says that a deployment
    # was made: let each repository's webhook send deployments to `/webhooks/github`.

    github:
      # To do: put a token into the variable below of Chima's process, or make a GitHub App: Chima reports to
      # GitHub how a deployment ended.
      token: { env: GITHUB_TOKEN }
      # To do: make a secret with `openssl rand -hex 32`, put it into the variable below, and give it to the
      # webhook of each repository.
      # Not carried over: the secrets in the rules of `redeploy-site`, `shell-line`: one for all takes their
      # place, or name several in this list.
      webhook_secrets: [{ env: CHIMA_WEBHOOK_SECRET }]

    apps:
      redeploy-site:
        repository: octo/site
        # To do: the variable `COMMIT`: the command finds the same in `CHIMA_SHA`.
        # Not carried over: the variable `HOOK_pusher.name`: it was `pusher.name` of what was sent.
        # Not carried over: `response-message`, `response-headers`: Chima reads what GitHub sends and answers it
        # by itself.
        provider: shell
        # Not carried over: argument 3 of the command, now empty: it was `pusher.email` of what was sent.
        # To do: argument 6 of the command looks like a secret and is empty here. Put it into the variable `TOKEN`
        # of Chima's process, and let the program read that.
        # `{{ref}}` is what was asked for: a branch, and when somebody wants it a tag or a commit.
        with:
          folder: /srv/site
          command:
            - /srv/site/redeploy.sh
            - "--verbose"
            - "{{sha}}"
            - ""
            - "refs/heads/{{ref}}"
            - https://github.com/octo/site.git
            - ""
        # The command had all variables of webhook's process. Name what else it needs.
        inherit_env: [HOME, SSH_AUTH_SOCK]
        # To do: put what the hook gave as `API_KEY` into that variable of Chima's process.
        secrets:
          TOKEN: { env: TOKEN }
          API_KEY: { env: API_KEY }
        env: { MODE: fast }
        environments:
          production:
            # As before: no check was asked for.
            required_contexts: []
            auto_deploy: { branch: main, on: push }

      site-staging:
        repository: octo/site
        # It was `site staging` before, which Chima cannot take as a name or has for another app.
        provider: shell
        # To do: `command-working-directory` was no whole path, and so depended on where webhook was started:
        # write the whole path.
        with: { folder: /__FOLDER__/site, command: [./make] }
        # The command had all variables of webhook's process. Name what else it needs.
        inherit_env: [HOME, SSH_AUTH_SOCK]
        environments:
          "site staging":
            # Not carried over: the hook asked that the request comes from `192.0.2.0/24`; a proxy in front of
            # Chima can ask that.
            # To do: the hook ran for `next`, `beta`. An environment follows one branch: write
            # `auto_deploy: { branch: NAME, on: push }`, and an environment for each of the others.
            # As before: no check was asked for.
            required_contexts: []

      shell-line:
        # To do: no rule of the hook named the repository: write `owner/name`.
        repository: __OWNER__/shell-line
        # Not carried over: `http-methods`: Chima reads what GitHub sends and answers it by itself.
        provider: shell
        # To do: it ran where webhook was started. Here it runs in a fresh checkout of the commit, unless there is
        # a `folder`.
        # To do: the command was code for a shell, which is not carried over. Write it as the script
        # `./script/deploy`.
        with: { command: [./script/deploy] }
        # The command had all variables of webhook's process. Name what else it needs.
        inherit_env: [HOME, SSH_AUTH_SOCK]
        environments:
          production:
            # Not carried over: the hook asked that `token` of the address has a certain value, which may be a
            # secret.
            # To do: to deploy it by itself, name a branch: `auto_deploy: { branch: main, on: push }`.
            # As before: no check was asked for.
            required_contexts: []
    "#);
}

#[test]
fn yaml_and_json_with_commas_at_the_end_are_read_as_well() {
    let json = r#"[{ "id": "a", "execute-command": "/opt/a/run", "trigger-rule": { "match": { "type": "value",
        "value": "refs/heads/main", "parameter": { "source": "payload", "name": "ref", }, }, }, }, ]"#;
    let yaml = "
- id: a
  execute-command: /opt/a/run
  trigger-rule:
    match:
      type: value
      value: refs/heads/main
      parameter: {source: payload, name: ref}
";
    assert_eq!(apps(json), apps(yaml));
    insta::assert_snapshot!(apps(yaml), @"
    apps:
      a:
        # To do: no rule of the hook named the repository: write `owner/name`.
        repository: __OWNER__/a
        provider: shell
        # To do: it ran where webhook was started. This is the folder of the program; without a `folder` it runs
        # in a fresh checkout of the commit.
        with: { folder: /opt/a, command: [/opt/a/run] }
        # The command had all variables of webhook's process. Name what else it needs.
        inherit_env: [HOME, SSH_AUTH_SOCK]
        environments:
          production:
            # As before: no check was asked for.
            required_contexts: []
            auto_deploy: { branch: main, on: push }
    ");
}

#[test]
fn a_rule_about_deployments_says_which_environment() {
    let yaml = apps(
        r#"[{ "id": "a", "execute-command": "deploy", "trigger-rule": { "and": [
            { "match": { "type": "value", "value": "deployment", "parameter": { "source": "header", "name": "X-GitHub-Event" } } },
            { "match": { "type": "value", "value": "qa", "parameter": { "source": "payload", "name": "deployment.environment" } } }
        ] } }]"#,
    );
    assert!(yaml.contains("      qa:\n"), "{yaml}");
}

#[test]
fn what_is_wrong_is_told() {
    insta::assert_snapshot!(
        refused(r#"[{ "id": "a", "execute-command": ["x"] }, { "execute-command": "x" }, { "id": "b" }, "c",
            { "id": "d", "execute-command": "x", "pass-arguments-to-command": "y" }]"#),
        @"
    `FILE`, read as the hooks of adnanh/webhook, cannot be imported
      `a.execute-command` is a list; expected a text
      `[1]` has no `id`; expected a name
      `b` has no `execute-command`; expected a program
      `[3]` is a text; expected a map
      `d.pass-arguments-to-command` is a text; expected a list
    "
    );
    insta::assert_snapshot!(refused(r#"{ "id": "a", "execute-command": "x" }"#), @"
    `FILE`, read as the hooks of adnanh/webhook, cannot be imported
      the file holds a map; expected a list of hooks
    ");
}

#[test]
fn what_would_not_load_is_not_written() {
    let hooks = r#"[{ "id": "a", "execute-command": "/x/y", "pass-environment-to-command": [
        { "source": "string", "envname": "A", "name": "plain" }, { "source": "string", "envname": "A", "name": "ghp_0123456789" }
    ] }]"#;
    insta::assert_snapshot!(refused(hooks), @"
    what was made from `FILE` would not load, so that nothing is written:
    app.yaml:25:12: `A` is in `env` and in `secrets`
      25 |     env: { A: plain }
         |            ^
    hint: keep the secret
    ");
}
