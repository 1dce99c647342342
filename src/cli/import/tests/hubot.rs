//! hubot-deploy's `apps.json`.

use super::{apps, made, refused};

#[test]
fn a_realistic_file_is_carried_over() {
    insta::assert_snapshot!(made(r##"
{
  "shop": {
    "provider": "bundler_capistrano",
    "repository": "octo-org/shop",
    "environments": ["production", "staging"],
    "required_contexts": ["ci/build", "security/scan"],
    "allowed_rooms": ["C0123ABCD", "#shop"],
    "staging_url": "https://staging.shop.example.com",
    "production_url": "https://shop.example.com",
    "bundler_private_source": "https://gems.octo-org.example",
    "bundler_private_credentials": "robot:not-to-be-copied"
  },
  "bot": {
    "provider": "heroku",
    "auto_merge": false,
    "repository": "octo-org/chat-bot",
    "heroku_name": "octo-bot",
    "heroku_staging_name": "octo-bot-staging",
    "environments": ["production", "staging"],
    "required_contexts": []
  },
  "site": {
    "provider": "shell",
    "repository": "octo-org/site",
    "auto_merge": false,
    "environments": ["live"],
    "deploy_script": "script/publish.sh",
    "github_token": "not-to-be-copied",
    "slack_webhook": "https://hooks.slack.com/services/T0/B0/not-to-be-copied",
    "colour": "green"
  },
  "api": { "provider": "fabric", "auto_merge": false, "repository": "octo-org/api" },
  "db": { "provider": "ansible", "auto_merge": false, "repository": "octo-org/db", "ansible_hosts": "hosts/db" },
  "mobile": { "provider": "elastic_beanstalk", "auto_merge": false, "repository": "octo-org/mobile", "app_name": "mobile" }
}
"##), @r##"
    # Made by `chima import` from `the file`, hubot-deploy's apps.json.
    # Comments that begin with "Not carried over" or "To do" need a person. `chima check` says whether it loads.
    #
    # To do: whoever could speak to the bot could ask for any task `deploy:NAME`. Chima carries out the tasks that
    # an app lists, as in `tasks: [deploy, "deploy:migrate"]`.
    #
    # To do: where Heaven was the executor, it deployed a green default branch to every environment by itself.
    # Here that is `auto_deploy: true`, at each app or environment that should have it.

    github:
      # To do: put the token, which was in `HUBOT_GITHUB_TOKEN` of the bot, into the variable below of Chima's
      # process, or make a GitHub App.
      # Not carried over: the `github_token` of `site`: there is one for all apps, and its owner must reach their
      # repositories too.
      token: { env: GITHUB_TOKEN }
      # To do: make a secret with `openssl rand -hex 32` and give it to the webhook of each repository.
      webhook_secrets: [{ env: CHIMA_WEBHOOK_SECRET }]

    apps:
      shop:
        repository: octo-org/shop
        # hubot-deploy's own default.
        auto_merge: true
        required_contexts: [ci/build, security/scan]
        allowed_rooms: [C0123ABCD, "#shop"]
        # To do: the Capfile finds the commit to deploy in `BRANCH`, as in `set :branch, ENV["BRANCH"]`. Heaven's
        # `-s branch=…` of Capistrano 2 is gone.
        # To do: Heaven logged in with its `DEPLOYMENT_PRIVATE_KEY` and believed every host. Put that key into a
        # file and name it with `ssh: { key: { file: PATH }, known_hosts: PATH }`, or let the account's own be
        # used with `inherit_env: [HOME, SSH_AUTH_SOCK]`.
        provider: capistrano
        with: { bundler: auto }
        # To do: put the credentials of the private gem server into the variable `BUNDLER_PRIVATE_CREDENTIALS` of
        # Chima's process.
        secrets:
          BUNDLE_GEMS__OCTO___ORG__EXAMPLE: { env: BUNDLER_PRIVATE_CREDENTIALS }
        environments:
          production:
            url: https://shop.example.com
          staging:
            url: https://staging.shop.example.com

      bot:
        repository: octo-org/chat-bot
        auto_merge: false
        required_contexts: []
        # To do: Heaven called Heroku's build API with its `HEROKU_API_KEY`. The provider `heroku` pushes with
        # git: give it access as its page, `providers/heroku/README.md`, says.
        provider: heroku
        with: { app: octo-bot }
        secrets:
          HEROKU_API_KEY: { env: HEROKU_API_KEY }
        environments:
          production: {}
          staging:
            with: { app: octo-bot-staging }

      site:
        repository: octo-org/site
        # To do: `slack_webhook` looks like a secret, and each deployment published it in its payload: replace it.
        # If the command needs it, name it here as `secrets: { SLACK_WEBHOOK: { env: SLACK_WEBHOOK } }`.
        # Not carried over: `colour`: no such key here. Each deployment published it in its payload, for others to
        # read.
        auto_merge: false
        provider: shell
        # It still finds `BRANCH`, `SHA`, `DEPLOY_ENV` and `DEPLOY_TASK`; `SHA` has all digits now.
        with: { command: [./script/publish.sh] }
        environments:
          live: {}

      api:
        repository: octo-org/api
        auto_merge: false
        # To do: `branch_name` is the commit now, so that exactly what was asked for is deployed: a fabfile that
        # runs `git pull` with it must run `git checkout`. `legacy` is Fabric 1's way; for Fabric 2 and newer
        # remove it.
        provider: fabric
        with:
          legacy: true
          args: { branch_name: "{{sha}}" }
        environments:
          production: {}

      db:
        repository: octo-org/db
        auto_merge: false
        # Heaven ran `ansible/site.yml` with the inventory `ansible/hosts`. Playbooks still find
        # `heaven_deploy_sha`.
        provider: ansible
        with: { inventory: hosts/db, playbook: ansible/site.yml }
        environments:
          production: {}

      mobile:
        repository: octo-org/mobile
        # Not carried over: `app_name`: no such key here. Each deployment published it in its payload, for others
        # to read.
        auto_merge: false
        # To do: provider `elastic_beanstalk`: an import knows nothing of it. `manual` waits for a person; choose
        # another provider, or write a manifest for this one.
        provider: manual
        with: { instructions: "Deploy it the way it was deployed before, then say that it is finished" }
        environments:
          production: {}
    "##);
}

#[test]
fn a_second_name_for_a_repository_keeps_only_what_is_free() {
    insta::assert_snapshot!(apps(r#"
{
  "site": { "provider": "capistrano", "repository": "octo/site", "auto_merge": true },
  "www": { "provider": "capistrano", "repository": "octo/site", "auto_merge": true, "environments": ["production", "staging"] },
  "alias": { "provider": "capistrano", "repository": "Octo/Site", "auto_merge": true }
}
"#), @r#"
    apps:
      site:
        repository: octo/site
        auto_merge: true
        # To do: the Capfile finds the commit to deploy in `BRANCH`, as in `set :branch, ENV["BRANCH"]`. Heaven's
        # `-s branch=…` of Capistrano 2 is gone.
        # To do: Heaven logged in with its `DEPLOYMENT_PRIVATE_KEY` and believed every host. Put that key into a
        # file and name it with `ssh: { key: { file: PATH }, known_hosts: PATH }`, or let the account's own be
        # used with `inherit_env: [HOME, SSH_AUTH_SOCK]`.
        provider: capistrano
        environments:
          production: {}

      www:
        repository: octo/site
        # Not carried over: environment `production`: `site` has it already; an environment of a repository
        # belongs to one app.
        auto_merge: true
        provider: capistrano
        environments:
          staging: {}

      # Not carried over: `alias`: nothing is left that could be deployed.
      # Not carried over: environment `production`: `site` has it already; an environment of a repository belongs
      # to one app.
    "#);
}

#[test]
fn rooms_are_never_widened() {
    let yaml = apps(r#"{ "a": { "provider": "capistrano", "repository": "o/r", "allowed_rooms": [] } }"#);
    assert!(yaml.contains("allowed_rooms: [no-room]"), "{yaml}");
    let yaml = apps(r#"{ "a": { "provider": "capistrano", "repository": "o/r", "authorized_usernames": ["mona"] } }"#);
    assert!(yaml.contains("deployers: [mona]"), "{yaml}");
}

#[test]
fn an_enterprise_server_becomes_the_github_of_the_file() {
    insta::assert_snapshot!(made(r#"
{
  "a": { "provider": "capistrano", "repository": "o/a", "auto_merge": false, "github_api": "https://ghe.example.com/api/v3/" },
  "b": { "provider": "capistrano", "repository": "o/b", "auto_merge": false, "github_api": "https://ghe.example.com/api/v3" },
  "c": { "provider": "capistrano", "repository": "o/c", "auto_merge": false }
}
"#), @r#"
    # Made by `chima import` from `the file`, hubot-deploy's apps.json.
    # Comments that begin with "Not carried over" or "To do" need a person. `chima check` says whether it loads.
    #
    # To do: whoever could speak to the bot could ask for any task `deploy:NAME`. Chima carries out the tasks that
    # an app lists, as in `tasks: [deploy, "deploy:migrate"]`.
    #
    # To do: where Heaven was the executor, it deployed a green default branch to every environment by itself.
    # Here that is `auto_deploy: true`, at each app or environment that should have it.

    github:
      url: https://ghe.example.com
      api_url: https://ghe.example.com/api/v3
      # To do: put the token, which was in `HUBOT_GITHUB_TOKEN` of the bot, into the variable below of Chima's
      # process, or make a GitHub App.
      token: { env: GITHUB_TOKEN }
      # To do: make a secret with `openssl rand -hex 32` and give it to the webhook of each repository.
      webhook_secrets: [{ env: CHIMA_WEBHOOK_SECRET }]

    apps:
      a:
        repository: o/a
        auto_merge: false
        # To do: the Capfile finds the commit to deploy in `BRANCH`, as in `set :branch, ENV["BRANCH"]`. Heaven's
        # `-s branch=…` of Capistrano 2 is gone.
        # To do: Heaven logged in with its `DEPLOYMENT_PRIVATE_KEY` and believed every host. Put that key into a
        # file and name it with `ssh: { key: { file: PATH }, known_hosts: PATH }`, or let the account's own be
        # used with `inherit_env: [HOME, SSH_AUTH_SOCK]`.
        provider: capistrano
        environments:
          production: {}

      b:
        repository: o/b
        auto_merge: false
        provider: capistrano
        environments:
          production: {}

      # Not carried over: `c`: it is on another GitHub than the others, and a configuration is for one. Give it a
      # Chima of its own.
    "#);
}

#[test]
fn the_provider_is_guessed_from_its_keys_or_left_to_a_person() {
    insta::assert_snapshot!(apps(r#"
{
  "a": { "repository": "o/a", "auto_merge": false, "heroku_production_name": "a-prod", "environments": ["production", "staging"] },
  "b": { "repository": "o/b", "auto_merge": false, "deploy_script": "../outside" },
  "c": { "repository": "o/c", "auto_merge": false, "provider": "npm" },
  "d": { "repository": "o/d", "auto_merge": false }
}
"#), @r#"
    apps:
      a:
        repository: o/a
        auto_merge: false
        # To do: Heaven called Heroku's build API with its `HEROKU_API_KEY`. The provider `heroku` pushes with
        # git: give it access as its page, `providers/heroku/README.md`, says.
        provider: heroku
        secrets:
          HEROKU_API_KEY: { env: HEROKU_API_KEY }
        environments:
          production:
            with: { app: a-prod }
          # To do: nothing named the Heroku app of this environment: write `with: { app: NAME }`.
          staging: {}

      b:
        repository: o/b
        auto_merge: false
        provider: shell
        # To do: `deploy_script` was no path within the repository, which Heaven refused too: name one.
        with: { command: [./script/deploy] }
        environments:
          production: {}

      c:
        repository: o/c
        auto_merge: false
        # To do: provider `npm`: an import knows nothing of it. `manual` waits for a person; choose another
        # provider, or write a manifest for this one.
        provider: manual
        with: { instructions: "Deploy it the way it was deployed before, then say that it is finished" }
        environments:
          production: {}

      d:
        repository: o/d
        auto_merge: false
        # To do: there was no `provider`, and Heaven would not have deployed it. `manual` waits for a person;
        # choose a provider.
        provider: manual
        with: { instructions: "Deploy it the way it was deployed before, then say that it is finished" }
        environments:
          production: {}
    "#);
}

#[test]
fn a_command_format_becomes_arguments_or_a_comment() {
    insta::assert_snapshot!(apps(r#"
{
  "a": { "provider": "fabric", "repository": "o/a", "auto_merge": false, "deploy_command_format": "fab %{environment} %{task}:rev=%{ref}" },
  "b": { "provider": "fabric", "repository": "o/b", "auto_merge": false, "DEPLOY_COMMAND_FORMAT": "cd fab && fab -R %{environment} %{task}" }
}
"#), @r#"
    apps:
      a:
        repository: o/a
        auto_merge: false
        # To do: Heaven logged in with its `DEPLOYMENT_PRIVATE_KEY` and believed every host. Put that key into a
        # file and name it with `ssh: { key: { file: PATH }, known_hosts: PATH }`, or let the account's own be
        # used with `inherit_env: [HOME, SSH_AUTH_SOCK]`.
        provider: shell
        # `deploy_command_format` as a list of arguments: no shell reads it. `%{ref}` is the commit now.
        with: { command: [fab, "{{environment}}", "{{task}}:rev={{sha}}"] }
        environments:
          production: {}

      b:
        repository: o/b
        auto_merge: false
        provider: shell
        # To do: `deploy_command_format` was a line for a shell, which is not carried over. Write it as the script
        # `./script/deploy`.
        with: { command: [./script/deploy] }
        environments:
          production: {}
    "#);
}

#[test]
fn inputs_of_a_provider_are_carried_over_without_their_secrets() {
    insta::assert_snapshot!(apps(r#"
{
  "a": {
    "provider": "ansible", "repository": "o/a", "auto_merge": false, "ansible_playbook": "site.yml", "limit": "web",
    "tags": ["deploy", "assets"], "extra_vars": { "db_password": "not-to-be-copied", "workers": 4 }
  },
  "b": { "provider": "capistrano", "repository": "o/b", "auto_merge": false, "stage": "{{ lookup('x') }}", "capistrano_roles": ["web"] }
}
"#), @r#"
    apps:
      a:
        repository: o/a
        auto_merge: false
        # Heaven ran `ansible/site.yml` with the inventory `ansible/hosts`. Playbooks still find
        # `heaven_deploy_sha`.
        # To do: Heaven logged in with its `DEPLOYMENT_PRIVATE_KEY` and believed every host. Put that key into a
        # file and name it with `ssh: { key: { file: PATH }, known_hosts: PATH }`, or let the account's own be
        # used with `inherit_env: [HOME, SSH_AUTH_SOCK]`.
        provider: ansible
        with:
          inventory: ansible/hosts
          playbook: site.yml
          limit: web
          tags: "deploy,assets"
          extra_vars: { workers: 4 }
        # To do: `extra_vars.db_password` looks like a secret. Put it into the variable `DB_PASSWORD` of Chima's
        # process, and let the playbook or task read that.
        secrets:
          DB_PASSWORD: { env: DB_PASSWORD }
        environments:
          production: {}

      b:
        repository: o/b
        auto_merge: false
        # To do: the Capfile finds the commit to deploy in `BRANCH`, as in `set :branch, ENV["BRANCH"]`. Heaven's
        # `-s branch=…` of Capistrano 2 is gone.
        # To do: `stage`: a secret, or what would be a placeholder here, is in it. Without it `capistrano` would
        # do something else than before, so that `manual` waits for a person.
        provider: manual
        with: { instructions: "Deploy it the way it was deployed before, then say that it is finished" }
        environments:
          production: {}
    "#);
}

#[test]
fn everything_that_is_wrong_is_told_without_its_value() {
    insta::assert_snapshot!(refused(r#"
{
  "a": { "repository": "o/a", "environments": "production", "auto_merge": "yes", "allowed_rooms": [["x"]] },
  "b": { "repository": "not a repository" },
  "c": { "provider": "heroku" },
  "d": "ghp_0123456789"
}
"#), @"
    `FILE`, read as hubot-deploy's apps.json, cannot be imported
      `d` is a text; expected a map with `repository` and `provider`
      `a.auto_merge` is a text; expected true or false
      `a.allowed_rooms[0]` is a list; expected a text
      `a.environments` is a text; expected a list
      `b.repository` is no repository; expected `owner/name` of letters, digits, `.`, `_` and `-`
      `c` names no `repository`; expected `owner/name`
    ");
}

#[test]
fn a_file_of_which_nothing_is_left_is_not_written() {
    insta::assert_snapshot!(
        refused(r#"{ "a": { "repository": "o/a", "environments": ["$(id)"] } }"#),
        @"
    `FILE`, read as hubot-deploy's apps.json, has nothing that could be deployed; nothing is written
      `a`: nothing is left that could be deployed.
      environment `$(id)`: not a name that Chima takes; expected 1 to 100 letters, digits, spaces, `.`, `_`, `/` and `-`, starting with a letter or digit.
    "
    );
}

#[test]
fn values_that_yaml_or_a_comment_would_read_otherwise_do_no_harm() {
    let yaml = made(
        r#"{ "a\nb: c": { "provider": "yes\nstore: x", "repository": "o/r", "environments": ["no", "1.10"],
            "required_contexts": ["*a", "- b", "c: d", "true", "é"], "x\nqueue: y": 1 } }"#,
    );
    assert!(
        yaml.contains(r#"required_contexts: ["*a", "- b", "c: d", "true", "é"]"#),
        "{yaml}"
    );
    assert!(
        !yaml
            .lines()
            .any(|line| line.starts_with("store:") || line.starts_with("queue:")),
        "{yaml}"
    );
}

#[test]
fn a_secret_in_a_wrong_place_is_refused_and_not_shown() {
    insta::assert_snapshot!(refused(
        r#"{ "a": { "provider": "capistrano", "repository": "o/r", "required_contexts": ["ghp_0123456789"] },
            "b": { "provider": "capistrano", "repository": "https://mona:hunter2@github.com/o/s" } }"#,
    ), @"
    `FILE`, read as hubot-deploy's apps.json, cannot be imported
      `b.repository` is no repository; expected `owner/name` of letters, digits, `.`, `_` and `-`
    ");
    insta::assert_snapshot!(refused(
        r#"{ "a": { "provider": "capistrano", "repository": "o/r", "required_contexts": ["ghp_0123456789"] } }"#,
    ), @"
    `FILE`, read as hubot-deploy's apps.json, cannot be imported
      what becomes `required_contexts` of `a` holds a secret; expected none there
    ");
}

#[test]
fn a_name_that_is_none_is_told_at_its_place() {
    insta::assert_snapshot!(refused(
        r#"{ "a": { "provider": "capistrano", "repository": "o/r", "required_contexts": [""] } }"#,
    ), @"
    `FILE`, read as hubot-deploy's apps.json, cannot be imported
      `a.required_contexts[0]` is empty or holds a line break; expected a name
    ");
}
