//! What a person asks of a run that is there already: a command on our own ledger. (To deploy, people ask GitHub.)

use serde::{Deserialize, Serialize};

/// Longer names are cut: this is room for any login, account or display name.
const NAME_LIMIT: usize = 100;
/// Longer words are cut: whoever has more to say says it elsewhere.
pub(crate) const WORDS_LIMIT: usize = 300;
/// Who is meant where nobody is named.
pub const UNNAMED: &str = "somebody unnamed";

/// A request to stop a run. Both texts come from outside: they are bounded here, and escaped where they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// Who asks.
    pub by: String,
    /// Why, in that person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Cancellation {
    /// One line of each, of bounded length. Without a name it is still a request.
    #[must_use]
    pub fn new(by: &str, reason: Option<&str>) -> Self {
        Self {
            by: line(by, NAME_LIMIT).unwrap_or_else(|| UNNAMED.to_owned()),
            reason: reason.and_then(|reason| line(reason, WORDS_LIMIT)),
        }
    }
}

/// How something went that a person carries out, in that person's word. Both texts come from outside, as those of
/// [`Cancellation`]. A file of the attempt has this form too: fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonsVerdict {
    /// Who says so.
    pub by: String,
    /// Whether it is done.
    pub done: bool,
    /// In their words; may be empty.
    #[serde(default)]
    pub note: String,
}

impl PersonsVerdict {
    /// One line of each, of bounded length. Without a name it is still a word.
    #[must_use]
    pub fn new(by: &str, done: bool, note: Option<&str>) -> Self {
        Self {
            by: line(by, NAME_LIMIT).unwrap_or_else(|| UNNAMED.to_owned()),
            done,
            note: note.and_then(|note| line(note, WORDS_LIMIT)).unwrap_or_default(),
        }
    }
}

pub(crate) fn line(text: &str, limit: usize) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().take(limit).collect();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_one_line_of_bounded_length() {
        let cancellation = Cancellation::new(" mona\n", Some("wrong\r\n\tbranch "));
        assert_eq!(
            (cancellation.by.as_str(), cancellation.reason.as_deref()),
            ("mona", Some("wrong branch"))
        );
        let long = Cancellation::new(&"ä".repeat(1000), Some(&"ö".repeat(1000)));
        assert_eq!(long.by.chars().count(), NAME_LIMIT);
        assert_eq!(long.reason.map(|reason| reason.chars().count()), Some(WORDS_LIMIT));
    }

    #[test]
    fn a_request_without_a_name_is_a_request() {
        let cancellation = Cancellation::new("  ", Some(" \n"));
        assert_eq!((cancellation.by.as_str(), cancellation.reason), (UNNAMED, None));
    }

    #[test]
    fn a_persons_word_is_one_line_of_bounded_length_too() {
        let verdict = PersonsVerdict::new(" mona\n", false, Some("the store\r\n\trefused "));
        assert_eq!(
            (verdict.by.as_str(), verdict.note.as_str()),
            ("mona", "the store refused")
        );
        let long = PersonsVerdict::new(&"ä".repeat(1000), true, Some(&"ö".repeat(1000)));
        assert_eq!(
            (long.by.chars().count(), long.note.chars().count()),
            (NAME_LIMIT, WORDS_LIMIT)
        );
        assert_eq!(PersonsVerdict::new("\t", true, Some(" \n")).by, UNNAMED);
        let short: PersonsVerdict = serde_json::from_str(r#"{"by":"mona","done":true}"#).unwrap();
        assert_eq!(short, PersonsVerdict::new("mona", true, None));
    }
}
