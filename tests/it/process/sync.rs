//! A 2xx means synced: between the last byte of a delivery and its answer the ledger's log has reached the disk. The judge is `strace`.

use std::collections::HashMap;
use std::time::Duration;

use chima::provider::processes;
use rustix::process::Signal;

use crate::process::child::{Chima, program};
use crate::process::installation::Installation;
use crate::torture::{rounds, row};

const SOON: Duration = Duration::from_secs(20);

/// One system call: the lines at which it began and was over, and its text.
struct Call {
    begun: usize,
    done: usize,
    text: String,
}

/// Calls that strace shows in two parts are put together.
fn calls(trace: &str) -> Vec<Call> {
    let mut unfinished: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut calls = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let (process, text) = line.split_once(' ').unwrap_or_default();
        let text = text.trim_start();
        if let Some(begin) = text.strip_suffix(" <unfinished ...>") {
            unfinished.insert(process, (at, begin));
        } else if let Some((_, end)) = text.split_once(" resumed>") {
            let (begun, begin) = unfinished.remove(process).unwrap_or((at, ""));
            let text = format!("{begin}{end}");
            calls.push(Call { begun, done: at, text });
        } else {
            let (begun, done, text) = (at, at, text.to_owned());
            calls.push(Call { begun, done, text });
        }
    }
    calls
}

/// Whether the ledger was synced between the last byte of this delivery and its answer.
fn is_synced(calls: &[Call], guid: &str) -> bool {
    let of_socket = |call: &&Call| call.text.contains("<socket:[");
    let Some(first) = calls.iter().filter(of_socket).find(|call| call.text.contains(guid)) else {
        return false;
    };
    let socket = first.text.split_once('<').and_then(|(_, rest)| rest.split_once("]>"));
    let socket = socket.map_or("", |(socket, _)| socket);
    let here: Vec<&Call> = calls
        .iter()
        .filter(|call| call.begun >= first.begun && call.text.contains(socket))
        .collect();
    let Some(answer) = here.iter().find(|call| call.text.contains("\"HTTP/1.1 202")) else {
        return false;
    };
    let read = here
        .iter()
        .filter(|call| call.text.starts_with("re") && call.done < answer.begun && !call.text.contains("= -1 E"))
        .map(|call| call.done)
        .max();
    let read = read.unwrap_or(first.done);
    calls.iter().any(|call| {
        let is_sync = call.text.starts_with("fsync(") || call.text.starts_with("fdatasync(");
        let of_ledger = call.text.contains("/chima.db-wal>") && call.text.ends_with("= 0");
        is_sync && of_ledger && call.begun > read && call.done < answer.begun
    })
}

#[test]
fn the_judge_sees_what_was_synced_and_when() {
    // another connection's, in between
    let other = "8 recvfrom(16<socket:[2]>, \"{}\", 8192) = 2";
    let head = "8 recvfrom(15<socket:[1]>, \"POST / guid-1\", 8192) = 9";
    let body = "8 recvfrom(15<socket:[1]>, \"{}\", 8192) = 2";
    let answer = "8 writev(15<socket:[1]>, [{iov_base=\"HTTP/1.1 202 Accepted\"}]) = 20";
    let sync = "7 fdatasync(9</data/chima.db-wal>) = 0";
    let (begun, done) = (
        "7 fdatasync(9</data/chima.db-wal> <unfinished ...>",
        "7 <... fdatasync resumed>) = 0",
    );
    let judged = |lines: &[&str]| is_synced(&calls(&lines.join("\n")), "guid-1");
    assert!(judged(&[head, body, sync, answer]));
    assert!(judged(&[head, body, begun, done, other, answer]));
    for late in [
        [head, sync, body, answer].as_slice(),
        &[head, begun, body, done, answer],
        &[head, body, begun, answer, done],
        &[head, body, "7 fdatasync(9</data/queue.db-wal>) = 0", answer],
        &[
            head,
            body,
            "7 fdatasync(9</data/chima.db-wal>) = -1 EIO (Input/output error)",
            answer,
        ],
        &[head, body, answer],
        &[head, body, sync],
    ] {
        assert!(!judged(late), "{late:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_a_delivery_and_its_2xx_the_ledger_is_synced() {
    let count = rounds(20, 200);
    let installation = Installation::sqlite().await;
    let trace = installation.path("trace");
    let wanted = "trace=fsync,fdatasync,read,recvfrom,write,writev,sendto,sendmsg";
    let traced = [
        "-f",
        "-qq",
        "-y",
        "-s",
        "2000",
        "-e",
        wanted,
        "-o",
        trace.to_str().unwrap(),
    ];
    let serve = [env!("CARGO_BIN_EXE_chima"), "--config", "app.yaml", "serve"];
    let arguments: Vec<&str> = traced.into_iter().chain(serve).collect();
    // it is in the list of script/tools
    let command = program("strace".as_ref(), &installation.path(""), &arguments);
    let mut strace = Chima::start(command, installation.path("serve.err"));
    installation.ready(&mut strace).await;
    let mut guids = Vec::new();
    for _ in 0..count {
        // nothing is carried out there, so that little else is traced
        let (_, status, guid) = installation.deliver("main", "nowhere").await;
        assert_eq!(status, 202);
        guids.push(guid);
    }
    for deployment in installation.deployments() {
        assert_eq!(installation.concluded(deployment, SOON).await, "error");
    }
    let server = processes::all()
        .into_iter()
        .find(|process| process.parent == strace.pid())
        .expect("what it traces");
    processes::signal(server.id, Signal::TERM);
    strace.wait(SOON).await;
    let text = std::fs::read_to_string(trace).unwrap();
    let calls = calls(&text);
    for guid in &guids {
        assert!(
            is_synced(&calls, guid),
            "{guid} was answered before the ledger was synced"
        );
    }
    installation.close().await;
    row(
        "`strace`: a sync of the ledger between a delivery and its 2xx",
        count,
        format!("{} of {count}", guids.len()),
        "all of them",
    );
}
