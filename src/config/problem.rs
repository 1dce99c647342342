//! What is wrong with a configuration file: every problem with its place, its key path and a hint.
//!
//! One place words how a problem looks, so that start-up and `chima check` say the same. Nothing here may print a secret
//! that somebody wrote into the file: such lines are not quoted.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::tree::{Entry, Node, Place};
use crate::domain::names::shown;

/// Longer lines are cut around the caret.
const EXCERPT_WIDTH: usize = 100;

/// One thing to change in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1; 0 where the file itself is the problem.
    pub line: usize,
    /// Column in characters, from 1; 0 where the file itself is the problem.
    pub column: usize,
    /// The key it is about, as in `apps.site.environments.production`; empty for the top level.
    pub path: String,
    /// What was found, and what was expected.
    pub text: String,
    /// What to do, where that is not plain from the text.
    pub hint: Option<String>,
    excerpt: Option<String>,
    private: bool,
}

/// Why a configuration was refused: everything that is wrong with it, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: PathBuf,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    /// The problems of a text, sorted, each one once, with the lines they are about.
    pub(super) fn new(file: &Path, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        let private: Vec<usize> = problems
            .iter()
            .filter(|problem| problem.private)
            .map(|problem| problem.line)
            .collect();
        let mut unique: Vec<Problem> = Vec::new();
        for mut problem in problems {
            let known = |other: &Problem| {
                (other.line, other.column, &other.text) == (problem.line, problem.column, &problem.text)
            };
            if !unique.iter().any(known) {
                if !private.contains(&problem.line) {
                    problem.excerpt = excerpt(text, problem.line, problem.column);
                }
                unique.push(problem);
            }
        }
        Self {
            file: file.to_owned(),
            problems: unique,
        }
    }

    /// One line for each problem, without the excerpt: for a log.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let line = |problem: &Problem| {
            let hint = problem
                .hint
                .as_deref()
                .map(|hint| format!("; {hint}"))
                .unwrap_or_default();
            format!("{} {}{hint}", self.place(problem), problem.text)
        };
        self.problems.iter().map(line).collect()
    }

    /// File, line and column, as editors take them.
    fn place(&self, problem: &Problem) -> String {
        let file = self.file.display();
        match problem.line {
            0 => format!("{file}:"),
            line => format!("{file}:{line}:{}:", problem.column),
        }
    }

    /// The one problem of a file that could not be read at all.
    pub(super) fn unreadable(file: &Path, text: String, hint: &str) -> Self {
        let problem = Problem {
            line: 0,
            column: 0,
            path: String::new(),
            text,
            hint: Some(hint.to_owned()),
            excerpt: None,
            private: false,
        };
        Self {
            file: file.to_owned(),
            problems: vec![problem],
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{} {problem}", self.place(problem))?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl Error for ConfigError {}

impl Problem {
    /// Keeps the line out of sight: what stands there may be a secret.
    pub(super) fn hide_line(mut self) -> Self {
        self.private = true;
        self
    }
}

/// The way from the top of the file to a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl KeyPath {
    /// The path of keys alone.
    #[must_use]
    pub fn of(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| Step::Key((*key).to_owned())).collect())
    }

    /// One key deeper.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// One item of a list deeper.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    /// The path of the map or list around it; none at the top level.
    pub(super) fn parent(&self) -> Option<Self> {
        let (_, around) = self.0.split_last()?;
        (!around.is_empty()).then(|| Self(around.to_vec()))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// Where it stands, or how near to it the file comes: a scalar or list at its value, a map at its key, and a missing
    /// key at the map it is missing from.
    pub(super) fn place_in(&self, root: &Node) -> Place {
        self.locate(root, |entry| {
            if entry.value.entries().is_empty() {
                entry.value.place
            } else {
                entry.place
            }
        })
    }

    /// Where the last key itself is written.
    pub(super) fn key_place_in(&self, root: &Node) -> Place {
        self.locate(root, |entry| entry.place)
    }

    /// The value at the end of the path.
    pub(super) fn node_in<'a>(&self, root: &'a Node) -> Option<&'a Node> {
        self.0.iter().try_fold(root, |node, step| match step {
            Step::Key(key) => node.entry(key).map(|entry| &entry.value),
            Step::Index(index) => node.items().get(*index),
        })
    }

    fn locate(&self, root: &Node, shown_at: fn(&Entry) -> Place) -> Place {
        let mut place = root.place;
        let mut node = root;
        for step in &self.0 {
            let next = match step {
                Step::Key(key) => node.entry(key).map(|entry| (shown_at(entry), &entry.value)),
                Step::Index(index) => node.items().get(*index).map(|item| (item.place, item)),
            };
            match next {
                Some(found) => (place, node) = found,
                None => return place,
            }
        }
        place
    }

    /// A problem at a place.
    pub(super) fn problem(&self, place: Place, text: String, hint: Option<String>) -> Problem {
        Problem {
            line: place.line,
            column: place.column,
            path: self.to_string(),
            text,
            hint,
            excerpt: None,
            private: false,
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => f.write_str(&shown(key))?,
                Step::Key(key) => write!(f, ".{}", shown(key))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// The line with a caret under the column; nothing where the line may hold a secret.
fn excerpt(text: &str, line: usize, column: usize) -> Option<String> {
    let content = text.lines().nth(line.checked_sub(1)?)?;
    if content.trim().is_empty() || may_hold_a_secret(content) {
        return None;
    }
    let before = column.saturating_sub(1);
    let skipped = before.saturating_sub(EXCERPT_WIDTH * 2 / 3);
    let cut: String = content
        .chars()
        .skip(skipped)
        .take(EXCERPT_WIDTH)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let indent = " ".repeat(before - skipped);
    Some(format!("  {number} | {}\n  {margin} | {indent}^", cut.trim_end()))
}

/// Whether a line looks as if somebody wrote a secret into it. Wrong guesses cost an excerpt, nothing else.
fn may_hold_a_secret(line: &str) -> bool {
    const BEGINNINGS: [&str; 8] = [
        "ghp_",
        "gho_",
        "ghs_",
        "github_pat_",
        "xoxb-",
        "xoxp-",
        "hooks.slack.com/",
        "PRIVATE KEY",
    ];
    const WORDS: [&str; 6] = ["token", "secret", "passw", "private_key", "webhook", "signing"];
    let with_password = |rest: &str| {
        rest.split(['/', ' ', '"', '\''])
            .next()
            .is_some_and(|host| host.contains('@'))
    };
    if line.split("://").skip(1).any(with_password) {
        return true;
    }
    if BEGINNINGS.iter().any(|beginning| line.contains(beginning)) {
        return true;
    }
    let lower = line.to_ascii_lowercase();
    WORDS.iter().any(|word| {
        lower.split(word).skip(1).any(|rest| {
            let value = rest
                .split_once(':')
                .map_or("", |(_, value)| value)
                .trim_start_matches([' ', '[']);
            !value.is_empty() && !value.starts_with(['{', '#', '&', '*'])
        })
    })
}
