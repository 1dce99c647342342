//! The log of a run on its page: beginning and end of it, with its colours.

use askama::Template;

use crate::provider::log::reader::{LogReader, gap_marker};
use crate::report::log_text::whole_lines;
use crate::report::painted::Painted;

/// A page shows the beginning and the end of a longer log; the rest is behind the link to the plain text.
const HEAD: usize = 64 * 1024;
const TAIL: usize = 192 * 1024;
const LONGEST_LINE: usize = 8 * 1024;

/// The part of a page that shows a log, alone.
#[derive(Template)]
#[template(path = "log.html")]
struct Alone {
    log: Painted,
}

/// A log as HTML: what a page has of it, byte for byte.
///
/// # Errors
///
/// When the template cannot be filled.
pub fn html(bytes: &[u8]) -> Result<String, askama::Error> {
    let log = Painted::of(bytes);
    Alone { log }.render()
}

/// What a page shows of a log.
pub(super) struct ShownLog {
    pub(super) log: Painted,
    /// Where a follower goes on.
    pub(super) next: u64,
    /// The middle is left out.
    pub(super) cut: bool,
}

impl ShownLog {
    pub(super) fn read(log: &LogReader) -> std::io::Result<Self> {
        let mut shown = Self {
            log: Painted::default(),
            next: 0,
            cut: false,
        };
        let size = log.size()?;
        let mut budget = HEAD;
        loop {
            let chunk = log.read(shown.next, budget)?;
            if let Some(gap) = chunk.skipped {
                shown.log.say(&gap_marker(gap));
                shown.cut = true;
            }
            if chunk.bytes.is_empty() {
                return Ok(shown);
            }
            let all = chunk.next() >= size;
            // a line that is still being written is left to the follower
            let whole = if all {
                whole_lines(&chunk.bytes, LONGEST_LINE)
            } else {
                chunk.bytes.len()
            };
            shown.log.print(&chunk.bytes[..whole]);
            shown.next = chunk.start + whole as u64;
            if all {
                let ended = log.final_size()?.is_some_and(|end| chunk.next() >= end);
                if ended {
                    shown.log.print(&chunk.bytes[whole..]);
                    shown.next = chunk.next();
                }
                return Ok(shown);
            }
            let tail = size.saturating_sub(TAIL as u64);
            if budget == HEAD && tail > shown.next {
                shown.log.say(&format!("\n{}", gap_marker(tail - shown.next)));
                shown.next = tail;
                shown.cut = true;
            }
            budget = TAIL;
        }
    }
}
