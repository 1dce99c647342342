//! Commits on pages: those that a run brought, or a deployment would.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::flow::chat::Conversation;
use crate::flow::chat::preview::Brings;
use crate::flow::contained;
use crate::flow::view::Look;
use crate::flow::view::commits::RunCommits;
use crate::flow::view::run::find;
use crate::http::api::commits::not_told;
use crate::http::pages::looker::{Frame, Looker};
use crate::http::pages::{harmless, missing, page, refused, what};
use crate::http::problem::server_fault;
use crate::http::state::Surface;
use crate::report::chat::{commit_url, new_and_gone};

/// One commit.
pub(super) struct CommitRow {
    pub(super) sha: String,
    pub(super) title: String,
    pub(super) author: String,
    /// Where GitHub shows it.
    pub(super) url: String,
}

/// What a run brought, for a page.
pub(super) struct Brought {
    /// In words.
    pub(super) says: String,
    /// Where GitHub compares the two.
    pub(super) url: String,
    /// The newest first.
    pub(super) commits: Vec<CommitRow>,
}

#[derive(Template)]
#[template(path = "run_commits.html")]
struct CommitsPage {
    frame: Frame,
    id: String,
    what: String,
    says: String,
    url: String,
    commits: Vec<CommitRow>,
}

impl Brought {
    /// `github` is where GitHub's pages are, `repository` its name there.
    pub(super) fn of(found: &RunCommits, github: &str, repository: &str) -> Self {
        let before = found.before.as_deref().map(short);
        let says = match (&before, &found.brings) {
            (None, _) => "Nothing ran here before: all of it was new.".to_owned(),
            (Some(before), None) => {
                format!("{before} ran here before; GitHub knows no connection between the two.")
            }
            (Some(before), Some(brings)) => format!("{before} ran here before; {}.", difference(brings)),
        };
        Self {
            says,
            url: found.url.clone().unwrap_or_default(),
            commits: found
                .brings
                .iter()
                .flat_map(|brings| rows(brings, github, repository))
                .collect(),
        }
    }
}

/// How many are new and gone.
pub(super) fn difference(brings: &Brings) -> String {
    new_and_gone(brings.ahead, brings.behind)
}

/// The new ones, the newest first.
pub(super) fn rows(brings: &Brings, github: &str, repository: &str) -> Vec<CommitRow> {
    let row = |one: &crate::flow::chat::preview::CommitView| CommitRow {
        sha: short(&one.sha),
        title: harmless(&one.title),
        author: one.author.as_deref().map(harmless).unwrap_or_default(),
        url: commit_url(github, repository, &one.sha).unwrap_or_default(),
    };
    brings.commits.iter().rev().map(row).collect()
}

/// The beginning of a commit's id.
pub(super) fn short(sha: &str) -> String {
    harmless(&sha.chars().take(8).collect::<String>())
}

/// `/runs/{run}/commits`: what a run brought, for those who have no script. GitHub is asked where nobody has asked it yet.
pub async fn commits(
    State(surface): State<Surface>,
    Looker { viewer, frame }: Looker,
    Path(id): Path<String>,
) -> Response {
    let engine = &surface.engine;
    let found = match find(&Look::of(engine, &viewer), &id).await {
        Ok(found) => found,
        Err(error) => return server_fault(&error),
    };
    let Some(listed) = found else {
        return missing(frame);
    };
    let run = listed.run;
    match Box::pin(contained::look(&Conversation::of(engine), &run)).await {
        Ok(found) => {
            let Brought { says, url, commits } =
                Brought::of(&found, &engine.config.github.url, run.repository.as_str());
            page(&CommitsPage {
                frame,
                id: run.id.to_string(),
                what: what(&run),
                says,
                url,
                commits,
            })
        }
        Err(error) => refused(frame, &not_told(error)),
    }
}
