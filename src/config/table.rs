//! The keys of a map as a Markdown table, made from its schema: the part that all reference pages have in common.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::config::schema::{Schema, description};
use crate::config::walk;

/// How one page writes its tables.
#[derive(Clone, Copy)]
pub struct Table<'s> {
    /// The schema of the file that the page is about.
    pub schema: &'s Schema,
    /// What the page calls a value that has a section of its own, as a link; `None` for all others.
    pub linked: fn(&Schema, &Value) -> Option<String>,
}

impl std::fmt::Debug for Table<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

impl Table<'_> {
    /// Writes the keys of `target`, but for those that are left out.
    pub fn push(&self, page: &mut String, target: &Value, left_out: &[&str]) {
        page.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
        let required: Vec<&str> = target["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (key, wanted) in keys(target).filter(|(key, _)| !left_out.contains(&key.as_str())) {
            let default = match wanted.get("default") {
                Some(Value::String(text)) => format!("`{text}`"),
                Some(Value::Array(items)) if items.is_empty() => String::new(),
                Some(Value::Object(entries)) if entries.is_empty() => String::new(),
                Some(other) => format!("`{other}`"),
                None if required.contains(&key.as_str()) => "*required*".to_owned(),
                None => String::new(),
            };
            let _ = writeln!(
                page,
                "| `{key}` | {} | {default} | {} |",
                self.kind(wanted),
                description(wanted)
            );
        }
        page.push('\n');
    }

    /// What a value is, in a few words.
    #[must_use]
    pub fn kind(&self, wanted: &Value) -> String {
        let schema = self.schema;
        if let Some(link) = (self.linked)(schema, wanted) {
            return link;
        }
        if let Some(options) = schema.alternatives(wanted) {
            let kinds: Vec<String> = options
                .iter()
                .filter(|option| option["type"] != "null")
                .map(|option| self.kind(option))
                .collect();
            return kinds.join(" or ");
        }
        let target = schema.resolve(wanted);
        match schema.type_name(wanted) {
            Some("array") => format!("list of {}", self.kind(&target["items"])),
            Some("object") => match target.get("additionalProperties") {
                Some(Value::Bool(_)) | None => "map".to_owned(),
                Some(values) => match self.kind(values) {
                    values if values == "map" => "map of maps".to_owned(),
                    values => format!("map of {values}"),
                },
            },
            Some("integer") => walk::expected(schema, wanted).trim_start_matches("a ").to_owned(),
            Some(_) => walk::expected(schema, wanted),
            None if wanted.get("type").is_none() => "any value".to_owned(),
            None => walk::expected(schema, wanted),
        }
    }
}

/// The keys that a map may hold.
pub fn keys(target: &Value) -> impl Iterator<Item = (&String, &Value)> {
    target["properties"].as_object().into_iter().flat_map(Map::iter)
}
