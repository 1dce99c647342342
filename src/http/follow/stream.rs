//! One follower: what has come is sent, the newest from what all share, older things from the log itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::domain::run::Run;
use crate::http::follow::reading::Reading;
use crate::http::follow::{Piece, Told};
use crate::http::logs::reader_of;
use crate::http::state::Surface;

/// What cannot be read is tried again after so long.
const AGAIN: Duration = Duration::from_millis(150);

struct Follower {
    surface: Surface,
    run: Run,
    heard: watch::Receiver<Told>,
    reading: Reading,
    /// As it was last told.
    state: Option<Arc<str>>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

/// What is to be done next.
enum Due {
    /// To say how the run stands.
    State(Arc<str>),
    /// To send what all get.
    Shared(Arc<Piece>),
    /// To read by oneself, as far as this.
    Own(u64),
    /// To say that it is over.
    End,
    /// To wait.
    Nothing,
}

/// A run's log from a byte on, and how the run stands, until it is over.
pub(in crate::http) fn follow(
    surface: Surface,
    run: Run,
    from: u64,
    place: OwnedSemaphorePermit,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let follower = Follower {
        heard: surface.follows.of(&surface, &run),
        reading: Reading::at(reader_of(&surface, &run), from),
        surface,
        run,
        state: None,
        over: false,
        _place: place,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        while !self.over && !self.surface.draining.is_cancelled() {
            match self.due() {
                Due::State(state) => {
                    let event = Event::default().event("state").data(&*state);
                    self.state = Some(state);
                    return Some(event);
                }
                Due::Shared(piece) => {
                    self.reading.go_to(piece.next);
                    return Some(Event::default().id(piece.next.to_string()).data(&piece.data));
                }
                Due::Own(until) => match self.reading.next(Some(until), false).await {
                    Some(stretch) => {
                        let piece = Piece::of(&stretch);
                        return Some(Event::default().id(piece.next.to_string()).data(&piece.data));
                    }
                    None => tokio::time::sleep(AGAIN).await,
                },
                Due::End => {
                    self.over = true;
                    return Some(Event::default().event("end").data("{}"));
                }
                Due::Nothing => {
                    let draining = self.surface.draining.clone();
                    tokio::select! {
                        // the look has ended: without its last word the follower comes again
                        changed = self.heard.changed() => changed.ok()?,
                        () = draining.cancelled() => return None,
                    }
                }
            }
        }
        None
    }

    fn due(&mut self) -> Due {
        let told = self.heard.borrow_and_update();
        if told.attempt < self.run.attempts {
            // they will hear of it, too
            return Due::Nothing;
        }
        if told.attempt > self.run.attempts {
            self.run.attempts = told.attempt;
            self.reading = Reading::at(reader_of(&self.surface, &self.run), 0);
        }
        if let Some(state) = told.state.as_ref().filter(|state| self.state.as_ref() != Some(state)) {
            return Due::State(Arc::clone(state));
        }
        if let Some(piece) = told.late.iter().find(|piece| self.reading.is_at(piece.from)) {
            return Due::Shared(Arc::clone(piece));
        }
        if self.reading.from() < told.end {
            return Due::Own(told.end);
        }
        if told.over { Due::End } else { Due::Nothing }
    }
}
