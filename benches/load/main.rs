//! Measures what `docs/reference/benchmarks.md` reports: durable accepts, the way from a delivery to the command's first
//! act, checkouts, a long queue, several workers, pages, many viewers, start and memory, masking. `script/bench` builds what is needed and
//! runs it.
//!
//! Everything happens on the loopback address and in one temporary folder. What is compared runs in turns within one run,
//! so that a noisy machine is noisy for both.
#![expect(
    unreachable_pub,
    clippy::print_stdout,
    reason = "a program of its own: its output is the table, and nothing outside sees its items"
)]

mod accepts;
mod checkout;
mod client;
mod deliveries;
mod figures;
mod first_act;
mod idle;
mod mask;
mod pages;
mod queued;
mod servers;
mod viewers;
mod workers;

use std::path::PathBuf;

use anyhow::Context;

use crate::deliveries::Template;

/// What the command line asked for.
#[derive(Debug)]
pub struct Options {
    /// The measured program; what cargo built, where nothing else is named.
    pub chima: PathBuf,
    /// The one that accepts are compared with.
    pub webhook: PathBuf,
    /// Turns of each candidate in a comparison.
    pub rounds: usize,
    /// Deliveries in one turn of accepting.
    pub requests: usize,
    /// Deployments, and as many runs of the bare script.
    pub deployments: usize,
    /// Checkouts of each kind.
    pub checkouts: usize,
    /// Starts.
    pub starts: usize,
    /// Runs that wait while more come.
    pub queued: usize,
    /// Deployments for the workers.
    pub sleepers: usize,
    /// Runs in the larger ledger that pages are made of.
    pub runs: usize,
    /// Looks at each page.
    pub looks: usize,
    /// Who look on at once.
    pub viewers: usize,
    /// Which parts; empty means all.
    pub only: Vec<String>,
}

impl Options {
    fn read(arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self {
            chima: servers::CHIMA.into(),
            webhook: "/usr/bin/webhook".into(),
            rounds: 5,
            requests: 20_000,
            deployments: 60,
            checkouts: 10,
            starts: 20,
            queued: 50_000,
            sleepers: 128,
            runs: 1_000_000,
            looks: 1_000,
            viewers: 2_000,
            only: Vec::new(),
        };
        // cargo adds `--bench`
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(name) = arguments.next() {
            let value = arguments.next().with_context(|| format!("`{name}` has no value"))?;
            let number = || value.parse().with_context(|| format!("`{name} {value}` is no number"));
            match name.as_str() {
                "--chima" => options.chima = value.into(),
                "--webhook" => options.webhook = value.into(),
                "--rounds" => options.rounds = number()?,
                "--requests" => options.requests = number()?,
                "--deployments" => options.deployments = number()?,
                "--checkouts" => options.checkouts = number()?,
                "--starts" => options.starts = number()?,
                "--queued" => options.queued = number()?,
                "--sleepers" => options.sleepers = number()?,
                "--runs" => options.runs = number()?,
                "--looks" => options.looks = number()?,
                "--viewers" => options.viewers = number()?,
                "--only" => options.only = value.split(',').map(str::to_owned).collect(),
                _ => anyhow::bail!("unknown argument `{name}`"),
            }
        }
        Ok(options)
    }

    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == part)
    }
}

fn main() -> anyhow::Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    // one thread: the generator must leave the processors to what it measures
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let template = Template::capture().await?;
        println!("body of a delivery: {} bytes", template.length());
        if options.wants("accepts") {
            accepts::measure(&options, &template).await?;
        }
        if options.wants("first-act") {
            first_act::measure(&options).await?;
        }
        if options.wants("checkout") {
            checkout::measure(&options).await?;
        }
        if options.wants("queued") {
            queued::measure(&options).await?;
        }
        if options.wants("workers") {
            workers::measure(&options).await?;
        }
        if options.wants("pages") {
            pages::measure(&options).await?;
        }
        if options.wants("viewers") {
            viewers::measure(&options).await?;
        }
        if options.wants("idle") {
            idle::measure(&options).await?;
        }
        if options.wants("mask") {
            mask::measure(&options)?;
        }
        Ok(())
    })
}
