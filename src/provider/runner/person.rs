//! A step that a person carries out: the runner only waits for their word.

use std::time::Instant;

use crate::provider::attempt;
use crate::provider::exit::StepOutcome;
use crate::provider::runner::step::{Stage, whole_ms};

impl Stage<'_> {
    /// Says what is to be done, then waits until somebody says how it went, stops it, or the time is over.
    pub(super) fn wait_for_person(&mut self, instructions: &str) -> StepOutcome {
        self.output.note("[chima: waiting for a person]");
        self.output.note(instructions);
        loop {
            if let Some(verdict) = attempt::verdict(&self.spec.attempt_dir) {
                return if verdict.done {
                    StepOutcome::Confirmed {
                        by: verdict.by,
                        note: verdict.note,
                    }
                } else {
                    StepOutcome::Refused {
                        by: verdict.by,
                        note: verdict.note,
                    }
                };
            }
            if let Some(by) = self.wake.asked_to_stop() {
                return StepOutcome::Cancelled { by: by.to_owned() };
            }
            let now = Instant::now();
            if self.over.is_some_and(|over| now >= over) {
                return StepOutcome::TimedOut {
                    limit_ms: whole_ms(self.spec.timeout),
                };
            }
            let left = self.over.map(|over| over.saturating_duration_since(now));
            self.wake.wait(None, left);
        }
    }
}
