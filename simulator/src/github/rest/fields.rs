//! The fields of a JSON body, read one by one; a field of the wrong type is refused as GitHub refuses it.

use serde_json::{Map, Value};

use crate::github::refused::Refused;

/// A body that is a JSON object.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Refused> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(other) => Err(Refused::malformed(&format!("{other} is not an object."))),
            Err(_) => Err(Refused::new(400, "Problems parsing JSON")),
        }
    }

    /// The raw value; absent and null are told apart.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, Refused> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(wrong(key, other, "a string")),
        }
    }

    pub(crate) fn required_text(&self, key: &str) -> Result<String, Refused> {
        match self.text(key)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) | None => Err(Refused::malformed(&format!("\"{key}\" wasn't supplied."))),
        }
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, Refused> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(wrong(key, other, "a boolean")),
        }
    }

    pub(crate) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, Refused> {
        let Some(items) = self.list(key)? else {
            return Ok(None);
        };
        items
            .iter()
            .map(|item| {
                item.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| wrong(key, item, "a string"))
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub(crate) fn numbers(&self, key: &str) -> Result<Option<Vec<u64>>, Refused> {
        let Some(items) = self.list(key)? else {
            return Ok(None);
        };
        items
            .iter()
            .map(|item| item.as_u64().ok_or_else(|| wrong(key, item, "an integer")))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    fn list(&self, key: &str) -> Result<Option<&Vec<Value>>, Refused> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(wrong(key, other, "an array")),
        }
    }
}

fn wrong(key: &str, found: &Value, expected: &str) -> Refused {
    Refused::malformed(&format!("For 'properties/{key}', {found} is not {expected}."))
}
