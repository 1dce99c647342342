//! Deliveries as GitHub sends them, as others forge them, and what we read from each.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::domain::deployment::Deployment;
use crate::domain::event::Event;
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
        ("meta", json!({"action": "deleted", "hook_id": 30})),
        ("projects_v2_item", json!({"action": "edited"})),
        ("something_new", json!({"action": "made"})),
    ];
    // All of them complete, so that nothing but its shape keeps a body from passing for another.
    for (name, body) in &mut bodies {
        if *name != "ping" && *name != "deployment" {
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
            "deployment" | "status" | "check_run" | "check_suite" => Class::Handled,
            _ => Class::Unhandled,
        };
        let envelope = read(name, &body).unwrap();
        assert_eq!(envelope.class(), expected, "{name}");
        assert_eq!(
            envelope.effect_key("github.com").is_some(),
            name == "deployment",
            "{name}"
        );
    }
    assert_eq!(Class::of("deployment", Some("deleted")), Class::Unhandled);
    assert_eq!(Class::of("check_suite", Some("requested")), Class::Unhandled);
}

#[test]
fn only_a_deployment_event_has_an_effect_key() {
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

#[test]
fn the_three_events_about_contexts_name_repository_and_commit() {
    for (name, body) in bodies() {
        if matches!(name, "status" | "check_run" | "check_suite") {
            let expected = Event::ContextsChanged {
                repository_id: RepositoryId(1),
                sha: SHA.to_owned(),
            };
            assert_eq!(parsed(name, &body), Ok(expected), "{name}");
        }
    }
}

#[test]
fn everything_else_is_named_and_left_alone() {
    let name = |event: &str, body: Value| {
        let Ok(Event::Unhandled { name }) = parsed(event, &body) else {
            panic!("not unhandled: {event} {body}");
        };
        name
    };
    assert_eq!(name("push", json!({})), "push");
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
