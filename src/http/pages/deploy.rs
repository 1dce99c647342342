//! `/deploy`: what is to be deployed where; what would happen then; and the one button that makes it happen.
//!
//! The button sends which commit was shown. That commit is asked for, and no other: where the ref has moved meanwhile, what would happen
//! now is shown instead.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::chat::command::{Command, Deploy};
use crate::config::{App, Environment};
use crate::domain::conversation::Reply;
use crate::domain::names::{Sha, is_its_sha};
use crate::domain::viewer::{Scope, Viewer};
use crate::flow::chat::Conversation;
use crate::flow::chat::preview::{Preview, preview};
use crate::flow::view::Look;
use crate::flow::view::forms::NewDeployment;
use crate::http::api::deployments::understood;
use crate::http::api::once::{Work, chat_failed, in_page};
use crate::http::pages::act::Act;
use crate::http::pages::commits::{CommitRow, difference, rows, short};
use crate::http::pages::filters;
use crate::http::pages::looker::{Frame, Looker, Section};
use crate::http::pages::query::{Query, address};
use crate::http::pages::words::Words;
use crate::http::pages::{harmless, may_only_look, missing, moment, page, refused};
use crate::http::problem::Problem;
use crate::http::state::Surface;
use crate::report::duration::span_of_seconds;
use crate::report::estimate::in_line;

/// The ref is not what was shown any more.
const MOVED: &str = "ref_moved";

#[derive(Template)]
#[template(path = "deploy.html")]
struct DeployPage {
    frame: Frame,
    may: bool,
    apps: Vec<AppChoice>,
    git_ref: String,
    task: String,
    /// Nothing has been chosen yet.
    chosen: bool,
    /// What has changed since they looked.
    moved: String,
    /// Why it cannot even be meant.
    refusal: Words,
    ahead: Option<Ahead>,
}

struct AppChoice {
    name: String,
    places: Vec<PlaceChoice>,
}

struct PlaceChoice {
    value: String,
    name: String,
    production: bool,
    chosen: bool,
}

/// What would happen.
struct Ahead {
    app: String,
    environment: String,
    /// Where it says more than the commit.
    git_ref: String,
    sha: String,
    /// The whole of it, for the button.
    commit: String,
    task: String,
    force: bool,
    verdict: String,
    reasons: Vec<String>,
    checks: Vec<crate::flow::view::run::CheckView>,
    replaces: String,
    brings: String,
    commits: Vec<CommitRow>,
    estimate: String,
    line: String,
    may_run: bool,
    /// Where an admin sees what would happen with force.
    forced: String,
    ask: String,
}

/// What the one button sends.
#[derive(Debug, Deserialize)]
pub struct Ordered {
    app: String,
    environment: String,
    #[serde(default, rename = "ref")]
    git_ref: String,
    /// What that was when they looked.
    #[serde(default)]
    sha: String,
    #[serde(default)]
    task: String,
    #[serde(default)]
    force: String,
    /// To have only shown what the tool would do.
    #[serde(default)]
    plan: String,
    /// What this request is called: however often it is sent, it is done once.
    #[serde(default)]
    ask: String,
}

/// The page.
pub async fn deploy(State(surface): State<Surface>, Looker { viewer, frame }: Looker, query: Query) -> Response {
    let look = Look::of(&surface.engine, &viewer);
    // one choice names both
    let both = query.get("place").and_then(|place| place.split_once('/'));
    let named = both.or_else(|| Some((query.get("app")?, query.get("environment")?)));
    let place = named.and_then(|(app, environment)| look.environment(app, environment));
    if named.is_some() && place.is_none() {
        return missing(frame);
    }
    let wanted = place.map(|(app, environment)| NewDeployment {
        app: app.name.to_string(),
        environment: environment.name.to_string(),
        git_ref: query.get("ref").map(str::to_owned),
        task: query.get("task").map(str::to_owned),
        hosts: Vec::new(),
        force: query.get("force").is_some(),
        plan: false,
    });
    shown(&surface, (&viewer, frame), place.zip(wanted.as_ref()), None).await
}

/// The page, with what would happen where something is wanted that they may want. `seen`: what they had seen before, and is not so any
/// more.
async fn shown(
    surface: &Surface,
    (viewer, frame): (&Viewer, Frame),
    wanted: Option<((&App, &Environment), &NewDeployment)>,
    seen: Option<&str>,
) -> Response {
    let look = Look::of(&surface.engine, viewer);
    let frame = frame.at(Section::Deploy);
    let said = |text: Option<&String>| text.map(|text| harmless(text)).unwrap_or_default();
    let mut shown = DeployPage {
        may: frame.may_deploy(),
        apps: choices(&look, wanted.map(|(place, _)| place)),
        git_ref: said(wanted.and_then(|(_, wanted)| wanted.git_ref.as_ref())),
        task: said(wanted.and_then(|(_, wanted)| wanted.task.as_ref())),
        chosen: wanted.is_some(),
        moved: String::new(),
        refusal: Words::default(),
        ahead: None,
        frame,
    };
    if let (Some(((app, _), wanted)), true) = (wanted, shown.may) {
        match Box::pin(look_ahead(surface, viewer, app, wanted)).await {
            Ok(Ok(ahead)) => shown.ahead = Some(ahead),
            Ok(Err(reply)) => shown.refusal = Words::of(&reply.text),
            Err(problem) if problem.status().is_client_error() => shown.refusal = Words::of(problem.detail()),
            Err(problem) => return refused(shown.frame, &problem),
        }
    }
    let Some(seen) = seen else {
        return page(&shown);
    };
    shown.moved = shown
        .ahead
        .as_ref()
        .map(|ahead| ahead.moved_from(seen))
        .unwrap_or_default();
    (StatusCode::CONFLICT, page(&shown)).into_response()
}

/// Every environment that may be deployed to, by app.
fn choices(look: &Look<'_>, chosen: Option<(&App, &Environment)>) -> Vec<AppChoice> {
    let place = |app: &App, environment: &Environment| PlaceChoice {
        value: format!("{}/{}", app.name, environment.name),
        name: format!("{} {}", app.name, environment.name),
        production: environment.production,
        chosen: chosen.is_some_and(|(a, e)| a.name == app.name && e.name == environment.name),
    };
    let apps = look
        .apps()
        .filter(|app| look.viewer.may_in(Scope::Deploy, app.name.as_str()));
    apps.map(|app| AppChoice {
        name: app.name.to_string(),
        places: app
            .environments
            .iter()
            .map(|environment| place(app, environment))
            .collect(),
    })
    .collect()
}

async fn look_ahead(
    surface: &Surface,
    viewer: &Viewer,
    app: &App,
    wanted: &NewDeployment,
) -> Result<Result<Ahead, Reply>, Problem> {
    let engine = &surface.engine;
    if !viewer.may_in(Scope::Deploy, app.name.as_str()) {
        return Err(may_only_look());
    }
    let command = understood(&Look::of(engine, viewer), wanted)?;
    let speaker = viewer.speaker(None).ok_or_else(may_only_look)?;
    let found = Box::pin(preview(&Conversation::of(engine), &speaker, &command, false))
        .await
        .map_err(chat_failed)?;
    Ok(found.map(|found| {
        let admin = viewer.may_in(Scope::Admin, app.name.as_str());
        let may_run = found.verdict != "reject";
        let parts = [
            ("app", found.app.as_str()),
            ("environment", found.environment.as_str()),
            ("ref", wanted.git_ref.as_deref().unwrap_or_default()),
            ("task", wanted.task.as_deref().unwrap_or_default()),
            ("force", "yes"),
        ];
        let forced = (admin && !may_run && !wanted.force).then(|| address("/deploy", &parts));
        ahead(
            found,
            wanted,
            (&engine.config.github.url, app.repository.as_str()),
            (may_run, forced),
            engine.fresh_id(),
        )
    }))
}

fn ahead(
    found: Preview,
    wanted: &NewDeployment,
    (github, repository): (&str, &str),
    (may_run, forced): (bool, Option<String>),
    ask: String,
) -> Ahead {
    let brings = match (&found.replaces, &found.brings) {
        (None, _) => "nothing runs there yet: all of it would be new".to_owned(),
        (Some(_), None) => "GitHub knows no connection between the two".to_owned(),
        (Some(_), Some(brings)) => difference(brings),
    };
    let wait = found
        .begins_at
        .map(|at| format!("; begins at about {} UTC", moment(at)));
    let estimate = found.estimate.map(|estimate| {
        let span = |seconds: i64| span_of_seconds(u64::try_from(seconds).unwrap_or(0));
        format!(
            "half of the last {} took no longer than {}, nine of ten no longer than {}",
            estimate.of,
            span(estimate.usual_seconds),
            span(estimate.long_seconds)
        )
    });
    Ahead {
        commits: found
            .brings
            .iter()
            .flat_map(|brings| rows(brings, github, repository))
            .collect(),
        replaces: found.replaces.as_deref().map(short).unwrap_or_default(),
        sha: short(&found.sha),
        git_ref: if is_its_sha(&found.git_ref, &found.sha) {
            String::new()
        } else {
            harmless(&found.git_ref)
        },
        reasons: found.reasons.into_iter().map(|why| why.text).collect(),
        line: format!("{}{}", in_line(found.position, None), wait.unwrap_or_default()),
        estimate: estimate.unwrap_or_else(|| "too few runs of its kind have succeeded to tell".to_owned()),
        force: wanted.force,
        forced: forced.unwrap_or_default(),
        commit: found.sha,
        app: found.app,
        environment: found.environment,
        task: found.task,
        verdict: found.verdict,
        checks: found.checks,
        brings,
        may_run,
        ask,
    }
}

/// The one button.
pub async fn ordered(State(surface): State<Surface>, Act { viewer, frame, form }: Act<Ordered>) -> Response {
    let look = Look::of(&surface.engine, &viewer);
    let Some(place) = look.environment(&form.app, &form.environment) else {
        return missing(frame);
    };
    let wanted = form.wanted();
    match order(&surface, &viewer, &form, &wanted).await {
        Ok(to) => Redirect::to(&to).into_response(),
        Err(problem) if problem.code() == MOVED => {
            shown(&surface, (&viewer, frame), Some((place, &wanted)), Some(&form.sha)).await
        }
        Err(problem) => refused(frame, &problem),
    }
}

impl Ordered {
    fn wanted(&self) -> NewDeployment {
        let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        NewDeployment {
            app: self.app.clone(),
            environment: self.environment.clone(),
            git_ref: said(&self.git_ref),
            task: said(&self.task),
            hosts: Vec::new(),
            force: !self.force.is_empty(),
            plan: !self.plan.is_empty(),
        }
    }
}

impl Ahead {
    /// That the ref was another commit when they looked.
    fn moved_from(&self, seen: &str) -> String {
        let (git_ref, sha) = (&self.git_ref, &self.sha);
        if self.commit == seen {
            return format!("`{git_ref}` moved away from `{sha}` and back meanwhile. Nothing was deployed.");
        }
        format!(
            "`{git_ref}` moved from `{}` to `{sha}` meanwhile. Nothing was deployed; this is what would happen now.",
            short(seen)
        )
    }
}

async fn order(surface: &Surface, viewer: &Viewer, form: &Ordered, wanted: &NewDeployment) -> Result<String, Problem> {
    if !viewer.may_in(Scope::Deploy, &form.app) {
        return Err(may_only_look());
    }
    let seen = form.sha.parse::<Sha>().map_err(|_| {
        let detail =
            "the page that this was sent from does not say which commit was looked at; load it again, then ask again";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_request", detail)
    })?;
    let command = Deploy {
        seen: Some(seen),
        called: None,
        ..understood(&Look::of(&surface.engine, viewer), wanted)?
    };
    let what = format!("deploy {} {}", form.sha, serde_json::json!(wanted));
    let command = if wanted.plan {
        Command::Plan(command)
    } else {
        Command::Deploy(command)
    };
    in_page(surface, viewer, &form.ask, Work { what, command }).await
}
