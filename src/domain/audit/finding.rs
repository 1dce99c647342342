//! What checking the audit log comes to.

use crate::domain::audit::Head;
use crate::domain::clock::Timestamp;

/// What the whole log came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// How many rows there are.
    pub rows: u64,
    /// Where it ends.
    pub head: Head,
    /// How many stored decisions were compared with their rows.
    pub decisions: u64,
    /// How many stored answers to jobs of GitHub Actions were.
    pub answers: u64,
    /// What is not as it was written, in the order of the log.
    pub faults: Vec<Fault>,
    /// What is as it was written, and should be known.
    pub notes: Vec<Note>,
}

/// Something that is not as it was written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Rows are not there that others follow.
    Missing { from: u64, to: u64 },
    /// Rows do not continue the ones before them: they were changed, or moved, or what stands before the first of them was.
    Altered { from: u64, to: u64 },
    /// Rows at the end are not there.
    Truncated { from: u64, to: u64, witness: Witness },
    /// The row of this position is not the one that was there: it, or any before it, was written anew.
    Rewritten { at: u64, witness: Witness },
    /// The file beside the ledger that says where the log ends is not there.
    HeadFileMissing,
    /// It says something that it never says.
    HeadFileUnreadable,
    /// A decision is stored, and the log does not tell of it where it should.
    DecisionUnlogged { decision: String, position: Option<u64> },
    /// What is stored of a decision is not what the row tells of.
    DecisionAltered { decision: String, position: u64 },
    /// A job of GitHub Actions got an answer, and the log does not tell of it where it should.
    AnswerUnlogged { request: String },
    /// What is stored of an answer is not what the row tells of.
    AnswerAltered { request: String, position: u64 },
}

/// Who knows what was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// The file beside the ledger.
    File,
    /// Whoever kept the end of the log elsewhere, and asks.
    Given,
}

/// Something that happened to the log, as the log itself tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// A backup took the ledger's place; what the log said from here on then is not here.
    Restored {
        position: u64,
        made_at: Timestamp,
        replaced: Option<Head>,
        kept: Option<String>,
    },
    /// The file beside the ledger was not there; rows may be missing before this one.
    HeadWasMissing { position: u64 },
    /// An end that was kept elsewhere is of the log that a restore replaced: it cannot be compared here.
    OfReplaced { head: Head, position: u64 },
}
