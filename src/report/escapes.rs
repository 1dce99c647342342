//! The escape sequences of a terminal: what it obeys and nobody sees. Where each of them ends is known here alone, so that a page
//! drops exactly what secrets are looked for through.

/// What every sequence begins with.
pub const ESCAPE: u8 = 0x1b;

/// A control sequence has no more parameters.
const LONGEST_CONTROL: usize = 128;

/// How long the sequence is that these bytes begin with. `None` where they end before it does, unless they are all there is.
#[must_use]
pub fn length(bytes: &[u8], is_all: bool) -> Option<usize> {
    let Some(second) = bytes.get(1) else {
        return is_all.then_some(1);
    };
    match second {
        b'[' => control(bytes, is_all),
        // OSC, DCS, SOS, PM, APC
        b']' | b'P' | b'X' | b'^' | b'_' => string(bytes, is_all),
        0x20..=0x7e => {
            let before_the_last = run(bytes, 1, |byte| matches!(byte, 0x20..=0x2f));
            last(bytes, before_the_last, is_all, |byte| matches!(byte, 0x30..=0x7e))
        }
        _ => Some(1),
    }
}

/// The parameters of a sequence that is a wish for colours (SGR).
#[must_use]
pub fn colours(sequence: &str) -> Option<&str> {
    let parameters = sequence.strip_prefix("\u{1b}[")?.strip_suffix('m')?;
    let of_colours = |byte: u8| byte.is_ascii_digit() || matches!(byte, b';' | b':');
    parameters.bytes().all(of_colours).then_some(parameters)
}

/// A text without its sequences.
#[must_use]
pub fn without(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let len = length(&rest.as_bytes()[at..], true).unwrap_or(1);
        out.push_str(&rest[..at]);
        rest = rest.get(at + len..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Parameters, then one last byte. Whatever does not belong to one ends it.
fn control(bytes: &[u8], is_all: bool) -> Option<usize> {
    let parameters = run(bytes, 2, |byte| matches!(byte, 0x20..=0x3f));
    let longest = 2 + LONGEST_CONTROL;
    if parameters > longest {
        return Some(longest + 1);
    }
    last(bytes, parameters, is_all, |byte| matches!(byte, 0x40..=0x7e))
}

/// It ends with BEL or ST. Without an end in its line it is no string, and is shown.
fn string(bytes: &[u8], is_all: bool) -> Option<usize> {
    const INTRODUCER: usize = 2;
    let mut rest = bytes.get(INTRODUCER..).unwrap_or_default();
    loop {
        let end = rest
            .iter()
            .position(|byte| matches!(*byte, b'\n' | b'\r' | 7 | 0xc2 | ESCAPE));
        let Some((found, after)) = end.and_then(|end| rest.get(end..)?.split_first()) else {
            return is_all.then_some(INTRODUCER);
        };
        let ended = bytes.len() - after.len();
        match (found, after.first()) {
            (b'\n' | b'\r', _) => return Some(INTRODUCER),
            (7, _) => return Some(ended),
            (0xc2, Some(0x9c)) | (&ESCAPE, Some(b'\\')) => return Some(ended + 1),
            _ => rest = after,
        }
    }
}

/// Where bytes of a kind, which begin at `from`, are over.
fn run(bytes: &[u8], from: usize, of_kind: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| of_kind(**byte)).count()
}

/// Where the sequence ends that may have one more byte at `at`.
fn last(bytes: &[u8], at: usize, is_all: bool, of_kind: impl Fn(u8) -> bool) -> Option<usize> {
    match bytes.get(at) {
        Some(byte) => Some(at + usize::from(of_kind(*byte))),
        None => is_all.then_some(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_ends_where_a_terminal_ends_it() {
        for (text, sequence) in [
            (&b"\x1b[31mred"[..], &b"\x1b[31m"[..]),
            (b"\x1b[?25lx", b"\x1b[?25l"),
            (b"\x1b[\x1b[0m", b"\x1b["),
            (b"\x1b[3\n", b"\x1b[3"),
            (b"\x1b(Bx", b"\x1b(B"),
            (b"\x1b=x", b"\x1b="),
            (b"\x1b\nx", b"\x1b"),
            (b"\x1b\xff", b"\x1b"),
            (b"\x1b]0;title\x07x", b"\x1b]0;title\x07"),
            (b"\x1b]0;a\x1b[1mb\x1b\\x", b"\x1b]0;a\x1b[1mb\x1b\\"),
            (b"\x1bPq\xc2\x9cx", b"\x1bPq\xc2\x9c"),
            (b"\x1b]0;never\nx\x07", b"\x1b]"),
        ] {
            for is_all in [false, true] {
                assert_eq!(length(text, is_all), Some(sequence.len()), "{}", text.escape_ascii());
            }
        }
    }

    #[test]
    fn what_is_cut_short_ends_with_the_text_alone() {
        for (text, len) in [
            (&b"\x1b"[..], 1),
            (b"\x1b[", 2),
            (b"\x1b[38;5", 6),
            (b"\x1b(", 2),
            (b"\x1b]0;title", 2),
            (b"\x1b]0;title\x1b", 2),
            (b"\x1b]0;title\xc2", 2),
        ] {
            assert_eq!(length(text, false), None, "{}", text.escape_ascii());
            assert_eq!(length(text, true), Some(len), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn only_a_wish_for_colours_is_one() {
        assert_eq!(colours("\u{1b}[1;38:5:9m"), Some("1;38:5:9"));
        for other in ["\u{1b}[?25m", "\u{1b}[2J", "\u{1b}[3", "\u{1b}(m"] {
            assert_eq!(colours(other), None);
        }
    }

    #[test]
    fn the_rest_of_a_text_stays() {
        assert_eq!(without("a\u{1b}[31mb\u{1b}]0;t\u{7}\u{e4}\u{1b}"), "ab\u{e4}");
    }
}
