//! Values of a Python dict, held against the form they should have. All faults are collected, each with its line; values are
//! never quoted in them, because any may be a secret.

use crate::cli::import::draft::{Note, Settings};
use crate::cli::import::python::{Literal, Located};
use crate::cli::import::secrets::{is_secret_text, told};
use crate::cli::import::shape::is_name;

/// The entries of a dict.
pub(super) type Dict<'a> = &'a [(Located, Located)];

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(super) struct Reader {
    problems: Vec<(usize, String)>,
    explained: bool,
}

/// The value of a key; of a key that is written twice, the later one, as in Python.
pub(super) fn find<'a>(dict: Dict<'a>, key: &str) -> Option<&'a Located> {
    dict.iter()
        .rev()
        .find(|(found, _)| matches!(&found.value, Literal::Text(name) if name == key))
        .map(|(_, value)| value)
}

impl Reader {
    /// The repositories by name, with their line and dict. The server's template for Ansible shows a list of dicts with
    /// `repo`, which the server itself could not read; it is clear what was meant.
    pub(super) fn repositories<'a>(&mut self, found: &'a Located) -> Vec<(String, usize, Dict<'a>)> {
        let mut repositories = Vec::new();
        if let Literal::Dict(entries) = &found.value {
            for (key, value) in entries {
                match (&key.value, &value.value) {
                    (Literal::Text(name), Literal::Dict(dict)) => {
                        repositories.push((name.clone(), key.line, dict.as_slice()));
                    }
                    (Literal::Text(name), _) => {
                        self.unexpected(&format!("REPOS['{}']", told(name)), value, "a dict with `commands`");
                    }
                    (_, _) => self.unexpected("a key of REPOS", key, "the text `owner/name`"),
                }
            }
        } else if let Literal::List(items) = &found.value {
            for item in items {
                let dict = match &item.value {
                    Literal::Dict(dict) => dict.as_slice(),
                    Literal::Text(_)
                    | Literal::Number(_)
                    | Literal::Bool(_)
                    | Literal::None
                    | Literal::List(_)
                    | Literal::Other => &[],
                };
                match find(dict, "repo").map(|found| &found.value) {
                    Some(Literal::Text(name)) => repositories.push((name.clone(), item.line, dict)),
                    Some(_) | None => self.unexpected("an item of REPOS", item, "a dict with `repo`"),
                }
            }
        } else {
            self.unexpected("REPOS", found, "a dict of repositories");
        }
        repositories
    }

    pub(super) fn text(&mut self, dict: Dict<'_>, key: &str, at: &str, app: &mut Settings) -> Option<String> {
        let found = find(dict, key)?;
        match &found.value {
            Literal::Text(text) if text.contains("{{") || is_secret_text(text) => {
                let why = "a secret, or what would be a placeholder here, is in it";
                app.notes.push(Note::lost(format!("`{key}`: {why}.")));
                None
            }
            Literal::Text(text) => Some(text.clone()),
            Literal::None => None,
            Literal::Other => {
                app.notes.push(computed(key, found.line));
                None
            }
            Literal::Number(_) | Literal::Bool(_) | Literal::List(_) | Literal::Dict(_) => {
                self.unexpected(&format!("{at}['{key}']"), found, "a text");
                None
            }
        }
    }

    /// A list of texts, empty where there is none; nothing where a part of it would have to be executed.
    pub(super) fn texts(&mut self, dict: Dict<'_>, key: &str, at: &str) -> Option<Vec<String>> {
        let Some(found) = find(dict, key) else {
            return Some(Vec::new());
        };
        let items = match &found.value {
            Literal::List(items) => items,
            Literal::None => return Some(Vec::new()),
            Literal::Other => return None,
            Literal::Text(_) | Literal::Number(_) | Literal::Bool(_) | Literal::Dict(_) => {
                self.unexpected(&format!("{at}['{key}']"), found, "a list of texts");
                return None;
            }
        };
        let mut texts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match &item.value {
                Literal::Text(text) if is_name(text) => texts.push(text.clone()),
                Literal::Text(_) => {
                    let text = format!("`{at}['{key}'][{index}]` is empty or holds a line break; expected a name");
                    self.refuse(item.line, text);
                }
                Literal::Other => return None,
                Literal::Number(_) | Literal::Bool(_) | Literal::None | Literal::List(_) | Literal::Dict(_) => {
                    self.unexpected(&format!("{at}['{key}'][{index}]"), item, "a text");
                }
            }
        }
        Some(texts)
    }

    /// Whether something is explained for the first time.
    pub(super) fn is_first(&mut self) -> bool {
        !std::mem::replace(&mut self.explained, true)
    }

    pub(super) fn unexpected(&mut self, at: &str, found: &Located, expected: &str) {
        let text = format!("`{at}` is {}; expected {expected}", found.kind());
        self.refuse(found.line, text);
    }

    /// Notes a problem; line 0 is the whole file.
    pub(super) fn refuse(&mut self, line: usize, problem: String) {
        self.problems.push((line, problem));
    }

    /// Everything that is wrong, in the order of the file.
    pub(super) fn problems(mut self) -> Vec<String> {
        self.problems.sort_by_key(|(line, _)| *line);
        let told = |(line, problem)| {
            if line == 0 {
                problem
            } else {
                format!("line {line}: {problem}")
            }
        };
        self.problems.into_iter().map(told).collect()
    }
}

fn computed(key: &str, line: usize) -> Note {
    Note::lost(format!("`{key}`: line {line} would have to be executed."))
}
