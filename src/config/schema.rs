//! The JSON schema of a file of YAML, made from the structs that read it.
//!
//! Editors complete and check against it, `walk` finds every fault of form with it, and the reference pages print it. There is
//! no second list of keys anywhere. The configuration is one such file, a provider's manifest another.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::config::file::File;
use crate::config::suggest;

static CONFIGURATION: LazyLock<Schema> =
    LazyLock::new(|| Schema::of::<File>("Chima configuration", "chima schema").with_moved(suggest::moved));

/// The schema of the configuration.
#[must_use]
pub fn configuration() -> &'static Schema {
    &CONFIGURATION
}

/// The configuration's schema as it is stored in `config/app.schema.json`: the same text from the same code.
#[must_use]
pub fn json() -> String {
    configuration().json()
}

/// What one kind of file may hold.
#[derive(Debug)]
pub struct Schema {
    root: Value,
    /// Prints it.
    command: &'static str,
    /// Where keys of other systems, or of other levels, go here.
    moved: fn(&str) -> Option<&'static str>,
}

impl Schema {
    /// The schema of the struct `T`. `command` is what a person types to see it.
    #[must_use]
    pub fn of<T: JsonSchema>(title: &str, command: &'static str) -> Self {
        let mut root = schemars::schema_for!(T).to_value();
        let definitions = root.get("$defs").cloned().unwrap_or_default();
        tidy(&mut root, &definitions);
        root["title"] = Value::from(title);
        Self {
            root,
            command,
            moved: |_| None,
        }
    }

    fn with_moved(self, moved: fn(&str) -> Option<&'static str>) -> Self {
        Self { moved, ..self }
    }

    /// As a file that editors read.
    #[must_use]
    pub fn json(&self) -> String {
        format!("{:#}\n", self.root)
    }

    /// The whole of it, which is the schema of the top level.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The schema that `schema` refers to, or itself.
    #[must_use]
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match definition_name(schema) {
            Some(name) => &self.root["$defs"][name],
            None => schema,
        }
    }

    /// The alternatives of a schema, where it has any.
    #[must_use]
    pub fn alternatives<'a>(&'a self, schema: &'a Value) -> Option<&'a Vec<Value>> {
        self.resolve(schema).get("anyOf").and_then(Value::as_array)
    }

    /// The words that may be chosen from, each with what it means; none where it is no choice.
    #[must_use]
    pub fn choices<'a>(&'a self, schema: &'a Value) -> Option<Vec<(&'a str, Option<&'a str>)>> {
        let target = self.resolve(schema);
        if let Some(words) = target.get("enum").and_then(Value::as_array) {
            return Some(words.iter().filter_map(|word| Some((word.as_str()?, None))).collect());
        }
        // Where Rust explains each variant: one schema for each.
        let choices = target.get("oneOf").and_then(Value::as_array)?;
        let word = |choice: &'a Value| Some((choice.get("const")?.as_str()?, choice["description"].as_str()));
        choices.iter().map(word).collect()
    }

    /// The type a schema names, leaving `null` aside.
    pub(super) fn type_name<'a>(&'a self, schema: &'a Value) -> Option<&'a str> {
        if self.choices(schema).is_some() {
            return Some("string");
        }
        let named = self.resolve(schema).get("type")?;
        match named.as_array() {
            Some(types) => types.iter().filter_map(Value::as_str).find(|name| *name != "null"),
            None => named.as_str(),
        }
    }

    /// Whether a key may stand without a value.
    pub(super) fn may_be_absent(&self, schema: &Value) -> bool {
        let types = &self.resolve(schema)["type"];
        types == "null"
            || types
                .as_array()
                .is_some_and(|types| types.iter().any(|name| name == "null"))
    }

    /// The hint for a key that is none of the known ones.
    pub(super) fn hint(&self, typed: &str, known: &[&str]) -> Option<String> {
        suggest::hint(typed, known).or_else(|| Some(format!("`{}` prints every key", self.command)))
    }

    /// Where a key goes that is known, but not here.
    pub(super) fn moved(&self, key: &str) -> Option<&'static str> {
        (self.moved)(key)
    }
}

/// The name of the definition a schema refers to.
#[must_use]
pub fn definition_name(schema: &Value) -> Option<&str> {
    schema.get("$ref").and_then(Value::as_str)?.strip_prefix("#/$defs/")
}

/// What Rust's comment on a schema says; empty where there is none.
#[must_use]
pub fn description(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// Takes out what Rust's types say and a reader of YAML does not mean: `null` for a key without a value is only good for
/// a section whose keys are all optional, and integer formats are no business of an editor.
fn tidy(schema: &mut Value, definitions: &Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| tidy(item, definitions)),
        Value::Object(map) => {
            map.shift_remove("format");
            if map.get("default").is_some_and(Value::is_null) {
                map.shift_remove("default");
            }
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                // A map without entries says nothing else than no map; a list without items may.
                if !types.iter().any(|name| name == "object") {
                    types.retain(|name| name != "null");
                }
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            drop_null_alternative(map, definitions);
            map.values_mut().for_each(|value| tidy(value, definitions));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn drop_null_alternative(map: &mut Map<String, Value>, definitions: &Value) {
    let Some(Value::Array(alternatives)) = map.get("anyOf") else {
        return;
    };
    let [other, null] = alternatives.as_slice() else {
        return;
    };
    if null.get("type").is_none_or(|name| name != "null") {
        return;
    }
    let target = definition_name(other).map(|name| &definitions[name]);
    let all_optional = |target: &Value| target.get("required").is_none() && target.get("x-secret").is_none();
    let is_section = target.is_some_and(|target| target["type"] == "object" && all_optional(target));
    if is_section {
        return;
    }
    if let Value::Object(other) = other.clone() {
        map.shift_remove("anyOf");
        map.extend(other);
    }
}
