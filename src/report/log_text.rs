//! Log bytes as text that is safe to show: what a command prints is nobody's to trust.
//!
//! Escape sequences can move the cursor over earlier lines, rename the terminal or make links; all of them go. What is
//! left is escaped by the template, or set as text by the script.

/// Plain text of raw log bytes: no escape sequences, no control characters but line ends and tabs, a lone carriage
/// return as a line end.
#[must_use]
pub fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                // CSI: parameters, then one final byte
                Some('[') => {
                    for next in chars.by_ref() {
                        if ('\u{40}'..='\u{7e}').contains(&next) {
                            break;
                        }
                    }
                }
                // OSC, DCS, PM, APC: until BEL or ST
                Some(']' | 'P' | '^' | '_') => {
                    while let Some(next) = chars.next() {
                        if next == '\u{7}' || (next == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                Some(_) | None => {}
            },
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\n' | '\t' => out.push(c),
            _ if c.is_control() || is_invisible(c) => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// Characters that change how others are shown.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
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
        ] {
            assert_eq!(plain(raw), shown);
        }
    }

    #[test]
    fn a_line_is_shown_when_it_is_whole() {
        assert_eq!(whole_lines(b"one\ntwo\nthr", 100), 8);
        assert_eq!(whole_lines(b"thr", 100), 0);
        assert_eq!(whole_lines(b"thr", 3), 3);
    }
}
