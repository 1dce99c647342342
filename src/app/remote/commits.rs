//! What a server is asked about commits.

use crate::app::Exit;
use crate::app::commits::{is_run, tell_brought, tell_builds, tell_difference, tell_whereabouts};
use crate::app::remote::{environment_of, place_of, read};
use crate::cli::args::{BuildsArgs, ContainsArgs, DiffArgs};
use crate::cli::client::Server;
use crate::flow::view::commits::{Builds, Difference, RunCommits, Whereabouts};

pub(super) async fn diff(server: &Server, args: &DiffArgs) -> anyhow::Result<Exit> {
    let target = read(&args.target)?;
    if is_run(&target) {
        let run = target.app.to_ascii_uppercase();
        let found: RunCommits = server.get(&["runs", &run, "commits"], &[]).await?;
        return tell_brought(args, &found);
    }
    let (environment, _) = environment_of(server, &target).await?;
    let path = ["apps", &target.app, "environments", &environment, "diff"];
    let found: Difference = server.get(&path, &of_ref(target.git_ref.as_deref())).await?;
    tell_difference(args, &found)
}

pub(super) async fn builds(server: &Server, args: &BuildsArgs) -> anyhow::Result<Exit> {
    let target = read(std::slice::from_ref(&args.target))?;
    let path = ["apps", &target.app, "builds"];
    let found: Builds = server.get(&path, &of_ref(target.git_ref.as_deref())).await?;
    tell_builds(args, &found)
}

pub(super) async fn contains(server: &Server, args: &ContainsArgs) -> anyhow::Result<Exit> {
    let target = (!args.target.is_empty()).then(|| read(&args.target)).transpose()?;
    let environment = match &target {
        Some(target) => place_of(server, target).await?,
        None => None,
    };
    let found: Whereabouts = server.get(&["commits", &args.commit], &[]).await?;
    let environment = environment.as_ref().map(|(name, _)| name.as_str());
    let place = target.as_ref().map(|target| (target.app.as_str(), environment));
    tell_whereabouts(args, found, place)
}

fn of_ref(git_ref: Option<&str>) -> Vec<(&'static str, String)> {
    git_ref.map(|git_ref| ("ref", git_ref.to_owned())).into_iter().collect()
}
