//! `/statistics`: how deployments go, in numbers and plots.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::TimeDelta;
use serde::Deserialize;

use crate::flow::view::Look;
use crate::flow::view::statistics::{Figures, RANGES, Statistics, Which, statistics};
use crate::http::pages::looker::{Frame, Looker, Section};
use crate::http::pages::page;
use crate::http::pages::rows::address;
use crate::http::problem::server_fault;
use crate::http::state::Surface;
use crate::report::duration::span;
use crate::report::plot::{self, Plot};

#[derive(Template)]
#[template(path = "statistics.html")]
struct StatisticsPage {
    frame: Frame,
    days: u32,
    ranges: Vec<Range>,
    /// What is looked at alone.
    only: String,
    everything: String,
    all: Shown,
    places: Vec<PlaceRow>,
    plots: Vec<Drawn>,
    periods: Vec<PeriodRow>,
}

struct Range {
    days: u32,
    link: String,
    here: bool,
}

/// Numbers for people.
struct Shown {
    deployments: u64,
    failures: u64,
    rolled_back: u64,
    per_week: String,
    failure_rate: String,
    lead: String,
    restore: String,
    took: String,
    took_long: String,
    waited: String,
    waited_long: String,
}

struct PlaceRow {
    app: String,
    environment: String,
    link: String,
    shown: Shown,
}

struct PeriodRow {
    from: String,
    shown: Shown,
}

struct Drawn {
    title: &'static str,
    said: &'static str,
    plot: Plot,
}

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    days: String,
    app: String,
    environment: String,
}

/// `/statistics`.
pub async fn show(
    State(surface): State<Surface>,
    Looker { viewer, frame }: Looker,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let Query(wanted) = query.unwrap_or_default();
    let look = Look::of(&surface.engine, &viewer);
    let days = wanted.days.parse().ok().filter(|days| RANGES.contains(days));
    let days = days.unwrap_or(RANGES[1]);
    let some = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
    let (app, environment) = (some(wanted.app.trim()), some(wanted.environment.trim()));
    let which = Which {
        days,
        app: app.as_deref(),
        environment: environment.as_deref(),
    };
    let found = match statistics(&look, which).await {
        Ok(found) => found,
        Err(error) => return server_fault(&error),
    };
    let at = |days: u32, app: &str, environment: &str| {
        let days = days.to_string();
        address(
            "/statistics",
            &[("days", &days), ("app", app), ("environment", environment)],
        )
    };
    let (app, environment) = (app.unwrap_or_default(), environment.unwrap_or_default());
    let only: Vec<&str> = [app.as_str(), environment.as_str()]
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    page(&StatisticsPage {
        frame: frame.at(Section::Statistics),
        days,
        ranges: RANGES
            .into_iter()
            .map(|range| Range {
                days: range,
                link: at(range, &app, &environment),
                here: range == days,
            })
            .collect(),
        only: crate::http::pages::harmless(&only.join(" · ")),
        everything: at(days, "", ""),
        all: shown(&found.all),
        places: found
            .environments
            .iter()
            .map(|place| PlaceRow {
                link: at(days, &place.app, &place.environment),
                app: place.app.clone(),
                environment: place.environment.clone(),
                shown: shown(&place.figures),
            })
            .collect(),
        plots: plots(&found),
        periods: found
            .periods
            .iter()
            .map(|period| PeriodRow {
                from: period.from.format("%Y-%m-%d").to_string(),
                shown: shown(&period.figures),
            })
            .collect(),
    })
}

fn shown(figures: &Figures) -> Shown {
    let length = |seconds: Option<i64>| match seconds.and_then(TimeDelta::try_seconds) {
        Some(length) => span(length),
        None => "–".to_owned(),
    };
    Shown {
        deployments: figures.deployments,
        failures: figures.failures,
        rolled_back: figures.rolled_back,
        per_week: format!("{:.1}", figures.per_week),
        failure_rate: match figures.failure_rate {
            Some(rate) => format!("{:.0} %", rate * 100.0),
            None => "–".to_owned(),
        },
        lead: length(figures.lead_seconds),
        restore: length(figures.restore_seconds),
        took: length(figures.took_seconds),
        took_long: length(figures.took_long_seconds),
        waited: length(figures.waited_seconds),
        waited_long: length(figures.waited_long_seconds),
    }
}

fn plots(found: &Statistics) -> Vec<Drawn> {
    let names: Vec<String> = found
        .periods
        .iter()
        .map(|period| period.from.format("%m-%d").to_string())
        .collect();
    let counts: Vec<(u64, u64)> = found
        .periods
        .iter()
        .map(|period| (period.figures.deployments, period.figures.failures))
        .collect();
    let lengths = |of: fn(&Figures) -> (Option<i64>, Option<i64>)| {
        let values: Vec<_> = found.periods.iter().map(|period| of(&period.figures)).collect();
        plot::lines(&names, &values, |seconds| {
            span(TimeDelta::try_seconds(seconds).unwrap_or_default())
        })
    };
    vec![
        Drawn {
            title: "Deployments",
            said: "How many ended well, and on top of them how many went wrong",
            plot: plot::bars(&names, &counts),
        },
        Drawn {
            title: "How long they took",
            said: "Half of them took no longer; dashed, nine of ten",
            plot: lengths(|figures| (figures.took_seconds, figures.took_long_seconds)),
        },
        Drawn {
            title: "How long they waited",
            said: "Half of them waited no longer; dashed, nine of ten",
            plot: lengths(|figures| (figures.waited_seconds, figures.waited_long_seconds)),
        },
    ]
}
