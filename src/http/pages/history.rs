//! `/history`: what ran, the newest first. Every filter is part of the address.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::domain::run::RunState;
use crate::flow::view::Look;
use crate::flow::view::run::history;
use crate::http::pages::filters;
use crate::http::pages::looker::{Frame, Looker, Section};
use crate::http::pages::page;
use crate::http::pages::rows::Line;
use crate::http::pages::wanted::Wanted;
use crate::http::problem::server_fault;
use crate::http::state::Surface;

const SHOWN: u32 = 50;

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    frame: Frame,
    wanted: Wanted,
    problem: String,
    apps: Vec<Choice>,
    environments: Vec<String>,
    outcomes: Vec<Choice>,
    rows: Vec<Row>,
    filtered: bool,
    newest: String,
    older: String,
    csv: String,
    json: String,
}

struct Choice {
    name: String,
    chosen: bool,
}

/// A line, and where each of its parts alone is looked for.
struct Row {
    line: Line,
    by_app: String,
    by_environment: String,
    by_person: String,
    by_outcome: String,
}

/// `/history`.
pub async fn show(
    State(surface): State<Surface>,
    Looker { viewer, frame }: Looker,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let look = Look::of(&surface.engine, &viewer);
    let read = Wanted::read(query).map(|wanted| (wanted.filter(), wanted));
    let (wanted, filter) = match read {
        Ok((filter, wanted)) => (wanted, filter),
        Err(problem) => (Wanted::default(), Err(problem)),
    };
    let (found, problem) = match filter {
        Ok(filter) => match history(&look, &filter, SHOWN).await {
            Ok(found) => (Some(found), String::new()),
            Err(error) => return server_fault(&error),
        },
        Err(problem) => (None, problem),
    };
    let status = if problem.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    let next = found.as_ref().and_then(|found| found.next.clone());
    let first = Wanted {
        before: String::new(),
        ..wanted.clone()
    };
    let older = next.map(|next| Wanted {
        before: next,
        ..wanted.clone()
    });
    let rows = found.iter().flat_map(|found| &found.items);
    let template = HistoryPage {
        frame: frame.at(Section::History),
        problem,
        apps: look
            .apps()
            .map(|app| Choice {
                chosen: app.name.as_str().eq_ignore_ascii_case(&wanted.app),
                name: app.name.to_string(),
            })
            .collect(),
        environments: environments(&look),
        outcomes: RunState::ALL
            .into_iter()
            .map(|state| Choice {
                chosen: state.as_str() == wanted.outcome,
                name: state.as_str().to_owned(),
            })
            .collect(),
        rows: rows.map(|run| row(Line::of(look.config, run), &first)).collect(),
        filtered: wanted.is_filtered(),
        newest: if wanted.before.is_empty() {
            String::new()
        } else {
            first.at("/history")
        },
        older: older.map(|older| older.at("/history")).unwrap_or_default(),
        csv: first.at("/history.csv"),
        json: first.at("/history.json"),
        wanted,
    };
    (status, page(&template)).into_response()
}

fn row(line: Line, first: &Wanted) -> Row {
    let with = |change: &dyn Fn(&mut Wanted)| {
        let mut wanted = first.clone();
        change(&mut wanted);
        wanted.at("/history")
    };
    Row {
        by_app: with(&|wanted| line.app.clone_into(&mut wanted.app)),
        by_environment: with(&|wanted| line.environment.clone_into(&mut wanted.environment)),
        by_person: with(&|wanted| line.who.clone_into(&mut wanted.person)),
        by_outcome: with(&|wanted| line.state.clone_into(&mut wanted.outcome)),
        line,
    }
}

/// Every environment's name once, of apps that are seen.
fn environments(look: &Look<'_>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for environment in look.apps().flat_map(|app| &app.environments) {
        let name = environment.name.as_str();
        if !all.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            all.push(name.to_owned());
        }
    }
    all
}
