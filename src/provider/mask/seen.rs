//! What a reader sees of printed bytes: those that belong to no escape sequence. A sequence may stand between any two bytes of a
//! secret, as a tool that colours its output puts it there.
//!
//! What is read begins anywhere, also within what a terminal takes for a sequence: nobody knows by which rules the log will be read.

use std::borrow::Cow;

use memchr::memchr;

use crate::report::escapes::{self, ESCAPE};

/// A longer sequence is none: no tool puts one into a word, and all of it has to be held back.
const LONGEST: usize = 4 << 10;

/// So many bytes of sequences may stand for each byte that is seen, and `LONGEST` besides. True colours before and after each letter
/// take fewer.
const PER_BYTE: usize = 64;

/// No more sequences follow each other within a word.
const MOST: usize = 64;

/// The beginning of a text as it is seen.
pub(super) struct Seen<'t> {
    pub(super) bytes: Cow<'t, [u8]>,
    pub(super) end: End,
    /// The sequences between: how many bytes are seen before one, and its own.
    gaps: Vec<(usize, usize)>,
}

/// Why no more is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// So many bytes were asked for.
    Size,
    /// The text ends here, perhaps within a sequence.
    Text,
    /// There are more sequences than any word has.
    Sequences,
}

impl<'t> Seen<'t> {
    /// At most `size` bytes that are seen at the beginning of a text. More of it may come, unless this is the last.
    pub(super) fn of(text: &'t [u8], size: usize, is_last: bool) -> Self {
        let near = &text[..size.min(text.len())];
        match memchr(ESCAPE, near) {
            Some(escape) => Self::between(text, escape, size, is_last),
            None => Self {
                bytes: Cow::Borrowed(near),
                end: if near.len() < size { End::Text } else { End::Size },
                gaps: Vec::new(),
            },
        }
    }

    fn between(text: &[u8], first_escape: usize, size: usize, is_last: bool) -> Self {
        let mut bytes = Vec::with_capacity(size.min(LONGEST));
        let mut gaps = Vec::new();
        bytes.extend_from_slice(&text[..first_escape]);
        let mut walk = Walk::new(text, first_escape, size, is_last);
        let end = loop {
            match walk.step() {
                Step::Plain(plain) => bytes.extend_from_slice(plain),
                Step::Sequence(len) => gaps.push((bytes.len(), len)),
                Step::End(end) => break end,
            }
        };
        Self {
            bytes: Cow::Owned(bytes),
            end,
            gaps,
        }
    }

    /// How many bytes of the text so many that are seen take, with the sequences between them.
    pub(super) fn printed(&self, seen: usize) -> usize {
        let between = self.gaps.iter().take_while(|(before, _)| *before < seen);
        seen + between.map(|(_, len)| len).sum::<usize>()
    }
}

/// The first bytes of a text that are seen, as many as there is room for; and why no more.
pub(super) fn first(text: &[u8], room: &mut [u8], is_last: bool) -> (usize, End) {
    let mut walk = Walk::new(text, 0, room.len(), is_last);
    let mut taken = 0;
    loop {
        match walk.step() {
            Step::Plain(plain) => {
                room[taken..taken + plain.len()].copy_from_slice(plain);
                taken += plain.len();
            }
            Step::Sequence(_) => {}
            Step::End(end) => return (taken, end),
        }
    }
}

/// Over a text, from what is seen to what is not and on.
struct Walk<'t> {
    text: &'t [u8],
    at: usize,
    /// So many bytes are to be seen, and so many were; so many were not.
    size: usize,
    seen: usize,
    unseen: usize,
    /// Sequences since something was seen.
    in_a_row: usize,
    is_last: bool,
}

enum Step<'t> {
    Plain(&'t [u8]),
    Sequence(usize),
    End(End),
}

impl<'t> Walk<'t> {
    /// What is before `at` has been seen.
    fn new(text: &'t [u8], at: usize, size: usize, is_last: bool) -> Self {
        Self {
            text,
            at,
            size,
            seen: at,
            unseen: 0,
            in_a_row: 0,
            is_last,
        }
    }

    fn step(&mut self) -> Step<'t> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if self.seen >= self.size {
            return Step::End(End::Size);
        }
        if rest.first() != Some(&ESCAPE) {
            let near = &rest[..rest.len().min(self.size - self.seen)];
            let plain = &near[..memchr(ESCAPE, near).unwrap_or(near.len())];
            if plain.is_empty() {
                return Step::End(End::Text);
            }
            self.in_a_row = 0;
            self.seen += plain.len();
            self.at += plain.len();
            return Step::Plain(plain);
        }
        let is_cut = rest.len() > LONGEST;
        let near = if is_cut { &rest[..LONGEST] } else { rest };
        let Some(len) = escapes::length(near, is_cut || self.is_last) else {
            return Step::End(End::Text);
        };
        self.unseen += len;
        self.in_a_row += 1;
        if self.in_a_row > MOST || self.unseen > LONGEST + PER_BYTE * self.seen {
            return Step::End(End::Sequences);
        }
        self.at += len;
        Step::Sequence(len)
    }
}
