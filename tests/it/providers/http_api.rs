//! The provider `http`: what is planned, what is sent, and how an end there is told here.

use chima::domain::run::RunState;
use chima::provider::manifest::Manifest;
use chima::provider::spec::Action;
use serde_json::{Value, json};

use super::desk::{Desk, SHA};
use super::server::{Reply, Server};

const TOKEN: (&str, &str) = ("API_TOKEN", "a token of the tests");

fn desk() -> Desk {
    Desk::new("http").secret(TOKEN.0, TOKEN.1)
}

/// The file that says what is asked.
fn asked(desk: &Desk, with: &Value) -> Value {
    let plan = desk.plan(with).unwrap();
    let file = plan
        .files
        .iter()
        .find(|file| file.path.ends_with(".request.json"))
        .unwrap();
    serde_json::from_str(&file.content).unwrap()
}

#[tokio::test]
async fn a_plan_holds_everything_but_the_secret() {
    let with = json!({
        "url": "https://api.example.com/apps/{{app}}/deploys?ref={{ref}}",
        "headers": { "Authorization": "Bearer ${API_TOKEN}" },
        "body": { "commit": "{{sha}}", "clear": true, "list": ["{{environment}}", 1] },
        "expect": [201, "202"],
        "status_url": "https://api.example.com/deploys/${/id}",
        "cancel_url": "https://api.example.com/deploys/${/id}/cancel",
        "message": "/error/text"
    });
    let plan = desk().plan(&with).unwrap();
    let shown = "POST https://api.example.com/apps/shop/deploys?ref=feature%2Fx";
    assert!(matches!(&plan.steps[0].action, Action::Request { shown: found, .. } if found == shown));
    assert_eq!((plan.steps[0].name.as_str(), plan.steps[0].remote), ("http", true));
    assert_eq!(
        asked(&desk(), &with),
        json!({
            "request": {
                "method": "POST",
                "url": "https://api.example.com/apps/shop/deploys?ref=feature%2Fx",
                "headers": { "authorization": "Bearer ${API_TOKEN}" },
                "body": { "json": { "commit": SHA, "clear": true, "list": ["staging", 1] } },
                "expect": [201, 202],
                "message": "/error/text",
                "answer_ms": 60_000
            },
            "retry_ms": 60_000,
            "poll": {
                "call": {
                    "method": "GET",
                    "url": "https://api.example.com/deploys/${/id}",
                    "headers": null,
                    "body": null,
                    "expect": [],
                    "message": "/error/text",
                    "answer_ms": 60_000
                },
                "every_ms": 5_000,
                "state": "/status",
                "success": ["success", "succeeded"],
                "failure": ["failure", "failed", "error", "errored", "cancelled", "canceled"]
            },
            "cancel": {
                "method": "POST",
                "url": "https://api.example.com/deploys/${/id}/cancel",
                "headers": null,
                "body": null,
                "expect": [],
                "message": null,
                "answer_ms": 60_000
            }
        })
    );
}

#[tokio::test]
async fn a_request_without_a_state_ends_with_its_answer() {
    let server = Server::start(vec![Reply::Json(202, json!({}))]).await;
    let url = format!("{}/hooks/deploy", server.url);
    let ran = desk()
        .run(json!({
            "url": url, "headers": { "Authorization": "Bearer ${API_TOKEN}" }, "body": { "sha": "{{sha}}", "key": "${API_TOKEN}" }
        }))
        .await;
    assert_eq!(ran.told(), (RunState::Succeeded, None), "{}", ran.log);
    let seen = server.seen();
    assert_eq!(server.lines(), ["POST /hooks/deploy"]);
    assert_eq!(seen[0].header("authorization"), Some("Bearer a token of the tests"));
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!(seen[0].header("idempotency-key"), Some("01JD0000000000000000000000"));
    assert_eq!(
        seen[0].body,
        format!("{{\"key\":\"a token of the tests\",\"sha\":\"{SHA}\"}}")
    );
    let log = ran.log.split_once(" in ").unwrap();
    assert_eq!(log.0, format!("> POST {url}\n-> 202"));
    assert!(log.1.ends_with("\nsucceeded: answered 202\n"), "{}", ran.log);
}

#[tokio::test]
async fn the_state_is_asked_for_until_it_is_over() {
    let status = |state: &str| Reply::Json(200, json!({ "state": { "name": state } }));
    let server = Server::start(vec![
        Reply::Json(201, json!({ "id": "d/7" })),
        status("queued"),
        status("live"),
    ])
    .await;
    let with = json!({
        "url": format!("{}/deploys", server.url),
        "headers": { "X-Key": "${API_TOKEN}", "Content-Type": "application/vnd.example+json" },
        "body": { "ref": "{{ref}}" },
        "status_url": format!("{}/deploys/${{/id}}", server.url),
        "state": "/state/name",
        "success": ["live"],
        "every_seconds": 1
    });
    let ran = desk().run(with).await;
    assert_eq!(ran.told(), (RunState::Succeeded, None), "{}", ran.log);
    assert_eq!(
        server.lines(),
        ["POST /deploys", "GET /deploys/d%2F7", "GET /deploys/d%2F7"]
    );
    for (request, kind) in server
        .seen()
        .iter()
        .zip([Some("application/vnd.example+json"), None, None])
    {
        assert_eq!(request.header("x-key"), Some(TOKEN.1), "{}", request.line);
        assert_eq!(request.header("content-type"), kind, "{}", request.line);
    }
    let log: Vec<&str> = ran.log.lines().skip(2).collect();
    assert_eq!(log[0], format!("> GET {}/deploys/d/7", server.url));
    assert!(log[1].starts_with("queued ("), "{}", ran.log);
    assert!(log[2].starts_with("succeeded: live after 1"), "{}", ran.log);
}

#[tokio::test]
async fn a_failure_there_is_a_failure_here_with_its_message() {
    let server = Server::start(vec![
        Reply::Header(202, "location", "/builds/9?full=1".to_owned()),
        Reply::Json(
            200,
            json!({ "status": "errored", "log": { "last": "tests are red\n\u{1b}[31mfailed: none" } }),
        ),
    ])
    .await;
    let ran = desk()
        .run(json!({
            "url": format!("{}/builds", server.url), "text": "ref={{ref}}", "status_url": "${header.Location}",
            "message": "/log/last"
        }))
        .await;
    assert_eq!(
        ran.told(),
        (RunState::Failed, Some("tests are red [31mfailed: none (errored)"))
    );
    assert_eq!(server.lines(), ["POST /builds", "GET /builds/9?full=1"]);
    assert_eq!(server.seen()[0].body, "ref=feature/x");
}

#[tokio::test]
async fn an_address_may_be_a_secret() {
    let server = Server::start(vec![Reply::Json(200, json!({}))]).await;
    let hook = format!("{}/hook?key=s3cr3t%2Fkey", server.url);
    let mut desk = Desk::new("http").secret("DEPLOY_HOOK", &hook);
    let ran = desk.run(json!({ "url": "${DEPLOY_HOOK}" })).await;
    assert_eq!(ran.told(), (RunState::Succeeded, None), "{}", ran.log);
    assert_eq!(server.lines(), ["POST /hook?key=s3cr3t%2Fkey"]);
    assert!(ran.log.starts_with("> POST ${DEPLOY_HOOK}\n"), "{}", ran.log);
}

#[tokio::test]
async fn what_a_server_repeats_is_masked() {
    let server = Server::start(vec![Reply::Echo]).await;
    let ran = desk()
        .run(json!({ "url": server.url, "headers": { "Authorization": "Bearer ${API_TOKEN}" } }))
        .await;
    assert_eq!(
        ran.told(),
        (RunState::Failed, Some("answered 403: no access for Bearer ***"))
    );
    assert!(!ran.log.contains(TOKEN.1), "{}", ran.log);
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_named() {
    let server = Server::start(vec![Reply::Json(200, json!({}))]).await;
    let ran = desk()
        .run(json!({ "url": server.url, "headers": { "X-Key": "${KEY}" } }))
        .await;
    let cause = "variable `KEY` is not set; name it in `secrets` or `env`";
    assert_eq!(ran.told(), (RunState::Failed, Some(cause)));
    assert_eq!(server.lines(), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let url = "https://a.example";
    for (with, words) in [
        (json!({}), "needs the input `url`"),
        (json!({ "url": "ftp://a.example" }), "input `url` is `ftp://a.example`"),
        (json!({ "url": "https://a.example/a b" }), "input `url` is"),
        (json!({ "url": "https://${/id}" }), "`request` cannot be sent"),
        (json!({ "url": "https://${x y}" }), "input `url` is"),
        (json!({ "url": "https://${x.y}" }), "is nothing that can be filled in"),
        (json!({ "url": url, "method": "TRACE" }), "input `method` is `TRACE`"),
        (
            json!({ "url": url, "headers": { "a b": "c" } }),
            "`a b` cannot be a header",
        ),
        (
            json!({ "url": url, "headers": { "a": "c\r\nd: e" } }),
            "`a` cannot be a header",
        ),
        (
            json!({ "url": url, "headers": { "a": ["c"] } }),
            "header `a` is neither text nor number",
        ),
        (json!({ "url": url, "expect": ["ok"] }), "input `expect` is `ok`"),
        (
            json!({ "url": url, "body": { "a": "${/id}" } }),
            "only addresses may use the answer",
        ),
        (
            json!({ "url": url, "status_url": "https://${/host}/x" }),
            "write the host",
        ),
        (
            json!({ "url": url, "status_url": url, "state": "status" }),
            "input `state` is `status`",
        ),
        (
            json!({ "url": url, "status_url": url, "success": [] }),
            "names no state of success",
        ),
        (
            json!({ "url": url, "state": "/x" }),
            "input `state` is not used together with `url`",
        ),
        (
            json!({ "url": url, "cancel_url": url }),
            "input `cancel_url` is not used together with `url`",
        ),
        (
            json!({ "url": url, "text": "a", "body": { "b": "c" } }),
            "input `body` is not used together",
        ),
    ] {
        let text = Desk::new("http").refusal(&with);
        assert!(text.contains(words), "{with}: {text}");
    }
    let text = Desk::new("http").noop().refusal(&json!({ "url": url }));
    assert_eq!(text, "provider `http` has no dry run; deploy without `:plan`");
}

#[test]
fn a_manifest_of_a_platform_is_data() {
    let text = r#"
name: platform
description: d
kind: http
inputs:
  service: { type: string, description: d, required: true }
  clear_cache: { type: bool, description: d }
forms:
  - checkout: false
    request:
      url: "https://api.example.com/v1/services/{{service}}/deploys"
      headers: { Authorization: "Bearer ${PLATFORM_KEY}" }
      body: { commitId: "{{sha}}", clearCache: "{{clear_cache}}" }
      expect: [201]
    poll:
      url: "https://api.example.com/v1/services/{{service}}/deploys/${/id}"
      state: /status
      success: [live]
      failure: [build_failed, update_failed, canceled]
      every_seconds: 10
secrets: { PLATFORM_KEY: { description: d, required: true } }
remote: true
"#;
    let nothing = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    assert!(Manifest::parse("platform/provider.yaml", text, &nothing).is_ok());
    for (from, to, words) in [
        ("    poll:\n", "    folder: /x\n    poll:\n", "a server carries it out"),
        ("checkout: false", "checkout: true", "starts no program here"),
        ("kind: http", "kind: command", "which are for kind `http`"),
        (
            "{{service}}/deploys\"",
            "{{servic}}/deploys\"",
            "`servic` is neither an input",
        ),
        ("${PLATFORM_KEY}", "${PLATFORM KEY}", "nothing that can be filled in"),
        ("success: [live]", "success: []", "names no state of `success`"),
        ("\"{{sha}}\"", "\"${{sha}}\"", "has a `$` before a placeholder"),
        ("type: bool", "type: argv", "is argv, which cannot stand in"),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        let error = Manifest::parse("platform/provider.yaml", &changed, &nothing)
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{to}: {error}");
    }
}
