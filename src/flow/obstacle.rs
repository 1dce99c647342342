//! What may stand in the way of whatever asks GitHub and the ledger, and is tried again.

use crate::github::call::CallError;
use crate::store::error::StoreError;

/// What stands in the way.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// The ledger: nobody can be told anything.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// GitHub.
    #[error(transparent)]
    GitHub(#[from] CallError),
}
