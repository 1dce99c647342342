//! Locks of a server.

use crate::app::remote::exit_of;
use crate::app::{Exit, complain, say, say_each};
use crate::cli::client::Server;
use crate::cli::show;
use crate::flow::view::forms::{Done, IfLocked, Locks, Me, NewLock};

pub(super) fn otherwise(steal: bool, wait: bool) -> IfLocked {
    match (steal, wait) {
        (true, _) => IfLocked::Steal,
        (false, true) => IfLocked::Wait,
        (false, false) => IfLocked::Refuse,
    }
}

pub(super) async fn lock(server: &Server, lock: &NewLock) -> anyhow::Result<Exit> {
    let done: Done = server.post(&["locks"], lock).await?;
    say(&format!("{}\n", done.text))
}

pub(super) async fn unlock(
    server: &Server,
    app: Option<&str>,
    environments: &[String],
    all_mine: bool,
) -> anyhow::Result<Exit> {
    let mut places: Vec<(String, String)> = Vec::new();
    if all_mine {
        let me: Me = server.get(&["me"], &[]).await?;
        let locks: Locks = server.get(&["locks"], &[]).await?;
        let own = |owner: &str| me.login.as_ref().is_some_and(|login| login.eq_ignore_ascii_case(owner));
        let all = locks.items.into_iter().filter(|lock| own(&lock.owner));
        places.extend(all.map(|lock| (lock.app, lock.environment)));
    } else {
        let app = app.unwrap_or_default();
        places.extend(
            environments
                .iter()
                .map(|environment| (app.to_owned(), environment.clone())),
        );
    }
    let mut exit = Exit::Done;
    for (app, environment) in &places {
        let path = ["apps", app, "environments", environment, "lock"];
        match server.delete::<Done>(&path).await {
            Ok(done) => drop(say(&format!("{}\n", done.text))?),
            Err(error) if exit_of(&error) == Exit::Failed => {
                complain(&error.into());
                exit = Exit::Failed;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(exit)
}

pub(super) async fn locks(server: &Server, app: Option<&str>, json: bool) -> anyhow::Result<Exit> {
    let mut locks: Locks = server.get(&["locks"], &[]).await?;
    if let Some(app) = app {
        locks.items.retain(|lock| lock.app.eq_ignore_ascii_case(app));
    }
    if json {
        return say_each(&locks.items);
    }
    say(&show::locks(&locks.items))
}
