//! Durable accepts per second, next to a receiver that stores nothing.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::Options;
use crate::client::{Volley, volley};
use crate::deliveries::Template;
use crate::figures::{Figures, heading, row};
use crate::servers::{self, Server};

const CONNECTIONS: usize = 16;
const LIMIT: Duration = Duration::from_secs(8);
const WARM_UP: usize = 500;

/// One candidate's turns.
#[derive(Debug, Default)]
struct Turns {
    rates: Figures,
    p50: Figures,
    p99: Figures,
    worst: Figures,
}

impl Turns {
    fn take(&mut self, volley: &Volley) {
        let mut latencies = Figures::default();
        for latency in &volley.latencies {
            latencies.push_time(*latency);
        }
        self.rates.push(volley.rate());
        self.p50.push(latencies.median());
        self.p99.push(latencies.quantile(0.99));
        self.worst.push(latencies.quantile(1.0));
    }

    fn show(&self, name: &str) {
        row(&format!("{name}: per second"), &self.rates.shown(0));
        row(&format!("{name}: p50 ms"), &self.p50.shown(2));
        row(&format!("{name}: p99 ms"), &self.p99.shown(2));
        row(&format!("{name}: slowest ms"), &self.worst.shown(1));
    }
}

pub async fn measure(options: &Options, template: &Template) -> anyhow::Result<()> {
    let ours: Vec<Vec<u8>> = requests(options, template, "/webhooks/github");
    let theirs: Vec<Vec<u8>> = requests(options, template, "/hooks/deploy");
    let (mut chima, mut running, mut idle) = (Turns::default(), Turns::default(), Turns::default());
    let mut ratios = Figures::default();
    for _ in 0..options.rounds {
        let folder = TempDir::new()?;
        let server = servers::chima(&options.chima, &folder.path().join("chima"), &config(folder.path())).await?;
        chima.take(&turn(&server, &ours, 202).await?);
        server.stop()?;
        for (turns, matches) in [(&mut running, true), (&mut idle, false)] {
            let server = servers::webhook(&options.webhook, &folder.path().join("webhook"), matches).await?;
            turns.take(&turn(&server, &theirs, 200).await?);
        }
        let fastest = running.rates.last().max(idle.rates.last());
        ratios.push(chima.rates.last() / fastest);
    }
    heading(&format!(
        "accepting, {CONNECTIONS} kept connections, {} deliveries a turn, {} turns: median (lowest to highest)",
        options.requests, options.rounds
    ));
    chima.show("chima, every delivery on the disk");
    running.show("webhook, running /bin/true");
    idle.show("webhook, rule not met, runs nothing");
    row("chima / the faster of the two, within one turn", &ratios.shown(2));
    Ok(())
}

async fn turn(server: &Server, requests: &[Vec<u8>], expected: u16) -> anyhow::Result<Volley> {
    let (warm_up, measured) = requests.split_at(WARM_UP.min(requests.len()));
    volley(server.address, warm_up, CONNECTIONS, LIMIT, expected).await?;
    volley(server.address, measured, CONNECTIONS, LIMIT, expected).await
}

fn requests(options: &Options, template: &Template, path: &str) -> Vec<Vec<u8>> {
    (0..options.requests + WARM_UP)
        .map(|number| template.request(path, 4_000_000_000 + number as u64))
        .collect()
}

/// The deliveries' repository is not configured: they are stored, read and decided on (`ignore`), and nothing is executed.
fn config(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "github:\n  webhook_secrets: [{{ file: {folder}/chima/webhook-secret }}]\n\
         apps:\n  other:\n    repository: octo/other\n    remote: {folder}\n    provider: shell\n    \
         with: {{ command: ['true'] }}\n    environments: {{ production: {{}} }}\n"
    )
}
