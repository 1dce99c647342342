//! The values of a manifest's inputs: typed, expanded once, matched against their patterns.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use crate::domain::deployment::Order;
use crate::domain::names::{HostName, shown};
use crate::provider::manifest::input::{Input, InputKind};
use crate::provider::manifest::{Kind, Manifest};
use crate::provider::plan::error::PlanError;
use crate::provider::plan::quoted;
use crate::provider::plan::values::{run_word, unknown_placeholder};
use crate::provider::request::late::{literal, percent_encoded};
use crate::provider::template::{Piece, Template};

/// In bytes, for one text of an input that is not a command, where the manifest says nothing.
pub const LENGTH_LIMIT: usize = 255;

/// The checked value of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// `string`, `path`, `url`, `bool` and `integer`, as they stand in an argument.
    Text(String),
    /// `list`.
    List(Vec<String>),
    /// `argv`.
    Command(Vec<String>),
    /// `argv_list`.
    Commands(Vec<Vec<String>>),
    /// `map`; its texts are expanded.
    Map(BTreeMap<String, Value>),
}

impl Given {
    /// Whether there is something in it.
    #[must_use]
    pub fn is_set(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty() && text != "false",
            Self::List(items) | Self::Command(items) => !items.is_empty(),
            Self::Commands(items) => !items.is_empty(),
            Self::Map(items) => !items.is_empty(),
        }
    }

    /// As a part of one argument. The manifest's check lets only texts come here.
    pub(super) fn as_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::List(items) | Self::Command(items) => items.join(","),
            Self::Commands(_) | Self::Map(_) => String::new(),
        }
    }
}

/// All values of one plan.
#[derive(Debug)]
pub struct Inputs<'m> {
    manifest: &'m Manifest,
    given: BTreeMap<&'m str, Given>,
    by_hand: Vec<&'m str>,
}

impl<'m> Inputs<'m> {
    /// Takes `with`, then what the payload may fill, then the defaults.
    pub(super) fn gather(
        manifest: &'m Manifest,
        with: &Map<String, Value>,
        order: &Order,
        requested: &Map<String, Value>,
    ) -> Result<Self, PlanError> {
        let mut inputs = Self {
            manifest,
            given: BTreeMap::new(),
            by_hand: Vec::new(),
        };
        for (key, value) in with {
            let (name, input) = find(manifest, key)?;
            if inputs.by_hand.contains(&name) {
                return Err(PlanError::GivenTwice { input: name.to_owned() });
            }
            inputs.by_hand.push(name);
            inputs
                .given
                .insert(name, read(name, input, value, &|text| expand(name, text, order))?);
        }
        // What a request narrows to wins over what the configuration names.
        if let Some((name, input)) = manifest
            .inputs
            .get_key_value("hosts")
            .filter(|_| !order.hosts.is_empty())
        {
            let configured = match inputs.given.get(name.as_str()) {
                Some(Given::List(hosts)) => hosts.clone(),
                Some(Given::Text(_) | Given::Command(_) | Given::Commands(_) | Given::Map(_)) | None => Vec::new(),
            };
            let hosts: Vec<String> = order
                .hosts
                .iter()
                .map(|host| as_configured(host, &configured))
                .collect();
            let given = if input.kind == InputKind::List {
                Given::List(hosts)
            } else {
                Given::Text(hosts.join(","))
            };
            inputs.given.insert(name, given);
        }
        for (key, value) in requested {
            let (name, input) = find(manifest, key)?;
            if !input.open {
                return Err(PlanError::NotOpen { input: name.to_owned() });
            }
            // Literally: braces in a payload are text, and the pattern decides about text.
            let literally = |text: &str| {
                Ok(match manifest.kind {
                    // There, `$` has a meaning too.
                    Kind::Http => literal(text),
                    Kind::Command | Kind::Manual => text.to_owned(),
                })
            };
            inputs.given.insert(name, read(name, input, value, &literally)?);
        }
        for (name, input) in &manifest.inputs {
            if inputs.given.contains_key(name.as_str()) {
                continue;
            }
            match &input.default {
                Some(value) => {
                    let given = read(name, input, value, &|text| expand(name, text, order))?;
                    inputs.given.insert(name, given);
                }
                None if input.required => {
                    return Err(PlanError::MissingInput {
                        provider: manifest.name.clone(),
                        input: name.clone(),
                    });
                }
                None => {}
            }
        }
        Ok(inputs)
    }

    pub(super) fn provider(&self) -> &str {
        &self.manifest.name
    }

    /// The value of an input.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Given> {
        self.given.get(name)
    }

    pub(super) fn declares(&self, name: &str) -> bool {
        self.manifest.inputs.contains_key(name)
    }

    /// Whether it stands for any number of arguments, none included.
    pub(super) fn is_list(&self, name: &str) -> bool {
        let kind = self.manifest.inputs.get(name).map(|input| input.kind);
        kind == Some(InputKind::List)
    }

    pub(super) fn is_given(&self, name: &str) -> bool {
        self.given.get(name).is_some_and(Given::is_set)
    }

    pub(super) fn given_by_hand(&self) -> impl Iterator<Item = &'m str> {
        self.by_hand.iter().copied()
    }
}

/// What is wrong with each key of `with` by itself. A plan stops at the first.
#[must_use]
pub fn faults(manifest: &Manifest, with: &Map<String, Value>, order: &Order) -> Vec<PlanError> {
    let judge = |(key, value): (&String, &Value)| {
        let (name, input) = find(manifest, key)?;
        read(name, input, value, &|text| expand(name, text, order)).map(drop)
    };
    with.iter().filter_map(|entry| judge(entry).err()).collect()
}

/// A host as the configuration spells it, with the account and the port it names there.
fn as_configured(host: &HostName, configured: &[String]) -> String {
    let bare = |entry: &str| {
        let entry = entry.rsplit('@').next().unwrap_or_default();
        entry.split(':').next().unwrap_or_default().to_owned()
    };
    configured
        .iter()
        .find(|entry| bare(entry).eq_ignore_ascii_case(host.as_str()))
        .cloned()
        .unwrap_or_else(|| host.to_string())
}

fn find<'m>(manifest: &'m Manifest, key: &str) -> Result<(&'m str, &'m Input), PlanError> {
    manifest.find_input(key).ok_or_else(|| PlanError::UnknownInput {
        provider: manifest.name.clone(),
        found: shown(key),
        known: quoted(&manifest.inputs.keys().collect::<Vec<_>>(), ", "),
    })
}

fn expand(input: &str, text: &str, order: &Order) -> Result<String, PlanError> {
    let template = Template::parse(text)?;
    template.expand(|name| run_word(name, order).ok_or_else(|| unknown_placeholder(name, input)))
}

type Expand<'a> = &'a dyn Fn(&str) -> Result<String, PlanError>;

fn read(name: &str, input: &Input, value: &Value, expand: Expand<'_>) -> Result<Given, PlanError> {
    let wrong = |expected| PlanError::WrongType {
        input: name.to_owned(),
        found: kind_of(value),
        expected,
    };
    match input.kind {
        // Whoever writes `auto`, `true` or `false` does not expect to have to quote two of them.
        InputKind::String if value.is_boolean() => Ok(Given::Text(checked(name, input, value.to_string())?)),
        InputKind::String | InputKind::Path => {
            let text = value.as_str().ok_or_else(|| wrong("a text"))?;
            Ok(Given::Text(checked(name, input, expand(text)?)?))
        }
        InputKind::Url => {
            let text = value.as_str().ok_or_else(|| wrong("a text"))?;
            let pieces = Template::parse(text)?.pieces.into_iter().map(|piece| match piece {
                Piece::Text(text) => Ok(text),
                Piece::Placeholder(name) => expand(&format!("{{{{{name}}}}}")).map(|value| percent_encoded(&value)),
            });
            let filled: String = pieces.collect::<Result<_, PlanError>>()?;
            Ok(Given::Text(checked(name, input, filled)?))
        }
        InputKind::Bool => value
            .as_bool()
            .map(|yes| Given::Text(yes.to_string()))
            .ok_or_else(|| wrong("true or false")),
        InputKind::Integer => {
            let number = value.as_i64().ok_or_else(|| wrong("a whole number"))?;
            Ok(Given::Text(number.to_string()))
        }
        InputKind::List => texts_and_numbers(value)
            .ok_or_else(|| wrong("a list of texts"))?
            .into_iter()
            .map(|text| checked(name, input, expand(&text)?))
            .collect::<Result<_, _>>()
            .map(Given::List),
        InputKind::Argv => command(value, expand)
            .unwrap_or_else(|| Err(wrong("a list of texts")))
            .map(Given::Command),
        InputKind::ArgvList => value
            .as_array()
            .ok_or_else(|| wrong("a list of lists of texts"))?
            .iter()
            .map(|line| command(line, expand).unwrap_or_else(|| Err(wrong("a list of lists of texts"))))
            .collect::<Result<_, _>>()
            .map(Given::Commands),
        InputKind::Map => value
            .as_object()
            .ok_or_else(|| wrong("names to values"))?
            .iter()
            .map(|(key, value)| Ok((key.clone(), entry(name, input, value, expand)?)))
            .collect::<Result<_, _>>()
            .map(Given::Map),
    }
}

/// A value of a map, its texts expanded, at any depth. They are matched only where the manifest gives a pattern: an author
/// writes them, and what a request brings into them has a checked form.
fn entry(name: &str, input: &Input, value: &Value, expand: Expand<'_>) -> Result<Value, PlanError> {
    match value {
        Value::String(text) => {
            let text = expand(text)?;
            match input.pattern {
                Some(_) => checked(name, input, text).map(Value::String),
                None => Ok(Value::String(text)),
            }
        }
        Value::Array(items) => items.iter().map(|item| entry(name, input, item, expand)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| Ok((key.clone(), entry(name, input, value, expand)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn texts_and_numbers(value: &Value) -> Option<Vec<String>> {
    let text = |item: &Value| match item {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    value.as_array()?.iter().map(text).collect()
}

/// The words of one command. A word that a placeholder begins must not turn into an option.
fn command(value: &Value, expand: Expand<'_>) -> Option<Result<Vec<String>, PlanError>> {
    let words = texts(value)?;
    Some(
        words
            .into_iter()
            .map(|word| {
                let expanded = expand(word)?;
                if expanded.starts_with('-') && !word.starts_with('-') {
                    return Err(PlanError::LeadingDash {
                        found: shown(&expanded),
                    });
                }
                Ok(expanded)
            })
            .collect(),
    )
}

fn checked(name: &str, input: &Input, text: String) -> Result<String, PlanError> {
    let limit = input.longest.unwrap_or(LENGTH_LIMIT);
    if text.len() > limit {
        return Err(PlanError::TooLong {
            input: name.to_owned(),
            found: text.len(),
            limit,
        });
    }
    let pattern = input.pattern.as_deref().unwrap_or(input.kind.pattern());
    // Anchored here, so that no manifest can forget it; `\z` because `$` would also match before a last line feed
    // in other engines, and authors copy patterns around.
    let matches = Regex::new(&format!(r"\A(?:{pattern})\z")).is_ok_and(|regex| regex.is_match(&text));
    if matches {
        Ok(text)
    } else {
        Err(PlanError::PatternMismatch {
            input: name.to_owned(),
            found: shown(&text),
            pattern: pattern.to_owned(),
        })
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
