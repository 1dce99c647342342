//! What the machine has to offer beside programs.

use std::path::Path;

use crate::app::doctor::Finding;
use crate::config::Config;

/// Below this, a checkout may fill the disk, and then deliveries are refused.
const LITTLE: u64 = 1 << 30;
/// Below this, the ledger is about to stop.
const NOTHING: u64 = 64 << 20;

/// Whether there is room where the ledger, logs and checkouts are.
pub(super) fn disk(config: &Config) -> Option<Finding> {
    let folder = &config.data_dir;
    // not there yet: the first folder above it that is
    let place = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let place = if place.as_os_str().is_empty() {
        Path::new(".")
    } else {
        place
    };
    let found = rustix::fs::statvfs(place).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let text = format!("disk of `{}`: {} MiB free", folder.display(), free >> 20);
    let fix = "make room: old checkouts and logs are below `mirrors` and `runs` there; deliveries are refused when it is full";
    Some(match free {
        0..NOTHING => Finding::bad(text, fix),
        NOTHING..LITTLE => Finding::odd(text, fix),
        LITTLE.. => Finding::well(text),
    })
}
