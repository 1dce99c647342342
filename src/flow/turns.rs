//! Where passes go on that look at a part at a time.
//!
//! A pass that looked at everything that waits would take longer the more waits, at every tick. So it looks at so many, and the
//! next one at those that come after. After a restart it begins anew, which costs time and nothing else.

use std::sync::{Mutex, PoisonError};

/// How far the passes of this process have come.
#[derive(Debug, Default)]
pub struct Turns {
    /// Lanes in which something waits, by key.
    pub lanes: Turn,
    /// Held runs of which the watchdog may speak, by id.
    pub held: Turn,
    /// Messages in Slack, by the id of their run.
    pub slack: Turn,
}

/// How far one of them has come.
#[derive(Debug, Default)]
pub struct Turn(Mutex<String>);

impl Turn {
    /// After which key the next part begins.
    #[must_use]
    pub fn after(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The pass has looked at `found` of at most `limit`, the last of them `last`. Returns whether it has come to the end, and
    /// begins again with the first.
    pub fn went(&self, found: usize, limit: u32, last: Option<&str>) -> bool {
        let whole = found < limit as usize;
        let next = last.filter(|_| !whole).unwrap_or_default();
        next.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_where_it_was_and_begins_again_at_the_end() {
        let turn = Turn::default();
        assert!(!turn.went(2, 2, Some("b")));
        assert_eq!(turn.after(), "b");
        assert!(turn.went(1, 2, Some("c")));
        assert_eq!(turn.after(), "");
        assert!(turn.went(0, 2, None));
    }
}
