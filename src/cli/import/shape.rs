//! Reading a JSON value of somebody else's: what has another form than it should is collected, and told all at once.
//!
//! Values are never quoted in what is told: any of them may be a secret.

use std::collections::BTreeSet;

use crate::cli::import::secrets::told;
use serde_json::{Map, Value};

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<String>,
}

/// The keys of one map, which remembers those that were asked for.
#[derive(Debug)]
pub(super) struct Keys<'a> {
    /// How the map is named to people.
    pub(super) at: String,
    map: &'a Map<String, Value>,
    used: BTreeSet<&'a str>,
}

impl Reader {
    pub(super) fn text<'a>(&mut self, at: &str, value: &'a Value) -> Option<&'a str> {
        value.as_str().or_else(|| self.refuse(at, value, "a text"))
    }

    pub(super) fn flag(&mut self, at: &str, value: &Value) -> Option<bool> {
        value.as_bool().or_else(|| self.refuse(at, value, "true or false"))
    }

    pub(super) fn list<'a>(&mut self, at: &str, value: &'a Value) -> Option<&'a [Value]> {
        match value {
            Value::Array(items) => Some(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                self.refuse(at, value, "a list")
            }
        }
    }

    pub(super) fn map<'a>(&mut self, at: &str, value: &'a Value) -> Option<&'a Map<String, Value>> {
        value.as_object().or_else(|| self.refuse(at, value, "a map"))
    }

    /// A list of texts; a number stands for its digits, as in a list of room ids.
    pub(super) fn texts(&mut self, at: &str, value: &Value) -> Option<Vec<String>> {
        let items = self.list(at, value)?;
        let mut texts = Some(Vec::new());
        for (index, item) in items.iter().enumerate() {
            let text = match item {
                Value::Number(number) => Some(number.to_string()),
                Value::String(text) => Some(text.clone()),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                    self.refuse(&format!("{at}[{index}]"), item, "a text")
                }
            };
            match (text, &mut texts) {
                (Some(text), Some(texts)) => texts.push(text),
                (Some(_) | None, _) => texts = None,
            }
        }
        texts
    }

    /// A list of names.
    pub(super) fn names(&mut self, at: &str, value: &Value) -> Option<Vec<String>> {
        let names = self.texts(at, value)?;
        let unfit = names.iter().position(|name| !is_name(name));
        if let Some(index) = unfit {
            self.problems.push(format!(
                "`{at}[{index}]` is empty or holds a line break; expected a name"
            ));
            return None;
        }
        Some(names)
    }

    pub(super) fn refuse<T>(&mut self, at: &str, value: &Value, expected: &str) -> Option<T> {
        self.problems.push(unexpected(at, value, expected));
        None
    }
}

/// Whether a text can be the name of a context, a room or a person; `#` and `@` before it are no part of it.
pub(super) fn is_name(text: &str) -> bool {
    let bare = text.strip_prefix(['#', '@']).unwrap_or(text);
    !bare.trim().is_empty() && !bare.contains(char::is_control)
}

impl<'a> Keys<'a> {
    pub(super) fn of(at: &str, map: &'a Map<String, Value>) -> Self {
        Self {
            at: told(at),
            map,
            used: BTreeSet::new(),
        }
    }

    /// The value of a key, in whatever case it is written; `null` is the same as nothing.
    pub(super) fn take(&mut self, key: &str) -> Option<&'a Value> {
        let (name, value) = self.map.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        self.used.insert(name);
        (!value.is_null()).then_some(value)
    }

    /// The keys that nobody asked for.
    pub(super) fn left(&self) -> Vec<(&'a str, &'a Value)> {
        self.map
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .filter(|(key, _)| !self.used.contains(key))
            .collect()
    }

    /// How one key of it is named to people.
    pub(super) fn name(&self, key: &str) -> String {
        format!("{}.{}", self.at, told(key))
    }
}

/// What was found and what was expected, in one sentence; the whole file has no name.
pub(super) fn unexpected(at: &str, value: &Value, expected: &str) -> String {
    let kind = kind_of(value);
    if at.is_empty() {
        format!("the file holds {kind}; expected {expected}")
    } else {
        format!("`{}` is {kind}; expected {expected}", told(at))
    }
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
