//! What a server is asked to show.

use std::io::Write;

use serde::de::DeserializeOwned;

use crate::app::look::tell_needs;
use crate::app::remote::asking::{exit_for, until_ended};
use crate::app::remote::{environment_of, newest, now, place_of, read};
use crate::app::{Exit, say, say_each, shown};
use crate::cli::args::{AttentionArgs, DeliveriesArgs, RunsArgs, StatisticsArgs, WhichArgs};
use crate::cli::audit::Since;
use crate::cli::client::Server;
use crate::cli::follow::follow;
use crate::cli::{numbers, show};
use crate::flow::view::Page;
use crate::flow::view::board::Board;
use crate::flow::view::delivery::DeliveryView;
use crate::flow::view::needs::Needs;
use crate::flow::view::queue::Queue;
use crate::flow::view::run::{RunDetail, RunView};
use crate::flow::view::statistics::Statistics;

/// A page of the API holds no more.
const PAGE: u32 = 100;

pub(super) async fn status(server: &Server, which: &WhichArgs) -> anyhow::Result<Exit> {
    let target = (!which.target.is_empty()).then(|| read(&which.target)).transpose()?;
    let query: Vec<(&str, String)> = target.iter().map(|target| ("app", target.app.clone())).collect();
    let mut board: Board = server.get(&["overview"], &query).await?;
    if let Some(target) = target.filter(|target| target.environment.is_some()) {
        let (environment, _) = environment_of(server, &target).await?;
        for app in &mut board.apps {
            app.environments.retain(|one| one.environment == environment);
        }
    }
    shown(which.json, &board, || show::board(&board, now()))
}

pub(super) async fn queue(server: &Server, which: &WhichArgs) -> anyhow::Result<Exit> {
    let mut query = Vec::new();
    if !which.target.is_empty() {
        let target = read(&which.target)?;
        query.push(("app", target.app.clone()));
        if target.environment.is_some() {
            query.push(("environment", environment_of(server, &target).await?.0));
        }
    }
    let queue: Queue = server.get(&["queue"], &query).await?;
    shown(which.json, &queue, || show::queue(&queue, now()))
}

pub(super) async fn runs(server: &Server, args: RunsArgs) -> anyhow::Result<Exit> {
    let moment = |when: Option<Since>| when.map(|when| when.moment(now()).to_rfc3339());
    let filters = [
        ("app", args.app),
        ("environment", args.environment),
        ("person", args.person),
        ("state", args.state),
        ("since", moment(args.since)),
        ("until", moment(args.until)),
    ];
    let found: Vec<RunView> = pages(server, "runs", filters, args.limit).await?;
    if args.json {
        return say_each(&found);
    }
    say(&show::runs(&found, now()))
}

pub(super) async fn deliveries(server: &Server, args: DeliveriesArgs) -> anyhow::Result<Exit> {
    let filters = [
        ("repository", args.repository),
        ("event", args.event),
        ("disposition", args.disposition.map(|one| one.as_str().to_owned())),
        ("run", args.run.map(|run| run.to_string())),
    ];
    let found: Vec<DeliveryView> = pages(server, "deliveries", filters, args.limit).await?;
    if args.json {
        return say_each(&found);
    }
    say(&show::deliveries(&found, now()))
}

/// So many of a list, page by page.
async fn pages<T: DeserializeOwned>(
    server: &Server,
    what: &str,
    filters: impl IntoIterator<Item = (&'static str, Option<String>)>,
    limit: u32,
) -> anyhow::Result<Vec<T>> {
    let filters: Vec<(&str, String)> = filters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let mut found: Vec<T> = Vec::new();
    let mut cursor: Option<String> = None;
    let wanted = usize::try_from(limit)?;
    while found.len() < wanted {
        let missing = u32::try_from(wanted - found.len())?.min(PAGE);
        let mut query = filters.clone();
        query.push(("limit", missing.to_string()));
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page: Page<T> = server.get(&[what], &query).await?;
        found.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(found)
}

pub(super) async fn logs(server: &Server, target: &[String], on: bool) -> anyhow::Result<Exit> {
    let run = newest(server, target).await?;
    let mut out = std::io::stdout();
    if on {
        follow(server, &run, &mut out, |_, _| {}).await?;
        return Ok(exit_for(&until_ended(server, &run).await?.run));
    }
    let mut response = server.open(&["runs", &run, "log"], "text/plain", None).await?;
    while let Some(piece) = response.chunk().await.map_err(|error| server.broke_off(&error))? {
        out.write_all(&piece)?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

pub(super) async fn why(server: &Server, target: &[String], json: bool) -> anyhow::Result<Exit> {
    let run = newest(server, target).await?;
    let detail: RunDetail = server.get(&["runs", &run], &[]).await?;
    shown(json, &detail, || show::why(&detail, now()))
}

pub(super) async fn attention(server: &Server, args: AttentionArgs) -> anyhow::Result<Exit> {
    let found: Needs = server.get(&["attention"], &[]).await?;
    tell_needs(args, &found, now())
}

pub(super) async fn statistics(server: &Server, args: &StatisticsArgs) -> anyhow::Result<Exit> {
    let mut query = vec![("days", args.days.to_string())];
    if !args.target.is_empty() {
        let target = read(&args.target)?;
        let place = place_of(server, &target).await?;
        query.extend(place.map(|(environment, _)| ("environment", environment)));
        query.push(("app", target.app));
    }
    let found: Statistics = server.get(&["statistics"], &query).await?;
    shown(args.json, &found, || numbers::statistics(&found))
}
