//! What the machine has to offer beside programs.

use std::path::Path;

use crate::app::doctor::Finding;
use crate::config::Config;
use crate::store::room::{self, LITTLE, NOTHING, Room};

/// Whether there is room where the ledger, logs and checkouts are: a finding for each disk.
pub(super) fn disks(config: &Config) -> Vec<Finding> {
    let ledger = config.store.parent().unwrap_or(Path::new("."));
    let found = room::of_all(&[("ledger", ledger), ("data", &config.data_dir)]);
    let alone = found.len() == 1;
    found.iter().map(|room| disk(config, room, alone)).collect()
}

fn disk(config: &Config, room: &Room, alone: bool) -> Finding {
    let place = if room.of == "ledger" && !alone {
        format!("the ledger `{}`", config.store.display())
    } else {
        format!("`{}`", config.data_dir.display())
    };
    let text = format!("disk of {place}: {} MiB free", room.free >> 20);
    let fix = "make room: old checkouts and logs are below `mirrors` and `runs` in `data_dir`, and `retention` says how long they stay; \
               deliveries are refused when the disk of the ledger is full";
    match room.free {
        0..NOTHING => Finding::bad(text, fix),
        NOTHING..LITTLE => Finding::odd(text, fix),
        LITTLE.. => Finding::well(text),
    }
}
