//! A length of time as people type it: `30m`, `2h`, `1d`.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::names::shown;

/// As long as anything may be asked for, in minutes.
const LONGEST: u64 = 30 * 24 * 60;

/// A whole number of minutes, hours or days, at most thirty days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Length {
    minutes: u64,
}

/// Not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` is not a length of time; expected a number with `m`, `h` or `d`, such as `30m`, `2h` or `1d`, at most `30d`"
)]
pub struct InvalidLength {
    found: String,
}

impl Length {
    /// As the clock counts it.
    #[must_use]
    pub fn span(self) -> TimeDelta {
        TimeDelta::minutes(i64::try_from(self.minutes).unwrap_or_default())
    }

    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.minutes * 60
    }

    /// Of so many seconds, as far as it is one.
    #[must_use]
    pub fn from_seconds(seconds: u64) -> Option<Self> {
        let minutes = seconds / 60;
        (seconds.is_multiple_of(60) && (1..=LONGEST).contains(&minutes)).then_some(Self { minutes })
    }
}

impl FromStr for Length {
    type Err = InvalidLength;

    fn from_str(text: &str) -> Result<Self, InvalidLength> {
        let invalid = || InvalidLength { found: shown(text) };
        let unit = text.chars().next_back().ok_or_else(invalid)?;
        let minutes = match unit {
            'm' => 1,
            'h' => 60,
            'd' => 24 * 60,
            _ => return Err(invalid()),
        };
        let number = &text[..text.len() - 1];
        // `parse` alone would take a sign
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let minutes = number.checked_mul(minutes).ok_or_else(invalid)?;
        if (1..=LONGEST).contains(&minutes) {
            Ok(Self { minutes })
        } else {
            Err(invalid())
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minutes {
            minutes if minutes.is_multiple_of(24 * 60) => write!(f, "{}d", minutes / 24 / 60),
            minutes if minutes.is_multiple_of(60) => write!(f, "{}h", minutes / 60),
            minutes => write!(f, "{minutes}m"),
        }
    }
}

impl TryFrom<String> for Length {
    type Error = InvalidLength;

    fn try_from(text: String) -> Result<Self, InvalidLength> {
        text.parse()
    }
}

impl From<Length> for String {
    fn from(length: Length) -> Self {
        length.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit() {
        for (text, minutes, again) in [
            ("1m", 1, "1m"),
            ("30m", 30, "30m"),
            ("90m", 90, "90m"),
            ("120m", 120, "2h"),
            ("2h", 120, "2h"),
            ("24h", 1440, "1d"),
            ("30d", 43_200, "30d"),
        ] {
            let length: Length = text.parse().unwrap();
            assert_eq!(
                (length.span(), length.to_string().as_str()),
                (TimeDelta::minutes(minutes), again)
            );
            assert_eq!(Length::from_seconds(length.seconds()), Some(length));
        }
    }

    #[test]
    fn nothing_else() {
        for text in [
            "",
            "2",
            "h",
            "0h",
            "-1h",
            "+1h",
            "2 h",
            "2H",
            "2hours",
            "1h30m",
            "1.5h",
            "31d",
            "99999999999999999999d",
            "２h",
            "2ｈ",
            "10s",
            "2w",
            " 2h",
        ] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
        assert_eq!(
            "soon".parse::<Length>().unwrap_err().to_string(),
            "`soon` is not a length of time; expected a number with `m`, `h` or `d`, such as `30m`, `2h` or `1d`, at most `30d`"
        );
        assert_eq!((Length::from_seconds(0), Length::from_seconds(61)), (None, None));
    }
}
