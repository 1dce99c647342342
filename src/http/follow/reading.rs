//! Somebody's way through a log that grows: whole lines, with their colours.

use crate::provider::log::reader::{self, LogReader};
use crate::report::log_text::whole_lines;
use crate::report::painted::Painted;

const CHUNK: usize = 64 * 1024;
/// A longer line is shown before it has ended.
const LONGEST_LINE: usize = 8 * 1024;

/// How far one has come.
#[derive(Debug)]
pub(super) struct Reading {
    log: LogReader,
    from: u64,
    /// Bytes from there on that do not make a whole line yet.
    held: Vec<u8>,
}

/// Whole lines of a log.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) from: u64,
    pub(super) next: u64,
    pub(super) shown: Painted,
}

impl Reading {
    pub(super) fn at(log: LogReader, from: u64) -> Self {
        Self {
            log,
            from,
            held: Vec::new(),
        }
    }

    /// Begins with the last line that is not whole yet.
    pub(super) async fn near_the_end(log: LogReader) -> Self {
        let looks = log.clone();
        let look = move || {
            let size = looks.size()?;
            looks.read(size.saturating_sub(LONGEST_LINE as u64), LONGEST_LINE)
        };
        let last = tokio::task::spawn_blocking(look).await;
        let from = match last {
            Ok(Ok(chunk)) => chunk.start + whole_lines(&chunk.bytes, LONGEST_LINE) as u64,
            // it is read from its beginning, as far as it can be
            Ok(Err(_)) | Err(_) => 0,
        };
        Self::at(log, from)
    }

    /// Where the next line begins.
    pub(super) fn from(&self) -> u64 {
        self.from
    }

    /// Whether a stretch that begins there is the next.
    pub(super) fn is_at(&self, from: u64) -> bool {
        self.from == from && self.held.is_empty()
    }

    /// Somebody else has read so far.
    pub(super) fn go_to(&mut self, next: u64) {
        self.from = next;
        self.held.clear();
    }

    /// The next whole lines, none where there are none yet; not beyond `until`, where lines are known to end. Once the log is over its
    /// last line is whole as it is.
    pub(super) async fn next(&mut self, until: Option<u64>, over: bool) -> Option<Stretch> {
        let (log, at) = (self.log.clone(), self.from + self.held.len() as u64);
        let left = until.map_or(u64::MAX, |until| until.saturating_sub(at));
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK);
        let read = tokio::task::spawn_blocking(move || log.read(at, most)).await;
        let chunk = read.ok()?.ok()?;
        let mut from = self.from;
        let mut shown = Painted::default();
        if let Some(gap) = chunk.skipped {
            shown.print(&std::mem::take(&mut self.held));
            shown.say(&reader::gap_marker(gap));
            self.from = chunk.start;
            from = from.min(chunk.start);
        }
        self.held.extend_from_slice(&chunk.bytes);
        let here = until == Some(chunk.next()) || (over && chunk.bytes.is_empty());
        let whole = if here {
            self.held.len()
        } else {
            whole_lines(&self.held, LONGEST_LINE)
        };
        if whole == 0 && shown.text().is_empty() {
            return None;
        }
        let rest = self.held.split_off(whole);
        shown.print(&std::mem::replace(&mut self.held, rest));
        self.from += whole as u64;
        Some(Stretch {
            from,
            next: self.from,
            shown,
        })
    }
}
