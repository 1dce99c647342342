//! What is spoken about without being asked: a deployment that nothing is heard of, a run that is silent, contexts that stay
//! pending. Pure: whoever watches says what it sees, and hears whether that is worth a word.

use chrono::TimeDelta;
use serde_json::Value;

use crate::domain::clock::Timestamp;
use crate::domain::estimate::Estimate;
use crate::domain::ids::{DeploymentId, RepositoryId};
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};

/// GitHub delivers within a second or two.
pub const HEARD_WITHIN: TimeDelta = TimeDelta::seconds(30);
/// Contexts that are pending for longer are likely forgotten.
const CONTEXTS_WITHIN: TimeDelta = TimeDelta::hours(1);
/// Commands are silent for a while, however short they usually are.
const SILENT_AT_LEAST: TimeDelta = TimeDelta::minutes(5);
/// The same where nothing is known about them.
const SILENT_WITHOUT_HISTORY: TimeDelta = TimeDelta::minutes(15);

/// A deployment that Chima asked GitHub for.
#[derive(Debug, Clone, PartialEq)]
pub struct AskedDeployment {
    /// Host name of the GitHub.
    pub host: String,
    /// GitHub's number of the repository.
    pub repository_id: RepositoryId,
    /// GitHub's number of the deployment.
    pub id: DeploymentId,
    /// `owner/name`, as configured.
    pub repository: String,
    /// The app.
    pub app: String,
    /// Its environment.
    pub environment: String,
    /// Branch, tag or SHA.
    pub git_ref: String,
    /// Full commit id.
    pub sha: String,
    /// Who asked.
    pub by: String,
    /// Where: what the deployment's payload says of that.
    pub place: Value,
    /// When.
    pub at: Timestamp,
    /// When it was said that nothing is heard of it.
    pub said_at: Option<Timestamp>,
}

/// Why nothing is heard of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unheard {
    /// No delivery has come.
    Undelivered,
    /// One has come, and nothing has decided about it.
    Undecided,
}

/// What a word is about. The names are stored; add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A run without output.
    Silence,
    /// Pending contexts.
    Contexts,
}

impl About {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Contexts => "contexts",
        }
    }
}

/// The word about a silence that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaidSilence {
    /// When the last output had come.
    pub heard_at: Timestamp,
    /// Whether it was said that it goes on.
    pub over: bool,
}

/// A claimed run, as this machine sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    /// Whether a person carries it out.
    pub by_person: bool,
    /// When its last output came; its start, where none has.
    pub heard_at: Timestamp,
    /// How long its like take.
    pub estimate: Option<Estimate>,
    /// What was said.
    pub said: Option<SaidSilence>,
}

/// What is worth a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It has had no output for so long.
    Silent {
        /// How long.
        length: TimeDelta,
    },
    /// It has output again.
    GoesOn,
}

impl Watched {
    /// What is worth a word now. A person who carries out a run is left in peace.
    #[must_use]
    pub fn word(&self, now: Timestamp) -> Option<Word> {
        if self.by_person {
            return None;
        }
        match self.said {
            None => {
                let length = now - self.heard_at;
                (length > silent_within(self.estimate)).then_some(Word::Silent { length })
            }
            Some(said) if !said.over && self.heard_at > said.heard_at => Some(Word::GoesOn),
            Some(_) => None,
        }
    }
}

/// Without output for so long nothing is wrong: a run that usually takes an hour may be silent for all of it.
#[must_use]
pub fn silent_within(estimate: Option<Estimate>) -> TimeDelta {
    estimate.map_or(SILENT_WITHOUT_HISTORY, |known| known.long.max(SILENT_AT_LEAST))
}

/// Before this a silence of any run is too short for a word.
#[must_use]
pub fn silence_before(now: Timestamp) -> Timestamp {
    now - SILENT_AT_LEAST
}

/// Runs that were taken in by then, and wait for contexts still, are worth a word.
#[must_use]
pub fn pending_since(now: Timestamp) -> Timestamp {
    now - CONTEXTS_WITHIN
}

/// Whether a run waits for contexts.
#[must_use]
pub fn waits_for_contexts(run: &Run) -> bool {
    run.state == RunState::Held && matches!(run.reason, Some(Reason::RequiredContextPending { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn minutes(all: &[i64]) -> Option<Estimate> {
        Estimate::of(all.iter().copied().map(TimeDelta::minutes))
    }

    #[test]
    fn what_is_worth_a_word() {
        let silent = |length| {
            Some(Word::Silent {
                length: TimeDelta::minutes(length),
            })
        };
        let said = |heard, over| {
            Some(SaidSilence {
                heard_at: at(heard),
                over,
            })
        };
        let (short, long) = (minutes(&[1, 2, 3]), minutes(&[30, 40, 50]));
        for (estimate, heard, now, said, expected) in [
            // nothing is known
            (None, 0, 15, None, None),
            (None, 0, 16, None, silent(16)),
            // short ones may be silent for five minutes
            (short, 0, 5, None, None),
            (short, 0, 6, None, silent(6)),
            (short, 10, 12, None, None),
            // long ones for as long as they take
            (long, 0, 50, None, None),
            (long, 0, 51, None, silent(51)),
            // said once
            (short, 0, 60, said(0, false), None),
            (short, 20, 21, said(0, false), Some(Word::GoesOn)),
            (short, 20, 60, said(0, true), None),
            // a clock was set back
            (short, 10, 0, None, None),
        ] {
            let watched = Watched {
                by_person: false,
                heard_at: at(heard),
                estimate,
                said,
            };
            assert_eq!(watched.word(at(now)), expected, "{heard} {now} {said:?}");
        }
    }

    #[test]
    fn a_person_is_left_in_peace() {
        let word = |by_person| {
            let watched = Watched {
                by_person,
                heard_at: at(0),
                estimate: None,
                said: None,
            };
            watched.word(at(600))
        };
        assert!(word(false).is_some());
        assert_eq!(word(true), None);
    }
}
