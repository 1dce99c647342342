//! Reads JSON the way GitHub writes it: absent, `null`, `""` and a value of an unexpected type are all "not there".
//!
//! GitHub's own published examples break GitHub's own schema, so a type error here would refuse real deliveries. What we
//! cannot act without is asked for by name afterwards. Only malformed JSON and repeated keys are errors.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What could not be read, without a word of the body: that must not reach a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not the JSON it should be: {kind} at line {line}, column {column}")]
pub struct JsonError {
    kind: &'static str,
    line: usize,
    column: usize,
}

/// Reads a whole document whose root must be an object.
pub(crate) fn document<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let root: Option<T> = object(&mut reader).map_err(|error| located(&error))?;
    reader.end().map_err(|error| located(&error))?;
    root.ok_or(JsonError {
        kind: "the root is not an object",
        line: 1,
        column: 1,
    })
}

fn located(error: &serde_json::Error) -> JsonError {
    let kind = match error.classify() {
        serde_json::error::Category::Io => "unreadable",
        serde_json::error::Category::Syntax => "a syntax error",
        serde_json::error::Category::Data => "a value or a repeated key that cannot be read",
        serde_json::error::Category::Eof => "an early end",
    };
    JsonError {
        kind,
        line: error.line(),
        column: error.column(),
    }
}

/// A non-empty string.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match deserializer.deserialize_any(Leaves)? {
        Leaf::Text(text) => Some(text),
        Leaf::Number(_) | Leaf::Other => None,
    })
}

/// A whole number that fits 64 bits and is not negative.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match deserializer.deserialize_any(Leaves)? {
        Leaf::Number(number) => Some(number),
        Leaf::Text(_) | Leaf::Other => None,
    })
}

/// An object of the wanted form. An array is not one, although derived readers would take it by position.
pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(Objects(PhantomData))
}

/// An object of which only the presence matters.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Present {}

enum Leaf {
    Text(String),
    Number(u64),
    Other,
}

struct Leaves;

impl<'de> Visitor<'de> for Leaves {
    type Value = Leaf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Leaf, E> {
        Ok(if text.is_empty() {
            Leaf::Other
        } else {
            Leaf::Text(text.to_owned())
        })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Leaf, E> {
        Ok(Leaf::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Leaf, E> {
        Ok(Leaf::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Leaf, E> {
        Ok(Leaf::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Leaf, E> {
        Ok(Leaf::Other)
    }

    fn visit_unit<E>(self) -> Result<Leaf, E> {
        Ok(Leaf::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Leaf, A::Error> {
        skip_items(items).map(|()| Leaf::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Leaf, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Leaf::Other)
    }
}

struct Objects<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Objects<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(entries)).map(Some)
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Option<T>, A::Error> {
        skip_items(items).map(|()| None)
    }
}

fn skip_items<'de, A: SeqAccess<'de>>(mut items: A) -> Result<(), A::Error> {
    while items.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}
