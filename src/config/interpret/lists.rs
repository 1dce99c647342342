//! Lists and names: each item of its form, none empty by accident.

use std::str::FromStr;

use crate::config::interpret::Reading;
use crate::config::problem::KeyPath;
use crate::domain::names::{InvalidName, shown};

/// Chima's own variables: a command gets none of them, and none can be given to it.
const OWN_PREFIX: &str = "CHIMA_";

impl Reading<'_> {
    /// A list of words, each freed of a leading mark (`#` of rooms, `@` of people).
    pub(super) fn words(&mut self, words: Option<Vec<String>>, mark: &str, path: &KeyPath) -> Option<Vec<String>> {
        let mut good = Vec::new();
        let mut all = true;
        for (index, word) in words.unwrap_or_default().into_iter().enumerate() {
            let bare = word.strip_prefix(mark).unwrap_or(&word);
            if bare.trim().is_empty() || bare.contains(char::is_control) {
                let path = path.index(index);
                let _: Option<()> =
                    self.refuse(&path, format!("`{path}` is `{}`; expected a name", shown(&word)), None);
                all = false;
            } else {
                good.push(bare.to_owned());
            }
        }
        all.then_some(good)
    }

    /// As [`Reading::words`], where an empty list would be read two ways: it is refused, and `meaning` says what to write.
    pub(super) fn some_words(
        &mut self,
        words: Option<Vec<String>>,
        mark: &str,
        meaning: &str,
        path: &KeyPath,
    ) -> Option<Option<Vec<String>>> {
        match words {
            None => Some(None),
            Some(words) if words.is_empty() => self.refuse_empty(path, meaning),
            Some(words) => self.words(Some(words), mark, path).map(Some),
        }
    }

    /// A list of names of one kind, not empty.
    pub(super) fn names<T>(
        &mut self,
        texts: Option<Vec<String>>,
        meaning: &str,
        path: &KeyPath,
    ) -> Option<Option<Vec<T>>>
    where
        T: FromStr<Err = InvalidName> + PartialEq,
    {
        let Some(texts) = texts else {
            return Some(None);
        };
        if texts.is_empty() {
            return self.refuse_empty(path, meaning);
        }
        let mut names = Some(Vec::new());
        for (index, text) in texts.iter().enumerate() {
            match (self.name::<T>(text, &path.index(index)), &mut names) {
                (Some(name), Some(names)) if !names.contains(&name) => names.push(name),
                (Some(_), _) => {}
                (None, _) => names = None,
            }
        }
        names.map(Some)
    }

    /// A name written as a value.
    pub(super) fn name<T: FromStr<Err = InvalidName>>(&mut self, text: &str, path: &KeyPath) -> Option<T> {
        match text.parse() {
            Ok(name) => Some(name),
            Err(error) => self.refuse(path, error.to_string(), None),
        }
    }

    /// A name written as a key.
    pub(super) fn key_name<T: FromStr<Err = InvalidName>>(&mut self, text: &str, path: &KeyPath) -> Option<T> {
        match text.parse() {
            Ok(name) => Some(name),
            Err(error) => self.refuse_key(path, error.to_string(), None),
        }
    }

    /// A variable's name, wherever it is only read.
    pub(super) fn variable_name(&mut self, name: &str, path: &KeyPath) -> Option<String> {
        if is_variable(name) {
            return Some(name.to_owned());
        }
        let hint = if name.starts_with('$') {
            Some("write the name without `$`".to_owned())
        } else {
            None
        };
        let text = format!(
            "`{}` is not a variable's name; expected letters, digits and `_`, no digit first",
            shown(name)
        );
        self.refuse(path, text, hint)
    }

    /// A variable's name that a command is to see: a key where `is_key`, else a value.
    pub(super) fn command_variable(&mut self, name: &str, is_key: bool, path: &KeyPath) -> Option<String> {
        let text = if !is_variable(name) {
            format!(
                "`{}` is not a variable's name; expected letters, digits and `_`, no digit first",
                shown(name)
            )
        } else if name.starts_with(OWN_PREFIX) {
            format!("`{name}` is one of Chima's own variables; expected a name that does not begin with `{OWN_PREFIX}`")
        } else {
            return Some(name.to_owned());
        };
        if is_key {
            self.refuse_key(path, text, None)
        } else {
            self.refuse(path, text, None)
        }
    }

    fn refuse_empty<T>(&mut self, path: &KeyPath, meaning: &str) -> Option<T> {
        self.refuse(path, format!("`{path}` is an empty list"), Some(meaning.to_owned()))
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
