//! `chima backup` and `chima restore`.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::app::clock::SystemClock;
use crate::app::offline::{at_terminal, with_store};
use crate::app::{Exit, say};
use crate::config::Config;
use crate::domain::audit::{Deed, Entry};
use crate::domain::clock::{Clock, Timestamp};
use crate::provider::processes::{self, Process};
use crate::report::backup as words;
use crate::store::Store;
use crate::store::backup::examine;

/// Copies the ledger.
///
/// # Errors
///
/// When there is no ledger, or the file cannot be made.
pub fn backup(config: &Config, to: Option<PathBuf>, keep: Option<u32>) -> anyhow::Result<Exit> {
    let now = SystemClock::default().now();
    let folder = config.data_dir.join("backups");
    let to = match to {
        Some(to) => to,
        None => {
            make_folder(&folder)?;
            folder.join(file_name(now))
        }
    };
    with_store(config, async |store| {
        let copy = store.back_up(&to, now).await?;
        let removed = match keep {
            Some(keep) => remove_all_but(&folder, keep)?,
            None => 0,
        };
        say(&words::made(&copy.path, copy.bytes, copy.runs, removed))
    })
}

/// Puts a backup in the place of the ledger.
///
/// # Errors
///
/// When it is no backup or is damaged, somebody uses the ledger, or the files cannot be moved.
pub fn restore(config: &Config, file: &Path) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    if !file.is_file() {
        anyhow::bail!("there is no file `{}`", file.display());
    }
    let made_at = runtime.block_on(examine(file))?;
    let ledger = std::path::absolute(&config.store)?;
    if let Ok(there) = fs::metadata(&ledger) {
        let users: Vec<String> = processes::holders(there.dev(), there.ino())
            .iter()
            .map(Process::shown)
            .collect();
        if !users.is_empty() {
            anyhow::bail!(
                "`{}` is in use by {}; stop every Chima on this machine first",
                ledger.display(),
                users.join(", ")
            );
        }
    }
    let now = SystemClock::default().now();
    let kept = put(file, &ledger, now)?;
    runtime
        .block_on(tell(&ledger, made_at, kept.as_deref(), now))
        .context("the backup is in place, but its audit log cannot tell so")?;
    say(&words::restored(made_at, &ledger, kept.as_deref()))
}

/// The log of the backup goes on with who put it there, and with where the one ended that it replaces.
async fn tell(ledger: &Path, made_at: Timestamp, kept: Option<&Path>, now: Timestamp) -> anyhow::Result<()> {
    let store = Store::open(ledger).await?;
    let told = store
        .audit_restored(|replaced| {
            let kept = kept.map(|kept| kept.display().to_string());
            let deed = Deed::Restored {
                made_at,
                replaced,
                kept,
            };
            Entry::new(now, deed).by(at_terminal())
        })
        .await;
    store.close().await;
    Ok(told?)
}

/// What there was is moved aside, with what SQLite keeps beside it: that belongs to it and to nothing else.
fn put(file: &Path, ledger: &Path, now: Timestamp) -> anyhow::Result<Option<PathBuf>> {
    let beside = |suffix: &str| {
        let mut name = ledger.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let fresh = beside(".restoring");
    copy(file, &fresh).with_context(|| format!("cannot copy to `{}`", fresh.display()))?;
    let stamp = format!(".before-{}", now.format("%Y%m%dT%H%M%SZ"));
    let kept = beside(&stamp);
    let was_there = ledger.exists();
    for suffix in ["-wal", "-shm", ""] {
        let from = beside(suffix);
        if from.exists() {
            let mut name = kept.as_os_str().to_owned();
            name.push(suffix);
            fs::rename(&from, &name).with_context(|| format!("cannot move `{}` aside", from.display()))?;
        }
    }
    fs::rename(&fresh, ledger).with_context(|| format!("cannot put `{}` in place", ledger.display()))?;
    if let Some(folder) = ledger.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(was_there.then_some(kept))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        make_folder_plainly(folder)?;
    }
    fs::copy(from, to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o600))?;
    File::open(to)?.sync_all()
}

fn make_folder(folder: &Path) -> anyhow::Result<()> {
    make_folder_plainly(folder).with_context(|| format!("cannot make `{}`", folder.display()))
}

fn make_folder_plainly(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn file_name(now: Timestamp) -> String {
    format!("chima-{}.db", now.format("%Y%m%dT%H%M%S%3fZ"))
}

/// Their names sort by time.
fn remove_all_but(folder: &Path, keep: u32) -> anyhow::Result<usize> {
    let mut ours: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let time = name.strip_prefix("chima-").and_then(|rest| rest.strip_suffix("Z.db"));
        let is_ours =
            time.is_some_and(|time| time.len() == 18 && time.bytes().all(|b| b.is_ascii_digit() || b == b'T'));
        if is_ours {
            ours.push(path);
        }
    }
    ours.sort();
    let old = ours.len().saturating_sub(keep as usize);
    for path in &ours[..old] {
        fs::remove_file(path).with_context(|| format!("cannot remove the old backup `{}`", path.display()))?;
    }
    Ok(old)
}
