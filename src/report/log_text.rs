//! Log bytes as text that is safe to show: what a command prints is nobody's to trust.
//!
//! No escape sequence is left, and no character that is not seen. What is left is escaped by the template, or set as text by the
//! script.

use crate::report::terminal::{Printed, Terminal};

/// Plain text of raw log bytes: no escape sequences, no control characters but line ends and tabs, a lone carriage
/// return as a line end.
#[must_use]
pub fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    Terminal::new(&text)
        .filter_map(|printed| match printed {
            Printed::Shown(c) => Some(c),
            Printed::Odd(_) => Some('\u{fffd}'),
            Printed::Look(_) => None,
        })
        .collect()
}

/// How many of the bytes can be shown now without cutting a line, a character or an escape sequence in two. A line that
/// is too long to wait for is cut all the same.
#[must_use]
pub fn whole_lines(bytes: &[u8], longest: usize) -> usize {
    match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(at) => at + 1,
        None if bytes.len() >= longest => bytes.len(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_text_is_left() {
        for (raw, shown) in [
            (&b"\x1b[31mred\x1b[0m\n"[..], "red\n"),
            (b"\x1b]8;;http://evil\x07link\x1b]8;;\x07", "link"),
            (b"\x1b]0;title\x1b\\after", "after"),
            (b"over\rprinted\r\n", "over\nprinted\n"),
            (b"nul\0bell\x07", "nul\u{fffd}bell\u{fffd}"),
            ("bidi \u{202e}evil".as_bytes(), "bidi \u{fffd}evil"),
            (b"\xff\xfe", "\u{fffd}\u{fffd}"),
            (b"\x1b", ""),
            // as `tput sgr0` has it
            (b"\x1b(B\x1b[mplain", "plain"),
            (b"up\x1b[2A\x1b[Kover", "upover"),
        ] {
            assert_eq!(plain(raw), shown);
        }
    }

    #[test]
    fn a_sequence_that_does_not_end_hides_nothing() {
        for (raw, shown) in [
            (&b"\x1b]0;never ended\nnext\n"[..], "0;never ended\nnext\n"),
            (b"\x1b[31\nnext\n", "\nnext\n"),
            ("\x1b[\u{e4}\n".as_bytes(), "\u{e4}\n"),
            (b"\x1b\nnext\n", "\nnext\n"),
            (b"\x1bPq#0\r\nnext\x1b\\\n", "q#0\nnext\n"),
        ] {
            assert_eq!(plain(raw), shown);
        }
        let long = format!("\x1b[{}mseen", "1;".repeat(500));
        assert!(plain(long.as_bytes()).ends_with("mseen"));
    }

    #[test]
    fn a_letter_has_only_so_many_marks() {
        let shown = plain(format!("a{}b", "\u{301}".repeat(1000)).as_bytes());
        assert_eq!(shown, format!("a{}\u{fffd}b", "\u{301}".repeat(8)));
    }

    #[test]
    fn a_line_is_shown_when_it_is_whole() {
        assert_eq!(whole_lines(b"one\ntwo\nthr", 100), 8);
        assert_eq!(whole_lines(b"thr", 100), 0);
        assert_eq!(whole_lines(b"thr", 3), 3);
    }
}
