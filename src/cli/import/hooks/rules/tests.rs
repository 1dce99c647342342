//! Rules as people write them, and what is found in them.

use serde_json::json;

use super::*;

fn signed() -> Value {
    json!({ "match": { "type": "payload-hmac-sha256", "secret": "not to be shown", "parameter": { "source": "header", "name": "X-Hub-Signature-256" } } })
}

fn is(source: &str, name: &str, value: &str) -> Value {
    json!({ "match": { "type": "value", "value": value, "parameter": { "source": source, "name": name } } })
}

fn branch(name: &str) -> Value {
    is("payload", "ref", &format!("refs/heads/{name}"))
}

fn findings(rule: &Value) -> Findings {
    Rule::of(rule).findings()
}

#[test]
fn branch_and_repository_are_found_beside_a_signature() {
    let found = findings(&json!({ "and": [
        signed(),
        branch("main"),
        is("payload", "repository.full_name", "octo/site"),
        is("header", "x-github-event", "push"),
        is("payload", "deployment.environment", "staging"),
    ] }));
    assert_eq!(
        found,
        Findings {
            branches: vec!["main".to_owned()],
            repository: Some("octo/site".to_owned()),
            environment: Some("staging".to_owned()),
            has_secret: true,
            lost: Vec::new(),
            lost_a_condition: false,
        }
    );
}

#[test]
fn a_repository_is_read_from_every_form_of_its_address() {
    for address in [
        "https://github.com/octo/site",
        "https://github.com/octo/site.git",
        "git@github.com:octo/site.git",
        "git://github.com/octo/site.git",
    ] {
        let found = findings(&is("payload", "repository.clone_url", address));
        assert_eq!(found.repository.as_deref(), Some("octo/site"), "{address}");
    }
    let elsewhere = findings(&is(
        "payload",
        "repository.clone_url",
        "https://x:y@example.com/octo/site",
    ));
    assert_eq!(
        elsewhere.lost,
        ["`repository.clone_url` of what was sent has a certain value"]
    );
}

#[test]
fn alternatives_that_are_all_branches_are_kept() {
    let found = findings(&json!({ "or": [branch("main"), branch("stable"), is("header", "X-GitHub-Event", "ping")] }));
    assert_eq!(found.branches, ["main", "stable"]);
    let found = findings(&json!({ "or": [branch("main"), is("header", "X-GitHub-Event", "ping")] }));
    assert_eq!((found.branches, found.lost), (vec!["main".to_owned()], Vec::new()));
}

#[test]
fn what_is_not_carried_over_is_told_without_its_secrets() {
    let hidden = "hunter2-hunter2";
    let rule = json!({ "and": [
        { "match": { "type": "ip-whitelist", "ip-range": "192.0.2.0/24" } },
        is("header", "X-Gitlab-Token", hidden),
        is("url", "token", hidden),
        is("payload", "token", hidden),
        { "not": is("payload", "action", "closed") },
        { "or": [is("payload", "deployment.environment", "staging"), signed()] },
        { "match": { "type": "regex", "regex": "^v[0-9]+", "parameter": { "source": "payload", "name": "release.tag_name" } } },
        { "match": { "type": "regex", "regex": hidden, "parameter": { "source": "payload", "name": "key" } } },
        is("header", "X-GitHub-Event", "release"),
        { "match": { "type": "unheard-of", "value": hidden } },
        { "xor": [] },
    ] });
    let found = findings(&rule);
    assert!(found.has_secret && found.lost_a_condition);
    assert!(!format!("{found:?}").contains(hidden), "{found:?}");
    assert_eq!(
        found.lost,
        [
            "the request comes from `192.0.2.0/24`; a proxy in front of Chima can ask that",
            "the header `X-Gitlab-Token` has a certain value, which may be a secret",
            "`token` of the address has a certain value, which may be a secret",
            "`token` of what was sent has a certain value, which may be a secret",
            "not `action` of what was sent is `closed`",
            "(the environment is `staging` or the request is signed)",
            "`release.tag_name` of what was sent matches `^v[0-9]+`",
            "`key` of what was sent matches a pattern",
            "the event is `release`",
            "a comparison that is not known here holds",
            "a rule that is not known here holds",
        ]
    );
}

#[test]
fn who_could_make_it_run_is_no_condition_of_when() {
    let found = findings(&json!({ "and": [
        branch("main"),
        is("header", "X-Gitlab-Token", "x"),
        { "match": { "type": "ip-whitelist", "ip-range": "192.0.2.0/24" } },
    ] }));
    assert_eq!((found.lost.len(), found.lost_a_condition), (2, false));
    assert!(findings(&is("payload", "action", "published")).lost_a_condition);
    let hidden = findings(&is("payload", "user.name", "mona"));
    assert_eq!((hidden.has_secret, hidden.lost_a_condition), (false, true));
}

#[test]
fn a_second_branch_that_must_hold_as_well_is_told() {
    let found = findings(&json!({ "and": [branch("main"), branch("other")] }));
    assert_eq!(found.branches, ["main"]);
    assert_eq!(found.lost, ["the branch is `other`"]);
}

#[test]
fn rules_of_any_depth_are_read_to_an_end() {
    let mut rule = branch("main");
    for _ in 0..100 {
        rule = json!({ "not": rule });
    }
    assert_eq!(findings(&rule).lost.len(), 1);
}
