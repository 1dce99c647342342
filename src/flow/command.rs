//! Commands on the ledger: what people ask of runs that are there already.
//!
//! A command is one transaction that looks at the run's state first. It needs no server: whoever is to act on it (the worker
//! that holds the run, the outbox, the next run of a lane) finds it in the ledger, at the latest by the next sweep.

use crate::domain::clock::Timestamp;
use crate::flow::announce::Voice;
use crate::store::Store;

/// Where commands are given: a server has one, and so has a command line beside it.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// The ledger.
    pub store: &'a Store,
    /// What is told about what a command changes.
    pub voice: Voice<'a>,
}

impl Desk<'_> {
    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.voice.clock.now()
    }
}
