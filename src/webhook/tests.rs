//! Deliveries as GitHub sends them, as others forge them, and what we read from each.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::domain::access::{Access, NamedRepository};
use crate::domain::deployment::Deployment;
use crate::domain::event::{Change, Event, What};
use crate::domain::ids::{DeploymentId, InstallationId, RepositoryId};
use crate::webhook::envelope::{self, Class, Envelope, EnvelopeError};
use crate::webhook::headers::RawHeaders;
use crate::webhook::parse::{self, ParseError};

const SHA: &str = "4f3c2b1a0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a";

fn headers(event: &str) -> RawHeaders {
    RawHeaders::from_iter([
        ("Content-Type", "application/json"),
        ("X-GitHub-Event", event),
        ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("X-GitHub-Hook-ID", "292430182"),
    ])
}

fn read(event: &str, body: &Value) -> Result<Envelope, EnvelopeError> {
    envelope::read(&headers(event), body.to_string().as_bytes())
}

fn parsed(event: &str, body: &Value) -> Result<Event, ParseError> {
    parse::parse(event, body.to_string().as_bytes(), "GitHub.com")
}

fn deployment_of(body: &Value) -> Deployment {
    let Ok(Event::Deployment(deployment)) = parsed("deployment", body) else {
        panic!("not a deployment: {body}");
    };
    *deployment
}

fn deployment_body() -> Value {
    json!({
        "action": "created",
        "deployment": {
            "id": 145_988_746,
            "sha": SHA,
            "ref": "main",
            "task": "deploy",
            "payload": {},
            "environment": "staging",
            "description": null,
            "creator": {"login": "mona"},
            "created_at": "2026-01-31T12:00:00Z",
        },
        "repository": {"id": 186_853_002, "full_name": "octo/hello"},
        "installation": {"id": 7},
    })
}

fn with(path: &str, value: Value) -> Value {
    let mut body = deployment_body();
    let (parent, key) = path.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[key] = value;
    body
}

fn bodies() -> Vec<(&'static str, Value)> {
    let repository = json!({"id": 1, "full_name": "octo/hello"});
    let mut bodies = vec![
        ("ping", json!({"zen": "Keep it logically awesome.", "hook_id": 30})),
        ("deployment", deployment_body()),
        (
            "deployment_status",
            json!({"action": "created", "deployment": {"id": 1}, "deployment_status": {"id": 2}}),
        ),
        (
            "deployment_protection_rule",
            json!({"action": "requested", "deployment": {"id": 1}, "deployment_callback_url": "https://x"}),
        ),
        (
            "workflow_job",
            json!({"action": "completed", "deployment": {"id": 1}, "workflow_job": {"id": 2}}),
        ),
        ("status", json!({"sha": SHA, "state": "success", "context": "ci"})),
        (
            "check_run",
            json!({"action": "completed", "check_run": {"head_sha": SHA}}),
        ),
        (
            "check_suite",
            json!({"action": "completed", "check_suite": {"head_sha": SHA}}),
        ),
        ("push", json!({"ref": "refs/heads/main", "before": SHA, "after": SHA})),
        (
            "pull_request",
            json!({"action": "closed", "pull_request": {"merged": true}}),
        ),
        (
            "workflow_run",
            json!({"action": "completed", "workflow_run": {"head_sha": SHA}}),
        ),
        (
            "installation",
            json!({"action": "deleted", "installation": {"id": 7, "app_id": 3}}),
        ),
        (
            "installation_repositories",
            json!({"action": "added", "installation": {"id": 7, "app_id": 3}, "repositories_added": []}),
        ),
        ("repository", json!({"action": "renamed"})),
        (
            "issue_comment",
            json!({"action": "created", "issue": {"number": 1}, "comment": {"id": 2}}),
        ),
        ("meta", json!({"action": "deleted", "hook_id": 30})),
        ("projects_v2_item", json!({"action": "edited"})),
        ("something_new", json!({"action": "made"})),
    ];
    // All of them complete, so that nothing but its shape keeps a body from passing for another.
    for (name, body) in &mut bodies {
        if !matches!(
            *name,
            "ping" | "deployment" | "installation" | "installation_repositories"
        ) {
            body["repository"] = repository.clone();
        }
    }
    bodies
}

#[test]
fn the_envelope_has_what_the_index_needs() {
    let envelope = read("deployment", &deployment_body()).unwrap();
    assert_eq!(
        envelope,
        Envelope {
            event: "deployment".to_owned(),
            action: Some("created".to_owned()),
            guid: Some("72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned()),
            hook_id: Some(292_430_182),
            repository_id: Some(186_853_002),
            repository: Some("octo/hello".to_owned()),
            installation_id: Some(7),
            deployment_id: Some(145_988_746),
            comment_id: None,
            sha: None,
        }
    );
    assert_eq!(envelope.class(), Class::Handled);
    assert_eq!(
        envelope.effect_key("GitHub.com"),
        Some("github.com/186853002/145988746".to_owned())
    );
}

#[test]
fn a_form_reads_like_json() {
    let body: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &deployment_body().to_string())
        .finish();
    let form = RawHeaders::from_iter([
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-github-event", "deployment"),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("x-github-hook-id", "292430182"),
    ]);
    assert_eq!(
        envelope::read(&form, body.as_bytes()),
        read("deployment", &deployment_body())
    );
}

#[test]
fn every_body_is_accepted_under_its_own_name_only() {
    let bodies = bodies();
    for (name, body) in &bodies {
        assert!(read(name, body).is_ok(), "{name}: {:?}", read(name, body));
        for (other, _) in bodies.iter().filter(|(other, _)| other != name) {
            let effect = read(other, body)
                .ok()
                .filter(|envelope| envelope.class() != Class::Unhandled);
            // `meta` alone has the `hook_id` of a ping, and a ping does nothing.
            assert!(
                effect.is_none() || (*name, *other) == ("meta", "ping"),
                "{name} as {other}"
            );
        }
    }
}

#[test]
fn a_deployment_under_another_name_is_refused() {
    for event in [
        "push",
        "issues",
        "deployment_status",
        "status",
        "ping",
        "workflow_job_x",
    ] {
        let event_named = EnvelopeError::EventMismatch {
            event: event.to_owned(),
        };
        assert_eq!(read(event, &deployment_body()), Err(event_named), "{event}");
    }
}

#[test]
fn a_body_of_two_events_is_no_deployment() {
    for key in [
        "deployment_status",
        "deployment_callback_url",
        "workflow_job",
        "check_run",
        "check_suite",
    ] {
        let mut body = deployment_body();
        body[key] = json!({"head_sha": SHA});
        assert!(
            matches!(read("deployment", &body), Err(EnvelopeError::EventMismatch { .. })),
            "{key}"
        );
    }
}

#[test]
fn only_what_may_have_an_effect_is_handled() {
    for (name, body) in bodies() {
        let expected = match name {
            "ping" => Class::Ping,
            "deployment"
            | "status"
            | "check_run"
            | "check_suite"
            | "workflow_run"
            | "push"
            | "pull_request"
            | "deployment_status"
            | "deployment_protection_rule"
            | "installation"
            | "installation_repositories"
            | "repository"
            | "issue_comment" => Class::Handled,
            _ => Class::Unhandled,
        };
        let envelope = read(name, &body).unwrap();
        assert_eq!(envelope.class(), expected, "{name}");
        assert_eq!(
            envelope.effect_key("github.com").is_some(),
            ["deployment", "issue_comment"].contains(&name),
            "{name}"
        );
    }
    assert_eq!(Class::of("deployment", Some("deleted")), Class::Unhandled);
    assert_eq!(Class::of("check_suite", Some("requested")), Class::Unhandled);
    assert_eq!(Class::of("workflow_run", Some("in_progress")), Class::Unhandled);
    assert_eq!(Class::of("pull_request", Some("opened")), Class::Unhandled);
}

#[test]
fn only_deployments_and_comments_have_an_effect_key() {
    for (event, action) in [
        ("status", None),
        ("check_run", Some("completed")),
        ("deployment", Some("deleted")),
    ] {
        let envelope = Envelope {
            event: event.to_owned(),
            action: action.map(str::to_owned),
            ..read("deployment", &deployment_body()).unwrap()
        };
        assert_eq!(envelope.effect_key("github.com"), None, "{event}");
    }
}

#[test]
fn an_event_with_an_effect_must_say_on_what() {
    let cases = [
        ("deployment", with("/repository/id", Value::Null), "repository.id"),
        ("deployment", with("/deployment/id", json!("1")), "deployment.id"),
        ("deployment", with("/deployment/id", json!(-1)), "deployment.id"),
        ("deployment", with("/deployment/id", json!(1e30)), "deployment.id"),
        (
            "status",
            json!({"sha": SHA, "state": "x", "context": "y"}),
            "repository.id",
        ),
        (
            "check_run",
            json!({"action": "completed", "check_run": {}, "repository": {"id": 1}}),
            "check_run.head_sha",
        ),
    ];
    for (name, body, field) in cases {
        let event = name.to_owned();
        assert_eq!(read(name, &body), Err(EnvelopeError::Incomplete { event, field }));
    }
}

#[test]
fn event_names_have_githubs_form() {
    let long = "a".repeat(65);
    for name in ["", "Deployment", "a-b", "a b", "../x", "deployment\u{e9}", &long] {
        assert!(read(name, &deployment_body()).is_err(), "{name}");
    }
    let twice = RawHeaders::from_iter([
        ("content-type", "application/json"),
        ("x-github-event", "deployment"),
        ("x-github-event", "ping"),
    ]);
    assert!(matches!(
        envelope::read(&twice, deployment_body().to_string().as_bytes()),
        Err(EnvelopeError::Header(_))
    ));
}

#[test]
fn odd_index_headers_are_dropped_not_refused() {
    let long = "x".repeat(101);
    for value in ["", "a\r\nb", long.as_str()] {
        let odd = RawHeaders::from_iter([
            ("content-type", "application/json"),
            ("x-github-event", "deployment"),
            ("x-github-delivery", value),
            ("x-github-hook-id", value),
        ]);
        let envelope = envelope::read(&odd, deployment_body().to_string().as_bytes()).unwrap();
        assert_eq!((envelope.guid, envelope.hook_id), (None, None), "{value:?}");
    }
}

#[test]
fn broken_bodies_are_errors_that_do_not_quote_them() {
    let nested = format!(r#"{{"deployment":{}{}}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
    let twice = deployment_body().to_string().replacen(r#""id":"#, r#""id":1,"id":"#, 1);
    for body in [
        "",
        "[]",
        "null",
        "{",
        r#"["created"]"#,
        r#"{"action":"TOPSECRET"}{}"#,
        r#"{"action":"TOPSECRET",}"#,
        &"[".repeat(1_000_000),
        &nested,
        &twice,
    ] {
        let error = envelope::read(&headers("deployment"), body.as_bytes()).unwrap_err();
        assert!(!error.to_string().contains("TOPSECRET"), "{error}");
        assert!(error.to_string().len() < 200, "{error}");
    }
}

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
