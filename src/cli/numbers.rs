//! How deployments go, in numbers, for a terminal.

use std::fmt::Write as _;

use chrono::TimeDelta;

use crate::cli::show::line;
use crate::flow::view::statistics::{Figures, Statistics};
use crate::report::duration::span;

/// A row for each environment, and one for all of them together.
#[must_use]
pub fn statistics(found: &Statistics) -> String {
    let mut text = String::new();
    if found.environments.is_empty() {
        line(
            &mut text,
            &format!("nothing has been deployed in the last {} days", found.days),
        );
        return text;
    }
    let wide = found
        .environments
        .iter()
        .map(|one| one.app.chars().count() + one.environment.chars().count() + 1)
        .max()
        .unwrap_or(0);
    let heads = [
        "DEPLOYED",
        "A WEEK",
        "WENT WRONG",
        "ROLLED BACK",
        "FAILURE RATE",
        "LEAD TIME",
        "TO RESTORE",
        "TOOK",
        "WAITED",
    ];
    let place = format!("IN {} DAYS", found.days);
    let wide = wide.max(place.len());
    let mut row = |name: &str, cells: &[String]| {
        let mut said = format!("{name:<wide$}");
        for (head, cell) in heads.iter().zip(cells) {
            let column = head.len().max(9);
            // writing to a `String` cannot go wrong
            let _ = write!(said, "  {cell:>column$}");
        }
        line(&mut text, &said);
    };
    row(&place, &heads.map(str::to_owned));
    for one in &found.environments {
        row(&format!("{} {}", one.app, one.environment), &cells(&one.figures));
    }
    if found.environments.len() > 1 {
        row("all", &cells(&found.all));
    }
    text
}

fn cells(figures: &Figures) -> [String; 9] {
    let length = |seconds: Option<i64>| {
        let length = seconds.and_then(TimeDelta::try_seconds);
        length.map_or_else(|| "-".to_owned(), span)
    };
    let rate = figures.failure_rate.map(|rate| format!("{:.0} %", rate * 100.0));
    [
        figures.deployments.to_string(),
        format!("{:.1}", figures.per_week),
        figures.failures.to_string(),
        figures.rolled_back.to_string(),
        rate.unwrap_or_else(|| "-".to_owned()),
        length(figures.lead_seconds),
        length(figures.restore_seconds),
        length(figures.took_seconds),
        length(figures.waited_seconds),
    ]
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::flow::view::statistics::PlaceFigures;

    #[test]
    fn every_environment_has_a_row_and_all_have_one_together() {
        let figures = Figures {
            deployments: 12,
            failures: 2,
            rolled_back: 1,
            per_week: 0.93,
            failure_rate: Some(0.214),
            lead_seconds: Some(7_200),
            restore_seconds: None,
            restored: 0,
            took_seconds: Some(41),
            took_long_seconds: Some(60),
            waited_seconds: Some(2),
            waited_long_seconds: Some(10),
        };
        let mut found = Statistics {
            days: 90,
            all: figures.clone(),
            environments: Vec::new(),
            periods: Vec::new(),
        };
        assert_snapshot!(statistics(&found), @"nothing has been deployed in the last 90 days");
        for (app, environment, figures) in [("site", "production", figures), ("a", "b", Figures::default())] {
            found.environments.push(PlaceFigures {
                app: app.to_owned(),
                environment: environment.to_owned(),
                figures,
            });
        }
        assert_snapshot!(statistics(&found), @r"
        IN 90 DAYS        DEPLOYED     A WEEK  WENT WRONG  ROLLED BACK  FAILURE RATE  LEAD TIME  TO RESTORE       TOOK     WAITED
        site production         12        0.9           2            1          21 %        2 h           -       41 s        2 s
        a b                      0        0.0           0            0             -          -           -          -          -
        all                     12        0.9           2            1          21 %        2 h           -       41 s        2 s
        ");
    }
}
