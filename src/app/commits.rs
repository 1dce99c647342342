//! `chima diff`, `builds`, `contains` and `deploy --preview`: what people ask about commits. GitHub is asked from this machine, or by
//! a server.

use crate::app::clock::SystemClock;
use crate::app::look::{meant, read, speaker, with_conversation};
use crate::app::offline::find;
use crate::app::{Exit, Misuse, say, say_each, shown};
use crate::chat::command::Deploy;
use crate::chat::target::Target;
use crate::cli::args::{BuildsArgs, ContainsArgs, DeployArgs, DiffArgs};
use crate::cli::{commits as words, preview as looking_ahead};
use crate::config::Config;
use crate::domain::clock::Clock;
use crate::domain::conversation::Reply;
use crate::domain::names::RefName;
use crate::domain::viewer::Viewer;
use crate::flow::chat::lookups;
use crate::flow::chat::preview::{self, Preview};
use crate::flow::contained;
use crate::flow::obstacle::Obstacle;
use crate::flow::view::commits::{Builds, Difference, RunCommits, Whereabouts};

/// `chima diff`.
///
/// # Errors
///
/// When what is named is not there, or the ledger or GitHub cannot be asked.
pub(crate) fn diff(config: &Config, args: &DiffArgs) -> anyhow::Result<Exit> {
    let target = read(&args.target)?;
    if is_run(&target) && config.app(&target.app).is_none() {
        return with_conversation(config, async |conversation, store| {
            let run = find(store, &target.app).await?;
            // boxed: the client's futures are large
            let found = Box::pin(contained::look(&conversation, &run)).await?;
            tell_brought(args, &found)
        });
    }
    let (app, environment) = meant(config, &target)?;
    let Some(environment) = app
        .environments
        .iter()
        .find(|own| Some(own.name.as_str()) == environment)
    else {
        let known: Vec<String> = app.environments.iter().map(|own| format!("`{}`", own.name)).collect();
        return Err(Misuse(format!(
            "no environment is named; `{}` has {}",
            app.name,
            known.join(", ")
        ))
        .into());
    };
    with_conversation(config, async |conversation, _| {
        let asked = lookups::difference(&conversation, (app, environment), target.git_ref.as_deref());
        tell_difference(args, &answered(Box::pin(asked).await)?)
    })
}

/// `chima builds`.
///
/// # Errors
///
/// As [`diff`].
pub(crate) fn builds(config: &Config, args: &BuildsArgs) -> anyhow::Result<Exit> {
    let target = read(std::slice::from_ref(&args.target))?;
    let (app, _) = meant(config, &target)?;
    with_conversation(config, async |conversation, _| {
        let asked = lookups::builds(&conversation, app, target.git_ref.as_deref());
        tell_builds(args, &answered(Box::pin(asked).await)?)
    })
}

/// `chima contains`.
///
/// # Errors
///
/// As [`diff`].
pub(crate) fn contains(config: &Config, args: &ContainsArgs) -> anyhow::Result<Exit> {
    if let Err(error) = args.commit.parse::<RefName>() {
        return Err(Misuse(error.to_string()).into());
    }
    let target = (!args.target.is_empty()).then(|| read(&args.target)).transpose()?;
    let meant = target.as_ref().map(|target| meant(config, target)).transpose()?;
    with_conversation(config, async |conversation, _| {
        let viewer = Viewer::local();
        let asked = lookups::whereabouts(&conversation, &viewer, &args.commit);
        let found = answered(Box::pin(asked).await)?;
        let place = meant.map(|(app, environment)| (app.name.as_str(), environment));
        tell_whereabouts(args, found, place)
    })
}

/// `chima deploy --preview`, and of a plan.
///
/// # Errors
///
/// As [`diff`].
pub(crate) fn preview(config: &Config, args: &DeployArgs, plan: bool) -> anyhow::Result<Exit> {
    let mut target = read(&args.target)?;
    if let Some(environment) = target.environment.as_mut().filter(|_| !args.hosts.is_empty()) {
        let apart = if environment.contains('/') { ',' } else { '/' };
        environment.push(apart);
        environment.push_str(&args.hosts.join(","));
    }
    let wanted = Deploy {
        task: args.task.clone(),
        force: args.force,
        target,
        code: None,
        seen: None,
        called: None,
    };
    with_conversation(config, async |conversation, _| {
        let mut speaker = speaker();
        speaker.name = args.by.clone().unwrap_or(speaker.name);
        let asked = preview::preview(&conversation, &speaker, &wanted, plan);
        tell_preview(args, &answered(Box::pin(asked).await)?)
    })
}

/// Whether what was typed can be a run: an id is long, and begins with a digit.
pub(crate) fn is_run(target: &Target) -> bool {
    let word = target.app.as_bytes();
    target.environment.is_none()
        && target.git_ref.is_none()
        && matches!(word.len(), 6..=26)
        && word.first().is_some_and(u8::is_ascii_digit)
        && word.iter().all(u8::is_ascii_alphanumeric)
}

/// A refusal ends as one of a server does.
fn answered<T>(found: Result<Result<T, Reply>, Obstacle>) -> anyhow::Result<T> {
    found?.map_err(|reply| match reply.reason {
        Some("github_unavailable") => anyhow::Error::msg(reply.text),
        Some(_) | None => Misuse(reply.text).into(),
    })
}

/// What a deployment would bring.
pub(crate) fn tell_difference(args: &DiffArgs, found: &Difference) -> anyhow::Result<Exit> {
    shown(args.json, found, || words::difference(found))?;
    Ok(Exit::failed_if(args.exit_code && words::differs(found.brings.as_ref())))
}

/// What a run brought.
pub(crate) fn tell_brought(args: &DiffArgs, found: &RunCommits) -> anyhow::Result<Exit> {
    shown(args.json, found, || words::brought(found))?;
    Ok(Exit::failed_if(args.exit_code && words::differs(found.brings.as_ref())))
}

/// What a deployment would come to.
pub(crate) fn tell_preview(args: &DeployArgs, found: &Preview) -> anyhow::Result<Exit> {
    let now = SystemClock::default().now();
    shown(args.json, found, || looking_ahead::preview(found, now))?;
    Ok(Exit::failed_if(!looking_ahead::runs(found)))
}

/// How a ref stands.
pub(crate) fn tell_builds(args: &BuildsArgs, found: &Builds) -> anyhow::Result<Exit> {
    shown(args.json, found, || words::builds(found))?;
    Ok(Exit::failed_if(!words::is_green(found)))
}

/// Where a commit is; of one app, and of one of its environments, where they are named.
pub(crate) fn tell_whereabouts(
    args: &ContainsArgs,
    found: Whereabouts,
    place: Option<(&str, Option<&str>)>,
) -> anyhow::Result<Exit> {
    let mut items = found.items;
    if let Some((app, environment)) = place {
        items.retain(|one| {
            one.app.eq_ignore_ascii_case(app) && environment.is_none_or(|environment| one.environment == environment)
        });
        if items.is_empty() {
            let text = format!("the repository of `{app}` does not know `{}`", args.commit);
            return Err(Misuse(text).into());
        }
    }
    if args.json {
        say_each(&items)?;
    } else {
        say(&words::contains(&items))?;
    }
    Ok(Exit::failed_if(place.is_some() && !items.iter().all(words::has_it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_told_from_apps() {
        for (typed, expected) in [
            (&["01JD0000000000000000000000"][..], true),
            (&["01jd00"], true),
            (&["trelhub"], false),
            (&["1on1"], false),
            (&["01jd00", "staging"], false),
            (&["01jd00/main"], false),
            (&["01jd0-"], false),
        ] {
            assert_eq!(is_run(&Target::parse(typed).unwrap()), expected, "{typed:?}");
        }
    }
}
