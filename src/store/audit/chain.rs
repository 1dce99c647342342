//! The chain itself: how a row's hash is made, and a walk along rows that notices where it breaks.

use sha2::{Digest, Sha256};

use crate::domain::audit::Head;

/// The hash of a row: SHA-256 of the hash before it, a line feed, its position, a line feed, and its entry.
pub(super) fn link(before: &str, position: u64, entry: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(before);
    digest.update(b"\n");
    digest.update(position.to_string());
    digest.update(b"\n");
    digest.update(entry);
    hex::encode(digest.finalize())
}

/// Rows that are not as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// Rows of these positions are not there.
    Missing { from: u64, to: u64 },
    /// These rows do not continue the ones before them: they, or the row before the first of them, were changed.
    Altered { from: u64, to: u64 },
}

/// Goes along rows in their order. After a break it goes on from what stands there, so that each break is found by itself.
#[derive(Debug)]
pub(super) struct Walk {
    at: Head,
    rows: u64,
    breaks: Vec<Break>,
}

impl Walk {
    pub(super) fn new() -> Self {
        Self {
            at: Head::empty(),
            rows: 0,
            breaks: Vec::new(),
        }
    }

    /// The next row there is.
    pub(super) fn step(&mut self, position: u64, entry: &str, hash: &str) {
        let expected = self.at.position + 1;
        let continues = position == expected && link(&self.at.hash, position, entry) == hash;
        if position > expected {
            self.breaks.push(Break::Missing {
                from: expected,
                to: position - 1,
            });
        } else if !continues {
            match self.breaks.last_mut() {
                Some(Break::Altered { to, .. }) if *to + 1 == position => *to = position,
                _ => self.breaks.push(Break::Altered {
                    from: position,
                    to: position,
                }),
            }
        }
        self.rows += 1;
        self.at.position = position;
        self.at.hash.clear();
        self.at.hash.push_str(hash);
    }

    /// Where it ended, over how many rows, and what was found on the way.
    pub(super) fn end(self) -> (Head, u64, Vec<Break>) {
        (self.at, self.rows, self.breaks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_made_as_the_guide_says() {
        // printf '%s\n1\n{}' 0000…0000 | sha256sum
        assert_eq!(
            link(&"0".repeat(64), 1, "{}"),
            "857ee6299d26533d1f5f46c02209ae8bc34dc4898a8a9545493946b4ea59d6f3"
        );
    }
}
