//! Faults: each kind as a client meets it.

use std::time::{Duration, Instant};

use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::github::{DEFAULT_TOKEN, GitHub};
use chima_simulator::message::Answer;
use serde_json::{Value, json};

use crate::client::{get, http, post, try_ask};

async fn furnished() -> GitHub {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    github
}

fn deployments(github: &GitHub) -> usize {
    github.read(|world| world.repositories[0].deployments.len())
}

async fn try_create(github: &GitHub) -> Result<u16, reqwest::Error> {
    let body = Some(json!({"ref": "main"}));
    let got = try_ask(github, DEFAULT_TOKEN, "POST", "/repos/octo/site/deployments", body).await?;
    Ok(got.status)
}

#[tokio::test]
async fn answers_as_told_and_only_as_often() {
    let github = furnished().await;
    for (kind, status) in [
        (FaultKind::InternalError, 500),
        (FaultKind::BadGateway, 502),
        (FaultKind::Unauthorized, 401),
        (FaultKind::ForbiddenRetryAfter { seconds: 1 }, 403),
        (FaultKind::SecondaryLimit, 403),
        (FaultKind::PrimaryLimit { seconds: 9 }, 403),
        (FaultKind::TooManyRequestsUntil { seconds: 9 }, 429),
        (FaultKind::NotFound, 404),
        (FaultKind::Gone, 410),
        (FaultKind::Unprocessable, 422),
        (FaultKind::Answer(Answer::text(418, "teapot")), 418),
    ] {
        github.fail(Fault::on("POST", "/deployments", kind.clone()));
        assert_eq!(get(&github, "/repos/octo/site").await.status, 200, "another request");
        assert_eq!(try_create(&github).await.unwrap(), status, "{kind:?}");
    }
    assert_eq!(deployments(&github), 0);
    assert_eq!(try_create(&github).await.unwrap(), 201);
}

#[tokio::test]
async fn a_secondary_limit_may_come_without_headers_or_with_a_date() {
    let github = furnished().await;
    github.fail(Fault::on("GET", "/user", FaultKind::SecondaryLimit));
    github.fail(Fault::on(
        "GET",
        "/user",
        FaultKind::TooManyRequestsUntil { seconds: 5 },
    ));
    let bare = get(&github, "/user").await;
    assert!(bare.message().contains("secondary rate limit"));
    assert_eq!(bare.header("retry-after"), "");
    assert_eq!(bare.header("x-ratelimit-remaining"), "");
    let dated = get(&github, "/user").await;
    assert!(dated.header("retry-after").ends_with(" GMT"), "{dated:?}");
}

#[tokio::test]
async fn hits_after_some_and_several_times() {
    let github = furnished().await;
    github.fail(Fault::on_any("/octo/site", FaultKind::BadGateway).after(1).times(2));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(get(&github, "/repos/octo/site").await.status);
    }
    assert_eq!(statuses, [200, 502, 502, 200]);
    github.fail(Fault::on_any("/", FaultKind::BadGateway).always());
    assert_eq!(get(&github, "/meta").await.status, 502);
    github.heal();
    assert_eq!(get(&github, "/meta").await.status, 200);
}

#[tokio::test]
async fn a_lost_answer_has_taken_effect() {
    let github = furnished().await;
    github.fail(Fault::on("POST", "/deployments", FaultKind::LostAnswer));
    assert!(try_create(&github).await.is_err());
    assert_eq!(deployments(&github), 1);
    let request = &github.requests()[0];
    assert_eq!((request.status, request.faulted), (None, true));
}

#[tokio::test]
async fn a_gateway_error_may_hide_an_effect() {
    let github = furnished().await;
    github.fail(Fault::on("POST", "/deployments", FaultKind::BadGateway).with_effect());
    assert_eq!(try_create(&github).await.unwrap(), 502);
    assert_eq!(deployments(&github), 1);
}

#[tokio::test]
async fn cut_connections_have_no_effect() {
    let github = furnished().await;
    for kind in [FaultKind::Close, FaultKind::Reset] {
        github.fail(Fault::on("POST", "/deployments", kind));
        assert!(try_create(&github).await.is_err());
    }
    assert_eq!(deployments(&github), 0);
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let github = furnished().await;
    let address = github.url().replace("http://", "");
    let mut ends = Vec::new();
    for kind in [FaultKind::Close, FaultKind::Reset] {
        github.fail(Fault::on("GET", "/meta", kind));
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream
            .write_all(b"GET /meta HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut bytes = Vec::new();
        ends.push(stream.read_to_end(&mut bytes).await.map_err(|error| error.kind()));
        assert!(bytes.is_empty());
    }
    assert_eq!(ends, [Ok(0), Err(std::io::ErrorKind::ConnectionReset)]);
}

#[tokio::test]
async fn silence_lasts_until_the_caller_gives_up() {
    let github = furnished().await;
    github.fail(Fault::on("GET", "/meta", FaultKind::Timeout));
    let begun = Instant::now();
    let request = http().get(format!("{}/meta", github.api_url()));
    let error = request.timeout(Duration::from_millis(200)).send().await.unwrap_err();
    assert!(error.is_timeout());
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(github.requests()[0].status, None);
}

#[tokio::test]
async fn garbage_is_not_json() {
    let github = furnished().await;
    github.fail(Fault::on("GET", "/meta", FaultKind::Garbage));
    let got = get(&github, "/meta").await;
    assert_eq!(got.status, 200);
    assert!(matches!(got.body, Value::String(_)));
}

#[tokio::test]
async fn a_rest_call_during_a_fault_tells_no_hook() {
    let github = furnished().await;
    github.hook("http://127.0.0.1:1/", "a secret of sixteen bytes");
    github.fail(Fault::on("POST", "/deployments", FaultKind::InternalError));
    post(&github, "/repos/octo/site/deployments", json!({"ref": "main"})).await;
    assert!(github.read(|world| world.deliveries.is_empty()));
}
