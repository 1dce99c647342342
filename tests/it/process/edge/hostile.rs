//! Thousands of requests that nobody honest sends: each is refused, and nothing else happens.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::process::child::Chima;
use crate::process::edge::corpus::{Corpus, Hostile, Secrets};
use crate::process::edge::door::exchange;
use crate::process::edge::ledger;
use crate::process::installation::{Installation, REPOSITORY};
use crate::torture::{rounds, row};

pub const SECRETS: Secrets = Secrets {
    webhook: "a webhook secret of many bytes",
    chat: "a chat token of many bytes",
    slack: "a signing secret of many bytes",
};
/// The one that comes after.
pub const NEXT: &str = "the next webhook secret, of many bytes";
const AT_ONCE: usize = 16;

/// An installation where every door is set up.
pub async fn open_doors() -> Installation {
    let installation = Installation::sqlite().await;
    let config = installation.config().replace(
        "webhook_secrets: [{ file: webhook-secret }]",
        "webhook_secrets: [{ file: webhook-secret }, { file: webhook-secret-next }]",
    );
    let doors = "chat: { token: { file: chat-token } }\nslack: { signing_secret: { file: slack-secret } }\n";
    installation.write("app.yaml", &format!("{config}{doors}"));
    installation.write("webhook-secret-next", NEXT);
    installation.write("chat-token", SECRETS.chat);
    installation.write("slack-secret", SECRETS.slack);
    installation
}

/// What the program asks GitHub for, however often. What it shows of the default branch it looks up every now and then, whoever speaks
/// to it.
pub fn asked(installation: &Installation) -> BTreeSet<String> {
    let head = installation.github.read(|world| {
        let repository = world.repository(REPOSITORY).expect("it is there");
        repository.branches["main"].clone()
    });
    let (branch, head) = ("/branches/main", format!("/commits/{head}"));
    let requests = installation.github.requests();
    requests
        .iter()
        .map(|request| (&request.method, request.path.split('?').next().unwrap_or_default()))
        .filter(|(_, path)| !path.ends_with(branch) && !path.contains(&head))
        .map(|(method, path)| format!("{method} {path}"))
        .collect()
}

/// Starts, is left in peace for a moment, and stops: what a program does that nobody speaks to.
pub async fn in_peace(installation: &Installation) -> (BTreeMap<String, u64>, BTreeSet<String>) {
    let mut server = installation.serve().await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    server.stop(Duration::from_secs(10)).await;
    (
        ledger::rows(&installation.path("data/chima.db")).await,
        asked(installation),
    )
}

/// The program's memory, as the kernel has it.
pub fn resident_kib(server: &Chima, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let value = status
        .lines()
        .find_map(|found| found.strip_prefix(line))
        .expect("the kernel says so");
    value
        .trim_matches([':', ' ', '\t'])
        .trim_end_matches(" kB")
        .parse()
        .expect("a number")
}

async fn attack(port: u16, corpus: Corpus, count: u64) -> Vec<(Hostile, Vec<u16>, bool)> {
    let corpus = Arc::new(Mutex::new((corpus, count)));
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let corpus = Arc::clone(&corpus);
        senders.spawn(async move {
            let mut wrong = Vec::new();
            loop {
                let hostile = {
                    let mut corpus = corpus.lock().await;
                    if corpus.1 == 0 {
                        return wrong;
                    }
                    corpus.1 -= 1;
                    corpus.0.request()
                };
                let heard = exchange(port, &hostile.bytes).await;
                let refused =
                    !heard.statuses.is_empty() && heard.statuses.iter().all(|status| (400..500).contains(status));
                // hyper ends a connection that begins in HTTP/2 without a word
                let silent = hostile.what == "broken: HTTP/2 preface" && heard.statuses.is_empty();
                if !(refused || silent) || !heard.closed {
                    wrong.push((hostile, heard.statuses, heard.closed));
                }
            }
        });
    }
    let mut wrong = Vec::new();
    while let Some(of_one) = senders.join_next().await {
        wrong.extend(of_one.expect("the test itself does not fail"));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_requests_are_all_refused_and_do_nothing() {
    let installation = open_doors().await;
    let (rows, calls) = in_peace(&installation).await;
    let mut server = installation.serve().await;
    let count = rounds(2_000, 20_000);
    // a tenth of them first, so that what is only allocated once is there
    let mut wrong = attack(installation.port, Corpus::new(1, SECRETS), count / 10).await;
    let before = resident_kib(&server, "VmRSS");
    wrong.extend(attack(installation.port, Corpus::new(2, SECRETS), count - count / 10).await);
    let after = resident_kib(&server, "VmRSS");
    let told: BTreeSet<String> = wrong
        .iter()
        .map(|(hostile, statuses, closed)| format!("{} -> {statuses:?}, closed: {closed}", hostile.what))
        .collect();
    assert!(wrong.is_empty(), "{} were not refused:\n{:#?}", wrong.len(), told);
    assert_eq!(server.has_ended(), None);
    let pong = installation.github.ping().await;
    assert_eq!(
        pong[0].status, 200,
        "an honest delivery is taken after all that: {pong:?}"
    );
    let said = server.stop(Duration::from_secs(10)).await;
    assert_eq!(said.0.code(), Some(0));
    let mut expected = rows;
    *expected.get_mut("deliveries").expect("it is a table") += 1;
    assert_eq!(ledger::rows(&installation.path("data/chima.db")).await, expected);
    let new: Vec<String> = asked(&installation).difference(&calls).cloned().collect();
    assert_eq!(new, Vec::<String>::new(), "calls that nobody honest asked for");
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
    let grown = after.saturating_sub(before);
    assert!(grown < 32 * 1024, "the memory grew by {grown} KiB");
    installation.close().await;
    row(
        "hostile requests to every door",
        count,
        format!("100 % 4xx, 0 rows, 0 calls, 0 panics, memory +{} MiB", grown / 1024),
        "100 % 4xx, 0 rows, 0 calls, 0 panics, memory flat",
    );
}
