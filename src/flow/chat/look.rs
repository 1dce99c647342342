//! What runs where, what waits, and why: looks at the ledger, which need nobody else.

use crate::chat::target::Target;
use crate::config::App;
use crate::domain::clock::Timestamp;
use crate::domain::conversation::Reply;
use crate::domain::foreign::ForeignDeployment;
use crate::domain::ids::DeploymentId;
use crate::domain::lock::{Lock, Place as LockPlace};
use crate::domain::run::Run;
use crate::domain::watch::AskedDeployment;
use crate::flow::announce::run_url;
use crate::flow::chat::{Conversation, Spot, Trouble};
use crate::flow::forecast::{Forecast, last_good};
use crate::provider::attempt;
use crate::provider::log;
use crate::provider::log::reader::LogReader;
use crate::report::chat::{self, LINES, Standing, entry, list, standing};
use crate::report::foreign;
use crate::report::log_text::plain;
use crate::report::outlook::{Outlook, waiting};
use crate::report::watch::on_its_way;
use crate::store::error::StoreError;

/// So far back a ref is looked for in the history.
const REMEMBERED: u32 = 100;
/// So many runs of an environment that have not ended are looked at for an answer; the others are counted.
const SHOWN: u32 = 50;
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
        let (there, _) = self.open_at(spot).await?;
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

    /// What has not ended there: as much of it as is shown, and how much there is.
    async fn open_at(&self, spot: Spot<'a>) -> Result<(Vec<Run>, u64), StoreError> {
        let (mut open, count) = self.desk.store.open_runs_of(self.at(spot), SHOWN).await?;
        let found = open.len() as u64;
        open.retain(|run| is_at(run, spot));
        // another app may deploy the same repository to an environment of this name
        let others = found - open.len() as u64;
        Ok((open, count - others))
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
        let every = |app: &'a App| {
            app.environments
                .iter()
                .map(move |environment| Spot { app, environment })
        };
        let (place, spots) = match target {
            None => {
                let spots = self.config().apps.iter().flat_map(every).collect();
                ("anywhere".to_owned(), spots)
            }
            Some(target) if target.environment.is_none() => {
                let app = self.app(&target.app)?;
                (format!("for `{}`", app.name), every(app).collect())
            }
            Some(target) => {
                let (spot, _) = self.place(target)?;
                let place = format!("for `{}` of `{}`", spot.environment.name, spot.app.name);
                (place, vec![spot])
            }
        };
        let (mut open, mut count) = (Vec::new(), 0);
        for spot in spots {
            let (there, all) = self.open_at(spot).await?;
            open.extend(there);
            count += all;
        }
        open.sort_by_key(|run| (run.requested_at, run.deployment));
        let mut asked = self.desk.store.asked_deployments().await?;
        asked.retain(|one| match target {
            None => true,
            Some(target) if target.environment.is_none() => one.app.eq_ignore_ascii_case(&target.app),
            Some(target) => self.place(target).is_ok_and(|(spot, _)| is_asked_at(one, spot)),
        });
        if open.is_empty() && asked.is_empty() {
            return Ok(Reply::done(format!("nothing runs or waits {place}")));
        }
        let mut lines: Vec<String> = asked.iter().map(|one| on_its_way(one, self.desk.now())).collect();
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
        // only counted, too
        let further = usize::try_from(count).unwrap_or(usize::MAX).saturating_sub(open.len());
        lines.extend(std::iter::repeat_n(String::new(), further));
        Ok(Reply::done(list(&lines, Some(&self.config().public_url))))
    }

    pub(super) async fn why(&self, target: &Target) -> Result<Reply, Trouble> {
        let asked = self.desk.store.asked_deployments().await?;
        let run = match self.run(target).await {
            Ok(run) => run,
            Err(trouble) => {
                let spot = self.place(target).map(|(spot, _)| spot);
                let newest = asked
                    .iter()
                    .rev()
                    .find(|one| spot.as_ref().is_ok_and(|spot| is_asked_at(one, *spot)));
                return newest.map(|one| answered_by(one, self.desk.now())).ok_or(trouble);
            }
        };
        let mut forecast = Forecast::begin(self.desk.store, self.desk.now()).await?;
        let outlook = forecast.outlook(&run).await?;
        let link = run_url(self.config(), run.id);
        let mut text = chat::why(&outlook, self.desk.now());
        let newer = asked.iter().filter(|one| is_after(one, &run));
        for one in newer {
            text = format!("{}\n{text}", on_its_way(one, self.desk.now()));
        }
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

    /// What was deployed, by whatever tool.
    pub(super) async fn deploys(&self, target: &Target) -> Result<Reply, Trouble> {
        let app = self.app(&target.app)?;
        let spots = match &target.environment {
            Some(_) => vec![self.place(target)?.0],
            None => {
                let all = app.environments.iter().map(|environment| Spot { app, environment });
                all.collect()
            }
        };
        let now = self.desk.now();
        let meant = |git_ref: &str, sha: &str| {
            let wanted = target.git_ref.as_deref();
            wanted.is_none_or(|wanted| git_ref == wanted || sha.starts_with(wanted))
        };
        let mut entries: Vec<((Timestamp, DeploymentId), String)> = Vec::new();
        for spot in &spots {
            let runs = self.desk.store.runs_of(self.at(*spot), REMEMBERED).await?;
            let runs = runs.iter().filter(|run| meant(&run.git_ref, &run.sha));
            entries.extend(runs.map(|run| ((run.requested_at, run.deployment), entry(run, now))));
        }
        for one in self.of_others(target, &spots).await? {
            if meant(&one.git_ref, &one.sha) {
                entries.push(((one.created_at, one.id), foreign::entry(&one, now)));
            }
        }
        entries.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        entries.truncate(LINES);
        if entries.is_empty() {
            let text = chat::no_deployments(app.name.as_str(), target.git_ref.as_deref());
            return Ok(Reply::done(text));
        }
        let lines: Vec<String> = entries.into_iter().map(|(_, line)| line).collect();
        Ok(Reply::done(list(&lines, None)))
    }

    /// Deployments of other tools: of these environments, or of all that the repository has where it is one app's alone.
    async fn of_others(&self, target: &Target, spots: &[Spot<'a>]) -> Result<Vec<ForeignDeployment>, Trouble> {
        let mut all = Vec::new();
        let alone = spots.first().filter(|spot| {
            let sharing = self.config().apps_of(spot.app.repository.as_str());
            target.environment.is_none() && sharing.into_iter().count() == 1
        });
        let places: Vec<(&str, Option<&str>)> = match alone {
            Some(spot) => vec![(spot.app.repository.as_str(), None)],
            None => {
                let each = spots.iter();
                each.map(|spot| (spot.app.repository.as_str(), Some(spot.environment.name.as_str())))
                    .collect()
            }
        };
        for (repository, environment) in places {
            let of = (self.config().github.host.as_str(), repository);
            all.extend(self.desk.store.foreign_of(of, environment, REMEMBERED).await?);
        }
        Ok(all)
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

/// There is no run yet, and this is why.
fn answered_by(one: &AskedDeployment, now: Timestamp) -> Reply {
    Reply {
        deployment: Some(one.id),
        ..Reply::done(on_its_way(one, now))
    }
}

fn is_asked_at(one: &AskedDeployment, spot: Spot<'_>) -> bool {
    one.app == spot.app.name.as_str() && one.environment == spot.environment.name.as_str()
}

/// Whether it was asked for after a run, for the same environment.
fn is_after(one: &AskedDeployment, run: &Run) -> bool {
    let there = (one.repository_id, one.environment.as_str()) == (run.repository_id, run.environment.as_str());
    there && one.id > run.deployment
}

fn is_at(run: &Run, spot: Spot<'_>) -> bool {
    run.order
        .as_ref()
        .is_some_and(|order| order.app == spot.app.name && order.environment == spot.environment.name)
}
