//! The page of the documentation that lists every reason code, made from the code itself.

use std::fmt::Write;

use crate::report::catalogue::{entry_of, examples};
use crate::report::sentence::sentence;

/// The text of `docs/reference/reasons.md`.
#[must_use]
pub fn reasons_page() -> String {
    let mut page = String::from(
        "# Reasons\n\n\
         Every refusal, hold and unhappy end has one of these codes. The API and the chat bridge show the code, people read\n\
         the sentence. Codes are never renamed. This page is generated from `src/report/catalogue.rs` by a test.\n\n\
         | code | meaning | who clears it | what to do |\n\
         |---|---|---|---|\n",
    );
    let mut sentences = String::new();
    for reason in examples() {
        let (code, entry) = (reason.code(), entry_of(&reason));
        // Writing to a `String` cannot go wrong.
        let _ = writeln!(
            page,
            "| `{code}` | {} | {} | {} |",
            entry.meaning, entry.who, entry.advice
        );
        let _ = writeln!(sentences, "- `{code}`: {}", sentence(&reason));
    }
    page.push_str("\n## As people read them\n\n");
    page.push_str(&sentences);
    page
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::report::catalogue::codes;

    #[test]
    fn the_page_is_what_the_code_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/reasons.md");
        let expected = reasons_page();
        if fs::read_to_string(&path).unwrap_or_default() != expected {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &expected).unwrap();
            panic!("docs/reference/reasons.md was stale and has been written anew: commit it");
        }
    }

    #[test]
    fn every_code_of_the_domain_has_an_example() {
        let source = include_str!("../domain/reason.rs");
        let declared: Vec<&str> = source
            .lines()
            .filter_map(|line| line.split_once("=> \"")?.1.split_once("\","))
            .map(|(code, _)| code)
            .collect();
        assert!(declared.len() >= 28);
        assert_eq!(codes(), declared);
    }
}
