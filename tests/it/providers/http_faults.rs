//! The provider `http` against servers that fail in every way.

use std::time::Duration;

use chima::domain::reason::Reason;
use chima::domain::run::RunState;
use chima::provider::attempt;
use serde_json::{Value, json};

use super::desk::{Desk, Ran};
use super::server::{Reply, Server, nobody};
use crate::runner::eventually;

fn created() -> Reply {
    Reply::Json(201, json!({ "id": 7 }))
}

fn state(state: &str) -> Reply {
    Reply::Json(200, json!({ "status": state }))
}

fn with(server: &Server) -> Value {
    json!({
        "url": format!("{}/deploys", server.url), "status_url": format!("{}/deploys/${{/id}}", server.url), "retry_seconds": 1,
        "every_seconds": 0
    })
}

async fn ran(replies: Vec<Reply>) -> (Ran, Server) {
    let server = Server::start(replies).await;
    let with = with(&server);
    let ran = Desk::new("http").timeout(Duration::from_secs(20)).run(with).await;
    (ran, server)
}

async fn cause(replies: Vec<Reply>) -> String {
    let (ran, _server) = ran(replies).await;
    let (state, cause) = ran.told();
    assert_eq!(state, RunState::Failed, "{}", ran.log);
    cause.unwrap_or_else(|| panic!("no cause: {}", ran.log)).to_owned()
}

#[tokio::test]
async fn nobody_at_the_address_is_told_after_the_patience_is_over() {
    let mut desk = Desk::new("http");
    let ran = desk.run(json!({ "url": nobody().await, "retry_seconds": 2 })).await;
    assert!(ran.log.contains("\nagain in 1 s\n"), "{}", ran.log);
    let (state, cause) = ran.told();
    assert_eq!(state, RunState::Failed);
    assert!(
        cause.is_some_and(|cause| cause.contains("Connection refused")),
        "{cause:?}"
    );
    assert!(matches!(ran.ending.reason, Some(Reason::ExitCode { exit_code: 3, .. })));
}

#[tokio::test]
async fn a_request_whose_answer_was_lost_is_not_sent_again() {
    let (ran, server) = ran(vec![Reply::Gone]).await;
    assert_eq!(server.lines(), ["POST /deploys"]);
    let (state, cause) = ran.told();
    assert_eq!(state, RunState::Failed);
    assert!(
        cause.is_some_and(|cause| cause.starts_with("answer lost, perhaps begun there, not sent again: ")),
        "{cause:?}"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let server = Server::start(vec![Reply::Silence]).await;
    let ran = Desk::new("http")
        .run(json!({ "url": server.url, "answer_seconds": 1 }))
        .await;
    let cause = ran.told().1.map(str::to_owned).unwrap_or_default();
    assert_eq!(
        cause,
        "answer lost, perhaps begun there, not sent again: no answer within 1 s"
    );
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_too_busy_is_asked_again() {
    let (ran, server) = {
        let busy = Reply::Header(429, "retry-after", "1".to_owned());
        let server = Server::start(vec![busy, created(), state("success")]).await;
        let mut with = with(&server);
        with["retry_seconds"] = json!(30);
        (Desk::new("http").run(with).await, server)
    };
    assert_eq!(ran.told(), (RunState::Succeeded, None), "{}", ran.log);
    assert_eq!(server.lines(), ["POST /deploys", "POST /deploys", "GET /deploys/7"]);
    let keys: Vec<_> = server.seen()[..2]
        .iter()
        .map(|seen| seen.header("idempotency-key").map(str::to_owned))
        .collect();
    assert_eq!(keys[0], keys[1]);
    assert!(
        ran.log.contains("-> 429 in ") && ran.log.contains("\nagain in 1 s\n"),
        "{}",
        ran.log
    );
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    for (reply, expected) in [
        (
            Reply::Json(422, json!({ "error": { "message": "no such service" } })),
            "answered 422: no such service",
        ),
        (
            Reply::Json(401, json!({ "message": "Unauthorized" })),
            "answered 401: Unauthorized",
        ),
        (Reply::Json(500, json!({ "errors": ["boom"] })), "answered 500: boom"),
        (Reply::Json(404, json!([])), "answered 404"),
    ] {
        let (ran, server) = ran(vec![reply]).await;
        assert_eq!(ran.told(), (RunState::Failed, Some(expected)));
        assert_eq!(server.lines().len(), 1, "nothing is sent twice");
    }
}

#[tokio::test]
async fn trouble_while_it_is_watched_passes() {
    let (ran, server) = ran(vec![
        created(),
        Reply::Json(404, json!({})),
        Reply::Json(500, json!({})),
        Reply::Json(503, json!({})),
        Reply::Gone,
        Reply::Header(429, "retry-after", "0".to_owned()),
        state("running"),
        state("succeeded"),
    ])
    .await;
    assert_eq!(ran.told(), (RunState::Succeeded, None), "{}", ran.log);
    assert_eq!(server.lines().len(), 8);
    for line in [
        "\n-> 404; again in ",
        "\n-> 500; again in ",
        "\n-> 503; ",
        "\n-> 429; ",
        "\nrunning (",
    ] {
        assert!(ran.log.contains(line), "{line}: {}", ran.log);
    }
}

#[tokio::test]
async fn a_state_that_cannot_be_asked_for_is_unclear() {
    for (replies, expected) in [
        (
            vec![created(), Reply::Json(403, json!({ "message": "no" }))],
            "the state cannot be asked for: answered 403: no",
        ),
        (
            vec![created(), state("running"), Reply::Json(404, json!({}))],
            "the state cannot be asked for: answered 404",
        ),
        (
            vec![Reply::Json(201, json!({ "number": 7 }))],
            "the state cannot be asked for: the answer has nothing at `/id`",
        ),
        (
            vec![created(), Reply::Huge(100)],
            "the answer about its state is not JSON",
        ),
        (
            vec![created(), Reply::Huge(3 << 20)],
            "the answer about its state has more than 1 MiB",
        ),
    ] {
        assert_eq!(cause(replies).await, expected);
    }
}

#[tokio::test]
async fn a_huge_answer_to_the_request_is_read_no_further() {
    let server = Server::start(vec![Reply::Huge(30 << 20)]).await;
    let ran = Desk::new("http").run(json!({ "url": server.url })).await;
    assert_eq!(ran.told(), (RunState::Succeeded, None), "{}", ran.log);
}

#[tokio::test]
async fn no_redirect_leads_to_another_server() {
    let other = Server::start(vec![state("success")]).await;
    let leads = || Reply::Header(302, "location", format!("{}/x", other.url));
    let told = cause(vec![leads()]).await;
    assert!(
        told.starts_with("answered 302, which leads to http://127.0.0.1"),
        "{told}"
    );
    let told = cause(vec![created(), leads()]).await;
    assert!(told.contains("answered 302, which leads to"), "{told}");
    // nor does an answer
    let server = Server::start(vec![Reply::Header(202, "location", format!("{}/x", other.url))]).await;
    let with = json!({ "url": server.url, "status_url": "${header.location}" });
    let ran = Desk::new("http").run(with).await;
    let told = ran.told().1.unwrap_or_default();
    assert!(told.contains("the answer leads to another server"), "{told}");
    assert_eq!(other.lines(), [""; 0]);
}

#[tokio::test]
async fn a_redirect_at_the_same_server_is_followed_for_the_state_only() {
    let moved = || Reply::Header(307, "location", "/moved".to_owned());
    let (ran, server) = ran(vec![created(), moved(), state("success")]).await;
    assert_eq!(ran.told(), (RunState::Succeeded, None), "{}", ran.log);
    assert_eq!(server.lines(), ["POST /deploys", "GET /deploys/7", "GET /moved"]);
    assert_eq!(
        cause(vec![moved()]).await,
        "answered 307, which leads to /moved; it is not followed, write that address"
    );
}

#[tokio::test]
async fn headers_do_not_go_along_to_another_server() {
    let other = Server::start(vec![state("success")]).await;
    let server = Server::start(vec![created()]).await;
    let mut desk = Desk::new("http").secret("API_TOKEN", "a token of the tests");
    let headers = json!({ "Authorization": "Bearer ${API_TOKEN}" });
    let mut with = json!({
        "url": server.url, "headers": headers, "status_url": format!("{}/${{/id}}", other.url)
    });
    assert_eq!(desk.run(with.clone()).await.told(), (RunState::Succeeded, None));
    assert_eq!(other.seen()[0].header("authorization"), None);
    with["status_headers"] = headers;
    let mut desk = Desk::new("http").secret("API_TOKEN", "a token of the tests");
    assert_eq!(desk.run(with).await.told(), (RunState::Succeeded, None));
    assert_eq!(
        other.seen()[1].header("authorization"),
        Some("Bearer a token of the tests")
    );
}

#[tokio::test]
async fn what_never_ends_there_ends_here_with_its_time() {
    let server = Server::start(vec![created(), state("running")]).await;
    let mut desk = Desk::new("http").timeout(Duration::from_secs(1));
    let ran = desk.run(with(&server)).await;
    assert!(matches!(
        ran.ending.reason,
        Some(Reason::TimedOut {
            limit_seconds: 1,
            remote: true,
            ..
        })
    ));
    assert!(
        ran.log.contains("what it began on other hosts may still be running"),
        "{}",
        ran.log
    );
}

#[tokio::test]
async fn a_cancelled_run_ends_at_once_and_tells_the_server_where_it_can() {
    for cancel in [false, true] {
        let server = Server::start(vec![created(), state("running"), state("running")]).await;
        let mut desk = Desk::new("http");
        let mut with = with(&server);
        // asked for once, then long not again
        with["every_seconds"] = json!(60);
        if cancel {
            with["cancel_url"] = json!(format!("{}/deploys/${{/id}}/cancel", server.url));
            with["cancel_method"] = json!("DELETE");
        }
        let running = desk.start(with).await;
        eventually("it is watched", || desk.log().contains("running (").then_some(())).await;
        attempt::request_cancel(desk.attempt(), "mona").unwrap();
        let ran = desk.end(running).await;
        assert_eq!(ran.ending.state, RunState::Cancelled);
        assert!(matches!(
            ran.ending.reason,
            Some(Reason::Cancelled { remote: true, .. })
        ));
        let told = server.lines().iter().any(|line| line == "DELETE /deploys/7/cancel");
        assert_eq!(told, cancel, "{}", ran.log);
        assert_eq!(ran.log.contains("cancelled there too"), cancel, "{}", ran.log);
    }
}
