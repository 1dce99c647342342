//! A server from its start to its end, as the first user meets it.

use std::time::Duration;

use crate::process::child::{Chima, command};
use crate::process::installation::{Installation, free_port};
use crate::process::wire::{Answer, get, say};
use crate::torture::within;

const SOON: Duration = Duration::from_secs(10);

async fn one_of_each(installation: Installation) {
    let mut server = installation.serve().await;
    let good = installation.deploy("main", "staging").await;
    let bad = installation.deploy("failing", "qa").await;
    assert_eq!(installation.concluded(good, SOON).await, "success");
    assert_eq!(installation.concluded(bad, SOON).await, "failure");
    let note = installation.noted(good, "end").await;
    // on a busy machine a state that was not sent yet gives way to the next
    let told = installation.told(good);
    let mut expected = ["queued", "in_progress", "success"].iter();
    assert!(told.iter().all(|state| expected.any(|next| next == state)), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("success"));
    assert_eq!(
        Some(note.field("sha").to_owned()),
        installation.github.repository("octo/site").head("main")
    );
    assert!(installation.description(bad).contains("exited with code 7"));
    let (status, took) = server.stop(SOON).await;
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(3), "{took:?}");
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_goes_from_webhook_to_status_on_sqlite() {
    let installation = Installation::sqlite().await;
    one_of_each(installation).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_goes_from_webhook_to_status_on_redis() {
    one_of_each(Installation::redis().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_configuration_starts_says_what_is_missing_and_refuses_deliveries() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let shipped = include_str!("../../../config/app.yaml")
        .replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"))
        // wherever temporary folders are on this machine
        .replace("# ephemeral: false", "ephemeral: true");
    std::fs::write(folder.path().join("app.yaml"), shipped).unwrap();
    let serve = command(folder.path(), &["serve", "--config", "app.yaml"]);
    let mut server = Chima::start(serve, folder.path().join("serve.err"));
    let ready = eventually_get(port, "/readyz").await;
    assert_eq!(ready.status, 200);
    assert!(ready.body.contains("\"set_up\":false"), "{}", ready.body);
    assert_eq!(get(port, "/healthz").await.map(|answer| answer.status), Some(200));
    let hook = b"POST /webhooks/github HTTP/1.1\r\nhost: l\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    let refused = say(port, hook).await.unwrap();
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("not set up"), "{}", refused.body);
    let told = server.stderr();
    for words in [
        "no webhook secret",
        "`CHIMA_WEBHOOK_SECRET`",
        "no GitHub credentials",
        "`GITHUB_TOKEN`",
        "/setup?token=",
    ] {
        assert!(told.contains(words), "`{words}` is missing in: {told}");
    }
    let (status, took) = server.stop(SOON).await;
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(
        folder.path().join("data/queue.db").exists(),
        "the queue lies beside the ledger"
    );
}

async fn eventually_get(port: u16, path: &str) -> Answer {
    for _ in 0..2000 {
        if let Some(answer) = get(port, path).await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody answers on port {port}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_while_it_starts_ends_calmly() {
    let installation = Installation::with(unanswering().await, None).await;
    let mut server = installation.start_serving();
    // it listens before it asks its queue, which never answers
    eventually_connected(installation.port).await;
    let (status, took) = server.stop(SOON).await;
    assert_eq!(status.code(), Some(0));
    assert!(took < within(Duration::from_secs(1)), "{took:?}");
}

/// The address of a Redis that takes connections and says nothing.
async fn unanswering() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // the kernel accepts as long as the listener lives; it lives as long as the test process
    std::mem::forget(listener);
    format!("redis://{address}/0")
}

async fn eventually_connected(port: u16) {
    for _ in 0..2000 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody listens on port {port}");
}
