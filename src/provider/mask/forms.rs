//! The forms in which a secret turns up in output: itself, encoded, escaped, quoted, and line by line.
//!
//! A form that is missing here is a leak; one too many costs a little memory. Encodings depend on where the secret stands in
//! the encoded text, hence three alignments of base64. And the tools that encode break their lines anywhere: what they make is
//! looked for in pieces.

use std::collections::BTreeMap;

use crate::provider::mask::MIN_SECRET;
use crate::report::escapes;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Of an encoded secret pieces are looked for, which overlap: an encoded text has line breaks (after 60, 64 or 76 characters, as the
/// tool likes it) wherever the secret happens to stand. The first and the last piece are those at its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pieces {
    /// Bytes of a piece.
    pub(super) size: usize,
    /// Where the second begins.
    pub(super) from: usize,
    /// From there to the next.
    pub(super) step: usize,
}

/// Six bytes of the secret. Lines are broken between groups of four characters; `from` is where the first whole one begins.
fn of_base64(from: usize) -> Pieces {
    Pieces {
        size: MIN_SECRET,
        from,
        step: 4,
    }
}

/// Eight bytes of the secret: half as long, they would be found in many a commit's id.
const OF_HEX: Pieces = Pieces {
    size: 2 * MIN_SECRET,
    from: 0,
    step: 8,
};

/// Forms, each once, and whether each is looked for in pieces.
#[derive(Debug, Default)]
pub(super) struct Forms(BTreeMap<Vec<u8>, Option<Pieces>>);

impl Forms {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Option<Pieces>)> {
        self.0.iter().map(|(form, pieces)| (form.as_slice(), *pieces))
    }

    fn insert(&mut self, form: Vec<u8>) {
        // where a secret has escape sequences of its own, nobody sees those either
        if let Ok(text) = str::from_utf8(&form)
            && text.contains('\u{1b}')
        {
            self.insert(escapes::without(text).into_bytes());
        }
        if form.len() >= MIN_SECRET {
            self.0.entry(form).or_insert(None);
        }
    }

    fn insert_pieces(&mut self, form: Vec<u8>, pieces: Pieces) {
        if form.len() >= MIN_SECRET {
            self.0.insert(form, Some(pieces));
        }
    }
}

/// All forms of all values, each once, none shorter than a secret may be.
pub(super) fn all<'a>(values: impl Iterator<Item = &'a str>) -> Forms {
    let mut forms = Forms::default();
    for value in values {
        encoded(value, &mut forms);
        let trimmed = value.trim();
        if trimmed != value {
            encoded(trimmed, &mut forms);
        }
        if trimmed.contains('\n') {
            // as a terminal ends them
            escaped(&trimmed.lines().collect::<Vec<_>>().join("\r\n"), &mut forms);
            for line in trimmed.lines() {
                escaped(line.trim(), &mut forms);
            }
        }
    }
    forms
}

fn encoded(value: &str, forms: &mut Forms) {
    escaped(value, forms);
    let bytes = value.as_bytes();
    for alphabet in [STANDARD, URL_SAFE] {
        for offset in 0..3_usize {
            let before_the_first_group = (4 - (offset * 8).div_ceil(6)) % 4;
            let pieces = of_base64(before_the_first_group);
            forms.insert_pieces(base64_stable(bytes, offset, alphabet), pieces);
        }
    }
    forms.insert_pieces(hex(bytes, b"0123456789abcdef"), OF_HEX);
    forms.insert_pieces(hex(bytes, b"0123456789ABCDEF"), OF_HEX);
    for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
        for plus in [false, true] {
            // What the several standards leave as it is differs.
            for safe in [&b"-_.~"[..], b"-_.*", b"-_.!~*'()", b"-_.~/"] {
                forms.insert(url(bytes, digits, plus, safe));
            }
        }
    }
}

/// The forms that keep lines apart: plain, and as other languages write it between quotes.
fn escaped(value: &str, forms: &mut Forms) {
    forms.insert(value.as_bytes().to_vec());
    let json = json(value, false);
    forms.insert(json.replace('/', "\\/").into_bytes());
    // An answer in JSON that is shown within JSON, or in Python's notation, as tools do when they are asked to be verbose.
    let twice = self::json(&json, false);
    forms.insert(twice.replace("\\\"", "\"").replace('\'', "\\'").into_bytes());
    forms.insert(twice.into_bytes());
    forms.insert(self::json(&self::json(value, true), false).into_bytes());
    forms.insert(json.into_bytes());
    forms.insert(self::json(value, true).into_bytes());
    // Python's and Ruby's own notations escape the single quote too.
    forms.insert(
        self::json(value, false)
            .replace("\\\"", "\"")
            .replace('\'', "\\'")
            .into_bytes(),
    );
    for quote in ["'\\''", "'\"'\"'", "''"] {
        forms.insert(value.replace('\'', quote).into_bytes());
    }
    forms.insert(backslashed(value, |c| matches!(c, '"' | '$' | '`' | '\\')).into_bytes());
    forms.insert(
        backslashed(value, |c| {
            !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.' | '/' | ':' | '@' | '%' | '+' | '=')
        })
        .into_bytes(),
    );
    forms.insert(
        backslashed(value, |c| {
            !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.' | '/' | ':' | '@' | '%' | '+')
        })
        .into_bytes(),
    );
    // XML and HTML, as test reports and error pages have it.
    let markup = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    forms.insert(markup.replace('"', "&quot;").replace('\'', "&#39;").into_bytes());
    forms.insert(markup.into_bytes());
}

/// The characters of a base64 text that depend on `bytes` alone when it begins `offset` bytes into a group of three.
fn base64_stable(bytes: &[u8], offset: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let bits = (offset + bytes.len()) * 8;
    let byte = |index: usize| {
        if index < offset {
            0
        } else {
            bytes.get(index - offset).copied().unwrap_or(0)
        }
    };
    let first = (offset * 8).div_ceil(6);
    (first..bits / 6)
        .map(|index| {
            let (at, shift) = (index * 6 / 8, index * 6 % 8);
            let pair = u16::from(byte(at)) << 8 | u16::from(byte(at + 1));
            alphabet[usize::from(pair >> (10 - shift) & 0x3f)]
        })
        .collect()
}

fn hex(bytes: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]])
        .collect()
}

fn url(bytes: &[u8], digits: &[u8; 16], plus: bool, safe: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || safe.contains(&byte) {
            out.push(byte);
        } else if byte == b' ' && plus {
            out.push(b'+');
        } else {
            out.extend([b'%', digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
        }
    }
    out
}

fn json(value: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_ascii_control() || ascii && !c.is_ascii() => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out
}

fn backslashed(value: &str, special: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if special(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
