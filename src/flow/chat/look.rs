//! What runs where, what waits, and why: looks at the ledger, which need nobody else.

use crate::chat::target::Target;
use crate::config::App;
use crate::domain::conversation::Reply;
use crate::domain::lock::{Lock, Place as LockPlace};
use crate::domain::run::Run;
use crate::flow::announce::run_url;
use crate::flow::chat::{Conversation, Spot, Trouble};
use crate::flow::forecast::{Forecast, last_good};
use crate::provider::attempt;
use crate::provider::log;
use crate::provider::log::reader::LogReader;
use crate::report::chat::{self, LINES, Standing, entry, list, standing};
use crate::report::log_text::plain;
use crate::report::outlook::{Outlook, waiting};
use crate::store::error::StoreError;

/// So much of a log is an answer.
const TAIL_LINES: usize = 20;
const TAIL_BYTES: u64 = 16 * 1024;

impl<'a> Conversation<'a> {
    pub(super) async fn status(&self, target: Option<&Target>) -> Result<Reply, Trouble> {
        let now = self.desk.now();
        let Some(target) = target else {
            let mut lines = Vec::new();
            for app in &self.config().apps {
                lines.extend(self.standings(app, &format!("`{}` ", app.name)).await?);
            }
            return Ok(Reply::done(list(&lines, Some(&self.config().public_url))));
        };
        if target.environment.is_none() && target.git_ref.is_none() {
            let app = self.app(&target.app)?;
            let lines = self.standings(app, "").await?;
            return Ok(Reply::done(format!(
                "`{}` ({}):\n{}",
                app.name,
                app.repository,
                list(&lines, None)
            )));
        }
        let (spot, _) = self.place(target)?;
        let one = self.standing(spot).await?;
        let mut text = standing(&one, now);
        if let Some(run) = self.desk.store.runs_of(self.at(spot), 1).await?.first()
            && one.current.as_ref().is_none_or(|current| current.id != run.id)
            && run.state.is_terminal()
        {
            text = format!("{text}\nlast tried: {}", entry(run, now));
        }
        Ok(Reply::done(text))
    }

    async fn standings(&self, app: &'a App, before: &str) -> Result<Vec<String>, StoreError> {
        let mut lines = Vec::new();
        for environment in &app.environments {
            let one = self.standing(Spot { app, environment }).await?;
            lines.push(format!("{before}{}", standing(&one, self.desk.now())));
        }
        Ok(lines)
    }

    pub(super) async fn standing(&self, spot: Spot<'a>) -> Result<Standing<'a>, StoreError> {
        let at = self.at(spot);
        let mut forecast = Forecast::begin(self.desk.store, self.desk.now()).await?;
        let there: Vec<Run> = forecast.open().iter().filter(|run| is_at(run, spot)).cloned().collect();
        let mut open = Vec::with_capacity(there.len());
        for run in &there {
            open.push(forecast.outlook(run).await?);
        }
        Ok(Standing {
            environment: spot.environment.name.as_str(),
            current: self.desk.store.successes_of(at, 1).await?.pop(),
            open,
            lock: self.lock_at(spot).await?,
        })
    }

    /// The lock that holds there now.
    pub(super) async fn lock_at(&self, spot: Spot<'a>) -> Result<Option<Lock>, StoreError> {
        let place = LockPlace {
            app: spot.app.name.clone(),
            environment: spot.environment.name.clone(),
        };
        let lock = self.desk.store.lock_of(&place).await?;
        Ok(lock.filter(|lock| lock.holds_at(self.desk.now())))
    }

    pub(super) async fn queue(&self, target: Option<&Target>) -> Result<Reply, Trouble> {
        let mut forecast = Forecast::begin(self.desk.store, self.desk.now()).await?;
        let mut open = forecast.open().to_vec();
        let place = match target {
            None => "anywhere".to_owned(),
            Some(target) if target.environment.is_none() => {
                let app = self.app(&target.app)?;
                open.retain(|run| run.order.as_ref().is_some_and(|order| order.app == app.name));
                format!("for `{}`", app.name)
            }
            Some(target) => {
                let (spot, _) = self.place(target)?;
                open.retain(|run| is_at(run, spot));
                format!("for `{}` of `{}`", spot.environment.name, spot.app.name)
            }
        };
        if open.is_empty() {
            return Ok(Reply::done(format!("nothing runs or waits {place}")));
        }
        let mut lines = Vec::new();
        for (number, run) in open.iter().enumerate() {
            let app = run.order.as_ref().map(|order| format!("`{}` ", order.app));
            let outlook = match number {
                0..LINES => forecast.outlook(run).await?,
                // only counted
                _ => Outlook::of(run.clone()),
            };
            let line = waiting(&outlook, self.desk.now());
            lines.push(format!("{}{line}", app.unwrap_or_default()));
        }
        Ok(Reply::done(list(&lines, Some(&self.config().public_url))))
    }

    pub(super) async fn why(&self, target: &Target) -> Result<Reply, Trouble> {
        let run = self.run(target).await?;
        let mut forecast = Forecast::begin(self.desk.store, self.desk.now()).await?;
        let outlook = forecast.outlook(&run).await?;
        let link = run_url(self.config(), run.id);
        let mut text = chat::why(&outlook, self.desk.now());
        let good = last_good(self.desk.store, &run, self.desk.now()).await?;
        if let Some(good) = &good {
            text = format!("{text}\n{}", good.says);
        }
        let before = good.and_then(|good| good.sha);
        Ok(Reply {
            deployment: Some(run.deployment),
            ..Reply::done(format!("{text}\n{link}")).offering(self.next_steps(&run, before.as_deref()))
        })
    }

    pub(super) async fn deploys(&self, target: &Target) -> Result<Reply, Trouble> {
        let mut runs: Vec<Run> = Vec::new();
        let app = self.app(&target.app)?;
        let spots = match &target.environment {
            Some(_) => vec![self.place(target)?.0],
            None => {
                let all = app.environments.iter().map(|environment| Spot { app, environment });
                all.collect()
            }
        };
        for spot in spots {
            runs.extend(self.desk.store.runs_of(self.at(spot), 100).await?);
        }
        if let Some(git_ref) = &target.git_ref {
            runs.retain(|run| run.git_ref == *git_ref || run.sha.starts_with(git_ref.as_str()));
        }
        runs.sort_by_key(|run| std::cmp::Reverse((run.requested_at, run.deployment)));
        runs.truncate(LINES);
        if runs.is_empty() {
            return Ok(Reply::done(format!("nothing was deployed yet of `{}`", app.name)));
        }
        let lines: Vec<String> = runs.iter().map(|run| entry(run, self.desk.now())).collect();
        Ok(Reply::done(list(&lines, None)))
    }

    pub(super) async fn whither(&self, typed: &str) -> Result<Reply, Trouble> {
        let app = self.app(typed)?;
        let mut lines = Vec::new();
        for environment in &app.environments {
            let one = self.standing(Spot { app, environment }).await?;
            let limits = chat::limits(environment.allowed_rooms.as_deref(), environment.auto_deploy.is_some());
            lines.push(format!("{}{limits}", standing(&one, self.desk.now())));
        }
        Ok(Reply::done(format!(
            "`{}` can be deployed to:\n{}",
            app.name,
            list(&lines, None)
        )))
    }

    pub(super) async fn log(&self, target: &Target) -> Result<Reply, Trouble> {
        let run = self.run(target).await?;
        let link = run_url(self.config(), run.id);
        let tail = self.tail(&run);
        let text = match tail {
            Some(tail) => format!("```\n{tail}\n```\nall of it: {link}"),
            None => format!("there is no log of it: {}\n{link}", entry(&run, self.desk.now())),
        };
        Ok(Reply {
            deployment: Some(run.deployment),
            ..Reply::done(text)
        })
    }

    /// The last lines of a run's log, without what would end a block of code. Secrets were masked before they were stored.
    pub(super) fn tail(&self, run: &Run) -> Option<String> {
        tail(&self.config().data_dir, run)
    }
}

/// The last lines of a run's log; none where there is no log.
pub(crate) fn tail(data_dir: &std::path::Path, run: &Run) -> Option<String> {
    let folder = attempt::dir(data_dir, run.id, run.attempts);
    let reader = LogReader::open(log::dir(&folder));
    let size = reader.size().ok().filter(|size| *size > 0)?;
    let chunk = reader
        .read(size.saturating_sub(TAIL_BYTES), usize::try_from(TAIL_BYTES).ok()?)
        .ok()?;
    let text = plain(&chunk.bytes).replace("```", "'''");
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    Some(lines[from..].join("\n"))
}

fn is_at(run: &Run, spot: Spot<'_>) -> bool {
    run.order
        .as_ref()
        .is_some_and(|order| order.app == spot.app.name && order.environment == spot.environment.name)
}
