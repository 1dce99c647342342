//! What templates do to a text before it is shown.

use std::fmt::Display;

use askama::filters::{Html, Safe, escape};

use crate::http::pages::harmless;

/// A sentence of ours, as terminals and chats say it too: what stands between backticks is code. Whatever it says, all of it is text.
#[askama::filter_fn]
pub fn coded<T: Display>(text: T, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    Ok(Safe(with_code(&text.to_string())?))
}

fn with_code(text: &str) -> askama::Result<String> {
    let text = harmless(text);
    let mut shown = String::with_capacity(text.len());
    let pieces: Vec<&str> = text.split('`').collect();
    // a backtick too many: nobody knows which ones belong together
    if pieces.len().is_multiple_of(2) {
        return Ok(escape(&text, Html)?.to_string());
    }
    for (at, piece) in pieces.into_iter().enumerate() {
        let piece_shown = escape(piece, Html)?;
        match (at.is_multiple_of(2), piece.is_empty()) {
            (true, _) => shown.push_str(&piece_shown.to_string()),
            // a name that is empty is seen to be
            (false, true) => shown.push_str("``"),
            (false, false) => shown.push_str(&format!("<code>{piece_shown}</code>")),
        }
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code_and_nothing_becomes_an_element() {
        for (text, expected) in [
            ("", ""),
            ("nothing", "nothing"),
            (
                "context `ci/build` is red; `why` tells",
                "context <code>ci/build</code> is red; <code>why</code> tells",
            ),
            (
                "`<script>alert(1)</script>` & \"more\"",
                "<code>&#60;script&#62;alert(1)&#60;/script&#62;</code> &#38; &#34;more&#34;",
            ),
            ("</code><b>`x`", "&#60;/code&#62;&#60;b&#62;<code>x</code>"),
            ("`a` `<code>", "`a` `&#60;code&#62;"),
            ("one ` alone <i>", "one ` alone &#60;i&#62;"),
            ("`` is no name", "`` is no name"),
            ("`a\u{202e}b`", "<code>a\u{fffd}b</code>"),
        ] {
            assert_eq!(with_code(text).unwrap(), expected, "{text:?}");
        }
    }
}
