//! `${…}`: what is known only when a request is made.
//!
//! Placeholders (`{{…}}`) are filled when a run is planned, and the plan is a file. A secret must not be in it, and the answer
//! of a server is not there yet. So these stay as they are until the request is made, by the process that makes it. What
//! `{{…}}` brings in is written with [`literal`], so that no value can become one of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One text, cut into what stands for itself and what is filled in later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Late {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String),
    Pointer(String),
    Header(String),
}

/// Something between `${` and `}` that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` is nothing that can be filled in; expected `${{VARIABLE}}`, `${{/pointer}}` or `${{header.NAME}}`, and `$$` \
     for a `$` before a brace"
)]
pub struct MalformedLate {
    /// From the `$` on.
    pub found: String,
}

/// What could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// A variable that the step does not have.
    #[error("variable `{0}` is not set; name it in `secrets` or `env`")]
    Variable(String),
    /// A part that the answer does not have.
    #[error("the answer has nothing at `{0}`")]
    Pointer(String),
    /// A header that the answer does not have.
    #[error("the answer has no header `{0}`")]
    Header(String),
}

/// Where the values come from.
pub trait Source {
    /// The variable of this name.
    fn variable(&self, name: &str) -> Option<String>;
    /// The answer to the request, as JSON.
    fn json(&self) -> Option<&Value>;
    /// The answer's header of this name, in lower case.
    fn header(&self, name: &str) -> Option<&str>;
}

impl Late {
    /// Cuts `text`.
    ///
    /// # Errors
    /// When a `${` has no name and `}` after it.
    pub fn parse(text: &str) -> Result<Self, MalformedLate> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            plain.push_str(before);
            if let Some(behind) = after.strip_prefix('$') {
                plain.push('$');
                rest = behind;
            } else if let Some(inside) = after.strip_prefix('{') {
                let malformed = || MalformedLate {
                    found: rest[before.len()..].chars().take(60).collect(),
                };
                let (name, behind) = inside.split_once('}').ok_or_else(malformed)?;
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(piece(name).ok_or_else(malformed)?);
                rest = behind;
            } else {
                plain.push('$');
                rest = after;
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self {
            text: text.to_owned(),
            pieces,
        })
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether a server's answer has a say in it.
    #[must_use]
    pub fn needs_answer(&self) -> bool {
        self.first_of_answer().is_some()
    }

    /// Whether an answer can decide whom this address leads to: only where it is the whole beginning, which is then compared
    /// with the address that was answered, or where it comes after the host.
    #[must_use]
    pub fn answer_keeps_off_the_host(&self) -> bool {
        let Some(at) = self.first_of_answer().filter(|at| *at > 0) else {
            return true;
        };
        let before: String = self.pieces[..at]
            .iter()
            .map(|piece| piece.text().unwrap_or("x"))
            .collect();
        let host = before.split_once("://").map_or(before.as_str(), |(_, host)| host);
        host.contains(['/', '?', '#'])
    }

    /// Whether the answer decides the beginning, and so perhaps the host.
    #[must_use]
    pub fn begins_with_answer(&self) -> bool {
        self.first_of_answer() == Some(0)
    }

    /// Fills everything in.
    ///
    /// # Errors
    /// Names what is missing.
    pub fn fill(&self, source: &dyn Source) -> Result<String, Missing> {
        self.pieces.iter().map(|piece| piece.value(source)).collect()
    }

    /// Fills in an address: a value after its beginning cannot add a part of its own to it.
    ///
    /// # Errors
    /// Names what is missing.
    pub fn fill_address(&self, source: &dyn Source) -> Result<String, Missing> {
        let filled = self.pieces.iter().enumerate().map(|(index, piece)| {
            let value = piece.value(source)?;
            Ok(if index == 0 || piece.text().is_some() {
                value
            } else {
                percent_encoded(&value)
            })
        });
        filled.collect()
    }

    /// An address for the log: variables are named, not shown.
    #[must_use]
    pub fn shown(&self, source: Option<&dyn Source>) -> String {
        let shown = self.pieces.iter().map(|piece| match (piece, source) {
            (Piece::Text(text), _) => text.clone(),
            (Piece::Pointer(_) | Piece::Header(_), Some(source)) => piece.value(source).unwrap_or_default(),
            (Piece::Variable(name), _) | (Piece::Pointer(name), None) => format!("${{{name}}}"),
            (Piece::Header(name), None) => format!("${{header.{name}}}"),
        });
        shown.collect()
    }

    /// The same with everything that stands for itself in it percent-encoded, for a place in an address.
    #[must_use]
    pub fn as_part_of_address(&self) -> String {
        let parts = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => percent_encoded(text),
            Piece::Variable(name) | Piece::Pointer(name) => format!("${{{name}}}"),
            Piece::Header(name) => format!("${{header.{name}}}"),
        });
        parts.collect()
    }

    fn first_of_answer(&self) -> Option<usize> {
        self.pieces
            .iter()
            .position(|piece| matches!(piece, Piece::Pointer(_) | Piece::Header(_)))
    }
}

impl Piece {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Variable(_) | Self::Pointer(_) | Self::Header(_) => None,
        }
    }

    fn value(&self, source: &dyn Source) -> Result<String, Missing> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Variable(name) => source.variable(name).ok_or_else(|| Missing::Variable(name.clone())),
            Self::Pointer(pointer) => source
                .json()
                .and_then(|json| scalar(json, pointer))
                .ok_or_else(|| Missing::Pointer(pointer.clone())),
            Self::Header(name) => source
                .header(name)
                .map(str::to_owned)
                .ok_or_else(|| Missing::Header(name.clone())),
        }
    }
}

impl TryFrom<String> for Late {
    type Error = MalformedLate;

    fn try_from(text: String) -> Result<Self, MalformedLate> {
        Self::parse(&text)
    }
}

impl From<Late> for String {
    fn from(late: Late) -> Self {
        late.text
    }
}

/// The text, number or yes/no at a pointer.
#[must_use]
pub fn scalar(json: &Value, pointer: &str) -> Option<String> {
    match json.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A value as a text in which nothing is filled in.
#[must_use]
pub fn literal(value: &str) -> String {
    value.replace('$', "$$")
}

/// A value as a part of an address: everything but letters, digits and `-._~` is encoded.
#[must_use]
pub fn percent_encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn piece(name: &str) -> Option<Piece> {
    if let Some(header) = name.strip_prefix("header.") {
        let good = !header.is_empty()
            && header
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        return good.then(|| Piece::Header(header.to_ascii_lowercase()));
    }
    if name.starts_with('/') {
        return Some(Piece::Pointer(name.to_owned()));
    }
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    good.then(|| Piece::Variable(name.to_owned()))
}

#[cfg(test)]
mod tests;
