//! Looks for text in a log, one file of it at a time: no log is larger than its caps, and no more than one file is in memory.

use std::io;

use regex::bytes::{Regex, RegexBuilder};

use crate::provider::log::lines::Part;
use crate::provider::log::reader::LogReader;
use crate::provider::log::text_path;

/// More is not looked for.
const LONGEST: usize = 200;
/// A programme may print colours in the middle of a word.
const COLOUR: &str = r"(?:\x1b\[[0-9;:]*m)*";

impl LogReader {
    /// The first line from a number on in which a text stands, or the last one before that number. Case does not count.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn search(&self, wanted: &str, from: u64, backwards: bool) -> io::Result<Option<u64>> {
        let Some(wanted) = pattern(wanted) else {
            return Ok(None);
        };
        self.while_it_moves(|| {
            let parts = self.parts()?;
            if backwards {
                let before = parts.iter().rev().filter(|part| part.first < from);
                self.first_found(before, |part| {
                    self.lines_with(part, &wanted, &mut |found| (found < from).then_some(found))
                })
            } else {
                let rest = parts.iter().filter(|part| part.first + part.count > from);
                self.first_found(rest, |part| {
                    let mut first = None;
                    self.lines_with(part, &wanted, &mut |found| {
                        if found >= from && first.is_none() {
                            first = Some(found);
                        }
                        first.is_none().then_some(found)
                    })?;
                    Ok(first)
                })
            }
        })
    }

    fn first_found<'p>(
        &self,
        parts: impl Iterator<Item = &'p Part>,
        mut look: impl FnMut(&Part) -> io::Result<Option<u64>>,
    ) -> io::Result<Option<u64>> {
        for part in parts {
            if let Some(found) = look(part)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Shows every line of a file in which it stands, in order, as long as that is wanted; answers the last that was.
    fn lines_with(
        &self,
        part: &Part,
        wanted: &Regex,
        wants: &mut dyn FnMut(u64) -> Option<u64>,
    ) -> io::Result<Option<u64>> {
        let text = std::fs::read(text_path(&self.dir, part.segment.start))?;
        let starts = self.starts(part, 0, part.count)?;
        let mut last = None;
        for found in wanted.find_iter(&text) {
            let at = part.segment.start + found.start() as u64;
            let after = starts.partition_point(|start| start.offset <= at) as u64;
            // the rest of a line that began in a file before
            let Some(index) = after.checked_sub(1) else { continue };
            match wants(part.first + index) {
                Some(line) => last = Some(line),
                None => break,
            }
        }
        Ok(last)
    }
}

/// Exactly that text, whatever its case and its colours; none where there is nothing to look for.
fn pattern(wanted: &str) -> Option<Regex> {
    let letters = wanted.chars().filter(|c| !c.is_control()).take(LONGEST);
    let escaped: Vec<String> = letters
        .map(|letter| regex::escape(letter.encode_utf8(&mut [0; 4])))
        .collect();
    if escaped.is_empty() {
        return None;
    }
    RegexBuilder::new(&escaped.join(COLOUR))
        .case_insensitive(true)
        .build()
        .ok()
}
