//! Asks how it stands, again and again, until it is over there. Time limits are the runner's.

use std::time::{Duration, Instant};

use crate::provider::request::exchange::{Answer, Exchange, Failure, LARGEST};
use crate::provider::request::late::scalar;
use crate::provider::request::pace::{Pace, seconds};
use crate::provider::request::spec::Poll;
use crate::provider::request::{End, message, refusal, say};

/// An unchanged state is told again this often, so that the log shows that somebody is watching.
const SIGN_OF_LIFE: Duration = Duration::from_secs(60);

/// What was begun a moment ago may not be known everywhere there yet.
const SETTLING: Duration = Duration::from_secs(30);

/// Codes that say nothing about the deployment: asked again.
fn is_passing(code: u16) -> bool {
    matches!(code, 408 | 425 | 429 | 500..=599)
}

pub(super) async fn watch(exchange: &Exchange<'_>, poll: &Poll, answer: &Answer) -> End {
    let begun = Instant::now();
    let mut told = Told::default();
    let mut pace = Pace::new(poll.every);
    let mut seen = false;
    say(&format!("> GET {}", poll.call.url.shown(Some(answer))));
    loop {
        let (trouble, asked) = match exchange.send(&poll.call, Some(answer)).await {
            Ok(status) if poll.call.expects(status.code) => {
                seen = true;
                if let Some(end) = stands(poll, &status, begun.elapsed(), &mut told) {
                    return end;
                }
                pace.reset();
                tokio::time::sleep(poll.every).await;
                continue;
            }
            Ok(status) if is_passing(status.code) => (format!("-> {}", status.code), status.retry_after),
            Ok(status) if status.code == 404 && !seen && begun.elapsed() < SETTLING => ("-> 404".to_owned(), None),
            Ok(status) => {
                return End::Unclear(format!(
                    "the state cannot be asked for: {}",
                    refusal(&poll.call, &status)
                ));
            }
            Err(Failure::Unusable { detail } | Failure::NotConnected { detail, lasting: true }) => {
                return End::Unclear(format!("the state cannot be asked for: {detail}"));
            }
            Err(Failure::NotConnected { detail, .. } | Failure::Lost { detail }) => (format!("-> {detail}"), None),
        };
        let wait = pace.next(asked);
        say(&format!("{trouble}; again in {}", seconds(wait)));
        told = Told::default();
        tokio::time::sleep(wait).await;
    }
}

/// What was told last, and when.
#[derive(Default)]
struct Told(Option<(String, Instant)>);

/// `None` while it goes on.
fn stands(poll: &Poll, status: &Answer, since: Duration, told: &mut Told) -> Option<End> {
    if status.cut {
        let largest = LARGEST >> 20;
        return Some(End::Unclear(format!(
            "the answer about its state has more than {largest} MiB"
        )));
    }
    let Some(json) = status.json() else {
        return Some(End::Unclear("the answer about its state is not JSON".to_owned()));
    };
    let state = scalar(json, &poll.state);
    let Some(state) = state else {
        told.tell(&format!("no state at `{}` yet", poll.state), since);
        return None;
    };
    if poll.success.contains(&state) {
        return Some(End::Succeeded(format!("{state} after {}", seconds(since))));
    }
    if poll.failure.contains(&state) {
        return Some(End::Failed(match message(&poll.call, status) {
            Some(message) => format!("{message} ({state})"),
            None => format!("{state} after {}", seconds(since)),
        }));
    }
    told.tell(&state, since);
    None
}

impl Told {
    fn tell(&mut self, state: &str, since: Duration) {
        let known = self
            .0
            .as_ref()
            .is_some_and(|(last, at)| last == state && at.elapsed() < SIGN_OF_LIFE);
        if !known {
            say(&format!("{state} ({})", seconds(since)));
            self.0 = Some((state.to_owned(), Instant::now()));
        }
    }
}
