//! Thousands of connections that say nothing, little, or do not listen: they end in time, and nobody else waits for them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::process::child::{Chima, program};
use crate::process::edge::cost::{honest, p99};
use crate::process::edge::hostile::{SECRETS, open_doors};
use crate::process::installation::{Installation, eventually};
use crate::process::wire::read;
use crate::torture::{rounds, row, within};

const LIMIT: Duration = Duration::from_secs(15);
const HONEST: Duration = Duration::from_millis(250);
const HEAD: &str = "POST /webhooks/github HTTP/1.1\r\nhost: l\r\ncontent-type: application/json\r\nx-github-event: ping\r\n\
                    x-hub-signature-256: sha256=0000000000000000000000000000000000000000000000000000000000000000\r\n";

/// For the connections of the test itself.
pub fn more_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let new = Rlimit {
        current: limit.maximum.map(|most| most.min(20_000)).or(Some(20_000)),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, new).expect("up to the hard limit");
}

/// Says this, then one byte of that every half second; how long it was borne.
async fn borne(port: u16, first: &'static str, then: Option<u8>) -> Duration {
    let begun = Instant::now();
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else {
        return Duration::ZERO;
    };
    let _ = stream.write_all(first.as_bytes()).await;
    let (mut from, mut to) = stream.into_split();
    let dribbling = async {
        while let Some(byte) = then {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if to.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut rest = Vec::new();
    let listening = async {
        let _ = tokio::time::timeout(4 * LIMIT, from.read_to_end(&mut rest)).await;
    };
    tokio::select! {
        () = dribbling => {}
        () = listening => {}
    }
    begun.elapsed()
}

/// A connection that asks for a large answer and reads none of it; kept open until the test is over.
async fn deaf(port: u16, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it listens");
    stream
}

fn descriptors(server: &Chima) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid()))
        .expect("it runs")
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_dribbling_and_deaf_peers_are_cut_in_time_and_honest_ones_do_not_wait() {
    more_descriptors();
    let installation = open_doors().await;
    let mut server = installation.serve().await;
    let port = installation.port;
    let run = large_log(&installation).await;
    let before = descriptors(&server);
    let count = rounds(300, 2_000);
    let ways: [(&str, &'static str, Option<u8>); 6] = [
        ("idle", "", None),
        ("idle after an answer", "GET /healthz HTTP/1.1\r\nhost: l\r\n\r\n", None),
        ("half a head", "POST /webhooks/github HTTP/1.1\r\nhost: l", None),
        (
            "dribbling a head",
            "POST /webhooks/github HTTP/1.1\r\nx-a: ",
            Some(b'a'),
        ),
        ("dribbling a body", "dribble", Some(b' ')),
        ("dribbling a body elsewhere", "dribble elsewhere", Some(b' ')),
    ];
    let body: &'static str = format!("{HEAD}content-length: 100000\r\n\r\n").leak();
    let elsewhere: &'static str = format!(
        "POST /chat HTTP/1.1\r\nhost: l\r\nauthorization: Bearer {}\r\ncontent-length: 1000\r\n\r\n",
        SECRETS.chat
    )
    .leak();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let attack = async {
        let mut all = JoinSet::new();
        // half of them idle, half of them dribbling
        for number in 0..2 * count {
            let (way, first, then) = ways[usize::try_from(number % 6).expect("small")];
            let first = match first {
                "dribble" => body,
                "dribble elsewhere" => elsewhere,
                other => other,
            };
            all.spawn(async move { (way, borne(port, first, then).await) });
        }
        let mut deafs = Vec::new();
        for _ in 0..20 {
            deafs.push(deaf(port, &format!("/api/v1/runs/{run}/log")).await);
        }
        let mut longest = BTreeMap::new();
        while let Some(one) = all.join_next().await {
            let (way, took) = one.expect("no panic");
            let longest = longest.entry(way).or_insert(took);
            *longest = took.max(*longest);
        }
        eventually("those that do not read are cut", || {
            (descriptors(&server) <= before + 10).then_some(())
        })
        .await;
        let _ = stop.send(true);
        longest
    };
    let (longest, took) = tokio::join!(attack, honest(&installation, stopped));
    // two to three times what it takes, where others share the machine: who is never cut is there for four
    let limit = within(LIMIT).min(3 * LIMIT);
    assert!(longest.values().all(|took| *took < limit), "{longest:?}");
    let slowest = *took.last().expect("some");
    assert!(p99(&took) < within(HONEST), "{:?}, slowest {slowest:?}", p99(&took));
    server.stop(Duration::from_secs(20)).await;
    installation.close().await;
    let worst = longest.values().max().expect("some");
    row(
        "idle and dribbling connections, and as many honest ones as fit",
        2 * count,
        format!(
            "closed after {:.1} s at most; honest p99 {:?}, slowest {slowest:?}",
            worst.as_secs_f64(),
            p99(&took)
        ),
        "closed within 15 s, honest under 250 ms",
    );
}

/// The id of a run whose log has more than the sockets between us hold.
async fn large_log(installation: &Installation) -> String {
    let deployment = installation.deploy("printing", "staging").await;
    installation.print("large", format!("{}\n", "x".repeat(99)).repeat(60_000).as_bytes());
    let path = installation.path("gates/large.print");
    eventually("it is printed", || (!path.exists()).then_some(())).await;
    installation.open_gate(deployment);
    assert_eq!(
        installation.concluded(deployment, Duration::from_secs(20)).await,
        "success"
    );
    installation.noted(deployment, "end").await.field("run").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_all_places_are_taken_an_honest_request_still_gets_one() {
    more_descriptors();
    let installation = Installation::sqlite().await;
    // so few descriptors that there are places for 300 connections
    let limited = format!(
        "ulimit -n 600; exec {} --config app.yaml serve",
        env!("CARGO_BIN_EXE_chima")
    );
    let shell = program(std::path::Path::new("sh"), &installation.path(""), &["-c", &limited]);
    let mut server = Chima::start(shell, installation.path("serve.err"));
    installation.ready(&mut server).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let port = installation.port;
    let count = rounds(1_500, 20_000);
    let attack = async {
        // one attacker that holds 300 and comes again whenever it loses one
        let mut held = std::collections::VecDeque::new();
        for number in 0..count {
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await {
                let said: &[u8] = if number % 2 == 0 {
                    b""
                } else {
                    b"POST /chat HTTP/1.1\r\nhost: l\r\ncontent-length: 9\r\n\r\n{"
                };
                let _ = stream.write_all(said).await;
                held.push_back(stream);
            }
            if held.len() > 2_000 {
                held.pop_front();
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _ = stop.send(true);
        held.len()
    };
    let (held, took) = tokio::join!(attack, honest(&installation, stopped));
    assert!(held > 300, "the attacker held {held} at once");
    assert!(p99(&took) < within(HONEST), "{:?}", p99(&took));
    assert!(
        server.stderr().contains("all places for connections are taken"),
        "{}",
        server.stderr()
    );
    server.stop(Duration::from_secs(20)).await;
    installation.close().await;
    row(
        "connections that say nothing, to 300 places",
        count,
        format!(
            "no honest delivery refused, p99 {:?}, slowest {:?}",
            p99(&took),
            took.last().copied().unwrap_or_default()
        ),
        "honest under 250 ms",
    );
}

/// A thousand in a moment in which the server does nothing: the kernel keeps them until it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_knocks_while_the_server_is_busy_is_heard_when_it_is_not() {
    more_descriptors();
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    server.signal(Signal::STOP);
    let mut held = Vec::new();
    for number in 0..1_000 {
        let connecting = TcpStream::connect(("127.0.0.1", installation.port));
        let stream = tokio::time::timeout(Duration::from_secs(20), connecting).await;
        held.push(
            stream
                .unwrap_or_else(|_| panic!("nobody hears number {number}"))
                .unwrap(),
        );
    }
    server.signal(Signal::CONT);
    for stream in &mut held {
        let request = b"GET /healthz HTTP/1.1\r\nhost: l\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.expect("it is there");
        let answer = tokio::time::timeout(Duration::from_secs(20), read(stream)).await;
        assert_eq!(answer.ok().flatten().map(|answer| answer.status), Some(200));
    }
    server.stop(Duration::from_secs(20)).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_low_soft_limit_of_open_files_is_raised_as_far_as_the_places_need() {
    let installation = Installation::sqlite().await;
    let limited = format!(
        "ulimit -Sn 256; exec {} --config app.yaml serve",
        env!("CARGO_BIN_EXE_chima")
    );
    let shell = program(std::path::Path::new("sh"), &installation.path(""), &["-c", &limited]);
    let mut server = Chima::start(shell, installation.path("serve.err"));
    installation.ready(&mut server).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).expect("it runs");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .expect("a limit");
    let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert_eq!(
        numbers[0],
        numbers.get(1).copied().unwrap_or(u64::MAX).min(4096 + 512),
        "{line}"
    );
    server.stop(Duration::from_secs(10)).await;
    installation.close().await;
}
