//! Random choices and moments that a seed repeats.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `SplitMix64`: good enough to choose, and the same on every machine.
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.roll(range.end() - range.start() + 1)
    }

    /// A place in something of this length.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.roll(length as u64)).unwrap()
    }

    pub fn one_of<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.index(list.len())]
    }

    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.index(most + 1);
        (0..length).map(|_| u8::try_from(self.roll(256)).unwrap()).collect()
    }

    pub async fn pause(&mut self, milliseconds: std::ops::Range<u64>) {
        let length = milliseconds.start + self.roll(milliseconds.end - milliseconds.start);
        tokio::time::sleep(Duration::from_millis(length)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the seed differs from run to run")]
pub fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) | 1
}
