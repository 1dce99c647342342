//! The log of a run by lines: a window of it, and where a text stands.

use std::io;

use chrono::DateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::provider::log::lines::Line;
use crate::provider::log::reader::LogReader;
use crate::report::painted::Painted;

/// At most so many lines are asked for at once.
pub const MOST: u64 = 1000;

/// Lines of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLines {
    /// In order.
    pub lines: Vec<LogLine>,
    /// Which lines are kept of all there were: the number of the first of each stretch, and how many they are.
    pub kept: Vec<(u64, u64)>,
    /// Whether no more will come.
    pub ended: bool,
}

/// Which lines are kept, as if they were counted through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept(pub Vec<(u64, u64)>);

impl Kept {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// How many come before a line.
    #[must_use]
    pub fn index_of(&self, number: u64) -> u64 {
        let before = |(first, count): &(u64, u64)| number.saturating_sub(*first).min(*count);
        self.0.iter().map(before).sum()
    }

    /// The line before which so many come; the last one where there are fewer.
    #[must_use]
    pub fn number_at(&self, index: u64) -> u64 {
        let mut left = index;
        for (first, count) in &self.0 {
            if left < *count {
                return first + left;
            }
            left -= count;
        }
        self.0
            .last()
            .map_or(1, |(first, count)| first + count.saturating_sub(1))
    }
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// The first is 1. It stays the same also when earlier lines are not kept any more.
    pub number: u64,
    /// When it began.
    pub at: Timestamp,
    /// What it says, without colours.
    pub text: String,
    /// Where it has colours: how long each stretch is, in UTF-16 units, and the names of how it looks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<(u64, String)>,
    /// How many bytes of it are left out here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<u64>,
    /// How many bytes before it are not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<u64>,
}

/// Where a text stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogHit {
    /// The number of the line; absent where it stands in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl LogLines {
    /// The lines from a number on.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub fn read(log: &LogReader, from: u64, count: u64) -> io::Result<Self> {
        let max = usize::try_from(count.min(MOST)).unwrap_or(0);
        let window = log.lines_from(from, max)?;
        Ok(Self {
            lines: window.lines.iter().map(LogLine::of).collect(),
            kept: window.kept,
            ended: window.ended,
        })
    }
}

impl LogLine {
    fn of(line: &Line) -> Self {
        let painted = Painted::line(&line.bytes);
        let looks = painted.pieces().filter(|_| !painted.is_plain());
        Self {
            number: line.number,
            at: at(line),
            looks: looks
                .map(|(text, look)| (text.encode_utf16().count() as u64, look.to_string()))
                .collect(),
            text: painted.text().to_owned(),
            cut: Some(line.cut).filter(|cut| *cut > 0),
            gap: line.gap,
        }
    }
}

/// When a line began.
#[must_use]
pub fn at(line: &Line) -> Timestamp {
    let millis = i64::try_from(line.at_ms).unwrap_or_default();
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_through_what_is_not_kept() {
        let kept = Kept(vec![(1, 10), (91, 10)]);
        assert_eq!(kept.count(), 20);
        for (number, index) in [(1, 0), (10, 9), (91, 10), (100, 19)] {
            assert_eq!((kept.index_of(number), kept.number_at(index)), (index, number));
        }
        assert_eq!((kept.index_of(50), kept.number_at(99)), (10, 100));
        assert_eq!((Kept(Vec::new()).number_at(0), Kept(Vec::new()).index_of(3)), (1, 0));
    }

    #[test]
    fn a_line_says_how_its_stretches_look() {
        let line = Line {
            number: 7,
            at_ms: 1_000,
            bytes: b"a \x1b[31m\xf0\x9f\x9a\x80b\x1b[0m\n".to_vec(),
            cut: 0,
            gap: Some(3),
        };
        let shown = serde_json::to_value(LogLine::of(&line)).unwrap();
        assert_eq!(
            shown,
            serde_json::json!({
                "number": 7, "at": "1970-01-01T00:00:01Z", "text": "a \u{1f680}b", "gap": 3,
                "looks": [[2, ""], [3, "ink1"]],
            })
        );
    }
}
