//! The places of a text where a form may stand or begin, one after the other: those whose first bytes stand side by side, and those
//! that have an escape sequence among them.

use memchr::{memchr, memrchr};

use crate::provider::mask::seen::{self, End};
use crate::provider::mask::table::{HEAD, Table};
use crate::report::escapes::ESCAPE;

/// So many bytes of a head may stand on one side of a sequence.
const SIDE: usize = HEAD - 1;

/// Walks over a text.
pub(super) struct Places<'t> {
    table: &'t Table,
    text: &'t [u8],
    is_last: bool,
    /// The next of each kind.
    whole: Option<usize>,
    parted: Option<usize>,
}

impl<'t> Places<'t> {
    /// Of a text to which more may come, unless this is the last of it.
    pub(super) fn of(table: &'t Table, text: &'t [u8], is_last: bool) -> Self {
        let mut places = Self {
            table,
            text,
            is_last,
            whole: None,
            parted: None,
        };
        places.whole = places.whole_from(0);
        places.parted = places.parted_from(0);
        places
    }

    /// Where a head stands side by side.
    fn whole_from(&self, at: usize) -> Option<usize> {
        let text = self.text;
        let head = self.table.head_in(text, at..text.len());
        // what is too short for a head may begin one
        head.or_else(|| (at.max(text.len().saturating_sub(SIDE))..text.len()).find(|place| self.may_begin(*place)))
    }

    /// Where a head stands with a sequence in it.
    fn parted_from(&self, at: usize) -> Option<usize> {
        let text = self.text;
        let mut from = at;
        loop {
            let escape = from + memchr(ESCAPE, text.get(from..)?)?;
            from = escape + 1;
            // up to the sequence before: what begins there has that one in it
            let near = at.max(escape.saturating_sub(SIDE));
            let first = memrchr(ESCAPE, &text[near..escape]).map_or(near, |before| near + before + 1);
            if first == escape {
                continue;
            }
            let before = escape - first;
            let mut joined = [0; 2 * SIDE];
            joined[..before].copy_from_slice(&text[first..escape]);
            let (after, end) = seen::first(&text[escape..], &mut joined[before..before + SIDE], self.is_last);
            let joined = &joined[..before + after];
            let heads = before.min((joined.len() + 1).saturating_sub(HEAD));
            if let Some(place) = self.table.head_in(joined, 0..heads) {
                return Some(first + place);
            }
            if end == End::Text
                && let Some(place) = (first + heads..escape).find(|place| self.may_begin(*place))
            {
                return Some(place);
            }
        }
    }

    fn may_begin(&self, place: usize) -> bool {
        self.table.look(&self.text[place..], self.is_last).may_grow
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let place = self.whole.into_iter().chain(self.parted).min()?;
        if self.whole == Some(place) {
            self.whole = self.whole_from(place + 1);
        }
        if self.parted == Some(place) {
            self.parted = self.parted_from(place + 1);
        }
        Some(place)
    }
}
