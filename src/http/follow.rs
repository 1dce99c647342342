//! A log that many follow: one look for all of them.
//!
//! As long as anybody follows a run, one task reads what its log has new and asks the ledger how it stands; every follower hears of
//! both. So a thousand people who look at the deployment of the year cost as many looks as one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::ids::RunId;
use crate::domain::run::Run;
use crate::http::follow::reading::{Reading, Stretch};
use crate::http::logs::reader_of;
use crate::http::state::Surface;
use crate::report::painted::Painted;
use crate::report::status::{self, Links, Place};

mod reading;
pub(super) mod stream;

/// How often a followed log is looked at.
const LOOK: Duration = Duration::from_millis(150);
/// Where one look does not come to the end of what is new, a pause until the next: a flood is not followed at any price.
const PAUSE: Duration = Duration::from_millis(50);
/// Stretches that one look reads.
const AT_ONCE: usize = 16;
/// How often the ledger is asked whether a followed run has moved on.
const ASK: Duration = Duration::from_millis(500);
/// Bytes of the newest stretches that are kept for those who come a moment later. Whoever is further behind reads by themselves.
const KEPT: usize = 256 * 1024;

/// The runs that somebody follows.
#[derive(Debug, Default)]
pub struct Follows {
    open: Mutex<HashMap<RunId, watch::Sender<Told>>>,
}

/// What the followers of a run are told.
#[derive(Debug, Default)]
struct Told {
    attempt: u32,
    /// The newest stretches, each from where the one before ends.
    late: VecDeque<Arc<Piece>>,
    kept: usize,
    /// Where the next will begin.
    end: u64,
    /// How the run stands.
    state: Option<Arc<str>>,
    /// Nothing more will come.
    over: bool,
}

/// A stretch of the log, as all its followers get it.
#[derive(Debug)]
struct Piece {
    from: u64,
    next: u64,
    data: String,
}

impl Piece {
    fn of(stretch: &Stretch) -> Self {
        Self {
            from: stretch.from,
            next: stretch.next,
            data: line(&stretch.shown),
        }
    }
}

impl Told {
    fn add(&mut self, piece: Piece) {
        self.end = piece.next;
        self.kept += piece.data.len();
        self.late.push_back(Arc::new(piece));
        while self.kept > KEPT && self.late.len() > 1 {
            let gone = self.late.pop_front().map_or(0, |piece| piece.data.len());
            self.kept -= gone;
        }
    }
}

/// What a follower gets: text, and where it has colours, how long each stretch is, as JavaScript counts, and how it looks.
#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Looks::is_none")]
    looks: Looks<'a>,
}

/// Written as they are counted: a flood of noise has a great many.
struct Looks<'a>(&'a Painted);

impl Looks<'_> {
    fn is_none(&self) -> bool {
        self.0.is_plain()
    }
}

impl Serialize for Looks<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let pieces = self.0.pieces();
        to.collect_seq(pieces.map(|(text, look)| (text.encode_utf16().count(), look)))
    }
}

fn line(shown: &Painted) -> String {
    let line = Line {
        text: shown.text(),
        looks: Looks(shown),
    };
    // text and numbers can always be written
    serde_json::to_string(&line).unwrap_or_default()
}

impl Follows {
    /// What is told of a run from now on.
    fn of(self: &Arc<Self>, surface: &Surface, run: &Run) -> watch::Receiver<Told> {
        let mut open = self.open();
        if let Some(told) = open.get(&run.id) {
            return told.subscribe();
        }
        let (told, heard) = watch::channel(Told {
            attempt: run.attempts,
            ..Told::default()
        });
        open.insert(run.id, told.clone());
        let look = Look {
            entry: Entry {
                follows: Arc::clone(self),
                run: run.id,
                left: false,
            },
            told,
            surface: surface.clone(),
            run: run.clone(),
            asked: None,
            over: false,
        };
        surface.engine.tasks.spawn(look.again_and_again());
        heard
    }

    fn open(&self) -> MutexGuard<'_, HashMap<RunId, watch::Sender<Told>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a followed run; free again when dropped.
struct Entry {
    follows: Arc<Follows>,
    run: RunId,
    /// It is free already, and may be another's by now.
    left: bool,
}

impl Entry {
    /// Where nobody follows any more, nobody can join this look from then on either.
    fn leave(&mut self, told: &watch::Sender<Told>) -> bool {
        let mut open = self.follows.open();
        if told.receiver_count() == 0 {
            open.remove(&self.run);
            self.left = true;
        }
        self.left
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.left {
            self.follows.open().remove(&self.run);
        }
    }
}

/// The one look for all who follow a run.
struct Look {
    entry: Entry,
    told: watch::Sender<Told>,
    surface: Surface,
    run: Run,
    asked: Option<Instant>,
    /// The run has ended.
    over: bool,
}

impl Look {
    async fn again_and_again(mut self) {
        let mut reading = Reading::near_the_end(reader_of(&self.surface, &self.run)).await;
        self.told.send_modify(|told| told.end = reading.from());
        let (stop, draining) = (self.surface.engine.stop.clone(), self.surface.draining.clone());
        loop {
            if self.moved_on().await {
                reading = Reading::at(reader_of(&self.surface, &self.run), 0);
            }
            let all = self.read(&mut reading).await;
            if all && self.over {
                self.told.send_modify(|told| told.over = true);
                return;
            }
            if self.entry.leave(&self.told) {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = draining.cancelled() => return,
                () = tokio::time::sleep(if all { LOOK } else { PAUSE }) => {}
            }
        }
    }

    /// Tells what is new. Whether that is all there is.
    async fn read(&self, reading: &mut Reading) -> bool {
        for _ in 0..AT_ONCE {
            let Some(stretch) = reading.next(None, self.over).await else {
                return true;
            };
            let piece = Piece::of(&stretch);
            self.told.send_modify(|told| told.add(piece));
        }
        false
    }

    /// Asks the ledger, where it is time, and tells how the run stands. Whether another attempt has begun: one that was given up
    /// leaves its log behind.
    async fn moved_on(&mut self) -> bool {
        if self.over || self.asked.is_some_and(|at| at.elapsed() < ASK) {
            return false;
        }
        self.asked = Some(Instant::now());
        let store = &self.surface.engine.store;
        let run = match store.find_run(self.run.id).await {
            Ok(Some(run)) => run,
            Ok(None) => {
                self.over = true;
                return false;
            }
            // asked again soon
            Err(error) => {
                tracing::debug!(error = %error, "cannot look whether a followed run has moved on");
                return false;
            }
        };
        let again = run.attempts != self.run.attempts;
        self.over = run.state.is_terminal();
        let position = store.position(&run).await.ok().flatten();
        let place = position.map(|position| Place { position, behind: None });
        let description = status::deployment_status(&run, place.as_ref(), &Links::default()).description;
        let state = json!({ "state": run.state.as_str(), "description": description }).to_string();
        self.run = run;
        let attempt = self.run.attempts;
        self.told.send_if_modified(|told| {
            let news = again || told.state.as_deref() != Some(state.as_str());
            if again {
                *told = Told {
                    attempt,
                    ..Told::default()
                };
            }
            if news {
                told.state = Some(state.as_str().into());
            }
            news
        });
        again
    }
}
