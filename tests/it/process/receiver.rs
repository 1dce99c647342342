//! Peers that are idle, slow or greedy are dealt with in bounded time, and nobody else notices.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::installation::Installation;
use crate::process::wire::{Answer, get, read};
use crate::torture::within;

const HEAD: &str = "POST /webhooks/github HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                    x-github-event: ping\r\nx-github-delivery: 1\r\n\
                    x-hub-signature-256: sha256=0000000000000000000000000000000000000000000000000000000000000000\r\n";

async fn connected(port: u16, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("the server listens");
    stream.write_all(bytes.as_bytes()).await.expect("the server listens");
    stream
}

/// How long the server keeps a connection whose peer says no more than this.
async fn kept_for(port: u16, bytes: &str) -> Duration {
    let begun = Instant::now();
    let mut stream = connected(port, bytes).await;
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
    begun.elapsed()
}

/// One byte of a body every 100 ms; what the server said to that, and when.
async fn dribbled(port: u16) -> (Option<Answer>, Duration) {
    let begun = Instant::now();
    let stream = connected(port, &format!("{HEAD}content-length: 100000\r\n\r\n")).await;
    let (mut from, mut to) = stream.into_split();
    let writing = async {
        while to.write_all(b" ").await.is_ok() && begun.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        std::future::pending::<()>().await;
    };
    let reading = async {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes).await;
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let text = tokio::select! {
        () = writing => String::new(),
        text = reading => text,
    };
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    (
        status.map(|status| Answer {
            status,
            body: text.clone(),
        }),
        begun.elapsed(),
    )
}

async fn announced(port: u16) -> (Option<Answer>, Duration) {
    let begun = Instant::now();
    let mut stream = connected(port, &format!("{HEAD}content-length: 1073741824\r\n\r\n")).await;
    let answer = tokio::time::timeout(Duration::from_secs(20), read(&mut stream)).await;
    (answer.ok().flatten(), begun.elapsed())
}

/// Honest peers, as long as the others are there: the slowest of their deliveries.
async fn honest(installation: &Installation) -> Duration {
    let mut slowest = Duration::ZERO;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(9) {
        let pong = installation.github.ping().await;
        assert_eq!(pong[0].status, 200, "{pong:?}");
        assert!(
            get(installation.port, "/healthz")
                .await
                .is_some_and(|answer| answer.status == 200)
        );
        slowest = slowest.max(pong[0].duration);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    slowest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_slow_and_greedy_peers_are_cut_off_and_hold_up_nobody() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let port = installation.port;
    let half = format!("{HEAD}content-length: 10\r\n\r\nabc");
    let ((idle, half_head, half_body), (dribbled, dribbled_for), (greedy, greedy_for), slowest) = tokio::join!(
        async {
            tokio::join!(
                kept_for(port, ""),
                kept_for(port, "POST /webhooks/github HTTP/1.1\r\nhost: l"),
                kept_for(port, &half),
            )
        },
        dribbled(port),
        announced(port),
        honest(&installation),
    );
    let limit = Duration::from_secs(13);
    assert!(idle < limit, "an idle connection was kept for {idle:?}");
    assert!(half_head < limit, "half a head was kept for {half_head:?}");
    assert!(half_body < limit, "half a body was kept for {half_body:?}");
    assert!(dribbled_for < limit, "a dribbled body was taken for {dribbled_for:?}");
    assert_eq!(dribbled.map(|answer| answer.status), Some(408));
    assert_eq!(greedy.map(|answer| answer.status), Some(413));
    assert!(greedy_for < within(Duration::from_secs(1)), "{greedy_for:?}");
    assert!(slowest < within(Duration::from_secs(1)), "{slowest:?}");
    server.stop(Duration::from_secs(10)).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_says_nothing_does_not_hold_up_the_stop() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let _idle = connected(installation.port, "").await;
    let _half = connected(installation.port, "GET / HTTP/1.1\r\nhost: l").await;
    let _dribbling = connected(installation.port, &format!("{HEAD}content-length: 10\r\n\r\nabc")).await;
    let mut followed = connected(installation.port, "GET /healthz HTTP/1.1\r\nhost: l\r\n\r\n").await;
    let mut first = [0; 12];
    followed.read_exact(&mut first).await.expect("an answer");
    let (status, took) = server.stop(Duration::from_secs(30)).await;
    assert_eq!(status.code(), Some(0));
    // GitHub's own request may take ten seconds, and is given them
    assert!(took < Duration::from_secs(13), "{took:?}");
    installation.close().await;
}
