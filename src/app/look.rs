//! Looks at this machine's own ledger, and what is asked for again because of what stands there.

use std::sync::Arc;

use anyhow::Context;

use crate::app::ask::follow_run;
use crate::app::clock::SystemClock;
use crate::app::offline::{self, desk, find, follow_log, print_log, with_store};
use crate::app::paced::paced;
use crate::app::start::client;
use crate::app::{Exit, Misuse, account, complain, say, say_each, shown};
use crate::chat::command::Command as Said;
use crate::chat::grammar;
use crate::chat::target::Target;
use crate::cli::args::{AgainArgs, AttentionArgs, DeliveriesArgs, RollbackArgs, RunsArgs, StatisticsArgs, WhichArgs};
use crate::cli::{numbers, show};
use crate::config::{App, Config};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::conversation::{Place, Reply, Speaker};
use crate::domain::run::RunState;
use crate::domain::viewer::Viewer;
use crate::flow::chat::Conversation;
use crate::flow::view::board::board;
use crate::flow::view::needs::{Needs, needs};
use crate::flow::view::queue::{Which, queue};
use crate::flow::view::run::{detail, history};
use crate::flow::view::{Look, delivery, statistics};
use crate::store::Store;
use crate::store::delivery_list::DeliveryFilter;
use crate::store::history::Filter;

/// So many of the queue are shown.
const SHOWN: u32 = 200;

pub(super) fn read(words: &[String]) -> Result<Target, Misuse> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Target::parse(&words).map_err(|error| Misuse(format!("{error}; expected `APP` or `APP ENVIRONMENT`")))
}

/// The app that is meant, and the name of its environment where one is.
pub(super) fn meant<'c>(config: &'c Config, target: &Target) -> Result<(&'c App, Option<&'c str>), Misuse> {
    let app = config.app(&target.app).ok_or_else(|| {
        let known: Vec<String> = config.apps.iter().map(|app| format!("`{}`", app.name)).collect();
        Misuse(format!(
            "there is no app `{}`; configured: {}",
            target.app,
            known.join(", ")
        ))
    })?;
    let names: Vec<&str> = app.environments.iter().map(|one| one.name.as_str()).collect();
    let Some(typed) = &target.environment else {
        return Ok((app, None));
    };
    match target.choose(&names) {
        Some((name, _)) => Ok((app, Some(name))),
        None => {
            let known: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            Err(Misuse(format!(
                "`{}` has no environment `{typed}`; configured: {}",
                app.name,
                known.join(", ")
            )))
        }
    }
}

fn look_of<'a>(config: &'a Config, store: &'a Store, viewer: &'a Viewer) -> Look<'a> {
    Look {
        store,
        config,
        viewer,
        now: SystemClock::default().now(),
    }
}

/// `chima status`.
///
/// # Errors
///
/// When what is named is not there, or the ledger cannot be read.
pub(crate) fn status(config: &Config, which: &WhichArgs) -> anyhow::Result<Exit> {
    let target = (!which.target.is_empty()).then(|| read(&which.target)).transpose()?;
    let meant = target.as_ref().map(|target| meant(config, target)).transpose()?;
    with_store(config, async |store| {
        let viewer = Viewer::local();
        let look = look_of(config, &store, &viewer);
        let mut found = board(&look, meant.map(|(app, _)| app)).await?;
        if let Some((_, Some(environment))) = meant {
            for app in &mut found.apps {
                app.environments.retain(|one| one.environment == environment);
            }
        }
        shown(which.json, &found, || show::board(&found, look.now))
    })
}

/// `chima queue`.
///
/// # Errors
///
/// As [`status`].
pub(crate) fn waiting(config: &Config, which: &WhichArgs) -> anyhow::Result<Exit> {
    let target = (!which.target.is_empty()).then(|| read(&which.target)).transpose()?;
    let meant = target.as_ref().map(|target| meant(config, target)).transpose()?;
    with_store(config, async |store| {
        let viewer = Viewer::local();
        let look = look_of(config, &store, &viewer);
        let wanted = Which {
            app: meant.map(|(app, _)| app.name.as_str()),
            environment: meant.and_then(|(_, environment)| environment),
            after: None,
        };
        let found = queue(&look, wanted, SHOWN).await?;
        shown(which.json, &found, || show::queue(&found, look.now))
    })
}

/// `chima attention`. Ends with 1 when there is something.
///
/// # Errors
///
/// When the ledger cannot be read.
pub(crate) fn attention(config: &Config, args: AttentionArgs) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        let viewer = Viewer::local();
        let look = look_of(config, &store, &viewer);
        let board = board(&look, None).await?;
        tell_needs(args, &needs(&look, &board).await?, look.now)
    })
}

/// What needs a person.
pub(super) fn tell_needs(args: AttentionArgs, found: &Needs, now: Timestamp) -> anyhow::Result<Exit> {
    if args.json {
        say_each(&found.items)?;
    } else {
        say(&show::needs(found, now))?;
    }
    Ok(Exit::failed_if(!found.items.is_empty()))
}

/// `chima statistics`.
///
/// # Errors
///
/// As [`status`].
pub(crate) fn statistics(config: &Config, args: &StatisticsArgs) -> anyhow::Result<Exit> {
    let target = (!args.target.is_empty()).then(|| read(&args.target)).transpose()?;
    let meant = target.as_ref().map(|target| meant(config, target)).transpose()?;
    with_store(config, async |store| {
        let viewer = Viewer::local();
        let look = look_of(config, &store, &viewer);
        let wanted = statistics::Which {
            days: args.days,
            app: meant.map(|(app, _)| app.name.as_str()),
            environment: meant.and_then(|(_, environment)| environment),
        };
        let found = statistics::statistics(&look, wanted).await?;
        shown(args.json, &found, || numbers::statistics(&found))
    })
}

/// `chima why`.
///
/// # Errors
///
/// As [`status`].
pub(crate) fn why(config: &Config, words: &[String], json: bool) -> anyhow::Result<Exit> {
    let target = read(words)?;
    with_store(config, async |store| {
        let viewer = Viewer::local();
        let look = look_of(config, &store, &viewer);
        let run = run_of(config, &look, &target).await?;
        let listed = store.listed(run).await?.context("the run is gone from the ledger")?;
        let found = detail(&look, &listed).await?;
        shown(json, &found, || show::why(&found, look.now))
    })
}

/// `chima logs`.
///
/// # Errors
///
/// As [`status`].
pub(crate) fn logs(config: &Config, words: &[String], follow: bool) -> anyhow::Result<Exit> {
    let target = read(words)?;
    with_store(config, async |store| {
        let viewer = Viewer::local();
        let run = run_of(config, &look_of(config, &store, &viewer), &target).await?;
        let run = store.find_run(run).await?.context("the run is gone from the ledger")?;
        if follow {
            follow_log(config, &store, run).await
        } else {
            print_log(config, &run)
        }
    })
}

/// By its id, or the newest of an environment.
async fn run_of(config: &Config, look: &Look<'_>, target: &Target) -> anyhow::Result<crate::domain::ids::RunId> {
    if target.environment.is_none() && target.git_ref.is_none() && config.app(&target.app).is_none() {
        return Ok(find(look.store, &target.app).await?.id);
    }
    let (app, environment) = meant(config, target)?;
    let filter = Filter {
        app: Some(app.name.to_string()),
        environment: environment.map(str::to_owned),
        ..Filter::default()
    };
    let newest = look.store.history(&filter, None, 1).await?.pop();
    let newest = newest.ok_or_else(|| Misuse(format!("nothing was ever deployed there of `{}`", app.name)))?;
    Ok(newest.run.id)
}

/// `chima runs`. Where nothing is looked for, also what others deploy, and what is not told.
///
/// # Errors
///
/// When there is no such state, or the ledger cannot be read.
pub(crate) fn runs(config: &Config, args: RunsArgs) -> anyhow::Result<Exit> {
    let state = args
        .state
        .as_deref()
        .map(|name| {
            RunState::from_name(name).ok_or_else(|| {
                let known: Vec<&str> = RunState::ALL.iter().map(|state| state.as_str()).collect();
                Misuse(format!(
                    "there is no state `{name}`; expected one of {}",
                    known.join(", ")
                ))
            })
        })
        .transpose()?;
    let now = SystemClock::default().now();
    let filter = Filter {
        app: args.app,
        environment: args.environment,
        person: args.person,
        state,
        since: args.since.map(|since| since.moment(now)),
        until: args.until.map(|until| until.moment(now)),
        ..Filter::default()
    };
    if filter == Filter::default() {
        return offline::runs(config, args.limit, args.json);
    }
    with_store(config, async |store| {
        let viewer = Viewer::local();
        let look = look_of(config, &store, &viewer);
        let found = history(&look, &filter, args.limit).await?.items;
        if args.json {
            return say_each(&found);
        }
        say(&show::runs(&found, look.now))
    })
}

/// `chima deliveries`.
///
/// # Errors
///
/// When the ledger cannot be read.
pub(crate) fn deliveries(config: &Config, args: DeliveriesArgs) -> anyhow::Result<Exit> {
    let filter = DeliveryFilter {
        repository: args.repository,
        event: args.event,
        disposition: args.disposition,
        run: args.run,
        before: None,
    };
    with_store(config, async |store| {
        let viewer = Viewer::local();
        let look = look_of(config, &store, &viewer);
        let found = delivery::deliveries(&look, &filter, args.limit).await?.items;
        if args.json {
            return say_each(&found);
        }
        say(&show::deliveries(&found, look.now))
    })
}

/// `chima retry`: asks GitHub once more, and follows it to its end.
///
/// # Errors
///
/// When GitHub or the ledger cannot be asked.
pub(crate) fn retry(config: &Config, args: &AgainArgs) -> anyhow::Result<Exit> {
    let said = Said::Retry {
        target: read(&args.target)?,
    };
    speak(config, &said, args.no_wait, args.json)
}

/// `chima rollback`: says what it would undo, or does it.
///
/// # Errors
///
/// As [`retry`].
pub(crate) fn rollback(config: &Config, args: &RollbackArgs) -> anyhow::Result<Exit> {
    let said = Said::Rollback {
        target: read(&args.target)?,
        to: args.to.clone(),
    };
    if args.previous {
        return with_conversation(config, async |conversation, store| {
            let reply = Box::pin(conversation.answer_command(&speaker(), &said)).await?;
            let offered = reply.offers.first().and_then(|offer| grammar::parse(&offer.says).ok());
            match offered {
                Some(back @ Said::Rollback { to: Some(_), .. }) if reply.ok => {
                    let reply = Box::pin(conversation.answer_command(&speaker(), &back)).await?;
                    told(config, store, &reply, args.no_wait, args.json).await
                }
                _ => told(config, store, &reply, true, args.json).await,
            }
        });
    }
    if args.to.is_none() {
        return with_conversation(config, async |conversation, _| {
            let reply = Box::pin(conversation.answer_command(&speaker(), &said)).await?;
            if !reply.ok {
                complain(&anyhow::Error::msg(reply.text));
                return Ok(Exit::Failed);
            }
            say(&format!(
                "{}\nwith `--previous`, or `--to REF`, it is done\n",
                reply.text
            ))
        });
    }
    speak(config, &said, args.no_wait, args.json)
}

/// Whoever sits at this terminal.
pub(super) fn speaker() -> Speaker {
    Speaker {
        name: account(),
        id: Some(account()),
        place: Place::Terminal,
    }
}

fn speak(config: &Config, said: &Said, no_wait: bool, json: bool) -> anyhow::Result<Exit> {
    with_conversation(config, async |conversation, store| {
        let reply = Box::pin(conversation.answer_command(&speaker(), said)).await?;
        told(config, store, &reply, no_wait, json).await
    })
}

async fn told(config: &Config, store: &Store, reply: &Reply, no_wait: bool, json: bool) -> anyhow::Result<Exit> {
    if !reply.ok {
        complain(&anyhow::Error::msg(reply.text.clone()));
        return Ok(Exit::Failed);
    }
    if !json {
        say(&format!("{}\n", reply.text))?;
    }
    match reply.deployment.filter(|_| !no_wait) {
        Some(deployment) => follow_run(config, store, deployment, json).await,
        None => Ok(Exit::Done),
    }
}

/// What people ask on this machine, as a server would answer it.
pub(super) fn with_conversation(
    config: &Config,
    work: impl AsyncFnOnce(Conversation<'_>, &Store) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        // within: the client looks for the runtime it will live in
        let github = paced(client(config)?, config, &store, Arc::new(SystemClock::default()));
        let clock = SystemClock::default();
        let conversation = Conversation {
            desk: desk(config, &store, &clock),
            github: &github,
            slack_ask: None,
        };
        work(conversation, &store).await
    })
}
