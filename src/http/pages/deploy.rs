//! `/deploy`: what is to be deployed where; what would happen then; and the one button that makes it happen.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::chat::command::Command;
use crate::config::{App, Environment};
use crate::domain::conversation::Reply;
use crate::domain::viewer::{Scope, Viewer};
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
use crate::http::pages::{harmless, is_commit, may_only_look, missing, moment, page, refused};
use crate::http::problem::Problem;
use crate::http::state::Surface;
use crate::report::duration::span_of_seconds;
use crate::report::estimate::in_line;

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
    let frame = frame.at(Section::Deploy);
    let may = frame.may_deploy();
    let mut shown = DeployPage {
        may,
        apps: choices(&look, place),
        git_ref: query.get("ref").map(harmless).unwrap_or_default(),
        task: query.get("task").map(harmless).unwrap_or_default(),
        chosen: place.is_some(),
        refusal: Words::default(),
        ahead: None,
        frame,
    };
    if let (Some((app, environment)), true) = (place, may) {
        let wanted = NewDeployment {
            app: app.name.to_string(),
            environment: environment.name.to_string(),
            git_ref: query.get("ref").map(str::to_owned),
            task: query.get("task").map(str::to_owned),
            hosts: Vec::new(),
            force: query.get("force").is_some(),
            plan: false,
        };
        match Box::pin(look_ahead(&surface, &viewer, app, &wanted)).await {
            Ok(Ok(ahead)) => shown.ahead = Some(ahead),
            Ok(Err(reply)) => shown.refusal = Words::of(&reply.text),
            Err(problem) if problem.status().is_client_error() => shown.refusal = Words::of(problem.detail()),
            Err(problem) => return refused(shown.frame, &problem),
        }
    }
    page(&shown)
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
    let found = Box::pin(preview(engine, &speaker, &command, false))
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
        git_ref: if is_commit(&found.git_ref, &found.sha) {
            String::new()
        } else {
            harmless(&found.git_ref)
        },
        reasons: found.reasons.into_iter().map(|why| why.text).collect(),
        line: format!("{}{}", in_line(found.position, None), wait.unwrap_or_default()),
        estimate: estimate.unwrap_or_else(|| "too few runs of its kind have succeeded to tell".to_owned()),
        force: wanted.force,
        forced: forced.unwrap_or_default(),
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
    if look.environment(&form.app, &form.environment).is_none() {
        return missing(frame);
    }
    match order(&surface, &viewer, &form).await {
        Ok(to) => Redirect::to(&to).into_response(),
        Err(problem) => refused(frame, &problem),
    }
}

async fn order(surface: &Surface, viewer: &Viewer, form: &Ordered) -> Result<String, Problem> {
    if !viewer.may_in(Scope::Deploy, &form.app) {
        return Err(may_only_look());
    }
    let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let wanted = NewDeployment {
        app: form.app.clone(),
        environment: form.environment.clone(),
        git_ref: said(&form.git_ref),
        task: said(&form.task),
        hosts: Vec::new(),
        force: !form.force.is_empty(),
        plan: !form.plan.is_empty(),
    };
    let command = understood(&Look::of(&surface.engine, viewer), &wanted)?;
    let what = format!("deploy {}", serde_json::json!(wanted));
    let command = if wanted.plan {
        Command::Plan(command)
    } else {
        Command::Deploy(command)
    };
    in_page(surface, viewer, &form.ask, Work { what, command }).await
}
