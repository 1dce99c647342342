//! The form of a file: every key and value held against the schema, every fault collected.
//!
//! Yields the values with the types the schema asks for, so that `serde` afterwards only moves them into place. What the
//! values mean is judged later, and only when nothing was found here: a misspelt key would make every further message doubtful.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use serde_json::{Map, Value};

use crate::config::problem::{KeyPath, Problem};
use crate::config::schema::Schema;
use crate::config::suggest;
use crate::config::tree::{Content, Entry, Node, Place};
use crate::domain::names::shown;
use crate::domain::nearest::nearest;

/// Holds a file against its schema.
pub(super) fn walk(root: &Node, schema: &Schema) -> (Value, Vec<Problem>) {
    let mut walk = Walk {
        schema,
        problems: Vec::new(),
    };
    let value = match root.content {
        // A file of comments alone is a configuration: the empty one.
        Content::Nothing => Value::Object(Map::new()),
        Content::Flag(..) | Content::Number(..) | Content::Text(_) | Content::List(_) | Content::Map(_) => walk.value(
            root,
            Place::START,
            schema.root(),
            &KeyPath::default(),
            &Above::default(),
        ),
    };
    (value, walk.problems)
}

/// The nearest map of known keys above a value: a key may have slipped down from it.
#[derive(Clone, Default)]
struct Above<'a> {
    keys: Option<&'a Map<String, Value>>,
    path: KeyPath,
}

struct Walk<'s> {
    schema: &'s Schema,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    /// One value. `key` is where its key stands.
    fn value(&mut self, node: &Node, key: Place, wanted: &Value, path: &KeyPath, above: &Above<'_>) -> Value {
        let schema = self.schema;
        if let Some(alternatives) = schema.alternatives(wanted) {
            return match nearest_alternative(schema, alternatives, node) {
                Some(alternative) => self.value(node, key, alternative, path, above),
                None => self.wrong(node, wanted, path),
            };
        }
        if !accepts(schema, wanted, node) {
            return self.wrong(node, wanted, path);
        }
        let target = schema.resolve(wanted);
        match (&node.content, schema.type_name(wanted)) {
            (Content::Map(entries), Some("object")) => self.map(entries, key, target, path, above),
            (Content::List(items), Some("array")) => {
                let items = items.iter().enumerate();
                items
                    .map(|(index, item)| self.value(item, item.place, &target["items"], &path.index(index), above))
                    .collect()
            }
            (Content::Text(text) | Content::Flag(_, text) | Content::Number(_, text), Some("string")) => {
                match words(schema, wanted) {
                    Some(choices) if !choices.contains(&text.as_str()) => self.wrong(node, wanted, path),
                    Some(_) | None => Value::String(text.clone()),
                }
            }
            (Content::Number(number, _), Some("integer")) if !in_range(number.as_f64(), target) => {
                self.wrong(node, wanted, path)
            }
            (_, Some(_)) => node.to_json(),
            (_, None) => self.free(node, path),
        }
    }

    fn map(&mut self, entries: &[Entry], key: Place, target: &Value, path: &KeyPath, above: &Above<'_>) -> Value {
        let none = Map::new();
        let known = target.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let others = target
            .get("additionalProperties")
            .filter(|others| **others != Value::Bool(false));
        // A map whose keys are the user's own names has none that could slip.
        let below = if known.is_empty() {
            above.clone()
        } else {
            Above {
                keys: Some(known),
                path: path.clone(),
            }
        };
        let mut values = Map::new();
        let mut first = HashMap::new();
        for entry in entries {
            let path = path.key(&entry.key);
            if self.is_double(&mut first, entry, &path) {
                continue;
            }
            match (known.get(&entry.key), others) {
                (Some(wanted), _) => {
                    values.insert(
                        entry.key.clone(),
                        self.value(&entry.value, entry.place, wanted, &path, &below),
                    );
                }
                (None, Some(Value::Bool(_))) => {
                    values.insert(entry.key.clone(), self.free(&entry.value, &path));
                }
                (None, Some(wanted)) => {
                    values.insert(
                        entry.key.clone(),
                        self.value(&entry.value, entry.place, wanted, &path, &below),
                    );
                }
                (None, None) => self.unknown(entry, target, &path, above),
            }
        }
        self.missing(entries, key, target, known, path);
        Value::Object(values)
    }

    fn unknown(&mut self, entry: &Entry, target: &Value, path: &KeyPath, above: &Above<'_>) {
        let known = target["properties"].as_object();
        let names: Vec<&str> = known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        let hint = if above.keys.is_some_and(|keys| keys.contains_key(&entry.key)) {
            Some(format!("`{}` goes {}", shown(&entry.key), directly_under(&above.path)))
        } else if let Some(name) = nearest(&entry.key, names.iter().copied()) {
            Some(format!("did you mean `{name}`?"))
        } else if let Some(moved) = self.schema.moved(&entry.key).filter(|_| !self.is_secret(target)) {
            Some(moved.to_owned())
        } else {
            self.schema.hint(&entry.key, &names)
        };
        let text = format!("unknown key `{}` {}", shown(&entry.key), within(path));
        // Beside secrets, a slip in the key may leave a secret as its value.
        let beside_secrets = self.is_secret(target)
            || known
                .into_iter()
                .flat_map(Map::values)
                .any(|wanted| self.is_secret(wanted));
        let problem = path.problem(entry.place, text, hint);
        let hidden = beside_secrets && is_written(&entry.value);
        self.problems.push(if hidden { problem.hide_line() } else { problem });
    }

    /// Reports a key that was written before; the first one is kept.
    fn is_double<'e>(&mut self, first: &mut HashMap<&'e str, Place>, entry: &'e Entry, path: &KeyPath) -> bool {
        let first = match first.entry(&entry.key) {
            Slot::Vacant(slot) => {
                slot.insert(entry.place);
                return false;
            }
            Slot::Occupied(slot) => *slot.get(),
        };
        let text = format!("key `{}` is written twice {}", shown(&entry.key), within(path));
        let hint = format!("the first is on line {}; keep one of them", first.line);
        self.problems.push(path.problem(entry.place, text, Some(hint)));
        true
    }

    fn missing(&mut self, entries: &[Entry], key: Place, target: &Value, known: &Map<String, Value>, path: &KeyPath) {
        for name in target["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            let misspelt = |entry: &Entry| {
                !known.contains_key(&entry.key) && nearest(&entry.key, known.keys().map(String::as_str)) == Some(name)
            };
            if !entries.iter().any(|entry| entry.key == name || misspelt(entry)) {
                let meaning = known
                    .get(name)
                    .and_then(|wanted| wanted["description"].as_str())
                    .map(as_clause);
                let text = format!("{} has no `{name}`", called(path));
                self.problems
                    .push(path.problem(key, text, meaning.map(|meaning| format!("`{name}`: {meaning}"))));
            }
        }
        if target.get("maxProperties").is_some_and(|most| *most == 1) && entries.len() != 1 {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            let found = match entries {
                [] => "is empty".to_owned(),
                [..] => format!("has {} keys", entries.len()),
            };
            let text = format!("`{path}` {found}; expected exactly one of {}", suggest::list(&names));
            self.problems.push(path.problem(key, text, None));
        }
    }

    /// A value whose form is not ours to judge, apart from keys that are written twice.
    fn free(&mut self, node: &Node, path: &KeyPath) -> Value {
        let mut first = HashMap::new();
        for entry in node.entries() {
            let path = path.key(&entry.key);
            if !self.is_double(&mut first, entry, &path) {
                self.free(&entry.value, &path);
            }
        }
        for (index, item) in node.items().iter().enumerate() {
            self.free(item, &path.index(index));
        }
        node.to_json()
    }

    fn is_secret(&self, wanted: &Value) -> bool {
        secret_in(self.schema, wanted).is_some()
    }

    fn wrong(&mut self, node: &Node, wanted: &Value, path: &KeyPath) -> Value {
        let schema = self.schema;
        let target = schema.resolve(wanted);
        if let Some(secret) = secret_in(schema, wanted).filter(|_| is_written(node)) {
            // The value is not shown: it may be the secret itself.
            let names: Vec<&str> = secret["properties"]
                .as_object()
                .into_iter()
                .flat_map(Map::keys)
                .map(String::as_str)
                .collect();
            let places = suggest::list(&names);
            let text = format!("`{path}` holds a value; expected where the secret is found: one of {places}");
            let hint = "a secret is named here, never written: `{ env: NAME }`; replace it if this file was shared";
            self.problems
                .push(path.problem(node.place, text, Some(hint.to_owned())).hide_line());
            return Value::Null;
        }
        let own = [wanted, target]
            .into_iter()
            .find_map(|schema| schema["x-hint"].as_str())
            .map(str::to_owned);
        let text = format!(
            "{} {}; expected {}",
            called(path),
            found(node),
            expected(schema, wanted)
        );
        self.problems
            .push(path.problem(node.place, text, own.or_else(|| correction(schema, node, wanted))));
        Value::Null
    }
}

/// The secret that a schema asks for, also as the item of a list.
fn secret_in<'a>(schema: &'a Schema, wanted: &'a Value) -> Option<&'a Value> {
    let target = schema.resolve(wanted);
    if target.get("x-secret").is_some() {
        Some(target)
    } else {
        secret_in(schema, target.get("items")?)
    }
}

fn is_written(node: &Node) -> bool {
    match &node.content {
        Content::Text(_) | Content::Number(..) | Content::Flag(..) => true,
        Content::List(items) => items.iter().any(is_written),
        Content::Nothing | Content::Map(_) => false,
    }
}

/// The alternative that a value is meant to be. Of several maps it is the one that most of its keys belong to: what is wrong
/// with it is then told in the terms of that one.
fn nearest_alternative<'a>(schema: &Schema, alternatives: &'a [Value], node: &Node) -> Option<&'a Value> {
    let own_keys = |wanted: &Value| {
        let known = &schema.resolve(wanted)["properties"];
        let is_known = |entry: &&Entry| known.get(&entry.key).is_some();
        node.entries().iter().filter(is_known).count()
    };
    let fitting: Vec<&Value> = alternatives
        .iter()
        .filter(|wanted| accepts(schema, wanted, node))
        .collect();
    // From the end, because of equals the last one is the greatest: the first is meant.
    let best = fitting.iter().rev().max_by_key(|wanted| own_keys(wanted));
    match best {
        Some(best) if fitting.len() > 1 && own_keys(best) == 0 && !node.entries().is_empty() => None,
        best => best.copied(),
    }
}

fn accepts(schema: &Schema, wanted: &Value, node: &Node) -> bool {
    if let Some(alternatives) = schema.alternatives(wanted) {
        return alternatives
            .iter()
            .any(|alternative| accepts(schema, alternative, node));
    }
    if matches!(node.content, Content::Nothing) && schema.may_be_absent(wanted) {
        return true;
    }
    match (schema.type_name(wanted), &node.content) {
        (None, _) => true,
        (Some("object"), content) => matches!(content, Content::Map(_)),
        (Some("array"), content) => matches!(content, Content::List(_)),
        (Some("boolean"), content) => matches!(content, Content::Flag(..)),
        (Some("integer"), Content::Number(number, _)) => number.is_i64() || number.is_u64(),
        (Some("string"), content) => matches!(content, Content::Text(_) | Content::Number(..) | Content::Flag(..)),
        (Some(_), _) => false,
    }
}

fn words<'a>(schema: &'a Schema, wanted: &'a Value) -> Option<Vec<&'a str>> {
    let choices = schema.choices(wanted)?;
    Some(choices.into_iter().map(|(word, _)| word).collect())
}

fn in_range(number: Option<f64>, target: &Value) -> bool {
    let bound = |name: &str| target.get(name).and_then(Value::as_f64);
    let Some(number) = number else {
        return false;
    };
    bound("minimum").is_none_or(|least| number >= least) && bound("maximum").is_none_or(|most| number <= most)
}

fn found(node: &Node) -> String {
    match &node.content {
        Content::Nothing => "has no value".to_owned(),
        Content::Flag(_, text) | Content::Number(_, text) => format!("is {}", shown(text)),
        Content::Text(text) => format!("is text `{}`", shown(text)),
        Content::List(_) => "is a list".to_owned(),
        Content::Map(_) => "is a map".to_owned(),
    }
}

/// What a schema asks for, as the end of a sentence.
pub(super) fn expected(schema: &Schema, wanted: &Value) -> String {
    if let Some(own) = schema.resolve(wanted)["x-expected"].as_str() {
        return own.to_owned();
    }
    if let Some(alternatives) = schema.alternatives(wanted) {
        let parts: Vec<String> = alternatives
            .iter()
            .filter(|alternative| alternative["type"] != "null")
            .map(|alternative| expected(schema, alternative))
            .collect();
        return parts.join(" or ");
    }
    if let Some(choices) = words(schema, wanted) {
        return format!("one of {}", suggest::list(&choices));
    }
    let target = schema.resolve(wanted);
    match schema.type_name(wanted) {
        Some("object") => "a map".to_owned(),
        Some("array") => "a list".to_owned(),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("integer") => match (target["minimum"].as_u64(), target["maximum"].as_u64()) {
            (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
            (Some(least), None) => format!("a whole number of at least {least}"),
            (None, Some(most)) => format!("a whole number of at most {most}"),
            (None, None) => "a whole number".to_owned(),
        },
        Some(_) | None => "text".to_owned(),
    }
}

fn correction(schema: &Schema, node: &Node, wanted: &Value) -> Option<String> {
    if let (Content::Text(text), Some(choices)) = (&node.content, words(schema, wanted)) {
        return nearest(text, choices).map(|choice| format!("did you mean `{choice}`?"));
    }
    match (&node.content, schema.type_name(wanted)) {
        (Content::Text(text), Some("array")) if text.len() <= 40 => Some(format!("write a list: `[{}]`", shown(text))),
        (Content::Text(text), Some("integer")) if text.parse::<u64>().is_ok() => {
            Some("write it without quotes".to_owned())
        }
        (Content::Text(text), Some("boolean"))
            if ["yes", "no", "on", "off", "true", "false"].contains(&text.to_lowercase().as_str()) =>
        {
            Some("write `true` or `false`, without quotes".to_owned())
        }
        (Content::Nothing, _) => {
            Some("give it a value, or remove it; text that begins with `#` needs quotes".to_owned())
        }
        _ => None,
    }
}

/// A value, as the beginning of a sentence.
fn called(path: &KeyPath) -> String {
    if *path == KeyPath::default() {
        "the file".to_owned()
    } else {
        format!("`{path}`")
    }
}

/// The map a key stands in, as the end of a sentence.
fn within(path: &KeyPath) -> String {
    match path.parent() {
        Some(parent) => format!("in `{parent}`"),
        None => "at the top level".to_owned(),
    }
}

fn directly_under(path: &KeyPath) -> String {
    if *path == KeyPath::default() {
        "to the top level".to_owned()
    } else {
        format!("directly under `{path}`")
    }
}

/// A description's first sentence, fit to follow a colon.
fn as_clause(description: &str) -> String {
    let sentence = description.split(". ").next().unwrap_or_default().trim_end_matches('.');
    let mut letters = sentence.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}
