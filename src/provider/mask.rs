//! Replaces secrets by `***` in a stream of bytes, in every form a command is likely to print them.
//!
//! Masking happens before a byte is stored. A secret may arrive in any number of pieces: what could still become one is
//! held back, which is never more than the longest suffix that begins some pattern. Escape sequences, which readers do not see, may
//! stand anywhere in it.

use std::sync::Arc;

use memchr::memchr;

pub mod forms;
mod places;
mod seen;
mod table;

use crate::provider::mask::places::Places;
use crate::provider::mask::table::Table;
use crate::provider::spec::Secret;
use crate::report::escapes::{self, ESCAPE};

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
    /// All their forms would take more than a GiB.
    #[error("the secrets are too many or too long to mask")]
    TooLarge,
}

/// All forms of all secrets, ready to search. Cheap to clone.
#[derive(Clone)]
pub struct Patterns {
    table: Option<Arc<Table>>,
}

impl std::fmt::Debug for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patterns").finish_non_exhaustive()
    }
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
            return Ok(Self { table: None });
        }
        let table = Table::build(&forms).ok_or(MaskError::TooLarge)?;
        Ok(Self {
            table: Some(Arc::new(table)),
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

/// The stream: bytes in, masked bytes out.
#[derive(Debug)]
pub struct Masker {
    patterns: Patterns,
    /// Bytes taken in but not yet let out.
    held: Vec<u8>,
    /// How many of them, from the first, belong to a secret whose mask is out already.
    masked: usize,
}

impl Masker {
    /// A fresh stream.
    #[must_use]
    pub fn new(patterns: Patterns) -> Self {
        Self {
            patterns,
            held: Vec::new(),
            masked: 0,
        }
    }

    /// Takes a piece and appends to `out` what is certain.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match self.patterns.table.clone() {
            Some(table) => {
                self.held.extend_from_slice(piece);
                self.release(&table, false, out);
            }
            None => out.extend_from_slice(piece),
        }
    }

    /// Lets out what was held back: no more bytes will come. The stream then begins anew.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(table) = self.patterns.table.clone() {
            self.release(&table, true, out);
        }
    }

    /// Lets out everything before the first place that more bytes may turn into a secret.
    fn release(&mut self, table: &Table, is_last: bool, out: &mut Vec<u8>) {
        let text = self.held.as_slice();
        // everything before it is out, as it was or as a mask
        let mut out_to = self.masked;
        let mut places = Places::of(table, text, is_last);
        let end = loop {
            let Some(place) = places.next() else {
                break text.len();
            };
            let found = table.look(&text[place..], is_last);
            if found.may_grow && !is_last {
                break place;
            }
            let found_to = place + found.len;
            if found.len > 0 && found_to > out_to {
                // those that overlap share a mask
                if place >= out_to {
                    out.extend_from_slice(&text[out_to..place]);
                    out.extend_from_slice(MASK);
                }
                keep_colours(table, &text[place.max(out_to)..found_to], out);
                out_to = found_to;
            }
        };
        out.extend_from_slice(text.get(out_to..end).unwrap_or_default());
        self.masked = out_to.saturating_sub(end);
        self.held.drain(..end);
    }
}

/// What follows a mask has the colours that it had. Of what stood in a secret only wishes for colours stay, and none that is, or is
/// part of, one.
fn keep_colours(table: &Table, masked: &[u8], out: &mut Vec<u8>) {
    if table.has_escapes {
        return;
    }
    let mut rest = masked;
    while let Some(escape) = memchr(ESCAPE, rest) {
        rest = &rest[escape..];
        let (sequence, after) = rest.split_at(escapes::length(rest, true).unwrap_or(1));
        let is_secret = || (0..sequence.len()).any(|at| table.look(&sequence[at..], true).len > 0);
        if str::from_utf8(sequence).is_ok_and(|text| escapes::colours(text).is_some()) && !is_secret() {
            out.extend_from_slice(sequence);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests;
