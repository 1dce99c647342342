//! `{{placeholder}}` in one argument: parsing, and nothing cleverer.
//!
//! Expansion happens once: what a placeholder brings in is never looked at again, so a value cannot smuggle in another
//! placeholder, and no shell ever sees the result.

use std::fmt;

/// A piece of one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands for itself.
    Text(String),
    /// The name between the braces.
    Placeholder(String),
}

/// One argument, cut into text and placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// In order; never two texts in a row.
    pub pieces: Vec<Piece>,
}

/// Braces that do not form a placeholder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` holds `{{{{` without a name and `}}}}` after it; expected a placeholder such as `{{{{environment}}}}`"
)]
pub struct MalformedTemplate {
    /// The whole argument.
    pub text: String,
}

impl Template {
    /// Cuts `text` at its placeholders.
    ///
    /// # Errors
    /// When an opening `{{` is not followed by a name and `}}`.
    pub fn parse(text: &str) -> Result<Self, MalformedTemplate> {
        let malformed = || MalformedTemplate { text: text.to_owned() };
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, behind) = after.split_once("}}").ok_or_else(malformed)?;
            let name = name.trim();
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(malformed());
            }
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Placeholder(name.to_owned()));
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// The one placeholder this argument consists of, which may stand for a whole list of arguments.
    #[must_use]
    pub fn whole(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Placeholder(name)] => Some(name),
            _ => None,
        }
    }

    /// Whether a value decides the first character of the argument.
    #[must_use]
    pub fn starts_with_placeholder(&self) -> bool {
        matches!(self.pieces.first(), Some(Piece::Placeholder(_)))
    }

    /// The names in it.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Placeholder(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Puts values in.
    ///
    /// # Errors
    /// Whatever `value` answers for a name it does not know.
    pub fn expand<E>(&self, mut value: impl FnMut(&str) -> Result<String, E>) -> Result<String, E> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Placeholder(name) => out.push_str(&value(name)?),
            }
        }
        Ok(out)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Placeholder(name) => write!(f, "{{{{{name}}}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_never_expanded_again() {
        let template = Template::parse("--ref={{ref}}^{commit}").unwrap();
        let expanded = template.expand(|_| Ok::<_, ()>("{{sha}}".to_owned())).unwrap();
        assert_eq!(expanded, "--ref={{sha}}^{commit}");
    }

    #[test]
    fn only_a_lone_placeholder_is_a_whole_argument() {
        assert_eq!(Template::parse("{{ command }}").unwrap().whole(), Some("command"));
        assert_eq!(Template::parse("./{{script}}").unwrap().whole(), None);
        assert_eq!(Template::parse("plain").unwrap().whole(), None);
    }

    #[test]
    fn unfinished_braces_are_refused() {
        for text in ["{{", "{{}}", "a{{b", "{{a b}}", "{{lookup('x')}}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
