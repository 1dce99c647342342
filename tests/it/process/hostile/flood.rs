//! Commands that print as much as they can: without an end of the line, without a character of any language, with NUL bytes. What is
//! kept stays within its cap, neither the server nor the runner grows, readers are served meanwhile, other deployments take no
//! longer than ever, and the exit code is what it was.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chima::provider::processes;
use chima_simulator::git::GitRepository;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::installation::{Installation, REPOSITORY};
use crate::process::wire::get;
use crate::torture::{rounds, row};

const MIB: u64 = 1 << 20;
/// How much a process may grow by a flood.
const GROWTH: u64 = 32 * MIB;
/// A log's cap, and what its folder takes beside it.
const STORED: u64 = 16 * MIB + MIB / 4;

/// A flood: its branch, its size, the command that makes it with `$BYTES`, its exit code.
struct Flood {
    name: &'static str,
    bytes: u64,
    command: &'static str,
    code: u8,
}

fn floods() -> [Flood; 4] {
    [
        Flood {
            name: "lines",
            bytes: rounds(128, 10 * 1024) * MIB,
            command: "yes 'ok: [web1] => a line like any other, of which there are a great many' | head -c $BYTES",
            code: 3,
        },
        Flood {
            name: "one-line",
            bytes: rounds(64, 1024) * MIB,
            command: "head -c $BYTES /dev/zero | tr '\\0' 'x'",
            code: 0,
        },
        Flood {
            name: "noise",
            bytes: rounds(64, 1024) * MIB,
            command: "head -c $BYTES /dev/urandom",
            code: 5,
        },
        Flood {
            name: "nothing",
            bytes: rounds(44, 1024) * MIB,
            command: "head -c $BYTES /dev/zero",
            code: 6,
        },
    ]
}

/// The most memory that a process has had resident, in bytes; none once it has ended.
fn peak(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Asks for something and reads as much as comes, keeping nothing.
async fn drain(port: u16, path: &str, accept: &str, limit: Duration) -> u64 {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: {accept}\r\nconnection: close\r\n\r\n");
    let mut read = 0;
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return Some(()),
                Ok(count) => read += count as u64,
            }
        }
    };
    let _ = tokio::time::timeout(limit, exchange).await;
    read
}

/// Whoever looks at the log meanwhile: as text, as events, as a page, and one who asks and does not read.
async fn readers(port: u16, run: &str, over: &AtomicBool) -> u64 {
    let log = format!("/api/v1/runs/{run}/log");
    let page = format!("/runs/{run}");
    let read = AtomicU64::new(0);
    let repeat = async |path: &str, accept: &str| {
        while !over.load(Ordering::Relaxed) {
            read.fetch_add(
                drain(port, path, accept, Duration::from_secs(2)).await,
                Ordering::Relaxed,
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let deaf = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .expect("the server listens");
        let request = format!("GET {log} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("the server listens");
        while !over.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::join!(
        repeat(&log, "text/plain"),
        repeat(&log, "text/event-stream"),
        repeat(&page, "text/html"),
        deaf
    );
    read.into_inner()
}

/// How much a runner grew, once it has ended.
async fn growth_of(pid: i32, over: &AtomicBool) -> u64 {
    let first = peak(pid).unwrap_or_default();
    let mut last = first;
    while let Some(now) = peak(pid).filter(|_| !over.load(Ordering::Relaxed)) {
        last = now;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    last - first
}

/// Deployments elsewhere, one after the other: the longest from asking to its end.
async fn others(installation: &Installation, over: &AtomicBool) -> (u64, Duration) {
    let (mut count, mut longest) = (0, Duration::ZERO);
    loop {
        let begun = Instant::now();
        let id = installation.deploy("main", "qa").await;
        assert_eq!(installation.concluded(id, Duration::from_secs(60)).await, "success");
        longest = longest.max(begun.elapsed());
        count += 1;
        if over.load(Ordering::Relaxed) {
            return (count, longest);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn stored(installation: &Installation, run: &str) -> u64 {
    let folder = installation.path(&format!("data/runs/{run}/attempt-1/log"));
    let entries = fs::read_dir(folder).expect("there is a log").flatten();
    entries.map(|entry| entry.metadata().map_or(0, |data| data.len())).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_output_is_kept_within_its_cap_and_nothing_grows() {
    let installation = Installation::sqlite().await;
    let git = GitRepository::create(&installation.path("site")).expect("git");
    for flood in floods() {
        git.switch(flood.name).expect("git");
        let work = format!("BYTES={}; {}; code={}\n", flood.bytes, flood.command, flood.code);
        git.write("script/work", &work).expect("the folder is ours");
        let sha = git.commit(flood.name).expect("git");
        let repository = installation.github.repository(REPOSITORY);
        repository
            .commit(&sha, flood.name, "mona", &[])
            .branch(flood.name, &sha);
    }
    let mut server = installation.serve().await;
    // what a server does anyway, so that only the flood is new
    let first = installation.deploy("main", "live").await;
    installation.concluded(first, Duration::from_secs(60)).await;
    let run = installation.noted(first, "start").await.field("run").to_owned();
    get(installation.port, &format!("/runs/{run}")).await.expect("a page");
    let before = peak(server.pid()).expect("it is alive");
    let quiet = Instant::now();
    let alone = installation.deploy("main", "qa").await;
    installation.concluded(alone, Duration::from_secs(60)).await;
    let quiet = quiet.elapsed();

    let server_grew = || peak(server.pid()).expect("it is alive").saturating_sub(before) / MIB;
    let (mut results, mut longest, mut total) = (Vec::new(), Duration::ZERO, 0);
    for flood in floods() {
        let over = AtomicBool::new(false);
        let begun = Instant::now();
        let deployment = installation.deploy(flood.name, "staging").await;
        let run = installation.noted(deployment, "start").await.field("run").to_owned();
        let runner = installation.runner(deployment).pid;
        let flooding = async {
            let limit = Duration::from_secs(120 + flood.bytes / MIB);
            let end = installation.concluded(deployment, limit).await;
            over.store(true, Ordering::Relaxed);
            end
        };
        let (end, read, grown, (count, slowest)) = tokio::join!(
            flooding,
            readers(installation.port, &run, &over),
            growth_of(runner, &over),
            others(&installation, &over)
        );
        let told = installation.description(deployment);
        let code = format!("exited with code {}", flood.code);
        let right = if flood.code == 0 {
            end == "success"
        } else {
            end == "failure" && told.contains(&code)
        };
        assert!(right, "{}: {end}: {told}", flood.name);
        let stored = stored(&installation, &run);
        assert!(stored <= STORED, "{}: {stored} bytes are stored", flood.name);
        let size =
            fs::read_to_string(installation.path(&format!("data/runs/{run}/attempt-1/log/end"))).expect("an end");
        assert!(
            size.parse::<u64>().is_ok_and(|size| size >= flood.bytes),
            "{}: {size}",
            flood.name
        );
        assert!(
            grown <= GROWTH,
            "{}: the runner grew by {} MiB",
            flood.name,
            grown / MIB
        );
        assert!(
            read > 0 && count > 0,
            "{}: {read} bytes were read, {count} others ran",
            flood.name
        );
        longest = longest.max(slowest);
        total += flood.bytes;
        let seconds = begun.elapsed().as_secs_f64();
        results.push(format!(
            "{} {:.0} MiB/s, {count} others, runner +{} MiB, server +{} MiB",
            flood.name,
            (flood.bytes / MIB) as f64 / seconds,
            grown / MIB,
            server_grew()
        ));
    }
    let grown = server_grew();
    assert!(
        grown * MIB <= GROWTH,
        "the server grew by {grown} MiB: {}",
        results.join("; ")
    );
    // a run alone took `quiet`; the machine is busy now, but nobody waits for the flood
    assert!(
        longest < quiet * 10 + Duration::from_secs(5),
        "{longest:?} instead of {quiet:?}"
    );
    assert!(processes::find(server.pid()).is_some());
    server.stop(Duration::from_secs(20)).await;
    installation.close().await;
    row(
        "a_flood_of_output_is_kept_within_its_cap_and_nothing_grows",
        total / MIB,
        format!(
            "server +{grown} MiB, others at most {longest:.1?} (alone {quiet:.1?}); {}",
            results.join("; ")
        ),
        "<= 16 MiB stored, +32 MiB at most, exit code right",
    );
}
