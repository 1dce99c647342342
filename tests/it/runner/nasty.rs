//! Trees that do not want to end, each stopped by a request and by a time limit, with the graces of a real run: nothing of
//! them survives, the lane is free, and it takes less than ten seconds.

use std::fmt::Write as _;

use futures_util::StreamExt;
use futures_util::stream;

use super::*;

/// What a run promises.
const PROMISED: Duration = Duration::from_secs(10);
/// Trees at once: most of them wait out the five seconds that a polite request gives.
const AT_ONCE: usize = 6;

/// Keeps every process of a tree from hearing a polite request.
const DEAF: &str = "trap '' TERM HUP INT; ";

/// Two minutes of a shell's life. Nothing here lasts longer by itself: a test that was killed must not leave a machine busy for
/// ever with trees that are made to escape.
const LOOP: &str = "l=0; while [ $l -lt 1200 ]; do sleep 0.1; l=$((l+1)); done";

/// What they are called, and the script, in which `LOOP` stands for the above. Each writes `ready` once it is at its worst.
const TREES: [(&str, &str); 9] = [
    ("ignores SIGTERM", "echo 1 > ready; LOOP"),
    (
        "double fork into a new session",
        "(setsid sh -c '(LOOP) & echo 1 > ready' &); LOOP",
    ),
    (
        "fifty sessions",
        "n=0; while [ $n -lt 50 ]; do setsid sleep 120 & n=$((n+1)); done; echo 1 > ready; wait",
    ),
    (
        "stops itself whenever it is woken",
        "sh -c 'l=0; while [ $l -lt 9999 ]; do kill -STOP $$; l=$((l+1)); done' & echo 1 > ready; wait",
    ),
    (
        "answers SIGTERM with more of itself",
        "more() { (setsid sh -c 'trap \"\" TERM; LOOP' &); }; trap 'more; more; more' TERM; echo 1 > ready; LOOP",
    ),
    (
        "fork bomb",
        "n=0; while [ $n -lt 20 ]; do (l=0; while [ $l -lt 9999 ]; do (sleep 0.01 & sleep 0.01) & sleep 0.005; l=$((l+1)); done) & \
         n=$((n+1)); done; echo 1 > ready; wait",
    ),
    (
        "closes everything it inherited",
        "python3 -c 'import os, time\nos.closerange(3, 256)\nopen(\"ready\", \"w\").write(\"1\\n\")\nos.closerange(0, 256)\n\
         os.fork() or os.setsid()\ntime.sleep(120)'; wait",
    ),
    (
        "lives on in its children",
        "python3 -c 'import os, time\nopen(\"ready\", \"w\").write(\"1\\n\")\nend = time.time() + 60\nwhile time.time() < end:\n \
         if os.fork(): os._exit(0)' & wait; LOOP",
    ),
    (
        "four that do so, each child in a new session",
        "n=0; while [ $n -lt 4 ]; do python3 -c 'import os, time\nend = time.time() + 60\nwhile time.time() < end:\n \
         if os.fork(): os._exit(0)\n os.setsid()' & n=$((n+1)); done; sleep 0.5; echo 1 > ready; LOOP",
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Cancel,
    Limit,
}

/// How long it took, and what is wrong with how it ended.
async fn stopped(script: &str, stop: Stop) -> (Duration, Vec<String>) {
    let mut rig = Rig::script(&format!("{DEAF}{}", script.replace("LOOP", LOOP)));
    rig.spec.graces = Graces::default();
    let folder = rig.path("").display().to_string();
    rig.spec.steps[0].environment.set("RIG", &folder);
    let limit = Duration::from_secs(3);
    if stop == Stop::Limit {
        rig.spec.timeout = limit;
    }
    let running = rig.start().await;
    let started = Instant::now();
    rig.written("ready").await;
    let begun = if stop == Stop::Cancel {
        chima::provider::attempt::request_cancel(rig.attempt(), "@mona").unwrap();
        Instant::now()
    } else {
        started + limit
    };
    let exit = exit(running).await;
    let took = begun.elapsed();
    let mut wrong = Vec::new();
    let outcome = match stop {
        Stop::Cancel => StepOutcome::Cancelled { by: "@mona".to_owned() },
        Stop::Limit => StepOutcome::TimedOut { limit_ms: 3000 },
    };
    if outcomes(&exit) != [&outcome] || !exit.survivors.is_empty() {
        wrong.push(format!("{exit:?}"));
    }
    wrong.extend(alive_in(&folder));
    if !chima::provider::lock::is_free(&rig.spec.lock_file).unwrap() {
        wrong.push("the lane is not free".to_owned());
    }
    (took, wrong)
}

/// Processes that carry the rig's folder in their variables.
fn alive_in(folder: &str) -> Vec<String> {
    let all = chima::provider::processes::all().into_iter();
    all.filter(|process| {
        let variables = fs::read(format!("/proc/{}/environ", process.id.pid)).unwrap_or_default();
        !process.is_zombie && String::from_utf8_lossy(&variables).contains(folder)
    })
    .map(|process| process.shown())
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_tree_outlives_a_request_or_a_limit_by_ten_seconds() {
    let cells = TREES
        .into_iter()
        .flat_map(|(name, script)| [Stop::Cancel, Stop::Limit].map(|stop| (name, script, stop)));
    let ended: Vec<_> = stream::iter(cells)
        .map(|(name, script, stop)| async move { (name, stop, stopped(script, stop).await) })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut table = String::from("seconds from the request, or from the limit, to the end\n");
    let mut wrong = Vec::new();
    for (name, stop, (took, found)) in ended {
        let word = if stop == Stop::Cancel { "cancel" } else { "limit " };
        writeln!(table, "{:<50} {word} {:>5.1}", name, took.as_secs_f64()).unwrap();
        if took >= PROMISED || !found.is_empty() {
            wrong.push(format!("{name}, {stop:?}: {took:?}, {found:?}"));
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
