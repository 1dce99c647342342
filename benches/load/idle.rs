//! Start to ready, memory when idle, size of the program.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::Options;
use crate::figures::{Figures, heading, row};
use crate::servers;

/// By then whatever a start does in the background is over.
const SETTLED: Duration = Duration::from_secs(10);

pub async fn measure(options: &Options) -> anyhow::Result<()> {
    let mut first = Figures::default();
    let mut again = Figures::default();
    for _ in 0..options.starts {
        let folder = TempDir::new()?;
        let config = format!(
            "github:\n  token: {{ file: {0}/webhook-secret }}\n  webhook_secrets: [{{ file: {0}/webhook-secret }}]\n",
            folder.path().display()
        );
        let server = servers::chima(&options.chima, folder.path(), &config).await?;
        first.push_time(server.ready_after);
        server.stop()?;
        let server = servers::chima(&options.chima, folder.path(), &config).await?;
        again.push_time(server.ready_after);
        server.stop()?;
    }
    let (mut resident, mut proportional, mut private) = (Figures::default(), Figures::default(), Figures::default());
    for _ in 0..3 {
        let folder = TempDir::new()?;
        let config = format!(
            "github:\n  token: {{ file: {0}/webhook-secret }}\n  webhook_secrets: [{{ file: {0}/webhook-secret }}]\n",
            folder.path().display()
        );
        let server = servers::chima(&options.chima, folder.path(), &config).await?;
        sleep(SETTLED).await;
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", server.process()))?;
        resident.push(kib(&rollup, &["Rss:"])? / 1024.0);
        proportional.push(kib(&rollup, &["Pss:"])? / 1024.0);
        private.push(kib(&rollup, &["Private_Clean:", "Private_Dirty:"])? / 1024.0);
        server.stop()?;
    }
    let size = fs::metadata(&options.chima)?.len() as f64 / 1024.0 / 1024.0;
    heading(&format!(
        "start and rest, {} starts: median (lowest to highest)",
        first.len()
    ));
    row("spawn to ready with a new ledger, ms", &first.shown(1));
    row("spawn to ready with an existing ledger, ms", &again.shown(1));
    row("resident after 10 s (RSS), MiB", &resident.shown(1));
    row("of it, shared pages divided (PSS), MiB", &proportional.shown(1));
    row("of it, private, MiB", &private.shown(1));
    row("size of the program, MiB", &format!("{size:.1}"));
    Ok(())
}

fn kib(rollup: &str, names: &[&str]) -> anyhow::Result<f64> {
    names
        .iter()
        .map(|name| {
            rollup
                .lines()
                .find_map(|line| {
                    line.strip_prefix(name)?
                        .trim()
                        .strip_suffix("kB")?
                        .trim()
                        .parse::<f64>()
                        .ok()
                })
                .with_context(|| format!("the kernel does not tell `{name}`"))
        })
        .sum()
}
