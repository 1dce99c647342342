//! Tells what happens, line by line, as it happens: from the ledger, the log, and what the stand-ins were told.

use std::collections::HashMap;
use std::time::Duration;

use chima_simulator::github::sending::Delivered;

use crate::app::demo::line;
use crate::app::demo::world::{DemoWorld, REPOSITORY, TOKEN};
use crate::domain::ids::RunId;
use crate::domain::run::{Run, RunState};
use crate::domain::timeline::RunEvent;
use crate::flow::engine::Engine;
use crate::provider::log;
use crate::provider::log::reader::LogReader;
use crate::report::event::wording;

const LOOK: Duration = Duration::from_millis(20);

/// Remembers what was told.
#[derive(Debug)]
pub struct Teller {
    engine: Engine,
    world: DemoWorld,
    told: HashMap<RunId, Told>,
    messages: usize,
}

#[derive(Debug, Default)]
struct Told {
    events: usize,
    statuses: usize,
    log: u64,
    unfinished_line: Vec<u8>,
    state: Option<RunState>,
}

impl Teller {
    /// Nothing told yet.
    #[must_use]
    pub fn new(engine: Engine, world: DemoWorld) -> Self {
        Self {
            engine,
            world,
            told: HashMap::new(),
            messages: 0,
        }
    }

    /// Who is who.
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub fn introduce(&self, url: &str, queue: &str) -> anyhow::Result<()> {
        let sha = self.world.sha.get(..8).unwrap_or_default();
        line("Chima demo: everything on loopback, nothing leaves this machine\n")?;
        say("Chima", &format!("{url} (queue: {queue})"))?;
        say("GitHub", &format!("{} (a stand-in)", self.world.github.url()))?;
        say("Slack", &format!("{} (a stand-in)", self.world.slack.url()))?;
        say(
            "repository",
            &format!(
                "{REPOSITORY}, a real one in {}/hello; main is at {sha}",
                self.world.path().display()
            ),
        )?;
        line("")
    }

    /// A deployment was created.
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub fn asked(&self, deployment: u64) -> anyhow::Result<()> {
        say(
            "deployment",
            &format!("{deployment}: mona asks GitHub to deploy {REPOSITORY} main to production"),
        )
    }

    /// Its webhook was delivered.
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub fn delivered(&self, delivered: &Delivered) -> anyhow::Result<()> {
        let answer = delivered.body.trim();
        let took = delivered.duration.as_secs_f64() * 1000.0;
        say(
            "delivery",
            &format!(
                "signed webhook, answered {} in {took:.1} ms: {answer}",
                delivered.status
            ),
        )
    }

    /// Tells until the first run has ended and everybody has heard of it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read, or the run does not end in a minute.
    pub async fn until_told(&mut self) -> anyhow::Result<RunState> {
        let told = tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                self.look().await?;
                let ended = self
                    .told
                    .values()
                    .find_map(|told| told.state.filter(|state| state.is_terminal()));
                if let Some(state) = ended {
                    let backlog = self.engine.store.backlog().await?;
                    if backlog.outbox == 0 {
                        self.look().await?;
                        return anyhow::Ok(state);
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        told.await
            .map_err(|_| anyhow::anyhow!("the deployment did not end within a minute; RUST_LOG=info says more"))?
    }

    /// Tells of whatever else happens.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn go_on(&mut self) -> anyhow::Result<()> {
        loop {
            self.look().await?;
            tokio::time::sleep(LOOK * 5).await;
        }
    }

    /// How it ended, and what to try next.
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub fn conclude(&self, state: RunState, url: &str, once: bool) -> anyhow::Result<()> {
        line(&format!("\nThe deployment has {}.", state.as_str()))?;
        if once {
            return Ok(());
        }
        let api = self.world.github.api_url();
        let post = |git_ref: &str, environment: &str| {
            format!(
                "  curl -s -o /dev/null -H 'Authorization: Bearer {TOKEN}' {api}/repos/{REPOSITORY}/deployments \\\n    \
                 -d '{{\"ref\":\"{git_ref}\",\"environment\":\"{environment}\",\"auto_merge\":false,\"required_contexts\":[]}}'"
            )
        };
        line(&format!("The server goes on. Its page: {url}\n"))?;
        line(&format!(
            "Deploy again, as any client of GitHub would:\n{}\n",
            post("main", "staging")
        ))?;
        line(&format!(
            "A branch whose script fails:\n{}\n",
            post("broken", "staging")
        ))?;
        line(&format!(
            "An environment that is not configured:\n{}\n",
            post("main", "moon")
        ))?;
        line("Ctrl-C ends it.\n")
    }

    /// One look at everything.
    async fn look(&mut self) -> anyhow::Result<()> {
        let mut runs = self.engine.store.recent_runs(20).await?;
        runs.reverse();
        for run in runs {
            self.look_at(&run).await?;
        }
        let messages = self.world.slack.messages();
        for message in messages.iter().skip(self.messages) {
            say("Slack", &message.text)?;
        }
        self.messages = messages.len();
        Ok(())
    }

    async fn look_at(&mut self, run: &Run) -> anyhow::Result<()> {
        let told = self.told.entry(run.id).or_default();
        let events = self.engine.store.events(run.id).await?;
        for (_, event) in events.iter().skip(told.events) {
            let words = wording(event);
            match event {
                RunEvent::Delivered { .. } => {}
                RunEvent::Decided { state, reasons } if reasons.is_empty() => {
                    say("decision", &format!("{}: every check passed", state.as_str()))?;
                    say("run", &self.engine.run_url(run.id))?;
                }
                RunEvent::Decided { .. } => say("decision", words.trim_start_matches("decided: "))?,
                RunEvent::Finished { .. } => {}
                RunEvent::Listed { .. }
                | RunEvent::Forced { .. }
                | RunEvent::Claimed { .. }
                | RunEvent::CheckedOut { .. }
                | RunEvent::Started { .. }
                | RunEvent::Adopted { .. }
                | RunEvent::Requeued { .. }
                | RunEvent::Superseded { .. }
                | RunEvent::AwaitsPerson
                | RunEvent::PersonSaid { .. }
                | RunEvent::CancelRequested { .. }
                | RunEvent::Restored { .. }
                | RunEvent::LogIncomplete { .. }
                | RunEvent::ReportedByOther { .. } => say("run", &words)?,
            }
        }
        told.events = events.len();
        let reader = LogReader::open(log::dir(&self.engine.attempt_dir(run.id, run.attempts.max(1))));
        let chunk = reader.read(told.log, 64 * 1024)?;
        told.log = chunk.next();
        told.unfinished_line.extend(chunk.bytes);
        while let Some(end) = told.unfinished_line.iter().position(|byte| *byte == b'\n') {
            let rest = told.unfinished_line.split_off(end + 1);
            let whole = std::mem::replace(&mut told.unfinished_line, rest);
            say(
                "log",
                &format!("| {}", crate::report::log_text::plain(&whole).trim_end()),
            )?;
        }
        let statuses = self.world.github.statuses(REPOSITORY, run.deployment.0);
        for status in statuses.iter().skip(told.statuses) {
            say("GitHub", &format!("{:<11} {}", status.state, status.description))?;
        }
        told.statuses = statuses.len();
        if told.state != Some(run.state) && run.state.is_terminal() {
            let reason = run.reason.as_ref().map(crate::report::sentence::sentence);
            say(
                "run",
                &[Some(run.state.as_str().to_owned()), reason]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(": "),
            )?;
        }
        told.state = Some(run.state);
        Ok(())
    }
}

fn say(who: &str, what: &str) -> anyhow::Result<()> {
    line(&format!("  {who:<11} {what}"))
}
