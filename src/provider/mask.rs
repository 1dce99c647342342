//! Replaces secrets by `***` in a stream of bytes, in every form a command is likely to print them.
//!
//! Masking happens before a byte is stored. A secret may arrive in any number of pieces: what could still become one is
//! held back, which is never more than the longest suffix that begins some pattern.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::contiguous::{Builder, NFA};
use aho_corasick::{Anchored, MatchKind};

pub mod forms;

use crate::provider::spec::Secret;

/// Shorter ones would mask ordinary words, and say by it what they are.
pub const MIN_SECRET: usize = 8;

/// What stands in a secret's place.
pub const MASK: &[u8] = b"***";

/// Why values cannot be masked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// Its value would be found in ordinary words.
    #[error("secret `{0}` is shorter than {MIN_SECRET} bytes; use a longer one")]
    TooShort(String),
    /// More than the automaton can hold.
    #[error("the secrets are too many or too long to mask: {0}")]
    TooLarge(String),
}

/// All forms of all secrets, ready to search. Cheap to clone.
#[derive(Clone)]
pub struct Patterns {
    automaton: Option<Arc<Machine>>,
}

impl std::fmt::Debug for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patterns").finish_non_exhaustive()
    }
}

/// The searching machine and, for each of its states, how many bytes of some pattern have just been read. That number is
/// what must be held back where a piece ends.
struct Machine {
    search: NFA,
    depths: HashMap<StateID, usize>,
    start: StateID,
}

impl Patterns {
    /// Prepares the forms of these secrets.
    ///
    /// # Errors
    /// When one is too short to mask, or all together are too large.
    pub fn new(secrets: &[Secret]) -> Result<Self, MaskError> {
        check_lengths(secrets)?;
        let forms = forms::all(secrets.iter().map(|secret| secret.value.as_str()));
        if forms.is_empty() {
            return Ok(Self { automaton: None });
        }
        let machine = Machine::build(&forms).map_err(|error| MaskError::TooLarge(error.to_string()))?;
        Ok(Self {
            automaton: Some(Arc::new(machine)),
        })
    }

    /// One whole text.
    #[must_use]
    pub fn mask(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut masker = Masker::new(self.clone());
        masker.push(text, &mut out);
        masker.finish(&mut out);
        out
    }

    /// One whole text for people.
    #[must_use]
    pub fn mask_text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.mask(text.as_bytes())).into_owned()
    }
}

/// Refuses secrets that are too short; much cheaper than building the patterns.
///
/// # Errors
/// Names the first one that is too short.
pub fn check_lengths(secrets: &[Secret]) -> Result<(), MaskError> {
    match secrets.iter().find(|secret| secret.value.trim().len() < MIN_SECRET) {
        Some(secret) => Err(MaskError::TooShort(secret.name.clone())),
        None => Ok(()),
    }
}

impl Machine {
    /// The compact automaton: the full table is hardly faster here, and takes long to build before the first command.
    ///
    /// With standard semantics every state is a node of the trie of all patterns, so that walking each pattern from the
    /// start visits them all and tells their depths.
    fn build(forms: &[Vec<u8>]) -> Result<Self, Box<dyn std::error::Error>> {
        let mut builder = Builder::new();
        builder.match_kind(MatchKind::Standard).prefilter(false);
        let search = builder.build(forms)?;
        let start = search.start_state(Anchored::No)?;
        let mut depths = HashMap::with_capacity(forms.iter().map(Vec::len).sum());
        for form in forms {
            let mut state = start;
            for (index, byte) in form.iter().enumerate() {
                state = search.next_state(Anchored::No, state, *byte);
                depths.insert(state, index + 1);
            }
        }
        Ok(Self { search, depths, start })
    }
}

/// The stream: bytes in, masked bytes out.
#[derive(Debug)]
pub struct Masker {
    patterns: Patterns,
    state: Option<StateID>,
    /// Bytes taken in but not yet let out.
    held: Vec<u8>,
    /// Position of the first held byte in the stream.
    held_at: u64,
    /// Found secrets that begin in the held bytes: from, to.
    found: VecDeque<(u64, u64)>,
    /// The end of the secret whose mask was written last.
    masked_to: u64,
}

impl Masker {
    /// A fresh stream.
    #[must_use]
    pub fn new(patterns: Patterns) -> Self {
        let state = patterns.automaton.as_ref().map(|machine| machine.start);
        Self {
            patterns,
            state,
            held: Vec::new(),
            held_at: 0,
            found: VecDeque::new(),
            masked_to: 0,
        }
    }

    /// Takes a piece and appends to `out` what is certain.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let (Some(machine), Some(state)) = (self.patterns.automaton.clone(), self.state) else {
            out.extend_from_slice(piece);
            return;
        };
        let from = self.held_at + self.held.len() as u64;
        let state = scan(&machine.search, state, piece, from, &mut self.found);
        self.state = Some(state);
        let hold = machine.depths.get(&state).copied().unwrap_or(0);
        let end = from + piece.len() as u64;
        self.release(piece, end - hold as u64, out);
    }

    /// Lets out what was held back: no more bytes will come. The stream then begins anew.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let end = self.held_at + self.held.len() as u64;
        self.release(&[], end, out);
        self.state = self.patterns.automaton.as_ref().map(|machine| machine.start);
    }

    /// Writes everything before the position `to`; the rest of `held` and `piece` becomes the new `held`.
    fn release(&mut self, piece: &[u8], to: u64, out: &mut Vec<u8>) {
        self.join();
        let mut at = self.held_at;
        while at < to {
            if at < self.masked_to {
                at = self.masked_to.min(to);
                continue;
            }
            match self.found.front().copied() {
                Some((start, end)) if start <= at => {
                    self.found.pop_front();
                    out.extend_from_slice(MASK);
                    self.masked_to = end;
                    self.join();
                }
                next => {
                    let plain_to = next.map_or(to, |(start, _)| start.min(to));
                    self.copy(piece, at, plain_to, out);
                    at = plain_to;
                }
            }
        }
        let keep_from = usize::try_from(to - self.held_at).unwrap_or(usize::MAX);
        if keep_from <= self.held.len() {
            self.held.drain(..keep_from);
            self.held.extend_from_slice(piece);
        } else {
            let skip = keep_from - self.held.len();
            self.held.clear();
            self.held.extend_from_slice(piece.get(skip..).unwrap_or_default());
        }
        self.held_at = to;
    }

    /// Secrets that overlap the one that was just masked share its mask.
    fn join(&mut self) {
        while let Some((start, end)) = self.found.front().copied() {
            if start >= self.masked_to {
                break;
            }
            self.masked_to = self.masked_to.max(end);
            self.found.pop_front();
        }
    }

    fn copy(&self, piece: &[u8], from: u64, to: u64, out: &mut Vec<u8>) {
        let index = |position: u64| usize::try_from(position - self.held_at).unwrap_or(usize::MAX);
        let (from, to, held) = (index(from), index(to), self.held.len());
        if from < held {
            out.extend_from_slice(&self.held[from..to.min(held)]);
        }
        if to > held {
            out.extend_from_slice(&piece[from.max(held) - held..to - held]);
        }
    }
}

/// Runs the machine over a piece and notes what it finds, as disjoint stretches in order.
fn scan(automaton: &NFA, mut state: StateID, piece: &[u8], from: u64, found: &mut VecDeque<(u64, u64)>) -> StateID {
    for (index, byte) in piece.iter().enumerate() {
        state = automaton.next_state(Anchored::No, state, *byte);
        if automaton.is_special(state) && automaton.is_match(state) {
            let longest = (0..automaton.match_len(state))
                .map(|which| automaton.pattern_len(automaton.match_pattern(state, which)))
                .max()
                .unwrap_or(0);
            let end = from + index as u64 + 1;
            note(found, end - longest as u64, end);
        }
    }
    state
}

/// Ends only grow, so that only the latest stretches can overlap the new one.
fn note(found: &mut VecDeque<(u64, u64)>, start: u64, end: u64) {
    let mut start = start;
    while let Some((last_start, last_end)) = found.back().copied() {
        if last_end <= start {
            break;
        }
        start = start.min(last_start);
        found.pop_back();
    }
    found.push_back((start, end));
}

#[cfg(test)]
mod tests;
