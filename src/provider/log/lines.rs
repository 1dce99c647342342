//! Lines of a log by their numbers, however long it is: what is read for a window is the window.

use std::fs::File;
use std::io;

use crate::provider::log::reader::{LineStart, LogReader, line_start, read_some_at};
use crate::provider::log::{INDEX_ENTRY, Segment, index_path, number_path, segments, text_path};

/// So much of a line is shown.
pub const LONGEST: u64 = 8 << 10;
/// So much text is in a window, and a line.
const LARGEST: u64 = 1 << 20;
/// A file may be dropped while it is looked at; then there is a later one.
const TRIES: usize = 5;

/// A line as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The first is 1.
    pub number: u64,
    /// When it began, in unix milliseconds.
    pub at_ms: u64,
    /// Its text, with what ends it.
    pub bytes: Vec<u8>,
    /// How many bytes of it are left out here.
    pub cut: u64,
    /// How many bytes before it are not kept.
    pub gap: Option<u64>,
}

/// Some lines, and what there is beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// In order.
    pub lines: Vec<Line>,
    /// Which lines are kept: the first number of each stretch, and how many.
    pub kept: Vec<(u64, u64)>,
    /// Whether no more will come.
    pub ended: bool,
}

/// One file of the log, and its lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) segment: Segment,
    /// Number of the first line that begins in it.
    pub(super) first: u64,
    /// How many begin in it.
    pub(super) count: u64,
    /// Bytes before it that are not kept.
    gap: Option<u64>,
}

impl Part {
    fn end(&self) -> u64 {
        self.first + self.count
    }
}

impl LogReader {
    /// The lines from a number on, at most so many.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn lines_from(&self, number: u64, max: usize) -> io::Result<Window> {
        self.while_it_moves(|| self.window(number, max))
    }

    /// Tries again where a file was dropped meanwhile.
    pub(super) fn while_it_moves<T>(&self, mut look: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let mut tries = 0;
        loop {
            tries += 1;
            match look() {
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => {}
                other => return other,
            }
        }
    }

    fn window(&self, number: u64, max: usize) -> io::Result<Window> {
        // in this order: what was written before the end is then seen for sure
        let ended = self.final_size()?.is_some();
        let parts = self.parts()?;
        let mut window = Window {
            lines: Vec::new(),
            kept: stretches(&parts),
            ended,
        };
        let mut room = LARGEST;
        for (at, part) in parts.iter().enumerate() {
            if part.end() <= number || part.count == 0 {
                continue;
            }
            let from = number.max(part.first);
            let left = (max - window.lines.len()) as u64;
            let wanted = left.min(part.end() - from);
            // one more: where it begins the last one ends
            let starts = self.starts(part, from - part.first, wanted + 1)?;
            let text = File::open(text_path(&self.dir, part.segment.start))?;
            for (index, start) in starts
                .iter()
                .take(usize::try_from(wanted).unwrap_or(usize::MAX))
                .enumerate()
            {
                let end = match starts.get(index + 1) {
                    Some(next) => next.offset,
                    None => self.end_of_line(&parts, at)?,
                };
                let whole = end.saturating_sub(start.offset);
                let shown = whole.min(LONGEST);
                if shown > room {
                    return Ok(window);
                }
                room -= shown;
                let number = from + index as u64;
                window.lines.push(Line {
                    number,
                    at_ms: start.at_ms,
                    bytes: self.text(&text, part, start.offset, shown)?,
                    cut: whole - shown,
                    gap: part.gap.filter(|_| number == part.first),
                });
            }
            if window.lines.len() == max {
                break;
            }
        }
        Ok(window)
    }

    /// The files with the numbers of their lines.
    pub(super) fn parts(&self) -> io::Result<Vec<Part>> {
        let mut parts: Vec<Part> = Vec::new();
        let mut next = 1;
        let mut end = 0;
        for segment in segments(&self.dir)? {
            let entries = match std::fs::metadata(index_path(&self.dir, segment.start)) {
                Ok(index) => index.len() / INDEX_ENTRY,
                Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
                Err(error) => return Err(error),
            };
            // a log of before lines had numbers is counted as far as it is kept
            let first = match std::fs::read_to_string(number_path(&self.dir, segment.start)) {
                Ok(text) => text.trim().parse().unwrap_or(next),
                Err(error) if error.kind() == io::ErrorKind::NotFound => next,
                Err(error) => return Err(error),
            };
            let gap = segment.start.checked_sub(end).filter(|gap| *gap > 0);
            parts.push(Part {
                segment,
                first: first.max(next),
                count: entries,
                gap,
            });
            next = first.max(next) + entries;
            end = segment.end();
        }
        Ok(parts)
    }

    /// Where lines begin that begin in a file: at most so many, from one of them on.
    pub(super) fn starts(&self, part: &Part, skip: u64, count: u64) -> io::Result<Vec<LineStart>> {
        let count = count.min(part.count.saturating_sub(skip));
        let mut bytes = vec![0; usize::try_from(count * INDEX_ENTRY).unwrap_or(0)];
        let file = File::open(index_path(&self.dir, part.segment.start))?;
        let read = read_some_at(&file, &mut bytes, skip * INDEX_ENTRY)?;
        bytes.truncate(read);
        let (entries, _) = bytes.as_chunks::<{ INDEX_ENTRY as usize }>();
        Ok(entries.iter().map(line_start).collect())
    }

    /// Where the last line ends that begins in a file: it may go on in the next ones.
    fn end_of_line(&self, parts: &[Part], at: usize) -> io::Result<u64> {
        let mut end = parts.get(at).map_or(0, |part| part.segment.end());
        for next in parts.iter().skip(at + 1) {
            if next.segment.start != end {
                break;
            }
            if next.count > 0 {
                let first = self.starts(next, 0, 1)?;
                return Ok(first.first().map_or(end, |first| first.offset));
            }
            end = next.segment.end();
        }
        Ok(end)
    }

    fn text(&self, file: &File, part: &Part, from: u64, len: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = read_some_at(file, &mut bytes, from - part.segment.start)?;
        bytes.truncate(read);
        // the rest is in the next file
        while (bytes.len() as u64) < len {
            let at = from + bytes.len() as u64;
            let missing = usize::try_from(len - bytes.len() as u64).unwrap_or(0);
            let chunk = self.read(at, missing)?;
            if chunk.bytes.is_empty() || chunk.skipped.is_some() {
                break;
            }
            bytes.extend(chunk.bytes);
        }
        Ok(bytes)
    }
}

/// Numbers that follow one another, together.
fn stretches(parts: &[Part]) -> Vec<(u64, u64)> {
    let mut all: Vec<(u64, u64)> = Vec::new();
    for part in parts.iter().filter(|part| part.count > 0) {
        match all.last_mut() {
            Some((first, count)) if *first + *count == part.first => *count += part.count,
            _ => all.push((part.first, part.count)),
        }
    }
    all
}
