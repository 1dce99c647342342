//! `/runs/{run}/log`: a log by lines, however long it is. A page holds a window of it; a script rolls through all of it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use crate::domain::ids::RunId;
use crate::flow::view::Look;
use crate::flow::view::log::{Kept, at};
use crate::flow::view::run::find;
use crate::http::logs::{blocking, reader_of};
use crate::http::pages::looker::{Frame, Looker};
use crate::http::pages::query::{Query, address};
use crate::http::pages::{harmless, missing, page, what};
use crate::http::problem::server_fault;
use crate::http::state::Surface;
use crate::provider::log::lines::{Line, Window};
use crate::provider::log::reader::gap_marker;
use crate::report::painted::Painted;

/// So many lines are on a page.
const SHOWN: u64 = 300;
/// So many of them before the line that is wanted.
const BEFORE: u64 = 20;

#[derive(Template)]
#[template(path = "log_lines.html")]
struct LogPage {
    frame: Frame,
    id: String,
    state: &'static str,
    what: String,
    live: bool,
    lines: Vec<Row>,
    /// As the script reads it.
    kept: String,
    ended: bool,
    size: u64,
    total: u64,
    /// The line that is wanted.
    line: u64,
    /// From where the next search begins.
    here: u64,
    q: String,
    not_found: String,
    /// Where the search begins anew.
    again: String,
    ways: Vec<Way>,
}

struct Row {
    number: u64,
    at: String,
    at_exact: String,
    text: Painted,
    cut: u64,
    gap: String,
    /// It is the one that is wanted.
    wanted: bool,
    /// What is looked for stands in it.
    hit: bool,
}

struct Way {
    name: &'static str,
    address: String,
}

/// The page.
pub async fn log(
    State(surface): State<Surface>,
    Looker { viewer, frame }: Looker,
    Path(id): Path<String>,
    query: Query,
) -> Response {
    let found = match find(&Look::of(&surface.engine, &viewer), &id).await {
        Ok(found) => found,
        Err(error) => return server_fault(&error),
    };
    let Some(listed) = found else {
        return missing(frame);
    };
    let run = listed.run;
    let log = reader_of(&surface, &run);
    let q = query.get("q").unwrap_or_default().to_owned();
    let mut not_found = String::new();
    if let (Some(find), false) = (query.get("find"), q.is_empty()) {
        let backwards = find == "previous";
        let at = query.number("at").unwrap_or(0);
        let from = if backwards { at } else { at.saturating_add(1) };
        let (log, wanted) = (log.clone(), q.clone());
        match blocking(move || log.search(&wanted, from, backwards)).await {
            Ok(Some(line)) => return Redirect::to(&to_line(run.id, &q, line)).into_response(),
            Ok(None) => {
                let side = if backwards { "before" } else { "after" };
                not_found = format!("it stands in no line {side} line {at}");
            }
            Err(error) => return server_fault(&error),
        }
    }
    let wanted = query.number("line");
    let from = query.number("from").or(query.number("at"));
    let reading = log.clone();
    let read = blocking(move || {
        let kept = Kept(reading.lines_from(1, 0)?.kept);
        // a way to the end ends there
        let start = match (wanted, from) {
            (Some(line), _) => kept.number_at(kept.index_of(line).saturating_sub(BEFORE)),
            (None, Some(from)) => from,
            (None, None) => 1,
        };
        Ok((
            reading.lines_from(start, usize::try_from(SHOWN).unwrap_or(0))?,
            reading.size()?,
        ))
    });
    let (window, size) = match read.await {
        Ok(read) => read,
        Err(error) => return server_fault(&error),
    };
    let kept = Kept(window.kept.clone());
    let first = window.lines.first().map_or(0, |line| line.number);
    page(&LogPage {
        frame,
        id: run.id.to_string(),
        state: run.state.as_str(),
        what: what(&run),
        live: !run.state.is_terminal(),
        kept: serde_json::json!(kept.0).to_string(),
        ended: window.ended && run.state.is_terminal(),
        size,
        total: kept.count(),
        line: wanted.unwrap_or(0),
        here: wanted.unwrap_or(first.saturating_sub(1)),
        not_found,
        again: address(
            &format!("/runs/{}/log", run.id),
            &[("q", &q), ("find", "next"), ("at", "0")],
        ),
        ways: ways(run.id, &q, &window, &kept),
        lines: rows(&window, wanted, &q),
        q: harmless(&q),
    })
}

fn to_line(run: RunId, q: &str, line: u64) -> String {
    let path = address(&format!("/runs/{run}/log"), &[("q", q), ("line", &line.to_string())]);
    format!("{path}#L{line}")
}

fn rows(window: &Window, wanted: Option<u64>, q: &str) -> Vec<Row> {
    let looked_for = q.to_lowercase();
    let row = |line: &Line| {
        let text = Painted::line(&line.bytes);
        let began = at(line);
        Row {
            number: line.number,
            at: began.format("%H:%M:%S").to_string(),
            at_exact: began.to_rfc3339(),
            hit: !looked_for.is_empty() && text.text().to_lowercase().contains(&looked_for),
            text,
            cut: line.cut,
            gap: line.gap.map(gap_marker).unwrap_or_default(),
            wanted: wanted == Some(line.number),
        }
    };
    window.lines.iter().map(row).collect()
}

/// The other windows.
fn ways(run: RunId, q: &str, window: &Window, kept: &Kept) -> Vec<Way> {
    let (Some(first), Some(last)) = (window.lines.first(), window.lines.last()) else {
        return Vec::new();
    };
    let (first, after) = (kept.index_of(first.number), kept.index_of(last.number) + 1);
    let way = |name: &'static str, index: u64| Way {
        name,
        address: address(
            &format!("/runs/{run}/log"),
            &[("q", q), ("from", &kept.number_at(index).to_string())],
        ),
    };
    let mut ways = Vec::new();
    if first > 0 {
        ways.push(way("First lines", 0));
        ways.push(way("Earlier lines", first.saturating_sub(SHOWN)));
    }
    if after < kept.count() {
        ways.push(way("Later lines", after));
        ways.push(way("Last lines", kept.count().saturating_sub(SHOWN)));
    }
    ways
}
