//! Deliveries at a steady pace, each signed and on a connection of its own, whatever becomes of the one before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chima_simulator::github::sending::deliver_raw;
use chima_simulator::sign::signed;
use tokio::task::JoinSet;

const BODY: &[u8] = br#"{"zen":"Keep it logically awesome.","hook_id":1,"hook":{"type":"App","id":1}}"#;

/// What was said to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub sent: Instant,
    /// 0 where there was no answer.
    pub status: u16,
    pub body: String,
    pub took: Duration,
}

impl Said {
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Deliveries that go on until they are stopped.
pub struct Trickle {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    all: tokio::task::JoinHandle<Vec<Said>>,
}

impl Trickle {
    /// So many a second, to a port of this machine.
    #[expect(clippy::disallowed_methods, reason = "the sender is no part of the server")]
    pub fn start(port: u16, secret: &str, pace: u32) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let url = format!("http://127.0.0.1:{port}/webhooks/github");
        let sending = send(url, secret.to_owned(), pace, Arc::clone(&stop), Arc::clone(&answered));
        let all = tokio::spawn(sending);
        Self { stop, answered, all }
    }

    /// How many have been answered, in whatever way.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Every answer, in the order of sending.
    pub async fn stop(self) -> Vec<Said> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = self.all.await.expect("no panic");
        all.sort_by_key(|said| said.sent);
        all
    }
}

async fn send(url: String, secret: String, pace: u32, stop: Arc<AtomicBool>, answered: Arc<AtomicU64>) -> Vec<Said> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / pace);
    let mut under_way = JoinSet::new();
    let mut number = 0_u32;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        number += 1;
        under_way.spawn(one(url.clone(), secret.clone(), number, Arc::clone(&answered)));
    }
    under_way.join_all().await
}

async fn one(url: String, secret: String, number: u32, answered: Arc<AtomicU64>) -> Said {
    let mut headers = vec![
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("X-GitHub-Event".to_owned(), "ping".to_owned()),
        (
            "X-GitHub-Delivery".to_owned(),
            format!("00000000-0000-4000-8000-{number:012}"),
        ),
    ];
    headers.extend(signed(BODY, &secret));
    let sent = Instant::now();
    let delivered = deliver_raw(&url, &headers, BODY).await;
    answered.fetch_add(1, Ordering::Relaxed);
    Said {
        sent,
        status: delivered.status,
        body: delivered.body,
        took: delivered.duration,
    }
}
