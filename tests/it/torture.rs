//! How often the tests that break Chima break it, and the table of what came of it.
//!
//! By default a few rounds of each, so that `script/test` stays quick. `script/torture` sets `CHIMA_TORTURE`, how many of all rounds
//! in percent, and `CHIMA_TORTURE_TABLE`, a file that takes one line for each test.

use std::fmt::Display;
use std::io::Write as _;
use std::time::Duration;

#[expect(
    clippy::disallowed_methods,
    reason = "how long it takes is set by whoever runs the tests"
)]
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// How much of it was asked for, in percent.
fn percent() -> u64 {
    setting("CHIMA_TORTURE").map_or(0, |text| text.parse().unwrap())
}

/// Whether all of it was asked for.
pub fn is_long() -> bool {
    percent() >= 100
}

/// `long` on demand, `short` otherwise.
pub fn rounds(short: u64, long: u64) -> u64 {
    (long * percent() / 100).max(short)
}

/// A bound on time: as it is where the torture has the machine to itself, several times that beside everybody else's tests, where it
/// only tells late from never.
pub fn within(limit: Duration) -> Duration {
    if percent() > 0 { limit } else { limit * 8 }
}

/// One line of the table: what was done, how often, what came of it, what was asked for. Called where the test has passed.
#[expect(clippy::print_stderr, reason = "for whoever reads the test's output")]
pub fn row(test: &str, rounds: u64, result: impl Display, target: &str) {
    let line = format!("{test}\t{rounds}\t{result}\t{target}\n");
    if let Some(table) = setting("CHIMA_TORTURE_TABLE") {
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(table)
            .unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
    eprint!("{line}");
}
