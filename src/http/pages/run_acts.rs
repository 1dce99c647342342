//! What people do about a run from its page: each is asked once more on a small page that says what it comes to, and then done.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::chat::command::{Command, Deploy};
use crate::chat::target::Target;
use crate::config::{App, Environment};
use crate::domain::command::PersonsVerdict;
use crate::domain::names::RefName;
use crate::domain::run::Run;
use crate::domain::viewer::{Scope, Viewer};
use crate::flow::chat::{command_here, may_change_run};
use crate::flow::finish::{answered, finish_here};
use crate::flow::people;
use crate::flow::view::Look;
use crate::flow::view::run::find;
use crate::http::api::answer::refused as refusal;
use crate::http::api::once::{Work, chat_failed, in_page};
use crate::http::api::runs::said_so;
use crate::http::pages::act::Act;
use crate::http::pages::commits::short;
use crate::http::pages::filters;
use crate::http::pages::looker::{Frame, Looker};
use crate::http::pages::words::Words;
use crate::http::pages::{harmless, may_only_look, missing, page, refused, what};
use crate::http::problem::Problem;
use crate::http::state::Surface;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Stop it.
    Cancel,
    /// Ask for the same once more.
    Retry,
    /// Back to what its environment ran before.
    Rollback,
    /// The same commit to the next environment.
    Promote,
}

/// What the small page sends.
#[derive(Debug, Deserialize)]
pub struct Said {
    /// What this request is called: however often it is sent, it is done once.
    #[serde(default)]
    ask: String,
    /// Why.
    #[serde(default)]
    reason: String,
    /// What was shown: back to which commit, on to which environment.
    #[serde(default)]
    to: String,
}

/// How it went, as a person says.
#[derive(Debug, Deserialize)]
pub struct Told {
    /// `yes` or `no`.
    done: String,
    /// What else there is to say.
    #[serde(default)]
    note: String,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    frame: Frame,
    id: String,
    what: String,
    title: String,
    words: Words,
    action: String,
    button: String,
    danger: bool,
    asks_reason: bool,
    ask: String,
    to: String,
    preview: String,
}

impl Deed {
    /// The last part of its address.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Rollback => "rollback",
            Self::Promote => "promote",
        }
    }
}

/// The environment that comes after another in the configuration.
pub(super) fn next<'a>(app: &'a App, environment: &Environment) -> Option<&'a Environment> {
    let at = app.environments.iter().position(|own| own.name == environment.name)?;
    app.environments.get(at + 1)
}

/// The small page.
pub async fn confirm(surface: Surface, Looker { viewer, frame }: Looker, id: String, deed: Deed) -> Response {
    let run = match seen(&surface, &viewer, &id).await {
        Ok(Some(run)) => run,
        Ok(None) => return missing(frame),
        Err(problem) => return refused(frame, &problem),
    };
    match told(&surface, &viewer, &run, deed).await {
        Ok(confirm) => page(&Confirm {
            frame,
            id: run.id.to_string(),
            what: what(&run),
            action: format!("/runs/{}/{}", run.id, deed.as_str()),
            ask: surface.engine.fresh_id(),
            danger: matches!(deed, Deed::Cancel | Deed::Rollback),
            asks_reason: deed == Deed::Cancel,
            title: confirm.title,
            words: confirm.words,
            button: confirm.button,
            to: confirm.to,
            preview: confirm.preview,
        }),
        Err(problem) => refused(frame, &problem),
    }
}

struct Question {
    title: String,
    words: Words,
    button: String,
    to: String,
    preview: String,
}

/// What it comes to.
async fn told(surface: &Surface, viewer: &Viewer, run: &Run, deed: Deed) -> Result<Question, Problem> {
    may(viewer, run)?;
    let (sha, environment) = (short(&run.sha), harmless(&run.environment));
    let question = |title: String, text: &str, button: String| Question {
        title,
        words: Words::of(text),
        button,
        to: String::new(),
        preview: String::new(),
    };
    Ok(match deed {
        Deed::Cancel => question(
            "Cancel this run?".to_owned(),
            "What its command has done already stays done. One that waits in its lane leaves it.",
            "Cancel the run".to_owned(),
        ),
        Deed::Retry => question(
            format!("Once more to {environment}?"),
            &format!("GitHub is asked for a new deployment of exactly `{sha}`, with the same task and the same hosts."),
            "Deploy it once more".to_owned(),
        ),
        Deed::Rollback => {
            let command = Command::Rollback {
                target: place(run)?,
                to: None,
            };
            let speaker = viewer.speaker(None).ok_or_else(may_only_look)?;
            let reply = command_here(&surface.engine, &speaker, &command)
                .await
                .map_err(chat_failed)?;
            let offered = reply.offers.first().map(|offer| offer.says.as_str());
            let to = offered.and_then(|says| says.rsplit(' ').next()).unwrap_or_default();
            if !reply.ok || to.is_empty() {
                return Err(refusal(&reply));
            }
            Question {
                to: to.to_owned(),
                ..question(
                    format!("Roll {environment} back?"),
                    &reply.text,
                    format!("Roll back to {}", short(to)),
                )
            }
        }
        Deed::Promote => {
            let (app, next) = further(surface, viewer, run)?;
            let path = "/deploy";
            let parts = [
                ("app", app.name.as_str()),
                ("environment", next.name.as_str()),
                ("ref", run.sha.as_str()),
            ];
            Question {
                to: next.name.to_string(),
                preview: crate::http::pages::query::address(path, &parts),
                ..question(
                    format!("Promote to {}?", next.name),
                    &format!(
                        "GitHub is asked to deploy exactly `{sha}`, which `{environment}` ran, to `{}`.",
                        next.name
                    ),
                    format!("Promote to {}", next.name),
                )
            }
        }
    })
}

/// Does it.
pub async fn act(surface: Surface, act: Act<Said>, id: String, deed: Deed) -> Response {
    let Act { viewer, frame, form } = act;
    let run = match seen(&surface, &viewer, &id).await {
        Ok(Some(run)) => run,
        Ok(None) => return missing(frame),
        Err(problem) => return refused(frame, &problem),
    };
    match done(&surface, &viewer, &run, (deed, &form)).await {
        Ok(to) => Redirect::to(&to).into_response(),
        Err(problem) => refused(frame, &problem),
    }
}

async fn done(surface: &Surface, viewer: &Viewer, run: &Run, (deed, form): (Deed, &Said)) -> Result<String, Problem> {
    may(viewer, run)?;
    let itself = Target {
        app: run.id.to_string(),
        git_ref: None,
        environment: None,
    };
    let command = match deed {
        Deed::Cancel => {
            let command = Command::Cancel {
                target: itself,
                reason: Some(form.reason.trim().to_owned()).filter(|reason| !reason.is_empty()),
            };
            let speaker = viewer.speaker(None).ok_or_else(may_only_look)?;
            let reply = command_here(&surface.engine, &speaker, &command)
                .await
                .map_err(chat_failed)?;
            return if reply.ok {
                Ok(format!("/runs/{}", run.id))
            } else {
                Err(refusal(&reply))
            };
        }
        Deed::Retry => Command::Retry { target: itself },
        Deed::Rollback => {
            let unclear =
                |detail: &str| Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "ref_malformed", detail);
            form.to
                .parse::<RefName>()
                .map_err(|error| unclear(&error.to_string()))?;
            Command::Rollback {
                target: place(run)?,
                to: Some(form.to.clone()),
            }
        }
        Deed::Promote => {
            let (app, next) = further(surface, viewer, run)?;
            if next.name.as_str() != form.to {
                return Err(goes_elsewhere(next));
            }
            Command::Deploy(Deploy {
                task: "deploy".to_owned(),
                force: false,
                target: Target {
                    app: app.name.to_string(),
                    git_ref: Some(run.sha.clone()),
                    environment: Some(next.name.to_string()),
                },
                code: None,
                seen: None,
                called: run.called(),
            })
        }
    };
    let what = format!("{} {} {}", deed.as_str(), run.id, form.to);
    in_page(surface, viewer, &form.ask, Work { what, command }).await
}

/// A run that a person has carried out: how it went.
pub async fn verdict(
    State(surface): State<Surface>,
    Path(id): Path<String>,
    Act { viewer, frame, form }: Act<Told>,
) -> Response {
    let run = match seen(&surface, &viewer, &id).await {
        Ok(Some(run)) => run,
        Ok(None) => return missing(frame),
        Err(problem) => return refused(frame, &problem),
    };
    match say(&surface, &viewer, &run, &form).await {
        Ok(()) => Redirect::to(&format!("/runs/{}", run.id)).into_response(),
        Err(problem) => refused(frame, &problem),
    }
}

async fn say(surface: &Surface, viewer: &Viewer, run: &Run, form: &Told) -> Result<(), Problem> {
    may(viewer, run)?;
    let engine = &surface.engine;
    let speaker = viewer.speaker(None).ok_or_else(may_only_look)?;
    // what may be cancelled by somebody may be finished by them
    if let Some(refused) = may_change_run(engine, &speaker, run).await.map_err(chat_failed)? {
        return Err(refusal(&refused));
    }
    let by = people::actor(&engine.config, &speaker);
    let note = Some(form.note.trim()).filter(|note| !note.is_empty());
    let verdict = PersonsVerdict::new(by.known_as(), form.done == "yes", note);
    let heard = finish_here(engine, run, &verdict).await?;
    said_so(&heard, &verdict, answered(&heard, engine.now())).map(|_| ())
}

/// The run, if it is there and seen.
async fn seen(surface: &Surface, viewer: &Viewer, id: &str) -> Result<Option<Run>, Problem> {
    Ok(find(&Look::of(&surface.engine, viewer), id)
        .await?
        .map(|listed| listed.run))
}

/// Whether they may do something about it at all; the rules of its environment are asked after that.
fn may(viewer: &Viewer, run: &Run) -> Result<(), Problem> {
    let app = run.order.as_ref().map(|order| order.app.as_str());
    let may = match app {
        Some(app) => viewer.may_in(Scope::Deploy, app),
        None => viewer.may(Scope::Deploy),
    };
    if may { Ok(()) } else { Err(may_only_look()) }
}

/// Where it was deployed to.
fn place(run: &Run) -> Result<Target, Problem> {
    let order = run.order.as_ref().ok_or_else(no_place)?;
    Ok(Target {
        app: order.app.to_string(),
        git_ref: None,
        environment: Some(order.environment.to_string()),
    })
}

/// Where it would be deployed to next.
fn further<'a>(surface: &'a Surface, viewer: &'a Viewer, run: &Run) -> Result<(&'a App, &'a Environment), Problem> {
    let order = run.order.as_ref().ok_or_else(no_place)?;
    let look = Look::of(&surface.engine, viewer);
    let (app, environment) = look
        .environment(order.app.as_str(), order.environment.as_str())
        .ok_or_else(no_place)?;
    Ok((app, next(app, environment).ok_or_else(no_place)?))
}

/// The configuration has changed since they looked.
fn goes_elsewhere(next: &Environment) -> Problem {
    let detail = format!(
        "the environment that comes next is `{}` now, which is not the one that the page showed, and nothing was done; look at it again, \
         then ask again",
        next.name
    );
    Problem::new(axum::http::StatusCode::CONFLICT, "environment_moved", &detail)
}

fn no_place() -> Problem {
    let detail = "there is no environment after the one that it was deployed to, or that is not configured any more; \
                  the page to deploy shows those there are";
    Problem::new(axum::http::StatusCode::NOT_FOUND, "environment_unknown", detail)
}
