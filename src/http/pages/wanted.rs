//! Which runs are looked for, as the address of a list says it: one reading for the page and what is downloaded from it.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use chrono::{Days, NaiveDate, NaiveTime};
use serde::Deserialize;

use crate::domain::clock::Timestamp;
use crate::domain::run::RunState;
use crate::http::pages::harmless;
use crate::http::pages::rows::address;
use crate::store::history::Filter;

/// As it stands in the address. What is empty is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Wanted {
    pub(super) app: String,
    pub(super) environment: String,
    pub(super) person: String,
    pub(super) outcome: String,
    pub(super) from: String,
    pub(super) until: String,
    pub(super) before: String,
}

impl Wanted {
    /// As it was asked for, without blanks around it.
    pub(super) fn read(query: Result<Query<Self>, QueryRejection>) -> Result<Self, String> {
        let Query(all) = query.map_err(|_| "the address asks for something twice; ask for each once".to_owned())?;
        let trim = |text: String| text.trim().to_owned();
        Ok(Self {
            app: trim(all.app),
            environment: trim(all.environment),
            person: trim(all.person).trim_start_matches('@').to_owned(),
            outcome: trim(all.outcome),
            from: trim(all.from),
            until: trim(all.until),
            before: trim(all.before),
        })
    }

    /// What is looked for in the ledger.
    pub(super) fn filter(&self) -> Result<Filter, String> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let state = match self.outcome.as_str() {
            "" => None,
            name => Some(RunState::from_name(name).ok_or_else(|| {
                let all: Vec<&str> = RunState::ALL.into_iter().map(RunState::as_str).collect();
                format!("`outcome` is `{}`; expected one of {}", harmless(name), all.join(", "))
            })?),
        };
        let before = match self.before.as_str() {
            "" => None,
            id => Some(
                id.parse()
                    .map_err(|_| "`before` is no id of a run; begin with the first page".to_owned())?,
            ),
        };
        Ok(Filter {
            app: some(&self.app),
            environment: some(&self.environment),
            person: some(&self.person),
            state,
            deployment: None,
            since: moment_of("from", &self.from, 0)?,
            until: moment_of("until", &self.until, 1)?,
            before,
        })
    }

    /// The address of a list with these filters.
    pub(super) fn at(&self, path: &str) -> String {
        address(
            path,
            &[
                ("app", &self.app),
                ("environment", &self.environment),
                ("person", &self.person),
                ("outcome", &self.outcome),
                ("from", &self.from),
                ("until", &self.until),
                ("before", &self.before),
            ],
        )
    }

    /// Whether anything is asked for beside the page.
    pub(super) fn is_filtered(&self) -> bool {
        let first = Self {
            before: String::new(),
            ..self.clone()
        };
        first != Self::default()
    }
}

/// A day, as a whole, or a moment. `days` later, where it is a day.
fn moment_of(name: &str, text: &str, days: u64) -> Result<Option<Timestamp>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let day = text.parse::<NaiveDate>().ok();
    let day = day.and_then(|day| day.checked_add_days(Days::new(days)));
    let day = day.map(|day| day.and_time(NaiveTime::MIN).and_utc());
    match day.or_else(|| text.parse::<Timestamp>().ok()) {
        Some(found) => Ok(Some(found)),
        None => Err(format!(
            "`{name}` is `{}`; expected a day, as `2026-12-31`, or a time, as `2026-12-31T14:00:00Z`",
            harmless(text)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn days_are_whole_and_moments_are_exact() {
        let wanted = Wanted {
            from: "2026-11-30".to_owned(),
            until: "2026-11-30".to_owned(),
            ..Wanted::default()
        };
        let filter = wanted.filter().unwrap();
        assert_eq!(filter.since, at("2026-11-30T00:00:00Z"));
        assert_eq!(filter.until, at("2026-12-01T00:00:00Z"));
        let exact = Wanted {
            until: "2026-11-30T14:00:00+02:00".to_owned(),
            ..Wanted::default()
        };
        assert_eq!(exact.filter().unwrap().until, at("2026-11-30T12:00:00Z"));
    }

    #[test]
    fn what_cannot_be_read_is_said_with_what_is_expected() {
        for (wanted, expected) in [
            (
                Wanted {
                    outcome: "bad".to_owned(),
                    ..Wanted::default()
                },
                "`outcome` is `bad`; expected one of held,",
            ),
            (
                Wanted {
                    from: "soon".to_owned(),
                    ..Wanted::default()
                },
                "`from` is `soon`; expected a day",
            ),
            (
                Wanted {
                    until: "+262142-12-31".to_owned(),
                    ..Wanted::default()
                },
                "`until` is `+262142-12-31`; expected a day",
            ),
            (
                Wanted {
                    before: "1".to_owned(),
                    ..Wanted::default()
                },
                "`before` is no id",
            ),
        ] {
            let found = wanted.filter().unwrap_err();
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn an_address_reads_back() {
        let wanted = Wanted {
            app: "site".to_owned(),
            person: "mona&co".to_owned(),
            ..Wanted::default()
        };
        assert_eq!(wanted.at("/history"), "/history?app=site&person=mona%26co");
        assert!(wanted.is_filtered() && !Wanted::default().is_filtered());
    }
}
