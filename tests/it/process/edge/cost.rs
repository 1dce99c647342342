//! What strangers' bodies cost: a bounded part of memory, and no honest delivery.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::child::Chima;
use crate::process::edge::hostile::{SECRETS, open_doors, resident_kib};
use crate::process::edge::places::more_descriptors;
use crate::process::installation::Installation;
use crate::torture::{rounds, row, within};

const MIB: usize = 1024 * 1024;
/// Of the right form, and nobody's.
const UNSIGNED: &str = "x-github-event: deployment\r\nx-github-delivery: 1\r\ncontent-type: application/json\r\n\
                        x-hub-signature-256: sha256=0000000000000000000000000000000000000000000000000000000000000000\r\n";

/// The most memory that the program has had since this was called before.
fn peak_kib(server: &Chima) -> u64 {
    let peak = resident_kib(server, "VmHWM");
    std::fs::write(format!("/proc/{}/clear_refs", server.pid()), "5").expect("the process is ours");
    peak
}

/// Sends a body without an end; how many bytes went out, and what was answered.
async fn pour(port: u16, head: &str, limit: usize) -> (usize, u16) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let _ = stream.write_all(head.as_bytes()).await;
    let chunk = [
        format!("{:x}\r\n", 64 * 1024).into_bytes(),
        vec![b' '; 64 * 1024],
        b"\r\n".to_vec(),
    ]
    .concat();
    let mut sent = 0;
    while sent < limit && stream.write_all(&chunk).await.is_ok() {
        sent += 64 * 1024;
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    let text = String::from_utf8_lossy(&answer);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    (sent, status.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_a_gibibyte_is_cut_off_early_and_costs_little() {
    let installation = open_doors().await;
    let mut server = installation.serve().await;
    let port = installation.port;
    let before = resident_kib(&server, "VmRSS");
    peak_kib(&server);
    let mut worst = Duration::ZERO;
    // as many bytes as a route may read, and what sockets hold in between
    for (door, headers, most) in [
        ("/webhooks/github", UNSIGNED.to_owned(), 25 * MIB),
        ("/webhooks/github", String::new(), 0),
        (
            "/chat",
            format!("authorization: Bearer {}\r\n", SECRETS.chat),
            64 * 1024,
        ),
        ("/chat", String::new(), 0),
        (
            "/slack/events",
            "x-slack-signature: v0=00\r\nx-slack-request-timestamp: 1\r\n".to_owned(),
            512 * 1024,
        ),
        ("/nowhere", String::new(), 0),
    ] {
        let begun = Instant::now();
        let head = format!("POST {door} HTTP/1.1\r\nhost: l\r\ntransfer-encoding: chunked\r\n{headers}\r\n");
        let (sent, status) = pour(port, &head, 1024 * MIB).await;
        assert!((400..500).contains(&status) || status == 0, "{door}: {status}");
        assert!(sent < most + 12 * MIB, "{door} took {sent} bytes");
        worst = worst.max(begun.elapsed());
    }
    let grown = peak_kib(&server).saturating_sub(before);
    assert!(grown <= 32 * 1024, "the memory grew by {grown} KiB");
    assert!(worst < within(Duration::from_secs(5)), "{worst:?}");
    server.stop(Duration::from_secs(10)).await;
    installation.close().await;
    row(
        "a body of 1 GiB that nobody signed, to each door",
        6,
        format!(
            "peak memory +{} MiB, closed after {:.1} s at most",
            grown / 1024,
            worst.as_secs_f64()
        ),
        "at most +32 MiB, closed within 5 s",
    );
}

/// One delivery of 25 MB whose signature is nobody's; whether it was refused.
async fn large(port: u16) -> u16 {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else {
        return 0;
    };
    let head = format!(
        "POST /webhooks/github HTTP/1.1\r\nhost: l\r\ncontent-length: {}\r\n{UNSIGNED}\r\n",
        25 * MIB
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let piece = vec![b' '; 256 * 1024];
    for _ in 0..100 {
        if stream.write_all(&piece).await.is_err() {
            break;
        }
    }
    let mut answer = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_exact(&mut answer)).await;
    if !matches!(read, Ok(Ok(_))) {
        return 0;
    }
    String::from_utf8_lossy(&answer[9..]).parse().unwrap_or_default()
}

/// Honest deliveries until told to stop; how long each took.
pub async fn honest(installation: &Installation, mut until: tokio::sync::watch::Receiver<bool>) -> Vec<Duration> {
    let mut took = Vec::new();
    while !*until.borrow_and_update() {
        let pong = installation.github.ping().await;
        assert_eq!(pong[0].status, 200, "an honest delivery was refused: {pong:?}");
        took.push(pong[0].duration);
        let _ = tokio::time::timeout(Duration::from_millis(50), until.changed()).await;
    }
    took.sort_unstable();
    took
}

/// The time that 99 of 100 took at most.
pub fn p99(sorted: &[Duration]) -> Duration {
    sorted[(sorted.len() * 99 / 100).min(sorted.len() - 1)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_bodies_at_once_cost_bounded_memory_and_no_honest_delivery() {
    more_descriptors();
    let installation = open_doors().await;
    let mut server = installation.serve().await;
    let port = installation.port;
    let before = resident_kib(&server, "VmRSS");
    peak_kib(&server);
    let (count, at_once) = (rounds(16, 10_000), rounds(16, 2_000));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let attack = async {
        let mut statuses = std::collections::BTreeMap::<u16, u64>::new();
        let mut pouring = tokio::task::JoinSet::new();
        for number in 0..count {
            if number >= at_once {
                let status = pouring.join_next().await.expect("there are some").expect("no panic");
                *statuses.entry(status).or_default() += 1;
            }
            pouring.spawn(large(port));
        }
        while let Some(status) = pouring.join_next().await {
            *statuses.entry(status.expect("no panic")).or_default() += 1;
        }
        let _ = stop.send(true);
        statuses
    };
    let (statuses, took) = tokio::join!(attack, honest(&installation, stopped));
    let grown = peak_kib(&server).saturating_sub(before);
    assert!(
        statuses.keys().all(|status| [0, 401, 408, 503].contains(status)),
        "{statuses:?}"
    );
    assert!(statuses.contains_key(&401), "none came through: {statuses:?}");
    // the room for bodies, and each connection with what it has read ahead; its state machine is larger where nothing is optimised
    let each = if cfg!(debug_assertions) { 64 } else { 40 };
    let most = 32 * 1024 + each * at_once;
    assert!(grown <= most, "the memory grew by {grown} KiB, at most {most} expected");
    assert!(!server.stderr().contains("panicked"));
    server.stop(Duration::from_secs(20)).await;
    installation.close().await;
    row(
        &format!("25 MiB bodies that nobody signed, {at_once} at once"),
        count,
        format!(
            "peak memory +{} MiB, answers {statuses:?}; honest deliveries: none refused, p99 {:?}",
            grown / 1024,
            p99(&took)
        ),
        "bounded, no honest delivery refused",
    );
}
