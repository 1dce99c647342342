//! All forms of all secrets, and where in a text one of them stands.
//!
//! Nearly every place of a text begins no form, and most are never looked at: four bytes that stand in the head of none say
//! so of five places at once, as in the search of Wu and Manber. The rest is looked up among the sorted forms. Of those that
//! are not greater than the text, the greatest, or a shorter one that begins it, is the longest that stands there; the one
//! after it says whether the text would have to go on to become one. The time for one place does not depend on how many forms
//! begin alike, and the memory is little more than the forms themselves.

use std::ops::Range;

use memchr::memchr;

use crate::provider::mask::MIN_SECRET;
use crate::provider::mask::forms::Forms;
use crate::provider::mask::seen::{End, Seen};
use crate::report::escapes::ESCAPE;

/// So many bytes of a form are looked at first; none is shorter.
pub(super) const HEAD: usize = MIN_SECRET;

/// So many bytes of a text are compared first; more where a form goes on.
const FIRST_LOOK: usize = 64;

/// All forms together; positions fit into 32 bits with room to spare.
const LIMIT: usize = 1 << 30;

/// So many bytes say how far the next head is away.
const BLOCK: usize = 4;

/// The tables have so many entries for each head, which leaves most of them empty.
const SKIPS_PER_HEAD: usize = 8;
const BITS_PER_HEAD: usize = 32;

/// The forms, ready to search.
pub(super) struct Table {
    text: Vec<u8>,
    /// In the order of their bytes, each once.
    forms: Vec<Form>,
    skips: Skips,
    heads: Heads,
    /// Whether a secret has an escape character in it.
    pub(super) has_escapes: bool,
}

#[derive(Clone, Copy)]
struct Form {
    start: u32,
    len: u32,
    /// The longest other form that begins this one.
    shorter: Option<u32>,
}

/// What stands at the beginning of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Bytes of the text that the longest form takes; 0 where none is there.
    pub(super) len: usize,
    /// Whether the whole text begins a longer one.
    pub(super) may_grow: bool,
}

impl Table {
    /// `None` where the forms are too large.
    pub(super) fn build(forms: &Forms) -> Option<Self> {
        let mut text = Vec::new();
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for (bytes, pieces) in forms.iter() {
            let start = text.len();
            text.extend_from_slice(bytes);
            let len = bytes.len();
            if text.len() > LIMIT {
                return None;
            }
            match pieces.filter(|pieces| len > pieces.size) {
                Some(pieces) => {
                    let last = len - pieces.size;
                    let starts = [0, last].into_iter().chain((pieces.from..last).step_by(pieces.step));
                    spans.extend(starts.map(|at| (start + at, pieces.size)));
                }
                None => spans.push((start, len)),
            }
        }
        let bytes = |span: &(usize, usize)| &text[span.0..span.0 + span.1];
        spans.sort_unstable_by(|one, other| bytes(one).cmp(bytes(other)));
        spans.dedup_by(|one, other| bytes(one) == bytes(other));
        let (mut skips, mut heads) = (Skips::new(spans.len()), Heads::new(spans.len()));
        let mut all: Vec<Form> = Vec::with_capacity(spans.len());
        // those that begin the next one, shortest first
        let mut open: Vec<u32> = Vec::new();
        for span in &spans {
            if let Some(head) = bytes(span).first_chunk() {
                skips.insert(head);
                heads.insert(head);
            }
            let begins = |form: &Form| {
                let (start, len) = (form.start as usize, form.len as usize);
                bytes(span).starts_with(&text[start..start + len])
            };
            while open.last().is_some_and(|last| !begins(&all[*last as usize])) {
                open.pop();
            }
            let shorter = open.last().copied();
            open.push(u32::try_from(all.len()).ok()?);
            all.push(Form {
                start: u32::try_from(span.0).ok()?,
                len: u32::try_from(span.1).ok()?,
                shorter,
            });
        }
        Some(Self {
            has_escapes: memchr(ESCAPE, &text).is_some(),
            text,
            forms: all,
            skips,
            heads,
        })
    }

    /// The first of these places where the head of a form may stand.
    pub(super) fn head_in(&self, text: &[u8], places: Range<usize>) -> Option<usize> {
        let mut at = places.start;
        while at < places.end {
            let head = text.get(at..)?.first_chunk()?;
            match self.skips.of(head) {
                0 if self.heads.may_have(head) => return Some(at),
                skip => at += skip.max(1),
            }
        }
        None
    }

    /// What stands at the beginning of this text, for whoever sees no escape sequences. More may come, unless this is the last of it.
    pub(super) fn look(&self, text: &[u8], is_last: bool) -> Found {
        let mut found = Found::default();
        if text.first() != Some(&ESCAPE) {
            found = self.look_through_escapes(text, is_last);
        }
        if self.has_escapes {
            let literal = self.compare(text);
            found.len = found.len.max(literal.len);
            found.may_grow |= literal.may_grow;
        }
        found
    }

    fn look_through_escapes(&self, text: &[u8], is_last: bool) -> Found {
        let mut size = FIRST_LOOK;
        loop {
            let seen = Seen::of(text, size, is_last);
            let found = self.compare(&seen.bytes);
            if found.may_grow && seen.end == End::Size {
                size *= FIRST_LOOK;
                continue;
            }
            return Found {
                len: seen.printed(found.len),
                may_grow: found.may_grow && seen.end == End::Text,
            };
        }
    }

    /// What these bytes begin with, just as they are.
    fn compare(&self, text: &[u8]) -> Found {
        let after = self.forms.partition_point(|form| self.bytes(form) <= text);
        let may_grow = self
            .forms
            .get(after)
            .is_some_and(|form| self.bytes(form).starts_with(text));
        let mut last = after.checked_sub(1).and_then(|index| self.forms.get(index));
        while let Some(form) = last {
            if text.starts_with(self.bytes(form)) {
                return Found {
                    len: form.len as usize,
                    may_grow,
                };
            }
            last = form.shorter.and_then(|index| self.forms.get(index as usize));
        }
        Found { len: 0, may_grow }
    }

    fn bytes(&self, form: &Form) -> &[u8] {
        let start = form.start as usize;
        &self.text[start..start + form.len as usize]
    }
}

/// For four bytes of a text: how many places further on the first head may begin that has them in it. The four are the last of
/// a head that begins here, so that 0 means: perhaps here.
struct Skips {
    places: Vec<u8>,
    shift: u32,
}

impl Skips {
    /// Places that have no head in them where four bytes stand in none.
    const FARTHEST: u8 = (HEAD - BLOCK + 1) as u8;

    fn new(heads: usize) -> Self {
        // at most 256 KiB: more would not stay near the processor
        let size = (heads * SKIPS_PER_HEAD).next_power_of_two().ilog2().clamp(12, 18);
        Self {
            places: vec![Self::FARTHEST; 1 << size],
            shift: u32::BITS - size,
        }
    }

    fn insert(&mut self, head: &[u8; HEAD]) {
        for (block, away) in head.windows(BLOCK).rev().zip(0..) {
            let place = block.first_chunk().map(|block| self.place(block));
            if let Some(found) = place.and_then(|place| self.places.get_mut(place)) {
                *found = away.min(*found);
            }
        }
    }

    fn of(&self, head: &[u8; HEAD]) -> usize {
        let [.., a, b, c, d] = *head;
        let place = self.place(&[a, b, c, d]);
        usize::from(self.places.get(place).copied().unwrap_or(0))
    }

    fn place(&self, block: &[u8; BLOCK]) -> usize {
        (u32::from_le_bytes(*block).wrapping_mul(0x9e37_79b1) >> self.shift) as usize
    }
}

/// A Bloom filter of heads.
struct Heads {
    bits: Vec<u64>,
    shift: u32,
}

impl Heads {
    fn new(heads: usize) -> Self {
        let size = (heads * BITS_PER_HEAD).next_power_of_two().ilog2().clamp(13, 24);
        Self {
            bits: vec![0; 1 << (size - 6)],
            shift: u64::BITS - size,
        }
    }

    fn insert(&mut self, head: &[u8; HEAD]) {
        for place in places(head) {
            let bit = place >> self.shift;
            if let Some(word) = self.bits.get_mut(bit as usize >> 6) {
                *word |= 1 << (bit & 63);
            }
        }
    }

    fn may_have(&self, head: &[u8; HEAD]) -> bool {
        places(head).into_iter().all(|place| {
            let bit = place >> self.shift;
            let word = self.bits.get(bit as usize >> 6);
            word.is_some_and(|word| word >> (bit & 63) & 1 == 1)
        })
    }
}

/// Two numbers, of which the upper bits count.
fn places(head: &[u8; HEAD]) -> [u64; 2] {
    let first = u64::from_le_bytes(*head).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [first, (first ^ first >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93)]
}
