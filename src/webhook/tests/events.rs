//! What is read from each body.

use chrono::{DateTime, Utc};

use super::*;
use crate::domain::access::{Access, NamedRepository};
use crate::domain::event::{Change, What};
use crate::domain::ids::{DeploymentId, InstallationId, RepositoryId};

#[test]
fn a_deployment_is_read_whole() {
    let created_at: DateTime<Utc> = "2026-01-31T12:00:00Z".parse().unwrap();
    assert_eq!(
        deployment_of(&deployment_body()),
        Deployment {
            host: "github.com".to_owned(),
            repository_id: RepositoryId(186_853_002),
            repository: "octo/hello".to_owned(),
            id: DeploymentId(145_988_746),
            sha: SHA.to_owned(),
            git_ref: "main".to_owned(),
            task: "deploy".to_owned(),
            environment: "staging".to_owned(),
            payload: json!({}),
            description: None,
            creator: Some("mona".to_owned()),
            app_slug: None,
            from_workflow: false,
            installation: Some(InstallationId(7)),
            created_at,
        }
    );
}

#[test]
fn absent_null_and_empty_mean_the_same() {
    for nothing in [Value::Null, json!("")] {
        for path in [
            "/action",
            "/installation",
            "/workflow_run",
            "/deployment/description",
            "/deployment/performed_via_github_app",
        ] {
            let read = deployment_of(&with(path, nothing.clone()));
            let installation = read.installation;
            let expected = Deployment {
                installation,
                ..deployment_of(&deployment_body())
            };
            assert_eq!(read, expected, "{path}");
        }
        assert_eq!(
            deployment_of(&with("/deployment/creator", nothing.clone())).creator,
            None
        );
        assert_eq!(deployment_of(&with("/deployment/task", nothing.clone())).task, "deploy");
        assert_eq!(
            deployment_of(&with("/deployment/environment", nothing.clone())).environment,
            "production"
        );
        assert_eq!(deployment_of(&with("/deployment/sha", nothing.clone())).sha, "");
        assert_eq!(deployment_of(&with("/deployment/payload", nothing)).payload, json!({}));
    }
}

#[test]
fn whose_deployment_it_is_can_be_told() {
    assert!(deployment_of(&with("/workflow_run", json!({"id": 1}))).from_workflow);
    let app = with("/deployment/performed_via_github_app", json!({"slug": "vercel"}));
    assert_eq!(deployment_of(&app).app_slug.as_deref(), Some("vercel"));
}

#[test]
fn a_payload_is_an_object_or_what_it_was() {
    let cases = [
        (json!({"a": 1}), json!({"a": 1})),
        (
            json!(r#"{"notify":{"room":"ops"}}"#),
            json!({"notify": {"room": "ops"}}),
        ),
        (json!("just words"), json!("just words")),
        (json!("[1,2]"), json!("[1,2]")),
        (json!("{broken"), json!("{broken")),
        (json!([1, 2]), json!([1, 2])),
        (json!("[".repeat(1_000_000)), json!("[".repeat(1_000_000))),
    ];
    for (sent, expected) in cases {
        assert_eq!(deployment_of(&with("/deployment/payload", sent)).payload, expected);
    }
}

#[test]
fn times_with_an_offset_are_the_same_moment() {
    let offset = with("/deployment/created_at", json!("2026-01-31T13:00:00+01:00"));
    assert_eq!(
        deployment_of(&offset).created_at,
        deployment_of(&deployment_body()).created_at
    );
    let odd = parsed("deployment", &with("/deployment/created_at", json!("yesterday")));
    assert!(matches!(odd, Err(ParseError::Time { .. })));
    let none = parsed("deployment", &with("/deployment/created_at", Value::Null));
    assert!(matches!(
        none,
        Err(ParseError::Missing {
            field: "deployment.created_at",
            ..
        })
    ));
}

fn change_of(event: &str, body: Value) -> Change {
    let mut body = body;
    body["repository"] = json!({"id": 1, "full_name": "octo/hello", "default_branch": "main"});
    let Ok(Event::Changed(change)) = parsed(event, &body) else {
        panic!("no change: {event} {body} {:?}", parsed(event, &body));
    };
    *change
}

#[test]
fn the_four_events_about_contexts_name_repository_and_commit() {
    for (name, body) in bodies() {
        if matches!(name, "status" | "check_run" | "check_suite" | "workflow_run") {
            let expected = Change {
                repository_id: RepositoryId(1),
                repository: Some("octo/hello".to_owned()),
                default_branch: None,
                installation: None,
                branches: None,
                what: What::Contexts { sha: SHA.to_owned() },
            };
            assert_eq!(parsed(name, &body), Ok(Event::Changed(Box::new(expected))), "{name}");
        }
    }
}

#[test]
fn events_about_contexts_name_their_branches_where_they_know_them() {
    let named = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let status = |branches: Value| json!({"sha": SHA, "state": "x", "context": "y", "branches": branches});
    let many: Vec<Value> = (0..10).map(|number| json!({"name": format!("b{number}")})).collect();
    for (event, body, expected) in [
        (
            "status",
            status(json!([{"name": "main"}, {"name": "edge"}])),
            named(&["main", "edge"]),
        ),
        ("status", status(json!([])), named(&[])),
        ("status", status(json!(many)), None),
        ("status", status(json!("odd")), None),
        (
            "check_run",
            json!({"action": "completed", "check_run": {"head_sha": SHA, "check_suite": {"head_branch": "main"}}}),
            named(&["main"]),
        ),
        (
            "check_suite",
            json!({"action": "completed", "check_suite": {"head_sha": SHA, "head_branch": "feature/x"}}),
            named(&["feature/x"]),
        ),
        (
            "check_suite",
            json!({"action": "completed", "check_suite": {"head_sha": SHA, "head_branch": null}}),
            None,
        ),
        (
            "workflow_run",
            json!({"action": "completed", "workflow_run": {"head_sha": SHA, "head_branch": "main"}}),
            named(&["main"]),
        ),
    ] {
        assert_eq!(change_of(event, body.clone()).branches, expected, "{event} {body}");
    }
}

#[test]
fn a_push_names_the_branch_its_commit_and_who_did_it() {
    let push = |git_ref: &str, after: &str| json!({"ref": git_ref, "before": SHA, "after": after, "sender": {"login": "mona"}});
    let moved = change_of("push", push("refs/heads/feature/x", SHA));
    assert_eq!(moved.branches, Some(vec!["feature/x".to_owned()]));
    assert_eq!(moved.default_branch.as_deref(), Some("main"));
    let by = Some("mona".to_owned());
    let sha = Some(SHA.to_owned());
    assert_eq!(moved.what, What::Moved { sha, by: by.clone() });
    let gone = change_of("push", push("refs/heads/x", &"0".repeat(40)));
    assert_eq!(gone.what, What::Moved { sha: None, by });
    let mut tag = push("refs/tags/v1", SHA);
    tag["repository"] = json!({"id": 1});
    assert!(matches!(parsed("push", &tag), Ok(Event::Unhandled { .. })), "a tag");
}

#[test]
fn a_merge_names_its_base_and_never_the_head_of_a_fork() {
    let closed = |merged: Value| {
        json!({"action": "closed", "pull_request": {
            "merged": merged,
            "merge_commit_sha": SHA,
            "base": {"ref": "main"},
            "head": {"ref": "topic", "sha": "b".repeat(40), "repo": {"full_name": "other/hello"}},
            "merged_by": {"login": "hubot"},
        }, "sender": {"login": "mona"}})
    };
    let merge = change_of("pull_request", closed(json!(true)));
    assert_eq!(merge.branches, Some(vec!["main".to_owned()]));
    assert_eq!(
        merge.what,
        What::Moved {
            sha: Some(SHA.to_owned()),
            by: Some("hubot".to_owned())
        }
    );
    for not in [json!(false), Value::Null, json!("true"), json!(1)] {
        let mut body = closed(not.clone());
        body["repository"] = json!({"id": 1});
        assert!(
            matches!(parsed("pull_request", &body), Ok(Event::Unhandled { .. })),
            "{not}"
        );
    }
}

#[test]
fn what_only_carries_a_change_is_none() {
    let pull = json!({"merged": true, "base": {"ref": "main"}});
    for (event, body) in [
        (
            "pull_request",
            json!({"action": "closed", "pull_request": pull, "review": {}}),
        ),
        (
            "pull_request",
            json!({"action": "closed", "pull_request": pull, "comment": {}}),
        ),
        (
            "push",
            json!({"ref": "refs/heads/x", "before": SHA, "after": SHA, "pull_request": pull}),
        ),
        ("push", json!({"before": SHA, "after": SHA})),
        (
            "workflow_run",
            json!({"action": "completed", "workflow_run": {"head_sha": SHA}, "deployment": {"id": 1}}),
        ),
    ] {
        let event_named = EnvelopeError::EventMismatch {
            event: event.to_owned(),
        };
        assert_eq!(read(event, &body), Err(event_named), "{event} {body}");
    }
}

#[test]
fn a_comment_on_a_pull_request_is_read_whole_and_one_on_an_issue_is_none() {
    let body = json!({
        "action": "created",
        "issue": {"number": 7, "pull_request": {"url": "https://x"}},
        "comment": {
            "id": 99,
            "body": "/deploy to staging",
            "created_at": "2026-01-31T12:00:00Z",
            "author_association": "MEMBER",
            "user": {"login": "mona", "type": "User"},
            "performed_via_github_app": null,
        },
        "repository": {"id": 1, "full_name": "octo/hello"},
        "installation": {"id": 7},
    });
    let Ok(Event::Comment(comment)) = parsed("issue_comment", &body) else {
        panic!("not a comment");
    };
    assert_eq!(
        (comment.pull_request, comment.id.0, comment.author.as_str()),
        (7, 99, "mona")
    );
    assert_eq!((comment.by_a_program, comment.known_there), (false, true));
    assert_eq!(comment.text, "/deploy to staging");
    let mut of_issue = body.clone();
    of_issue["issue"] = json!({"number": 7});
    assert!(matches!(
        parsed("issue_comment", &of_issue),
        Ok(Event::Unhandled { .. })
    ));
    let mut of_bot = body.clone();
    of_bot["comment"]["user"]["type"] = json!("Bot");
    of_bot["comment"]["author_association"] = json!("NONE");
    let Ok(Event::Comment(comment)) = parsed("issue_comment", &of_bot) else {
        panic!("not a comment");
    };
    assert_eq!((comment.by_a_program, comment.known_there), (true, false));
    assert_eq!(Class::of("issue_comment", Some("edited")), Class::Unhandled);
}

#[test]
fn everything_else_is_named_and_left_alone() {
    let name = |event: &str, body: Value| {
        let Ok(Event::Unhandled { name }) = parsed(event, &body) else {
            panic!("not unhandled: {event} {body}");
        };
        name
    };
    assert_eq!(name("issues", json!({})), "issues");
    assert_eq!(name("deployment", json!({"action": "deleted"})), "deployment.deleted");
    assert_eq!(
        name("check_suite", json!({"action": "requested"})),
        "check_suite.requested"
    );
    assert_eq!(
        name("repository_dispatch", json!({"action": "a\u{1b}b"})),
        "repository_dispatch.a\\u{1b}b"
    );
    assert_eq!(parsed("ping", &json!({"zen": "x"})), Ok(Event::Ping));
}

#[test]
fn a_status_is_read_with_its_deployment() {
    let mut body = deployment_body();
    body["deployment_status"] = json!({
        "id": 9, "state": "failure", "description": "", "environment": "live", "creator": {"login": "heaven"},
        "log_url": "", "target_url": "javascript:alert(1)", "created_at": "2026-01-31T12:00:01Z",
    });
    let Ok(Event::Reported(reported)) = parsed("deployment_status", &body) else {
        panic!("{:?}", parsed("deployment_status", &body));
    };
    assert_eq!(
        (reported.deployment.environment.as_str(), reported.status.id),
        ("live", 9)
    );
    assert_eq!((reported.status.description, reported.status.log_url), (None, None));
    body["deployment_status"]["target_url"] = json!("https://ci.example.com/1");
    let Ok(Event::Reported(reported)) = parsed("deployment_status", &body) else {
        panic!("not read");
    };
    assert_eq!(reported.status.log_url.as_deref(), Some("https://ci.example.com/1"));
    for key in ["id", "state", "created_at"] {
        let mut without = body.clone();
        without["deployment_status"][key] = Value::Null;
        assert!(
            matches!(parsed("deployment_status", &without), Err(ParseError::Missing { .. })),
            "{key}"
        );
    }
}

#[test]
fn a_job_is_read_without_its_address() {
    let mut body = deployment_body();
    body["action"] = json!("requested");
    body["environment"] = json!("live");
    body["deployment_callback_url"] = json!("https://evil.example/actions/runs/77/deployment_protection_rule");
    let Ok(Event::Protection(request)) = parsed("deployment_protection_rule", &body) else {
        panic!("{:?}", parsed("deployment_protection_rule", &body));
    };
    assert_eq!(
        (request.workflow_run, request.deployment.environment.as_str()),
        (77, "live")
    );
    assert!(request.deployment.from_workflow);
    body["deployment_callback_url"] = json!("https://evil.example/");
    assert!(matches!(
        parsed("deployment_protection_rule", &body),
        Err(ParseError::Missing { .. })
    ));
}

#[test]
fn what_the_app_reaches_is_read_from_three_events() {
    let access = |event: &str, body: Value| match parsed(event, &body) {
        Ok(Event::Access(access)) => access,
        other => panic!("{event}: {other:?}"),
    };
    let listed = json!([{"id": 1, "full_name": "octo/hello"}, {"id": "odd"}]);
    let app = json!({"id": 7, "app_id": 3});
    let named = NamedRepository {
        id: RepositoryId(1),
        name: "octo/hello".to_owned(),
        installation: Some(InstallationId(7)),
    };
    let given = Access::Given {
        installation: InstallationId(7),
        repositories: vec![named.clone()],
    };
    let body = json!({"action": "created", "installation": app, "repositories": listed});
    assert_eq!(access("installation", body), given);
    let body = json!({"action": "added", "installation": app, "repositories_added": listed});
    assert_eq!(access("installation_repositories", body), given);
    let body = json!({"action": "suspend", "installation": app});
    let taken = access("installation", body);
    assert!(matches!(taken, Access::Taken { repositories, .. } if repositories.is_empty()));
    let repository = json!({"id": 1, "full_name": "octo/hello"});
    let body = json!({"action": "transferred", "installation": {"id": 7}, "repository": repository});
    assert_eq!(access("repository", body), Access::Renamed(named.clone()));
    let body = json!({"action": "deleted", "installation": {"id": 7}, "repository": repository});
    assert_eq!(access("repository", body), Access::Deleted(named));
}
