//! Apps and environments: names, owners, lists.

use super::{accepted, refused, refused_app};

#[test]
fn a_bad_name_is_refused_with_the_form_of_a_good_one() {
    insta::assert_snapshot!(refused("apps: { site: { repository: website, provider: shell, environments: { production: {} } } }"), @"
    app.yaml:1:29: `website` is not a repository name; expected `owner/name` of letters, digits, `.`, `_` and `-`
      1 | apps: { site: { repository: website, provider: shell, environments: { production: {} } } }
        |                             ^
    ");
    insta::assert_snapshot!(refused("apps: { \"the site\": { repository: o/r, provider: shell, environments: { production: {} } } }"), @r#"
    app.yaml:1:9: `the site` is not an app name; expected 1 to 100 letters, digits, `.`, `_` and `-`, starting with a letter or digit
      1 | apps: { "the site": { repository: o/r, provider: shell, environments: { production: {} } } }
        |         ^
    "#);
    insta::assert_snapshot!(refused_app("environments: { ../up: { provider: shell } }"), @"
    app.yaml:1:50: `../up` is not an environment name; expected 1 to 100 letters, digits, spaces, `.`, `_`, `/` and `-`, starting with a letter or digit
      1 | apps: { site: { repository: o/r, environments: { ../up: { provider: shell } } } }
        |                                                  ^
    ");
    insta::assert_snapshot!(refused_app("tasks: [deploy, \"-eputs 1\"], environments: { production: { provider: shell } }"), @r#"
    app.yaml:1:50: `-eputs 1` is not a task name; expected 1 to 100 letters, digits, `_`, `:` and `-`, starting with a letter
      1 | apps: { site: { repository: o/r, tasks: [deploy, "-eputs 1"], environments: { production: { provider
        |                                                  ^
    "#);
    insta::assert_snapshot!(refused_app("hosts: [web1, \"web 2\"], environments: { production: { provider: shell } }"), @r#"
    app.yaml:1:48: `web 2` is not a host name; expected 1 to 253 letters, digits, `.`, `_` and `-`, starting with a letter or digit
      1 | apps: { site: { repository: o/r, hosts: [web1, "web 2"], environments: { production: { provider: she
        |                                                ^
    "#);
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, auto_deploy: { branch: \"a b\" } } }"), @r#"
    app.yaml:1:104: `a b` is not a ref name; expected 1 to 255 letters, digits and `. _ / + # @ = , -`, starting with a letter, digit or `_`
      1 | ronments: { production: { provider: shell, auto_deploy: { branch: "a b" } } } } }
        |                                                                   ^
    "#);
}

#[test]
fn an_environment_has_one_owner() {
    insta::assert_snapshot!(refused("
apps:
  site:
    repository: o/r
    provider: shell
    environments: { production: {} }
  website:
    repository: O/R
    provider: shell
    environments: { staging: {}, Production: {} }
"), @"
    app.yaml:10:34: environment `Production` of `O/R` belongs to `apps.site.environments.production` already
      10 |     environments: { staging: {}, Production: {} }
         |                                  ^
    hint: an environment of a repository has one owner: give one of them another name
    ");
    insta::assert_snapshot!(refused_app("provider: shell, environments: { Live: {}, live: {} }"), @"
    app.yaml:1:77: environment `live` differs from `apps.site.environments.Live` only in case
      1 | te: { repository: o/r, provider: shell, environments: { Live: {}, live: {} } } }
        |                                                                   ^
    hint: GitHub takes both for the same environment: keep one
    ");
    insta::assert_snapshot!(refused("
apps:
  site: { repository: o/a, provider: shell, environments: { production: {} } }
  Site: { repository: o/b, provider: shell, environments: { production: {} } }
"), @"
    app.yaml:4:3: app `Site` differs from `site` only in case
      4 |   Site: { repository: o/b, provider: shell, environments: { production: {} } }
        |   ^
    hint: people type names in chat: choose another
    ");
}

#[test]
fn a_provider_must_be_named_and_known() {
    insta::assert_snapshot!(refused_app("environments: { production: {} }"), @"
    app.yaml:1:50: `apps.site.environments.production` has no `provider`, and neither has its app
      1 | apps: { site: { repository: o/r, environments: { production: {} } } }
        |                                                  ^
    hint: known: `ansible`, `capistrano`, `fabric`, `manual`, `shell`
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: ansibel } }"), @"
    app.yaml:1:74: provider `ansibel` is not known
      1 |  site: { repository: o/r, environments: { production: { provider: ansibel } } } }
        |                                                                   ^
    hint: did you mean `ansible`?
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: kubernetes } }"), @"
    app.yaml:1:74: provider `kubernetes` is not known
      1 |  site: { repository: o/r, environments: { production: { provider: kubernetes } } } }
        |                                                                   ^
    hint: known here: `ansible`, `capistrano`, `fabric`, `manual`, `shell`
    ");
}

#[test]
fn the_fault_of_an_app_is_told_once_and_not_for_each_environment() {
    insta::assert_snapshot!(refused_app("provider: fabrik, environments: { a: {}, b: {}, c: { provider: shell } }"), @"
    app.yaml:1:44: provider `fabrik` is not known
      1 | apps: { site: { repository: o/r, provider: fabrik, environments: { a: {}, b: {}, c: { provider: shel
        |                                            ^
    hint: did you mean `fabric`?
    ");
}

#[test]
fn an_empty_list_that_would_be_read_two_ways_is_refused() {
    insta::assert_snapshot!(refused_app("allowed_rooms: [], environments: { production: { provider: shell } }"), @"
    app.yaml:1:49: `apps.site.allowed_rooms` is an empty list
      1 | apps: { site: { repository: o/r, allowed_rooms: [], environments: { production: { provider: shell }
        |                                                 ^
    hint: an empty list would allow no room at all: name one, or remove the key to allow all
    ");
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, deployers: [] } }"), @"
    app.yaml:1:92: `apps.site.environments.production.deployers` is an empty list
      1 | y: o/r, environments: { production: { provider: shell, deployers: [] } } } }
        |                                                                   ^
    hint: an empty list would let nobody deploy: name somebody, or remove the key to allow everybody
    ");
    insta::assert_snapshot!(refused_app("tasks: [], environments: { production: { provider: shell } }"), @"
    app.yaml:1:41: `apps.site.tasks` is an empty list
      1 | apps: { site: { repository: o/r, tasks: [], environments: { production: { provider: shell } } } }
        |                                         ^
    hint: nothing could be deployed: name a task, or remove the key
    ");
    insta::assert_snapshot!(refused_app("hosts: [], environments: { production: { provider: shell } }"), @"
    app.yaml:1:41: `apps.site.hosts` is an empty list
      1 | apps: { site: { repository: o/r, hosts: [], environments: { production: { provider: shell } } } }
        |                                         ^
    hint: name a host, or remove the key
    ");
    insta::assert_snapshot!(refused_app("environments: {}"), @"
    app.yaml:1:48: `apps.site` has no environment
      1 | apps: { site: { repository: o/r, environments: {} } }
        |                                                ^
    hint: write at least one, as in `environments: { production: {} }`
    ");
    insta::assert_snapshot!(refused_app("allowed_rooms: [\"#\"], environments: { production: { provider: shell } }"), @r##"
    app.yaml:1:50: `apps.site.allowed_rooms[0]` is `#`; expected a name
      1 | apps: { site: { repository: o/r, allowed_rooms: ["#"], environments: { production: { provider: shell
        |                                                  ^
    "##);
}

#[test]
fn the_lock_tasks_are_not_an_apps() {
    insta::assert_snapshot!(refused_app("tasks: [deploy, \"deploy:lock\"], environments: { production: { provider: shell } }"), @r#"
    app.yaml:1:50: `deploy:lock` is a command of Chima; expected a task that a provider carries out
      1 | apps: { site: { repository: o/r, tasks: [deploy, "deploy:lock"], environments: { production: { provi
        |                                                  ^
    hint: remove it: locking works without being listed
    "#);
}

#[test]
fn a_glob_stays_in_the_repository() {
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, auto_deploy: { paths: [\"web/**\", ../x, /etc] } } }"), @r#"
    app.yaml:1:114: `../x` leaves the repository; expected a glob relative to it
      1 | { production: { provider: shell, auto_deploy: { paths: ["web/**", ../x, /etc] } } } } }
        |                                                                   ^
    hint: for example `web/**`

    app.yaml:1:120: `/etc` leaves the repository; expected a glob relative to it
      1 | uction: { provider: shell, auto_deploy: { paths: ["web/**", ../x, /etc] } } } } }
        |                                                                   ^
    hint: for example `web/**`
    "#);
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, auto_deploy: { paths: [web/, \"a/[b\"] } } }"), @r#"
    app.yaml:1:104: `web/` matches no file; expected a glob of files, spelled as git spells their paths
      1 | ronments: { production: { provider: shell, auto_deploy: { paths: [web/, "a/[b"] } } } } }
        |                                                                   ^
    hint: for example `web/**`

    app.yaml:1:110: `a/[b` is no glob: unclosed character class; missing ']'
      1 | ts: { production: { provider: shell, auto_deploy: { paths: [web/, "a/[b"] } } } } }
        |                                                                   ^
    hint: for example `web/**`
    "#);
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, auto_deploy: { paths: [] } } }"), @"
    app.yaml:1:103: `apps.site.environments.production.auto_deploy.paths` is an empty list
      1 | ironments: { production: { provider: shell, auto_deploy: { paths: [] } } } } }
        |                                                                   ^
    hint: name a path, or remove the key to count every change
    ");
}

#[test]
fn a_page_is_on_the_web() {
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, url: \"javascript:alert(1)\" } }"), @r#"
    app.yaml:1:86: `apps.site.environments.production.url` is `javascript:alert(1)`; expected an address that begins with `https://` or `http://`
      1 | ository: o/r, environments: { production: { provider: shell, url: "javascript:alert(1)" } } } }
        |                                                                   ^
    "#);
}

#[test]
fn variables_have_names_and_are_not_chimas_own() {
    insta::assert_snapshot!(refused_app("env: { \"A B\": x, CHIMA_CONFIG: x, 1A: x }, environments: { production: { provider: shell } }"), @r#"
    app.yaml:1:41: `A B` is not a variable's name; expected letters, digits and `_`, no digit first
      1 | apps: { site: { repository: o/r, env: { "A B": x, CHIMA_CONFIG: x, 1A: x }, environments: { producti
        |                                         ^

    app.yaml:1:51: `CHIMA_CONFIG` is one of Chima's own variables; expected a name that does not begin with `CHIMA_`
      1 | apps: { site: { repository: o/r, env: { "A B": x, CHIMA_CONFIG: x, 1A: x }, environments: { producti
        |                                                   ^

    app.yaml:1:68: `1A` is not a variable's name; expected letters, digits and `_`, no digit first
      1 | pps: { site: { repository: o/r, env: { "A B": x, CHIMA_CONFIG: x, 1A: x }, environments: { productio
        |                                                                   ^
    "#);
    insta::assert_snapshot!(refused_app("inherit_env: [HOME, CHIMA_CONFIG, $PATH], environments: { production: { provider: shell } }"), @"
    app.yaml:1:54: `CHIMA_CONFIG` is one of Chima's own variables; expected a name that does not begin with `CHIMA_`
      1 | apps: { site: { repository: o/r, inherit_env: [HOME, CHIMA_CONFIG, $PATH], environments: { productio
        |                                                      ^

    app.yaml:1:68: `$PATH` is not a variable's name; expected letters, digits and `_`, no digit first
      1 | pps: { site: { repository: o/r, inherit_env: [HOME, CHIMA_CONFIG, $PATH], environments: { production
        |                                                                   ^
    ");
    insta::assert_snapshot!(refused_app("env: { A: x }, environments: { production: { provider: shell, secrets: { A: { env: LONG } } } }"), @"
    app.yaml:1:41: `A` is in `env` and in `secrets`
      1 | apps: { site: { repository: o/r, env: { A: x }, environments: { production: { provider: shell, secre
        |                                         ^
    hint: keep the secret
    ");
}

#[test]
fn an_environment_is_found_in_any_case_and_apps_keep_the_order_of_the_file() {
    let config = accepted(
        "
apps:
  zebra: { repository: O/R, provider: shell, environments: { staging: {}, \"eu/Live\": {} } }
  ant: { repository: o/r, provider: manual, environments: { production: {} } }
",
    );
    let names: Vec<&str> = config.apps.iter().map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["zebra", "ant"]);
    let (app, environment) = config.find("o/R", "EU/live").unwrap();
    assert_eq!((app.name.as_str(), environment.name.as_str()), ("zebra", "eu/Live"));
    assert_eq!(config.find("o/r", "production").unwrap().0.name.as_str(), "ant");
    assert!(config.find("o/r", "nowhere").is_none());
    assert_eq!(config.apps_of("O/r").count(), 2);
    assert!(config.app("ANT").is_some());
}

#[test]
fn what_the_seed_systems_could_say_can_be_said() {
    let config = accepted(
        "
server:
  listen: 127.0.0.1:8080
  public_url: https://deploy.example.com
github:
  app_id: 12345
  private_key: { file: /run/secrets/github.pem }
  webhook_secrets: [{ env: CHIMA_WEBHOOK_SECRET }]   # several while rotating
slack:
  bot_token: { env: SLACK_BOT_TOKEN }
  signing_secret: { env: SLACK_SIGNING_SECRET }
store: sqlite:data/chima.db
queue: redis://127.0.0.1:6379
apps:
  trelhub:
    repository: oursky/trelhub
    provider: fabric
    auto_merge: true
    required_contexts: [continuous-integration/travis-ci]
    allowed_rooms: [deployment]
    tasks: [deploy, \"deploy:migrate\", \"deploy:rollback\"]
    environments:
      pandawork: { auto_deploy: { branch: edge } }
      live: { production: true, timeout_seconds: 1800 }
  website:
    repository: pybossa/website
    environments:
      production:
        provider: ansible
        with: { ansible_hosts: hosts_file, ansible_playbook: playbook.yml }
        auto_deploy: { branch: main }
  blog:
    repository: pybossa/blog
    environments:
      production:
        provider: shell
        with: { folder: /srv/site, commands: [[git, fetch], [git, checkout, --detach, \"{{sha}}^{commit}\"]] }
",
    );
    assert!(config.apps[0].auto_merge);
    let (_, pandawork) = config.find("oursky/trelhub", "pandawork").unwrap();
    assert_eq!(pandawork.provider, "fabric");
    assert_eq!(
        pandawork
            .auto_deploy
            .as_ref()
            .unwrap()
            .branch
            .as_ref()
            .unwrap()
            .as_str(),
        "edge"
    );
    let (_, blog) = config.find("pybossa/blog", "production").unwrap();
    assert_eq!(blog.with["commands"][1][3], "{{sha}}^{commit}");
}

#[test]
fn thousands_of_environments_are_read_in_the_order_of_the_file_and_in_no_time() {
    let names: Vec<String> = (0..5_000)
        .map(|number| format!("review-{:04}", number * 7919 % 5_000))
        .collect();
    let written: String = names.iter().map(|name| format!("      {name}: {{}}\n")).collect();
    let text = format!(
        "apps:\n  site:\n    repository: octo/site\n    provider: shell\n    with: {{ command: [make] }}\n    environments:\n{written}"
    );
    let begun = std::time::Instant::now();
    let config = accepted(&text);
    let took = begun.elapsed();
    let read: Vec<&str> = config.apps[0]
        .environments
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(read, names);
    // each of them looked for among all, at every comparison of a sort, took half a minute
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
}
