//! GitHub's rate limits, counted per caller against the world's clock.
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>
//!
//! Not counted: concurrent requests and CPU time, which a stand-in that answers at once cannot exceed.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::message::Answer;

/// What is refused. `None` means never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests of any kind in an hour.
    pub primary_per_hour: Option<u32>,
    /// Points in a minute: a read costs 1, a write 5.
    pub points_per_minute: Option<u32>,
    /// Requests that create content, in a minute.
    pub content_per_minute: Option<u32>,
    /// Requests that create content, in an hour.
    pub content_per_hour: Option<u32>,
}

impl Limits {
    /// Refuses nothing: what a demo and most tests want.
    #[must_use]
    pub fn generous() -> Self {
        Self {
            primary_per_hour: None,
            points_per_minute: None,
            content_per_minute: None,
            content_per_hour: None,
        }
    }

    /// What github.com documents for one installation.
    #[must_use]
    pub fn github() -> Self {
        Self {
            primary_per_hour: Some(5_000),
            points_per_minute: Some(900),
            content_per_minute: Some(80),
            content_per_hour: Some(500),
        }
    }
}

/// What a request counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Creates content.
    pub(crate) content: bool,
    /// Anything but GET and HEAD.
    pub(crate) write: bool,
}

/// The books of all callers.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) limits: Limits,
    callers: BTreeMap<String, Caller>,
    inside_wait_window: u32,
}

#[derive(Debug, Default)]
struct Caller {
    content: VecDeque<DateTime<Utc>>,
    points: VecDeque<(DateTime<Utc>, u32)>,
    used: u32,
    reset: Option<DateTime<Utc>>,
    wait_until: Option<DateTime<Utc>>,
    /// Whether the wait was imposed by a limit (and is enforced) or by a fault (which decides for itself).
    enforced: bool,
}

impl Books {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            callers: BTreeMap::new(),
            inside_wait_window: 0,
        }
    }

    /// Requests that came although their sender had been told to wait.
    pub(crate) fn inside_wait_window(&self) -> u32 {
        self.inside_wait_window
    }

    /// Notes whether a request comes inside a window in which its caller was told to wait.
    pub(crate) fn note_arrival(&mut self, caller: &str, now: DateTime<Utc>) -> bool {
        let inside = self
            .callers
            .get(caller)
            .and_then(|caller| caller.wait_until)
            .is_some_and(|until| now < until);
        if inside {
            self.inside_wait_window += 1;
        }
        inside
    }

    /// Remembers that a fault told this caller to wait.
    pub(crate) fn told_to_wait(&mut self, caller: &str, until: DateTime<Utc>) {
        let caller = self.callers.entry(caller.to_owned()).or_default();
        caller.wait_until = Some(until);
        caller.enforced = false;
    }

    /// Lets a request through and counts it, or refuses it.
    pub(crate) fn admit(&mut self, name: &str, cost: Cost, now: DateTime<Utc>) -> Result<(), Answer> {
        let limits = self.limits;
        let caller = self.callers.entry(name.to_owned()).or_default();
        caller.forget(now);
        if caller.enforced
            && let Some(until) = caller.wait_until.filter(|until| now < *until)
        {
            return Err(secondary(until, now));
        }
        if limits.primary_per_hour.is_some_and(|limit| caller.used >= limit) {
            let reset = caller.reset.unwrap_or(now);
            caller.wait_until = Some(reset);
            caller.enforced = false;
            return Err(with_rate(primary(), caller, limits));
        }
        let points = if cost.write { 5 } else { 1 };
        if let Some(until) = caller.secondary_until(limits, cost, points, now) {
            caller.wait_until = Some(until);
            caller.enforced = true;
            return Err(secondary(until, now));
        }
        caller.used += 1;
        caller.reset.get_or_insert(now + TimeDelta::hours(1));
        caller.points.push_back((now, points));
        if cost.content {
            caller.content.push_back(now);
        }
        Ok(())
    }

    /// A read whose answer has not changed counts against no primary limit.
    pub(crate) fn give_back(&mut self, name: &str) {
        if let Some(caller) = self.callers.get_mut(name) {
            caller.used = caller.used.saturating_sub(1);
        }
    }

    /// An answer with the caller's standing in its headers.
    pub(crate) fn stamped(&self, answer: Answer, caller: &str) -> Answer {
        match self.callers.get(caller) {
            Some(caller) => with_rate(answer, caller, self.limits),
            None => answer,
        }
    }

    /// The `core` entry of `GET /rate_limit`.
    pub(crate) fn standing(&self, name: &str, now: DateTime<Utc>) -> Value {
        let limit = shown_limit(self.limits);
        let caller = self.callers.get(name);
        let reset = caller
            .and_then(|caller| caller.reset)
            .filter(|reset| now < *reset)
            .unwrap_or(now + TimeDelta::hours(1));
        let used = caller.map_or(0, |caller| caller.used);
        json!({"limit": limit, "used": used, "remaining": limit.saturating_sub(used), "reset": reset.timestamp(), "resource": "core"})
    }
}

impl Caller {
    fn forget(&mut self, now: DateTime<Utc>) {
        self.content.retain(|at| now - *at < TimeDelta::hours(1));
        self.points.retain(|(at, _)| now - *at < TimeDelta::minutes(1));
        if self.reset.is_some_and(|reset| now >= reset) {
            self.reset = None;
            self.used = 0;
        }
    }

    /// Until when a secondary limit refuses this request, if one does.
    fn secondary_until(&self, limits: Limits, cost: Cost, points: u32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let minute = TimeDelta::minutes(1);
        let spent: u32 = self.points.iter().map(|(_, points)| points).sum();
        if limits.points_per_minute.is_some_and(|limit| spent + points > limit) {
            return self.points.front().map(|(at, _)| *at + minute);
        }
        if !cost.content {
            return None;
        }
        let recent: Vec<_> = self.content.iter().filter(|at| now - **at < minute).collect();
        if at_least(recent.len(), limits.content_per_minute) {
            return recent.first().map(|at| **at + minute);
        }
        if at_least(self.content.len(), limits.content_per_hour) {
            return self.content.front().map(|at| *at + TimeDelta::hours(1));
        }
        None
    }
}

fn at_least(count: usize, limit: Option<u32>) -> bool {
    limit.is_some_and(|limit| u32::try_from(count).unwrap_or(u32::MAX) >= limit)
}

/// GitHub always shows some limit; without one of ours it is far away.
fn shown_limit(limits: Limits) -> u32 {
    limits.primary_per_hour.unwrap_or(1_000_000)
}

fn with_rate(answer: Answer, caller: &Caller, limits: Limits) -> Answer {
    if answer.headers.iter().any(|(name, _)| name == "x-ratelimit-limit") {
        return answer;
    }
    let limit = shown_limit(limits);
    let reset = caller.reset.map_or(0, |reset| reset.timestamp());
    answer
        .with("x-ratelimit-limit", limit.to_string())
        .with("x-ratelimit-used", caller.used.to_string())
        .with("x-ratelimit-remaining", limit.saturating_sub(caller.used).to_string())
        .with("x-ratelimit-reset", reset.to_string())
        .with("x-ratelimit-resource", "core")
}

fn primary() -> Answer {
    Answer::json(
        403,
        &json!({
            "message": "API rate limit exceeded for installation.",
            "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api",
        }),
    )
}

fn secondary(until: DateTime<Utc>, now: DateTime<Utc>) -> Answer {
    let milliseconds = (until - now).num_milliseconds();
    let seconds = (milliseconds + 999) / 1000;
    Answer::json(
        403,
        &json!({
            "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
        }),
    )
    .with("retry-after", seconds.max(1).to_string())
}
