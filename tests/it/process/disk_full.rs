//! The disk of the ledger is full for a while: deliveries are refused with 503 and never acknowledged falsely, and when there is room
//! again everything goes on by itself.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::process::child::{Chima, program};
use crate::process::installation::Installation;
use crate::process::wire::get;
use crate::torture::{rounds, row};

const SOON: Duration = Duration::from_secs(20);
/// From the repair to the last word.
const REPAIRED: Duration = Duration::from_secs(10);
/// Less than what a deployment may be late and still run in its turn, however many newer ones there are.
const LATE: Duration = Duration::from_secs(20);

/// How a disk is made full, and empty again.
enum Disk {
    /// A small file system of its own that only the server sees.
    Small { inside: PathBuf },
    /// No file of the server's may grow any more.
    Limit,
}

impl Disk {
    fn fill(&self, server: &Chima) {
        match self {
            Self::Small { inside } => {
                let mut size = 1 << 20;
                for number in 0..1000 {
                    if fs::write(inside.join(format!("filler-{number}")), vec![0; size]).is_err() && size > 1 {
                        size /= 4;
                    } else if size <= 1 {
                        return;
                    }
                }
            }
            Self::Limit => limit(server, Some(1)),
        }
    }

    fn empty(&self, server: &Chima) {
        match self {
            Self::Small { inside } => {
                for entry in fs::read_dir(inside).unwrap() {
                    let path = entry.unwrap().path();
                    if path.file_name().unwrap().to_string_lossy().starts_with("filler") {
                        fs::remove_file(path).unwrap();
                    }
                }
            }
            Self::Limit => limit(server, None),
        }
    }
}

fn limit(server: &Chima, bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    let limit = Rlimit {
        current: bytes.or(maximum),
        maximum,
    };
    prlimit(Pid::from_raw(server.pid()), Resource::Fsize, limit).unwrap();
}

/// Whether this machine lets its tester mount something that nobody else sees.
fn may_mount() -> bool {
    #[expect(clippy::disallowed_methods, reason = "asks the machine")]
    let tried = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

async fn full(small: bool) {
    let installation = Installation::sqlite().await;
    let folder = installation.path("small");
    fs::create_dir(&folder).unwrap();
    let config = installation.config().replace("sqlite:data", "sqlite:small");
    installation.write("app.yaml", &config);
    let chima = env!("CARGO_BIN_EXE_chima");
    // a write beyond the limit is an error then, and not the end
    let begin = format!("trap '' XFSZ; exec {chima} --config app.yaml serve");
    let mut serve = if small {
        let begin = format!("mount -t tmpfs -o size=24m tmpfs small && {begin}");
        program("unshare".as_ref(), &installation.path(""), &["-rm", "sh", "-c", &begin])
    } else {
        program("sh".as_ref(), &installation.path(""), &["-c", &begin])
    };
    serve.env("RUST_LOG", "info,sqlx=off");
    let mut server = Chima::start(serve, installation.path("serve.err"));
    installation.ready(&mut server).await;
    let disk = if small {
        let inside = format!("/proc/{}/root{}", server.pid(), folder.display());
        Disk::Small { inside: inside.into() }
    } else {
        Disk::Limit
    };
    let before = installation.deploy("main", "qa").await;
    assert_eq!(installation.concluded(before, SOON).await, "success");
    let begun = installation.deploy("gated", "staging").await;
    installation.noted(begun, "start").await;

    disk.fill(&server);
    let (mut acknowledged, mut refused) = (Vec::new(), Vec::new());
    let length = Duration::from_secs(rounds(3, 30));
    let since = Instant::now();
    installation.open_gate(begun);
    while since.elapsed() < length || refused.is_empty() {
        let (deployment, status, guid) = installation.deliver("main", "live").await;
        match status {
            202 => acknowledged.push(deployment),
            503 => refused.push(guid),
            status => panic!("answered {status}"),
        }
        assert!(acknowledged.len() < 500, "it is never full");
        tokio::time::sleep(length / 20).await;
    }
    let ready = get(installation.port, "/readyz").await.map(|answer| answer.status);
    assert_eq!(ready, Some(503));
    assert_eq!(
        get(installation.port, "/healthz").await.map(|answer| answer.status),
        Some(200)
    );

    disk.empty(&server);
    let repaired = Instant::now();
    let mut took = Duration::ZERO;
    for deployment in [begun].iter().chain(&acknowledged) {
        assert_eq!(installation.concluded(*deployment, SOON).await, "success");
        took = repaired.elapsed();
    }
    assert!(
        took < REPAIRED + Duration::from_secs(acknowledged.len() as u64),
        "{took:?}"
    );
    installation.ready(&mut server).await;
    installation.deliver_again(&refused).await;
    let all = installation.deployments();
    // one after the other
    let limit = SOON + Duration::from_secs(2 * all.len() as u64);
    let newest = all.last().copied();
    for deployment in all {
        let end = installation.concluded(deployment, limit).await;
        // what is delivered half a minute late gives way to a newer one that is there by then
        let gave_way = length > LATE && end == "inactive" && Some(deployment) != newest;
        assert!(end == "success" || gave_way, "{deployment} ended in {end}");
    }
    server.stop(SOON).await;
    installation.close().await;
    row(
        if small {
            "the ledger's disk full (a small file system), in seconds"
        } else {
            "the ledger's disk full (files may not grow), in seconds"
        },
        length.as_secs(),
        format!(
            "{} deliveries refused with 503, {} acknowledged and kept; after the repair what had ended was told within {:.1} s",
            refused.len(),
            acknowledged.len(),
            took.as_secs_f64()
        ),
        "503, never a false 202, nothing lost, recovers by itself within 10 s",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_answered_with_503_and_forgotten_when_there_is_room() {
    full(may_mount()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_may_not_grow_are_answered_with_503_and_forgotten_when_they_may() {
    full(false).await;
}
