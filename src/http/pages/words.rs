//! Answers of the engine on a page: they are lines of Markdown that need nothing but backticks and dashes to be read.

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
    /// With its backticks.
    pub(super) text: String,
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
        Self {
            item: item.is_some(),
            text: item.unwrap_or(line).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_told_apart() {
        let words = Words::of("back to `abc`:\n\n- `a` by b\n");
        let shown: Vec<(bool, &str)> = words.lines.iter().map(|line| (line.item, line.text.as_str())).collect();
        assert_eq!(shown, [(false, "back to `abc`:"), (true, "`a` by b")]);
    }
}
