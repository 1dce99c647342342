//! What a command printed, read as a terminal would read it and without doing what a terminal would do.
//!
//! Escape sequences can move the cursor over earlier lines, rename the terminal, fill the clipboard or make links; all of them go,
//! and of colours only the wish for them is passed on. Nothing goes that a reader would see: a sequence that is not ended stays in
//! its line as text, and characters that change how others are shown are passed on as odd, to be made visible.

use crate::report::escapes;

/// More marks on one letter than any script has would paint over the lines above and below.
const MARKS: usize = 8;

/// One thing that was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Printed<'t> {
    /// A character to show as it is; a line end or a tab among them.
    Shown(char),
    /// A character that would show nothing, or show others differently.
    Odd(char),
    /// The parameters of a wish for colours (SGR).
    Look(&'t str),
}

/// Reads printed bytes one after the other.
pub(super) struct Terminal<'t> {
    rest: &'t str,
    marks: usize,
}

impl<'t> Terminal<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text, marks: 0 }
    }

    /// The sequence that comes next.
    fn sequence(&mut self) -> &'t str {
        let len = escapes::length(self.rest.as_bytes(), true).unwrap_or(1);
        let (sequence, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.rest = rest;
        sequence
    }
}

impl<'t> Iterator for Terminal<'t> {
    type Item = Printed<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut chars = self.rest.chars();
            let c = chars.next()?;
            if c == '\u{1b}' {
                self.marks = 0;
                match escapes::colours(self.sequence()) {
                    Some(parameters) => return Some(Printed::Look(parameters)),
                    None => continue,
                }
            }
            self.rest = chars.as_str();
            if is_mark(c) {
                self.marks += 1;
                if self.marks > MARKS + 1 {
                    continue;
                }
            } else {
                self.marks = 0;
            }
            match c {
                // what was printed over stays to be seen
                '\r' => {
                    self.rest = self.rest.trim_start_matches('\r');
                    if !self.rest.starts_with('\n') {
                        return Some(Printed::Shown('\n'));
                    }
                }
                '\n' | '\t' => return Some(Printed::Shown(c)),
                _ if c.is_control() || is_invisible(c) || self.marks > MARKS => return Some(Printed::Odd(c)),
                _ => return Some(Printed::Shown(c)),
            }
        }
    }
}

/// What an odd character is called: a picture for the old controls, the name for what turns text around, the number for the rest.
pub(super) fn name(c: char) -> String {
    let known = match c {
        '\0'..='\u{1f}' => return char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}').to_string(),
        '\u{7f}' => return '\u{2421}'.to_string(),
        '\u{ad}' => "SHY",
        '\u{61c}' => "ALM",
        '\u{200b}' => "ZWSP",
        '\u{200c}' => "ZWNJ",
        '\u{200d}' => "ZWJ",
        '\u{200e}' => "LRM",
        '\u{200f}' => "RLM",
        '\u{202a}' => "LRE",
        '\u{202b}' => "RLE",
        '\u{202c}' => "PDF",
        '\u{202d}' => "LRO",
        '\u{202e}' => "RLO",
        '\u{2060}' => "WJ",
        '\u{2066}' => "LRI",
        '\u{2067}' => "RLI",
        '\u{2068}' => "FSI",
        '\u{2069}' => "PDI",
        '\u{feff}' => "BOM",
        _ => return format!("[U+{:04X}]", u32::from(c)),
    };
    format!("[{known}]")
}

/// Characters that change how others are shown, or are there without being seen.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Marks that stand on, below or through the letter before them.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
    )
}
