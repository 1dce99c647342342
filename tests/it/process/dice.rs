//! Random moments that can be repeated.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Xorshift: enough to choose moments.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
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
