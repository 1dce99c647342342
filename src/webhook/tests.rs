//! Deliveries as GitHub sends them, as others forge them, and what we read from each.

mod admission;
mod events;

use serde_json::{Value, json};

use crate::domain::deployment::Deployment;
use crate::domain::event::Event;
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
