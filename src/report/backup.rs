//! What is said about backups of the ledger.

use std::path::Path;

use crate::domain::clock::Timestamp;

/// One was made.
#[must_use]
pub fn made(path: &Path, bytes: u64, runs: u64, removed: usize) -> String {
    let size = if bytes < 1 << 20 {
        format!("{} KiB", bytes.div_ceil(1 << 10))
    } else {
        format!("{} MiB", bytes.div_ceil(1 << 20))
    };
    let older = match removed {
        0 => String::new(),
        1 => "; one older backup was removed".to_owned(),
        more => format!("; {more} older backups were removed"),
    };
    format!(
        "backed up to {}: {size}, {runs} runs, whole{older}\nLogs are not in it: they are files below `data_dir`.\n",
        path.display()
    )
}

/// One was put in the ledger's place.
#[must_use]
pub fn restored(made_at: Timestamp, ledger: &Path, kept: Option<&Path>) -> String {
    let before = kept.map(|kept| format!("\nWhat was there before is kept as {}.", kept.display()));
    format!(
        "{} is what it was at {} UTC.{}\n`chima serve` asks GitHub what has happened since before it begins anything.\n",
        ledger.display(),
        made_at.format("%F %T"),
        before.unwrap_or_default()
    )
}
