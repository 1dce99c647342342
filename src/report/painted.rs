//! Log bytes with their colours, for pages: text, and for each stretch of it one of a closed set of looks.
//!
//! This is the only place that knows how a log is shown. It makes no HTML: the page's template escapes the text, and the script of
//! a page that follows a log sets it as text; neither can be talked into anything else. A look is a word from a list in
//! [`Look`], never a value from the log. Colours end with their line, so that no line can dress the next, and a log can be
//! shown from any line on.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::report::terminal::{Printed, Terminal, name};

/// Parameters of one wish for colours that are read.
const PARAMETERS: usize = 32;
/// So many stretches have a look of their own; what comes after them is shown plain. A page's quarter of a mebibyte of text has hardly
/// ever as many. Random bytes do, and a page of them would take a hundred times their size.
const STRETCHES: usize = 20_000;

/// How a stretch of a log looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a terminal has them all beside one another"
)]
pub struct Look {
    ink: Option<u8>,
    ground: Option<u8>,
    bold: bool,
    dim: bool,
    italic: bool,
    underlined: bool,
    struck: bool,
    inverse: bool,
    /// Stands for a character that would not be seen.
    odd: bool,
}

/// Text of a log and how it looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Painted {
    text: String,
    /// Where a stretch ends, in bytes, and how it looks.
    ends: Vec<(usize, Look)>,
}

impl Painted {
    /// A log, or whole lines of one.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut painted = Self::default();
        painted.print(bytes);
        painted
    }

    /// One line of a log, without what ends it, in one line: where it was printed over, that is seen.
    #[must_use]
    pub fn line(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let mut one = Vec::with_capacity(bytes.len());
        for byte in bytes {
            match byte {
                b'\r' => one.extend("\u{240d}".bytes()),
                b'\n' => one.push(b' '),
                _ => one.push(*byte),
            }
        }
        Self::of(&one)
    }

    /// Adds whole lines of a log.
    pub fn print(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let mut look = Look::default();
        for printed in Terminal::new(&text) {
            match printed {
                Printed::Look(wish) => look.change(wish),
                Printed::Odd(c) => self.push(
                    &name(c),
                    Look {
                        odd: true,
                        ..Look::default()
                    },
                ),
                Printed::Shown(c) => {
                    if c == '\n' {
                        look = Look::default();
                    }
                    self.push(c.encode_utf8(&mut [0; 4]), look);
                }
            }
        }
    }

    /// Adds words of ours.
    pub fn say(&mut self, words: &str) {
        self.push(words, Look::default());
    }

    fn push(&mut self, text: &str, look: Look) {
        let look = if self.ends.len() < STRETCHES {
            look
        } else {
            Look::default()
        };
        self.text.push_str(text);
        let end = self.text.len();
        match self.ends.last_mut() {
            Some((last, same)) if *same == look => *last = end,
            _ => self.ends.push((end, look)),
        }
    }

    /// All of the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The stretches in order: their text and how it looks.
    pub fn pieces(&self) -> impl Iterator<Item = (&str, Look)> + Clone + '_ {
        let mut at = 0;
        self.ends.iter().map(move |(end, look)| {
            let piece = self.text.get(at..*end).unwrap_or_default();
            at = *end;
            (piece, *look)
        })
    }

    /// Whether nothing of it has a look of its own.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.ends.iter().all(|(_, look)| look.is_plain())
    }
}

impl Look {
    /// Whether it is that of plain text.
    #[must_use]
    pub fn is_plain(self) -> bool {
        self == Self::default()
    }

    /// Does what an SGR sequence asks for, as far as it is on the list. Nothing that hides or blinks is.
    /// <https://invisible-island.net/xterm/ctlseqs/ctlseqs.html>
    fn change(&mut self, parameters: &str) {
        let mut all = parameters.split(';').take(PARAMETERS);
        while let Some(parameter) = all.next() {
            let mut parts = parameter.split(':');
            let code = number(parts.next().unwrap_or_default());
            let parts: Vec<Option<u8>> = parts.map(number).collect();
            match code {
                Some(0) => *self = Self::default(),
                Some(1) => self.bold = true,
                Some(2) => self.dim = true,
                Some(3) => self.italic = true,
                Some(4) => self.underlined = parts.first() != Some(&Some(0)),
                Some(7) => self.inverse = true,
                Some(9) => self.struck = true,
                Some(21) => self.underlined = true,
                Some(22) => (self.bold, self.dim) = (false, false),
                Some(23) => self.italic = false,
                Some(24) => self.underlined = false,
                Some(27) => self.inverse = false,
                Some(29) => self.struck = false,
                Some(code @ 30..=37) => self.ink = Some(code - 30),
                Some(code @ 90..=97) => self.ink = Some(code - 90 + 8),
                Some(code @ 40..=47) => self.ground = Some(code - 40),
                Some(code @ 100..=107) => self.ground = Some(code - 100 + 8),
                Some(39) => self.ink = None,
                Some(49) => self.ground = None,
                Some(code @ (38 | 48 | 58)) => {
                    let colour = if parts.is_empty() {
                        extended(&mut all.by_ref().map(number))
                    } else {
                        // with colons a colour space may stand before red
                        let skip = usize::from(parts.first() == Some(&Some(2)) && parts.len() > 4);
                        let first = parts.iter().take(1);
                        extended(&mut first.chain(parts.iter().skip(1 + skip)).copied())
                    };
                    match code {
                        38 => self.ink = colour.or(self.ink),
                        48 => self.ground = colour.or(self.ground),
                        // the colour of a line below
                        _ => {}
                    }
                }
                Some(_) | None => {}
            }
        }
    }
}

/// The names of what it is made of, as the style sheet has them; plain text has none.
impl fmt::Display for Look {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (colour, word) in [(self.ink, "ink"), (self.ground, "ground")] {
            if let Some(number) = colour {
                write!(to, "{between}{word}{number}")?;
                between = " ";
            }
        }
        for (is, word) in [
            (self.bold, "bold"),
            (self.dim, "dim"),
            (self.italic, "italic"),
            (self.underlined, "underlined"),
            (self.struck, "struck"),
            (self.inverse, "inverse"),
            (self.odd, "odd"),
        ] {
            if is {
                write!(to, "{between}{word}")?;
                between = " ";
            }
        }
        Ok(())
    }
}

impl Serialize for Look {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Nothing means zero, and what is no small number means nothing that is known.
fn number(text: &str) -> Option<u8> {
    if text.is_empty() { Some(0) } else { text.parse().ok() }
}

/// `5;n` or `2;red;green;blue`, as the nearest of sixteen: pages have no other colours, so that every one can be read on every other.
fn extended(parameters: &mut dyn Iterator<Item = Option<u8>>) -> Option<u8> {
    match parameters.next()?? {
        5 => Some(match parameters.next()?? {
            basic @ 0..=15 => basic,
            cube @ 16..=231 => {
                let cube = cube - 16;
                let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
                nearest([level(cube / 36), level(cube / 6 % 6), level(cube % 6)])
            }
            grey => nearest([8 + 10 * (grey - 232); 3]),
        }),
        2 => Some(nearest([parameters.next()??, parameters.next()??, parameters.next()??])),
        _ => None,
    }
}

/// The sixteen colours as xterm has them.
const COLOURS: [[u8; 3]; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 0, 0],
    [0, 255, 0],
    [255, 255, 0],
    [92, 92, 255],
    [255, 0, 255],
    [0, 255, 255],
    [255, 255, 255],
];

fn nearest(colour: [u8; 3]) -> u8 {
    let distance = |other: &[u8; 3]| -> u32 {
        let parts = colour.iter().zip(other);
        parts.map(|(one, other)| u32::from(one.abs_diff(*other)).pow(2)).sum()
    };
    (0..16)
        .zip(&COLOURS)
        .min_by_key(|(_, other)| distance(other))
        .map_or(7, |(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(raw: &str) -> String {
        let painted = Painted::of(raw.as_bytes());
        let pieces = painted.pieces().map(|(text, look)| {
            if look.is_plain() {
                text.to_owned()
            } else {
                format!("<{look}|{text}>")
            }
        });
        pieces.collect()
    }

    #[test]
    fn colours_become_words_of_a_list() {
        for (raw, expected) in [
            ("\x1b[31mred\x1b[0m no", "<ink1|red> no"),
            ("\x1b[1;4;92mgo\x1b[m.", "<ink10 bold underlined|go>."),
            ("\x1b[31;41mseen", "<ink1 ground1|seen>"),
            ("\x1b[0;31mone\x1b[39m two", "<ink1|one> two"),
            ("\x1b[1mb\x1b[22mn\x1b[3mi\x1b[23;9ms", "<bold|b>n<italic|i><struck|s>"),
            ("\x1b[7mback\x1b[27m", "<inverse|back>"),
        ] {
            assert_eq!(shown(raw), expected);
        }
    }

    #[test]
    fn what_is_no_text_costs_little_and_is_shown_to_its_end() {
        let noise: Vec<u8> = (0..256 * 1024_u32)
            .map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0])
            .collect();
        let painted = Painted::of(&noise);
        let stretches = painted.pieces().count();
        assert!((STRETCHES..=STRETCHES + 1).contains(&stretches), "{stretches}");
        let all: String = painted.pieces().map(|(text, _)| text).collect();
        assert_eq!(all, painted.text());
        assert!(painted.pieces().last().is_some_and(|(_, look)| look.is_plain()));
    }

    #[test]
    fn more_colours_than_sixteen_become_the_nearest() {
        for (raw, expected) in [
            ("\x1b[38;5;9mx", "<ink9|x>"),
            ("\x1b[38;5;196mx", "<ink9|x>"),
            ("\x1b[48;5;232;1mx", "<ground0 bold|x>"),
            ("\x1b[38;2;10;250;10mx", "<ink10|x>"),
            ("\x1b[38:2::250:10:10mx", "<ink9|x>"),
            ("\x1b[38:5:12;4:3mx", "<ink12 underlined|x>"),
            ("\x1b[58;5;1;31mx", "<ink1|x>"),
        ] {
            assert_eq!(shown(raw), expected, "{raw:?}");
        }
    }

    #[test]
    fn what_is_not_on_the_list_changes_nothing() {
        for wish in [
            "5",
            "6",
            "8",
            "28",
            "38",
            "38;5",
            "38;2;1;2",
            "38;5;999",
            "48;9",
            "999",
            "4294967297",
            ";",
            "10",
            "?25",
        ] {
            let text = shown(&format!("\x1b[{wish}mseen"));
            assert_eq!(text, "seen", "{wish}");
        }
    }

    #[test]
    fn a_line_does_not_dress_the_next() {
        assert_eq!(shown("\x1b[41;31mone\ntwo\rthree"), "<ink1 ground1|one>\ntwo\nthree");
    }

    #[test]
    fn a_line_stays_one_line() {
        for (raw, expected) in [
            ("one\n", "one"),
            ("one\r\n", "one"),
            ("10 %\r20 %\r\n", "10 %\u{240d}20 %"),
            ("", ""),
        ] {
            assert_eq!(Painted::line(raw.as_bytes()).text(), expected);
        }
    }

    #[test]
    fn what_would_not_be_seen_has_a_name() {
        for (raw, expected) in [
            ("a\u{202e}b", "a<odd|[RLO]>b"),
            ("\u{2066}\u{2069}", "<odd|[LRI][PDI]>"),
            ("x\0\x08\x7f", "x<odd|\u{2400}\u{2408}\u{2421}>"),
            ("\u{e0041}\u{85}", "<odd|[U+E0041][U+0085]>"),
        ] {
            assert_eq!(shown(raw), expected);
        }
    }

    #[test]
    fn the_pieces_are_the_whole_text() {
        let painted = Painted::of(b"a\x1b[31mb\x1b[32mc\nd\0e");
        let joined: String = painted.pieces().map(|(text, _)| text).collect();
        assert_eq!(joined, painted.text());
    }
}
