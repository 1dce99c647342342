//! Which of the foreign forms a text has: found by its content, or settled by `--from`.

use serde_json::{Map, Value};
use serde_yaml::Error as YamlError;

use crate::cli::import::heaven;
use crate::cli::import::python::{self, Module};
use crate::cli::import::{ImportError, Kind};

/// A file, read as far as its form goes.
#[derive(Debug)]
pub(super) enum Foreign {
    Apps(Map<String, Value>),
    Payload(Value),
    Hooks(Vec<Value>),
    Pybossa(Module),
}

impl Foreign {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Apps(_) => Kind::AppsJson,
            Self::Payload(_) => Kind::Heaven,
            Self::Hooks(_) => Kind::Hooks,
            Self::Pybossa(_) => Kind::Pybossa,
        }
    }
}

/// Reads a text as what it was said to be.
pub(super) fn read(text: &str, kind: Kind) -> Result<Foreign, ImportError> {
    match kind {
        Kind::Pybossa => Ok(Foreign::Pybossa(python::parse(text).map_err(|error| {
            ImportError::Malformed {
                language: "Python",
                line: error.line,
                what: error.text,
                hint: None,
            }
        })?)),
        Kind::AppsJson => apps(json(text)?),
        Kind::Heaven => Ok(Foreign::Payload(json(text)?)),
        Kind::Hooks => hooks(json_or_yaml(text)?),
    }
}

fn apps(value: Value) -> Result<Foreign, ImportError> {
    if let Value::Object(apps) = value {
        Ok(Foreign::Apps(apps))
    } else {
        Err(unexpected(&value, "a map of apps", Kind::AppsJson))
    }
}

fn hooks(value: Value) -> Result<Foreign, ImportError> {
    if let Value::Array(hooks) = value {
        Ok(Foreign::Hooks(hooks))
    } else {
        Err(unexpected(&value, "a list of hooks", Kind::Hooks))
    }
}

/// Finds out what a text is.
pub(super) fn detect(text: &str) -> Result<Foreign, ImportError> {
    let structured = match serde_json::from_str::<Value>(text) {
        Ok(value) => Some(value),
        // webhook reads its JSON as YAML, which has commas at the end and comments
        Err(_) => serde_yaml::from_str::<Value>(text).ok().filter(is_hooks),
    };
    match structured {
        Some(value) if is_hooks(&value) => hooks(value),
        Some(Value::Object(map)) if !map.is_empty() && entries(&map) == map.len() => Ok(Foreign::Apps(map)),
        Some(value) if heaven::is_one(&value) => Ok(Foreign::Payload(value)),
        Some(Value::Object(map)) if entries(&map) > 0 => Ok(Foreign::Apps(map)),
        Some(_) => Err(ImportError::Unknown),
        None => match python::parse(text) {
            Ok(module) if module.find("REPOS").is_some() => Ok(Foreign::Pybossa(module)),
            Err(_) if text.lines().any(|line| line.trim_start().starts_with("REPOS")) => read(text, Kind::Pybossa),
            Ok(_) | Err(_) if text.trim_start().starts_with(['{', '[']) => {
                json(text)?;
                Err(ImportError::Unknown)
            }
            Ok(_) | Err(_) => Err(ImportError::Unknown),
        },
    }
}

fn is_hooks(value: &Value) -> bool {
    let is_hook = |value: &Value| value.get("execute-command").is_some();
    match value {
        Value::Array(items) => items.iter().any(is_hook),
        Value::Object(_) => is_hook(value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// How many of the values look like an app's entry.
fn entries(map: &Map<String, Value>) -> usize {
    let is_entry = |value: &&Value| value.get("repository").is_some_and(Value::is_string);
    map.values().filter(is_entry).count()
}

fn json(text: &str) -> Result<Value, ImportError> {
    serde_json::from_str(text).map_err(|error| ImportError::Malformed {
        language: "JSON",
        line: error.line(),
        // the place is told already
        what: error
            .to_string()
            .split(" at line ")
            .next()
            .unwrap_or_default()
            .to_owned(),
        hint: template_hint(text),
    })
}

fn json_or_yaml(text: &str) -> Result<Value, ImportError> {
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    serde_yaml::from_str(text).map_err(|error: YamlError| ImportError::Malformed {
        language: "YAML",
        line: error
            .location()
            .and_then(|place| usize::try_from(place.line()).ok())
            .unwrap_or(1),
        what: yaml_fault(&error.without_snippet().to_string()),
        hint: template_hint(text),
    })
}

/// What the parser has to say, without what it quotes of the file and without its advice to programmers.
fn yaml_fault(message: &str) -> String {
    if message.starts_with("duplicate mapping key") {
        return "a key is written twice".to_owned();
    }
    // the place is told already
    message.split(" at line ").next().unwrap_or_default().to_owned()
}

/// webhook can take a template for its file.
fn template_hint(text: &str) -> Option<&'static str> {
    text.contains("{{")
        .then_some("it looks like a template: replace what stands between `{{` and `}}` by any text first")
}

fn unexpected(found: &Value, expected: &str, kind: Kind) -> ImportError {
    ImportError::Unexpected {
        kind,
        problems: vec![super::shape::unexpected("", found, expected)],
    }
}
