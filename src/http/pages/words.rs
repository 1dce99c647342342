//! Answers of the engine on a page: they are lines of Markdown that need nothing but backticks and dashes to be read.

use crate::http::pages::harmless;

/// What an answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) lines: Vec<Line>,
}

/// A line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// It belongs to a list.
    pub(super) item: bool,
    /// In order; whether each stands between backticks.
    pub(super) pieces: Vec<(bool, String)>,
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Self {
            lines: lines.map(Line::of).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl Line {
    fn of(line: &str) -> Self {
        let item = line.strip_prefix("- ");
        let text = harmless(item.unwrap_or(line));
        let whole = text.matches('`').count().is_multiple_of(2);
        let pieces = if whole {
            let split = text.split('`').enumerate();
            split
                .map(|(at, piece)| (!at.is_multiple_of(2), piece.to_owned()))
                .collect()
        } else {
            vec![(false, text)]
        };
        Self {
            item: item.is_some(),
            pieces: pieces.into_iter().filter(|(_, piece)| !piece.is_empty()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_lists_are_told_apart() {
        let words = Words::of("back to `abc`:\n\n- `a` by b\n- odd ` one\u{202e}");
        let shown: Vec<(bool, Vec<(bool, &str)>)> = words
            .lines
            .iter()
            .map(|line| {
                (
                    line.item,
                    line.pieces.iter().map(|(code, text)| (*code, text.as_str())).collect(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                (false, vec![(false, "back to "), (true, "abc"), (false, ":")]),
                (true, vec![(true, "a"), (false, " by b")]),
                (true, vec![(false, "odd ` one\u{fffd}")]),
            ]
        );
    }
}
