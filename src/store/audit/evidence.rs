//! What a row says about a decision's evidence, which stands elsewhere in the ledger: a digest, so that a change of it is found.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::domain::reason::Reason;
use crate::store::decisions::Evidence;

/// SHA-256 of the facts, a line feed, the rules, a line feed, and the decision.
pub(crate) fn digest(evidence: &Evidence) -> String {
    digest_of(&evidence.facts, &evidence.rules, &evidence.decision)
}

pub(super) fn digest_of(facts: &str, rules: &str, decision: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(facts);
    digest.update(b"\n");
    digest.update(rules);
    digest.update(b"\n");
    digest.update(decision);
    hex::encode(digest.finalize())
}

#[derive(Deserialize)]
struct Reasons {
    reasons: Vec<Reason>,
}

/// All reasons of a decision; none where it cannot be read, which its digest tells of too.
pub(super) fn reasons(evidence: &Evidence) -> Vec<Reason> {
    serde_json::from_str(&evidence.decision).map_or_else(|_| Vec::new(), |Reasons { reasons }| reasons)
}
