//! A person as Chima knows one: a name, and who vouches for it.

use serde::{Deserialize, Serialize};

use crate::domain::command::{UNNAMED, line};

/// Longer names are cut: this is room for any login, account or display name.
const NAME_LIMIT: usize = 100;

/// Somebody who asks for something. The name comes from outside: it is bounded here, and escaped where it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Login, chat name or account.
    pub name: String,
    /// Who says that it is this person.
    pub source: Source,
}

/// Who vouches for a name. The names are stored; add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// GitHub, which signed what the person did.
    GitHub,
    /// A chat bot.
    Chat,
    /// Whoever sits at a terminal of this machine.
    Terminal,
    /// Nobody: Chima did it by itself, because of what that person did.
    Chima,
    /// A session of the pages, which GitHub vouched for.
    Page,
    /// An API token, which was made for that person on Chima's own machine.
    Token,
}

impl Person {
    /// One line of bounded length. Without a name it is still somebody.
    #[must_use]
    pub fn new(source: Source, name: &str) -> Self {
        let name = name.trim().trim_start_matches('@');
        Self {
            name: line(name, NAME_LIMIT).unwrap_or_else(|| UNNAMED.to_owned()),
            source,
        }
    }

    /// Whether a name means this person. GitHub and chats ignore case.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name != UNNAMED && self.name.to_lowercase() == name.trim().trim_start_matches('@').to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_and_ignores_case_and_at() {
        let mona = Person::new(Source::Chat, " @Mona\n");
        assert_eq!(mona.name, "Mona");
        assert!(mona.is_called("mona") && mona.is_called("@MONA") && !mona.is_called("mon"));
    }

    #[test]
    fn nobody_is_called_nothing() {
        let nobody = Person::new(Source::Terminal, " @ ");
        assert_eq!(nobody.name, UNNAMED);
        assert!(!nobody.is_called(UNNAMED) && !nobody.is_called(""));
    }
}
