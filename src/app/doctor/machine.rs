//! What the machine has to offer beside programs, and who can look at it from elsewhere.

use std::path::Path;

use crate::app::doctor::Finding;
use crate::config::{Config, secret};
use crate::store::room::{self, LITTLE, NOTHING, Room};

/// Whether there is room where the ledger, logs and checkouts are: a finding for each disk.
pub(super) fn disks(config: &Config) -> Vec<Finding> {
    let ledger = config.store.parent().unwrap_or(Path::new("."));
    let found = room::of_all(&[("ledger", ledger), ("data", &config.data_dir)]);
    let alone = found.len() == 1;
    found.iter().map(|room| disk(config, room, alone)).collect()
}

/// Who can look at the pages, where Chima is not for whoever sits at this machine alone.
pub(super) fn pages(config: &Config) -> Option<Finding> {
    if config.is_for_this_machine() && config.sign_in.is_none() {
        return None;
    }
    let Some(sign_in) = &config.sign_in else {
        let text = "pages: nobody can look at them, because nobody can sign in".to_owned();
        let fix = "set up `sign_in` in the configuration; until then `chima token break-glass` lets you in for an hour";
        return Some(Finding::odd(text, fix));
    };
    if !matches!(secret::read(&sign_in.client_secret), Ok(Some(_))) {
        let text = format!(
            "pages: nobody can sign in, because {} is not there",
            sign_in.client_secret
        );
        let fix = "make a client secret on the App's page, and put it there";
        return Some(Finding::odd(text, fix));
    }
    if config.public_url.starts_with("http://") && !config.is_for_this_machine() {
        let text =
            "pages: whoever listens on the way can take over a session, because `server.public_url` is no `https://`"
                .to_owned();
        let fix = "put a proxy with TLS in front, and name its address in `server.public_url`";
        return Some(Finding::odd(text, fix));
    }
    Some(Finding::well(format!(
        "pages: people sign in with GitHub, as the App `{}`",
        sign_in.client_id
    )))
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
    let holds_checkouts = alone || room.of != "ledger";
    if holds_checkouts && room.free < config.disk.free {
        let text = format!(
            "{text}, and {} MiB are needed before a checkout begins",
            config.disk.free >> 20
        );
        let fix = "make room, or lower `disk.free_mib`; until then deployments that need a checkout end in `error`";
        return Finding::bad(text, fix);
    }
    match room.free {
        0..NOTHING => Finding::bad(text, fix),
        NOTHING..LITTLE => Finding::odd(text, fix),
        LITTLE.. => Finding::well(text),
    }
}
