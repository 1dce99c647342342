//! What an environment takes from its app.

use std::time::Duration;

use serde_json::json;

use crate::domain::actor::Named;

use super::super::secret::SecretSource;
use super::super::{AutoDeploy, AutoDeployOn, CheckoutOptions, LaneOrder};
use super::{environments, refused_app};

#[test]
fn an_environment_of_no_keys_is_the_app_with_the_defaults() {
    let all = environments("provider: shell, environments: { production: , staging: {} }");
    for (environment, name) in all.iter().zip(["production", "staging"]) {
        assert_eq!(environment.name.as_str(), name);
        assert_eq!(environment.provider, "shell");
        assert_eq!(
            environment.tasks.iter().map(|task| task.as_str()).collect::<Vec<_>>(),
            ["deploy"]
        );
        assert_eq!(environment.required_contexts, None);
        assert_eq!(environment.allowed_rooms, None);
        assert_eq!(environment.lane, LaneOrder::Fifo);
        assert_eq!(environment.timeout, None);
        assert_eq!(environment.hold_timeout, Duration::from_secs(86400));
        assert_eq!(environment.auto_deploy, None);
        assert_eq!(environment.production, name == "production");
        assert!(!environment.transient);
    }
}

#[test]
fn what_a_checkout_holds_is_asked_for_key_by_key() {
    let all = environments(
        "provider: shell, checkout: { submodules: true },
         environments: { same: {}, more: { checkout: { lfs: true } }, less: { checkout: { submodules: false } } }",
    );
    let options = |submodules, lfs| CheckoutOptions { submodules, lfs };
    let found: Vec<_> = all.iter().map(|environment| environment.checkout).collect();
    assert_eq!(
        found,
        [options(true, false), options(true, true), options(false, false)]
    );
    let plain = environments("provider: shell, environments: { production: {} }");
    assert_eq!(plain[0].checkout, options(false, false));
}

#[test]
fn every_setting_of_the_app_holds_until_the_environment_says_otherwise() {
    let all = environments(
        "provider: fabric, tasks: [deploy, \"deploy:migrate\"], required_contexts: [ci], allowed_rooms: [\"#ops\", C024BE91L],
         lane: latest, timeout_seconds: 60, hold_timeout_seconds: 120, url: \"https://example.com/\", hosts: [a, b],
         deployers: [\"@mona\"], admins: [hubot], inherit_env: [HOME], production: true, transient: true, auto_deploy: true,
         ssh: { known_hosts: known_hosts },
         environments: {
           same: {},
           other: { provider: shell, tasks: [restart], required_contexts: [], allowed_rooms: [web], lane: fifo,
                    timeout_seconds: 1, hold_timeout_seconds: 2, url: \"https://other.example.com/x?y\", hosts: [c],
                    deployers: [a], admins: [b], inherit_env: [], production: false, transient: false, auto_deploy: false,
                    ssh: { key: { command: [pass, key] } } } }",
    );
    let [same, other] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert_eq!(same.provider, "fabric");
    assert_eq!(same.tasks.len(), 2);
    assert_eq!(same.required_contexts, Some(vec!["ci".to_owned()]));
    assert_eq!(same.allowed_rooms, Some(vec!["ops".to_owned(), "C024BE91L".to_owned()]));
    assert_eq!(
        (same.lane, same.timeout, same.hold_timeout.as_secs()),
        (LaneOrder::Latest, Some(Duration::from_secs(60)), 120)
    );
    assert_eq!(same.url.as_deref(), Some("https://example.com/"));
    assert_eq!(same.hosts.as_ref().map(Vec::len), Some(2));
    let names = |people: &[Named]| people.iter().map(Named::to_string).collect::<Vec<_>>();
    assert_eq!(
        (names(&same.deployers), names(&same.admins)),
        (vec!["mona".to_owned()], vec!["hubot".to_owned()])
    );
    assert_eq!(same.inherit_env, ["HOME"]);
    assert!(same.production && same.transient);
    assert_eq!(
        same.auto_deploy,
        Some(AutoDeploy {
            branch: None,
            on: AutoDeployOn::Green,
            paths: vec![]
        })
    );
    assert!(same.ssh.as_ref().unwrap().key.is_none());

    assert_eq!(other.provider, "shell");
    assert_eq!(other.tasks.len(), 1);
    assert_eq!(other.required_contexts, Some(vec![]));
    assert_eq!(other.allowed_rooms, Some(vec!["web".to_owned()]));
    assert_eq!(
        (other.lane, other.timeout, other.hold_timeout.as_secs()),
        (LaneOrder::Fifo, Some(Duration::from_secs(1)), 2)
    );
    assert_eq!(other.url.as_deref(), Some("https://other.example.com/x?y"));
    assert_eq!(other.hosts.as_ref().map(Vec::len), Some(1));
    assert_eq!(names(&other.deployers), ["a"]);
    assert!(other.inherit_env.is_empty() && !other.production && !other.transient);
    assert_eq!(other.auto_deploy, None);
    let ssh = other.ssh.clone().unwrap();
    assert_eq!(
        ssh.key,
        Some(SecretSource::Command(vec!["pass".to_owned(), "key".to_owned()]))
    );
    assert_eq!(ssh.known_hosts, None);
}

#[test]
fn maps_are_laid_over_the_apps() {
    let all = environments(
        "provider: ansible, with: { playbook: a.yml, inventory: hosts }, env: { A: 1, B: 2 }, secrets: { S: { env: LONG } },
         environments: {
           same: { with: { inventory: staging }, env: { B: 3 }, secrets: { T: { command: [pass, t] } } },
           named: { provider: ansible, with: { tags: x } },
           other: { provider: shell, with: { command: [make] } } }",
    );
    let [same, named, other] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert_eq!(json!(same.with), json!({ "playbook": "a.yml", "inventory": "staging" }));
    assert_eq!(json!(same.env), json!({ "A": "1", "B": "3" }));
    assert_eq!(same.secrets.keys().collect::<Vec<_>>(), ["S", "T"]);
    assert_eq!(
        json!(named.with),
        json!({ "playbook": "a.yml", "inventory": "hosts", "tags": "x" })
    );
    assert_eq!(
        json!(other.with),
        json!({ "command": ["make"] }),
        "inputs of another provider mean nothing to this one"
    );
}

#[test]
fn auto_deploy_takes_its_forms() {
    let when = |text: &str| {
        environments(&format!(
            "provider: shell, environments: {{ a: {{ auto_deploy: {text} }} }}"
        ))
        .remove(0)
        .auto_deploy
    };
    assert_eq!(when("false"), None);
    assert_eq!(when("true").unwrap().on, AutoDeployOn::Green);
    let edge = when("{ branch: 1.10 }").unwrap();
    assert_eq!((edge.branch.unwrap().as_str(), edge.on), ("1.10", AutoDeployOn::Green));
    assert_eq!(when("{ on: push }").unwrap().on, AutoDeployOn::Push);
    let merged = when("{ on: merged_pull_request, paths: [\"web/**\"] }").unwrap();
    assert_eq!(
        (merged.on, merged.paths),
        (AutoDeployOn::MergedPullRequest, vec!["web/**".parse().unwrap()])
    );
}

#[test]
fn a_fault_in_what_is_taken_from_the_app_is_shown_at_the_app() {
    insta::assert_snapshot!(refused_app("provider: shell, env: { CHIMA_X: 1 }, environments: { a: { env: { CHIMA_Y: 1 } } }"), @"
    app.yaml:1:58: `CHIMA_X` is one of Chima's own variables; expected a name that does not begin with `CHIMA_`
      1 | apps: { site: { repository: o/r, provider: shell, env: { CHIMA_X: 1 }, environments: { a: { env: { C
        |                                                          ^

    app.yaml:1:100: `CHIMA_Y` is one of Chima's own variables; expected a name that does not begin with `CHIMA_`
      1 | provider: shell, env: { CHIMA_X: 1 }, environments: { a: { env: { CHIMA_Y: 1 } } } } }
        |                                                                   ^
    ");
}
