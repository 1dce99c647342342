//! The JSON schema of the configuration file, made from the structs that read it.
//!
//! Editors complete and check against it, `walk` finds every fault of form with it, and `reference` prints it. There is no
//! second list of keys anywhere.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::config::file::File;

static SCHEMA: LazyLock<Value> = LazyLock::new(build);

/// The schema as it is stored in `config/app.schema.json`: the same text from the same code.
#[must_use]
pub fn json() -> String {
    format!("{:#}\n", *SCHEMA)
}

/// The schema, to be walked.
pub(super) fn value() -> &'static Value {
    &SCHEMA
}

/// The schema that `schema` refers to, or itself.
pub(super) fn resolve(schema: &Value) -> &Value {
    match definition_name(schema) {
        Some(name) => &SCHEMA["$defs"][name],
        None => schema,
    }
}

/// The name of the definition a schema refers to.
pub(super) fn definition_name(schema: &Value) -> Option<&str> {
    schema.get("$ref").and_then(Value::as_str)?.strip_prefix("#/$defs/")
}

/// The alternatives of a schema, where it has any.
pub(super) fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    resolve(schema).get("anyOf").and_then(Value::as_array)
}

/// The type a schema names, leaving `null` aside.
pub(super) fn type_name(schema: &Value) -> Option<&str> {
    let named = resolve(schema).get("type")?;
    match named.as_array() {
        Some(types) => types.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        None => named.as_str(),
    }
}

/// Whether a key may stand without a value.
pub(super) fn may_be_absent(schema: &Value) -> bool {
    let types = &resolve(schema)["type"];
    types == "null"
        || types
            .as_array()
            .is_some_and(|types| types.iter().any(|name| name == "null"))
}

fn build() -> Value {
    let mut schema = schemars::schema_for!(File).to_value();
    let definitions = schema.get("$defs").cloned().unwrap_or_default();
    tidy(&mut schema, &definitions);
    schema["title"] = Value::from("Chima configuration");
    schema
}

/// Takes out what Rust's types say and a reader of YAML does not mean: `null` for a key without a value is only good for
/// a section whose keys are all optional, and integer formats are no business of an editor.
fn tidy(schema: &mut Value, definitions: &Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| tidy(item, definitions)),
        Value::Object(map) => {
            map.shift_remove("format");
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
    let is_section = target.is_some_and(|target| target["type"] == "object" && target.get("x-secret").is_none());
    if is_section {
        return;
    }
    if let Value::Object(other) = other.clone() {
        map.shift_remove("anyOf");
        map.extend(other);
    }
}
