//! SIGHUP: the configuration is read again, and takes over as a whole or not at all.
//!
//! Whatever began before ends with the old one. A file of which anything is wrong, a key that holds from the start of a process to
//! its end, and a secret that is not there change nothing: a server goes on by the file that it last agreed to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::app::serve::at_its_address;
use crate::app::settle::{Settings, settle};
use crate::app::start::{Surroundings, follow};
use crate::cli::check;
use crate::config::Config;
use crate::flow::audit;
use crate::flow::engine::Engine;
use crate::flow::repositories;
use crate::flow::set_up::SetUp;
use crate::store::error::StoreError;

/// Between tries to write into a ledger that refuses.
const LEDGER_PAUSE: Duration = Duration::from_secs(1);

/// Takes over new configurations for a running process.
#[derive(Debug, Clone)]
pub struct Reloader {
    /// As the file has it that holds now.
    config: Config,
    /// Where the process listens, if it does.
    at: Option<SocketAddr>,
    surroundings: Surroundings,
    /// What was not set up when the file was taken over.
    missing: Vec<String>,
}

/// Why everything stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Something is wrong with the file.
    #[error("{}", .0.join("\n"))]
    Problems(Vec<String>),
    /// Keys of a process' whole life are another.
    #[error("{} changed, which takes a restart", .0.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and "))]
    NeedsRestart(Vec<&'static str>),
    /// What is named cannot be used.
    #[error("{0:#}")]
    Unusable(anyhow::Error),
    /// What was set up would no longer be, or what is new would not be.
    #[error("{}; a running process sees new files, and new variables only after a restart", .0.join("\n"))]
    Missing(Vec<String>),
    /// The ledger could not be asked.
    #[error(transparent)]
    Ledger(#[from] StoreError),
}

/// What took over from what, by the digests of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// The one that held before.
    pub old_digest: String,
    /// The one that holds now.
    pub new_digest: String,
}

impl Reloader {
    /// For a process that was started by `config`, as the file had it; `missing` is what was not set up then.
    #[must_use]
    pub fn new(config: &Config, at: Option<SocketAddr>, surroundings: &Surroundings, missing: &[String]) -> Self {
        Self {
            config: config.clone(),
            at,
            surroundings: surroundings.clone(),
            missing: missing.to_vec(),
        }
    }

    /// Reads the file again and lets it take over, whole.
    ///
    /// # Errors
    ///
    /// When it cannot: then nothing has changed.
    pub async fn reload(&mut self, engine: &Engine) -> Result<Reloaded, Refused> {
        let engine = engine.current();
        let (before, offered) = (self.clone(), engine.doors.set_up.clone());
        let read = tokio::task::spawn_blocking(move || before.read(offered.as_ref()));
        let (config, settings) = read.await.map_err(|error| Refused::Unusable(error.into()))??;
        let unheard = settings.missing.iter().filter(|one| !self.missing.contains(one));
        let unheard: Vec<String> = unheard.cloned().collect();
        if !unheard.is_empty() {
            return Err(Refused::Missing(unheard));
        }
        let missing = settings.missing.clone();
        let next = engine.with(settings.parts(Arc::clone(&engine.process)));
        repositories::call_by_present_names(&next).await?;
        // the one moment of change: nothing before it can be noticed, nothing after it can fail
        next.take_over();
        let old = std::mem::replace(&mut self.config, config);
        self.missing = missing;
        Ok(Reloaded {
            old_digest: old.digest,
            new_digest: self.config.digest.clone(),
        })
    }

    /// Everything that can be wrong with a file.
    fn read(&self, offered: Option<&Arc<SetUp>>) -> Result<(Config, Settings), Refused> {
        let config = check::read(&self.config.path).map_err(|problems| Refused::Problems(problems.lines))?;
        let keys = self.config.restart_keys(&config);
        if !keys.is_empty() {
            return Err(Refused::NeedsRestart(keys));
        }
        let settings = settle(&at_its_address(&config, self.at), &self.surroundings, offered);
        Ok((config, settings.map_err(Refused::Unusable)?))
    }
}

/// Lets the ledger know which configuration holds and what is looked at from now on. Nobody waits for it: it may refuse for a while, or have much else to write, and
/// the stages work by the new configuration anyway.
pub async fn follow_up(engine: Engine) {
    // by the newest: another one may have taken over meanwhile
    while let Err(error) = written(&engine.current()).await {
        tracing::error!(error = %error, "cannot write down what holds from now on; trying again");
        tokio::select! {
            () = engine.stop.cancelled() => return,
            () = tokio::time::sleep(LEDGER_PAUSE) => {}
        }
    }
    engine.auto_deploys.notify_one();
}

async fn written(engine: &Engine) -> Result<(), StoreError> {
    audit::configured(engine).await?;
    follow(engine).await
}

/// Tells the log what came of it.
pub fn tell(came: &Result<Reloaded, Refused>) {
    match came {
        Ok(Reloaded { old_digest, new_digest }) => {
            tracing::info!(
                old_digest,
                new_digest,
                "the configuration was read again and holds from now on"
            );
        }
        Err(refused) => {
            for line in refused.to_string().lines() {
                tracing::error!("refused: {line}");
            }
            tracing::error!("the configuration was read again and refused as a whole; everything stays as it was");
        }
    }
}
