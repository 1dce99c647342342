//! Faults of form: keys and types.

use super::{refused, refused_app};

#[test]
fn an_unknown_key_is_refused_with_what_was_meant() {
    insta::assert_snapshot!(refused("
apps:
  site:
    repository: o/r
    environments:
      production:
        provder: shell
"), @"
    app.yaml:7:9: unknown key `provder` in `apps.site.environments.production`
      7 |         provder: shell
        |         ^
    hint: did you mean `provider`?
    ");
    insta::assert_snapshot!(refused("sever: { listen: 127.0.0.1:1 }"), @"
    app.yaml:1:1: unknown key `sever` at the top level
      1 | sever: { listen: 127.0.0.1:1 }
        | ^
    hint: did you mean `server`?
    ");
    insta::assert_snapshot!(refused("slack: { colour: red }"), @"
    app.yaml:1:10: unknown key `colour` in `slack`
    hint: known here: `api_url`, `incoming_webhook`, `bot_token`, `signing_secret`, `app_token`, `channel`, `other_deployments`
    ");
    insta::assert_snapshot!(refused("github: { tokn: ghp_0123456789 }"), @"
    app.yaml:1:11: unknown key `tokn` in `github`
    hint: did you mean `token`?
    ");
}

#[test]
fn a_key_of_another_place_is_refused_with_where_it_goes() {
    insta::assert_snapshot!(refused_app("ansible_hosts: hosts_file, environments: { production: { provider: ansible } }"), @"
    app.yaml:1:34: unknown key `ansible_hosts` in `apps.site`
      1 | apps: { site: { repository: o/r, ansible_hosts: hosts_file, environments: { production: { provider:
        |                                  ^
    hint: `ansible_hosts` is an input of the provider: write `with: { ansible_hosts: … }`
    ");
    insta::assert_snapshot!(refused_app("ansible_playbook: site.yml, environments: { production: { provider: ansible } }"), @"
    app.yaml:1:34: unknown key `ansible_playbook` in `apps.site`
      1 | apps: { site: { repository: o/r, ansible_playbook: site.yml, environments: { production: { provider:
        |                                  ^
    hint: `ansible_playbook` is an input of the provider: write `with: { ansible_playbook: … }`
    ");
    insta::assert_snapshot!(refused_app("commands: [[git, fetch]], environments: { production: { provider: shell } }"), @"
    app.yaml:1:34: unknown key `commands` in `apps.site`
      1 | apps: { site: { repository: o/r, commands: [[git, fetch]], environments: { production: { provider: s
        |                                  ^
    hint: `commands` is an input of the provider: write `provider: shell` and `with: { folder: …, commands: … }`
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, folder: /srv/site } }"), @"
    app.yaml:1:81: unknown key `folder` in `apps.site.environments.production`
      1 | { repository: o/r, environments: { production: { provider: shell, folder: /srv/site } } } }
        |                                                                   ^
    hint: `folder` is an input of the provider: write `provider: shell` and `with: { folder: …, commands: … }`
    ");
    insta::assert_snapshot!(refused_app("github_token: x, environments: { production: { provider: shell } }"), @"
    app.yaml:1:34: unknown key `github_token` in `apps.site`
    hint: there is one GitHub for all apps: write `token: { env: GITHUB_TOKEN }` under `github`
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, repository: o/other } }"), @"
    app.yaml:1:81: unknown key `repository` in `apps.site.environments.production`
      1 | { repository: o/r, environments: { production: { provider: shell, repository: o/other } } } }
        |                                                                   ^
    hint: `repository` goes directly under `apps.site`
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, auto_merge: true } }"), @"
    app.yaml:1:81: unknown key `auto_merge` in `apps.site.environments.production`
      1 | { repository: o/r, environments: { production: { provider: shell, auto_merge: true } } } }
        |                                                                   ^
    hint: `auto_merge` goes directly under `apps.site`
    ");
    insta::assert_snapshot!(refused("github: { webhook_secret: { env: LONG } }"), @"
    app.yaml:1:11: unknown key `webhook_secret` in `github`
      1 | github: { webhook_secret: { env: LONG } }
        |           ^
    hint: did you mean `webhook_secrets`?
    ");
    insta::assert_snapshot!(refused_app("timeout: 30, environments: { production: { provider: shell } }"), @"
    app.yaml:1:34: unknown key `timeout` in `apps.site`
      1 | apps: { site: { repository: o/r, timeout: 30, environments: { production: { provider: shell } } } }
        |                                  ^
    hint: did you mean `timeout_seconds`?
    ");
    insta::assert_snapshot!(refused("listen: 127.0.0.1:8080"), @"
    app.yaml:1:1: unknown key `listen` at the top level
      1 | listen: 127.0.0.1:8080
        | ^
    hint: `listen` goes under `server`
    ");
}

#[test]
fn a_wrong_type_is_refused_with_what_was_expected() {
    insta::assert_snapshot!(refused("workers: many"), @"
    app.yaml:1:10: `workers` is text `many`; expected a whole number from 1 to 1000
      1 | workers: many
        |          ^
    ");
    insta::assert_snapshot!(refused("workers: \"4\""), @r#"
    app.yaml:1:10: `workers` is text `4`; expected a whole number from 1 to 1000
      1 | workers: "4"
        |          ^
    hint: write it without quotes
    "#);
    insta::assert_snapshot!(refused("github: true"), @"
    app.yaml:1:9: `github` is true; expected a map
      1 | github: true
        |         ^
    ");
    insta::assert_snapshot!(refused("apps: [site]"), @"
    app.yaml:1:7: `apps` is a list; expected a map
      1 | apps: [site]
        |       ^
    ");
    insta::assert_snapshot!(refused("- apps"), @"
    app.yaml:1:1: the file is a list; expected a map
      1 | - apps
        | ^
    ");
    insta::assert_snapshot!(refused("just text"), @"
    app.yaml:1:1: the file is text `just text`; expected a map
      1 | just text
        | ^
    ");
    insta::assert_snapshot!(refused_app("environments: [production, staging]"), @"
    app.yaml:1:48: `apps.site.environments` is a list; expected a map
      1 | apps: { site: { repository: o/r, environments: [production, staging] } }
        |                                                ^
    hint: write a map, as in `environments: { production: {} }`
    ");
    insta::assert_snapshot!(refused_app("environments: { production: shell }"), @"
    app.yaml:1:62: `apps.site.environments.production` is text `shell`; expected a map
      1 | apps: { site: { repository: o/r, environments: { production: shell } } }
        |                                                              ^
    ");
    insta::assert_snapshot!(refused_app("allowed_rooms: deployment, environments: { production: { provider: shell } }"), @"
    app.yaml:1:49: `apps.site.allowed_rooms` is text `deployment`; expected a list
      1 | apps: { site: { repository: o/r, allowed_rooms: deployment, environments: { production: { provider:
        |                                                 ^
    hint: write a list: `[deployment]`
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, production: yes } }"), @"
    app.yaml:1:93: `apps.site.environments.production.production` is text `yes`; expected `true` or `false`
      1 | : o/r, environments: { production: { provider: shell, production: yes } } } }
        |                                                                   ^
    hint: write `true` or `false`, without quotes
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: [shell] } }"), @"
    app.yaml:1:74: `apps.site.environments.production.provider` is a list; expected text
      1 |  site: { repository: o/r, environments: { production: { provider: [shell] } } } }
        |                                                                   ^
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, with: playbook.yml } }"), @"
    app.yaml:1:87: `apps.site.environments.production.with` is text `playbook.yml`; expected a map
      1 | sitory: o/r, environments: { production: { provider: shell, with: playbook.yml } } } }
        |                                                                   ^
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, auto_deploy: main } }"), @"
    app.yaml:1:94: `apps.site.environments.production.auto_deploy` is text `main`; expected `true` or `false` or a map
      1 |  o/r, environments: { production: { provider: shell, auto_deploy: main } } } }
        |                                                                   ^
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, env: { A: [1] } } }"), @"
    app.yaml:1:91: `apps.site.environments.production.env.A` is a list; expected text
      1 | ry: o/r, environments: { production: { provider: shell, env: { A: [1] } } } } }
        |                                                                   ^
    ");
}

#[test]
fn a_key_without_a_value_is_refused_where_it_would_mean_two_things() {
    insta::assert_snapshot!(refused("
apps:
  site:
    repository: o/r
    provider: shell
    allowed_rooms:
    environments: { production: }
"), @"
    app.yaml:6:18: `apps.site.allowed_rooms` has no value; expected a list
      6 |     allowed_rooms:
        |                  ^
    hint: give it a value, or remove it; text that begins with `#` needs quotes
    ");
    insta::assert_snapshot!(refused("apps:\n  site:\n"), @"
    app.yaml:2:7: `apps.site` has no value; expected a map
      2 |   site:
        |       ^
    hint: give it a value, or remove it; text that begins with `#` needs quotes
    ");
    insta::assert_snapshot!(refused("
apps:
  site:
    repository: o/r
    provider: shell
    allowed_rooms:
      - #deployment
    environments: { production: }
"), @"
    app.yaml:7:20: `apps.site.allowed_rooms[0]` has no value; expected text
      7 |       - #deployment
        |                    ^
    hint: give it a value, or remove it; text that begins with `#` needs quotes
    ");
}

#[test]
fn a_missing_key_is_shown_at_the_map_it_is_missing_from() {
    insta::assert_snapshot!(refused("
apps:
  site:
    environments:
      production: { provider: shell }
"), @"
    app.yaml:3:3: `apps.site` has no `repository`
      3 |   site:
        |   ^
    hint: `repository`: the repository on GitHub, as `owner/name`
    ");
    insta::assert_snapshot!(refused("apps: { site: { repository: o/r, provider: shell } }"), @"
    app.yaml:1:9: `apps.site` has no `environments`
      1 | apps: { site: { repository: o/r, provider: shell } }
        |         ^
    hint: `environments`: the environments, by the name GitHub shows
    ");
}

#[test]
fn a_value_outside_its_range_is_refused() {
    insta::assert_snapshot!(refused("workers: 0"), @"
    app.yaml:1:10: `workers` is 0; expected a whole number from 1 to 1000
      1 | workers: 0
        |          ^
    ");
    insta::assert_snapshot!(refused("workers: 1001"), @"
    app.yaml:1:10: `workers` is 1001; expected a whole number from 1 to 1000
      1 | workers: 1001
        |          ^
    ");
    insta::assert_snapshot!(refused("workers: 1.5"), @"
    app.yaml:1:10: `workers` is 1.5; expected a whole number from 1 to 1000
      1 | workers: 1.5
        |          ^
    ");
    insta::assert_snapshot!(refused("workers: -1"), @"
    app.yaml:1:10: `workers` is -1; expected a whole number from 1 to 1000
      1 | workers: -1
        |          ^
    ");
    insta::assert_snapshot!(refused("github: { writes_per_minute: 0 }"), @"
    app.yaml:1:30: `github.writes_per_minute` is 0; expected a whole number from 1 to 100000
      1 | github: { writes_per_minute: 0 }
        |                              ^
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, timeout_seconds: 0 } }"), @"
    app.yaml:1:98: `apps.site.environments.production.timeout_seconds` is 0; expected a whole number from 1 to 2592000
      1 | , environments: { production: { provider: shell, timeout_seconds: 0 } } } }
        |                                                                   ^
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, lane: lifo } }"), @"
    app.yaml:1:87: `apps.site.environments.production.lane` is text `lifo`; expected one of `fifo`, `latest`
      1 | sitory: o/r, environments: { production: { provider: shell, lane: lifo } } } }
        |                                                                   ^
    hint: did you mean `fifo`?
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, auto_deploy: { on: gren } } }"), @"
    app.yaml:1:100: `apps.site.environments.production.auto_deploy.on` is text `gren`; expected one of `green`, `push`, `merged_pull_request`
      1 | environments: { production: { provider: shell, auto_deploy: { on: gren } } } } }
        |                                                                   ^
    hint: did you mean `green`?
    ");
}

#[test]
fn a_key_written_twice_is_refused_also_among_numbers_and_in_inputs() {
    insta::assert_snapshot!(refused("
workers: 1
queue: sqlite
workers: 2
"), @"
    app.yaml:4:1: key `workers` is written twice at the top level
      4 | workers: 2
        | ^
    hint: the first is on line 2; keep one of them
    ");
    insta::assert_snapshot!(refused("
apps:
  1: { repository: o/a, provider: shell, environments: { production: {} } }
  1: { repository: o/b, provider: shell, environments: { production: {} } }
"), @"
    app.yaml:4:3: key `1` is written twice in `apps`
      4 |   1: { repository: o/b, provider: shell, environments: { production: {} } }
        |   ^
    hint: the first is on line 3; keep one of them
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, with: { vars: { a: 1, a: 2 } } } }"), @"
    app.yaml:1:103: key `a` is written twice in `apps.site.environments.production.with.vars`
      1 | ironments: { production: { provider: shell, with: { vars: { a: 1, a: 2 } } } } } }
        |                                                                   ^
    hint: the first is on line 1; keep one of them
    ");
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    insta::assert_snapshot!(refused("
server:
  listen: 127.0.0.1:8080
  puclic_url: https://deploy.example.com
workers: lots
apps:
  trelhub:
    repository: oursky/trelhub
    allowed_rooms: deployment
    environments:
      live: { production: 1, timeout_seconds: -5 }
  website:
    environments:
      production:
        provider: ansible
        ansible_hosts: hosts_file
        lane: newest
"), @"
    app.yaml:4:3: unknown key `puclic_url` in `server`
      4 |   puclic_url: https://deploy.example.com
        |   ^
    hint: did you mean `public_url`?

    app.yaml:5:10: `workers` is text `lots`; expected a whole number from 1 to 1000
      5 | workers: lots
        |          ^

    app.yaml:9:20: `apps.trelhub.allowed_rooms` is text `deployment`; expected a list
      9 |     allowed_rooms: deployment
        |                    ^
    hint: write a list: `[deployment]`

    app.yaml:11:27: `apps.trelhub.environments.live.production` is 1; expected `true` or `false`
      11 |       live: { production: 1, timeout_seconds: -5 }
         |                           ^

    app.yaml:11:47: `apps.trelhub.environments.live.timeout_seconds` is -5; expected a whole number from 1 to 2592000
      11 |       live: { production: 1, timeout_seconds: -5 }
         |                                               ^

    app.yaml:12:3: `apps.website` has no `repository`
      12 |   website:
         |   ^
    hint: `repository`: the repository on GitHub, as `owner/name`

    app.yaml:16:9: unknown key `ansible_hosts` in `apps.website.environments.production`
      16 |         ansible_hosts: hosts_file
         |         ^
    hint: `ansible_hosts` is an input of the provider: write `with: { ansible_hosts: … }`

    app.yaml:17:15: `apps.website.environments.production.lane` is text `newest`; expected one of `fifo`, `latest`
      17 |         lane: newest
         |               ^
    ");
    insta::assert_snapshot!(refused("
server: { listen: localhost, public_url: deploy.example.com }
store: postgres://db/chima
queue: redis://
apps:
  trelhub:
    repository: trelhub
    provider: fabrik
    environments:
      live: { url: live.example.com, tasks: [\"deploy now\"] }
"), @r#"
    app.yaml:2:19: `localhost` is not an address to listen on; expected an IP address and a port
      2 | server: { listen: localhost, public_url: deploy.example.com }
        |                   ^
    hint: for this machine alone `127.0.0.1:8080`, for all networks `0.0.0.0:8080`

    app.yaml:2:42: `server.public_url` is `deploy.example.com`; expected an address that begins with `https://` or `http://`
      2 | server: { listen: localhost, public_url: deploy.example.com }
        |                                          ^

    app.yaml:3:8: PostgreSQL is not supported yet; expected `sqlite:PATH`
      3 | store: postgres://db/chima
        |        ^
    hint: PostgreSQL comes later; several processes of one machine can share SQLite

    app.yaml:4:8: `redis://` is not a queue; expected `sqlite` or `redis://HOST:PORT`
      4 | queue: redis://
        |        ^
    hint: for example `redis://127.0.0.1:6379`

    app.yaml:7:17: `trelhub` is not a repository name; expected `owner/name` of letters, digits, `.`, `_` and `-`
      7 |     repository: trelhub
        |                 ^

    app.yaml:8:15: provider `fabrik` is not known
      8 |     provider: fabrik
        |               ^
    hint: did you mean `fabric`?

    app.yaml:10:20: `apps.trelhub.environments.live.url` is `live.example.com`; expected an address that begins with `https://` or `http://`
      10 |       live: { url: live.example.com, tasks: ["deploy now"] }
         |                    ^

    app.yaml:10:46: `deploy now` is not a task name; expected 1 to 100 letters, digits, `_`, `:` and `-`, starting with a letter
      10 |       live: { url: live.example.com, tasks: ["deploy now"] }
         |                                              ^
    "#);
}
