//! Writes the log as it comes, within its caps, and never fails the command because of it.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use crate::provider::log::{INDEX_ENTRY, end_path, index_path, number_path, text_path};
use crate::provider::spec::LogCaps;

/// Looked back for the end of a line where a segment is full.
const LINE_LOOKBACK: usize = 16 << 10;

/// The one writer of a log.
#[derive(Debug)]
pub struct LogWriter {
    dir: PathBuf,
    caps: LogCaps,
    /// Position of the next byte.
    at: u64,
    /// Whether the next byte begins a line.
    at_line_start: bool,
    /// Lines that have begun so far, also those that are not kept any more.
    lines: u64,
    current: Option<Open>,
    /// Finished segments of the tail, oldest first: start and bytes with index.
    tail: VecDeque<(u64, u64)>,
    tail_bytes: u64,
    /// What could not be written, and why the first time.
    lost: u64,
    trouble: Option<String>,
    retry_after_ms: u64,
}

#[derive(Debug)]
struct Open {
    start: u64,
    text: File,
    index: File,
    /// Text and index.
    bytes: u64,
    cap: u64,
}

impl LogWriter {
    /// Begins a log in this folder, which is made where it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn create(dir: PathBuf, caps: LogCaps) -> io::Result<Self> {
        std::fs::create_dir_all(&dir)?;
        // A segment must have room for something beside the index entry of its first line.
        let caps = LogCaps {
            segment: caps.segment.max(256),
            tail: caps.tail.max(256),
            ..caps
        };
        Ok(Self {
            dir,
            caps,
            at: 0,
            at_line_start: true,
            lines: 0,
            current: None,
            tail: VecDeque::new(),
            tail_bytes: 0,
            lost: 0,
            trouble: None,
            retry_after_ms: 0,
        })
    }

    /// Whether the next byte begins a line.
    #[must_use]
    pub fn at_line_start(&self) -> bool {
        self.at_line_start
    }

    /// Appends bytes that arrived at this moment. A disk that is full costs log, never the command: what cannot be written
    /// is counted and left out.
    pub fn append(&mut self, mut bytes: &[u8], now_ms: u64) {
        while !bytes.is_empty() {
            match self.append_some(bytes, now_ms) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(error) => {
                    self.trouble.get_or_insert_with(|| error.to_string());
                    self.close_current();
                    self.retry_after_ms = now_ms + 1000;
                    self.skip(bytes);
                    return;
                }
            }
        }
    }

    /// Notes that nothing follows. Returns what went wrong on the way.
    pub fn finish(mut self) -> Option<String> {
        self.close_current();
        if let Err(error) = std::fs::write(end_path(&self.dir), self.at.to_string()) {
            self.trouble.get_or_insert_with(|| error.to_string());
        }
        let lost = self.lost;
        self.trouble
            .map(|trouble| format!("{lost} bytes of the log could not be written: {trouble}"))
    }

    /// Writes up to the end of the current segment.
    fn append_some(&mut self, bytes: &[u8], now_ms: u64) -> io::Result<usize> {
        if self.current.is_none() && now_ms < self.retry_after_ms {
            self.skip(bytes);
            return Ok(bytes.len());
        }
        let at = self.at;
        let at_line_start = self.at_line_start;
        let open = match &mut self.current {
            Some(open) => open,
            None => {
                let open = self.open_next()?;
                self.current.insert(open)
            }
        };
        let room = usize::try_from(open.cap.saturating_sub(open.bytes)).unwrap_or(usize::MAX);
        let (taken, entries) = fit(bytes, room, at_line_start);
        if taken == 0 {
            self.close_current();
            return Ok(0);
        }
        let begun = entries.len() as u64;
        let mut index = Vec::with_capacity(entries.len() * 16);
        for offset in entries {
            index.extend((at + offset as u64).to_le_bytes());
            index.extend(now_ms.to_le_bytes());
        }
        let text = &bytes[..taken];
        let written = write_all_counted(&mut open.text, text);
        // The stream's positions stay true to the file also after a short write.
        let count = match &written {
            Ok(()) => taken,
            Err((count, _)) => *count,
        };
        self.at += count as u64;
        if let Some(last) = text[..count].last() {
            self.at_line_start = *last == b'\n';
        }
        if let Err((count, error)) = written {
            self.lost = self.lost.saturating_sub(count as u64);
            let rest = text.len() - count;
            self.trouble.get_or_insert_with(|| error.to_string());
            self.close_current();
            self.retry_after_ms = now_ms + 1000;
            self.skip(&text[text.len() - rest..]);
            return Ok(taken);
        }
        open.index.write_all(&index)?;
        self.lines += begun;
        open.bytes += taken as u64 + index.len() as u64;
        if open.bytes >= open.cap || taken < bytes.len() {
            self.close_current();
        }
        Ok(taken)
    }

    fn open_next(&mut self) -> io::Result<Open> {
        let head = self.at < self.caps.head && self.tail.is_empty();
        let cap = if head && self.at == 0 {
            self.caps.head
        } else {
            self.caps.segment.min(self.caps.tail)
        };
        if !(head && self.at == 0) {
            while self.tail_bytes + cap > self.caps.tail {
                let Some((start, bytes)) = self.tail.pop_front() else {
                    break;
                };
                self.tail_bytes -= bytes;
                std::fs::remove_file(text_path(&self.dir, start))?;
                std::fs::remove_file(index_path(&self.dir, start))?;
                std::fs::remove_file(number_path(&self.dir, start))?;
            }
        }
        // lines keep their numbers when others before them are dropped
        std::fs::write(number_path(&self.dir, self.at), (self.lines + 1).to_string())?;
        let open = |path| OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        Ok(Open {
            start: self.at,
            text: open(text_path(&self.dir, self.at))?,
            index: open(index_path(&self.dir, self.at))?,
            bytes: 0,
            cap,
        })
    }

    fn close_current(&mut self) {
        if let Some(open) = self.current.take()
            && open.start != 0
        {
            self.tail.push_back((open.start, open.bytes));
            self.tail_bytes += open.bytes;
        }
    }

    fn skip(&mut self, bytes: &[u8]) {
        let ends = memchr::memchr_iter(b'\n', bytes).count() as u64;
        let begins_one = self.at_line_start && !bytes.is_empty();
        let ends_one = bytes.last() == Some(&b'\n');
        self.lines += ends + u64::from(begins_one) - u64::from(ends_one);
        self.at += bytes.len() as u64;
        self.lost += bytes.len() as u64;
        if let Some(last) = bytes.last() {
            self.at_line_start = *last == b'\n';
        }
    }
}

/// How many of these bytes fit, index entries included, and where lines begin in them. Ends after a line where one ends
/// near the limit.
fn fit(bytes: &[u8], room: usize, at_line_start: bool) -> (usize, Vec<usize>) {
    let entry = usize::try_from(INDEX_ENTRY).unwrap_or(usize::MAX);
    let mut entries = Vec::new();
    let mut next_line = if at_line_start { Some(0) } else { None };
    let mut newlines = memchr::memchr_iter(b'\n', bytes);
    loop {
        // Text up to `to` belongs to one line, which begins at `next_line` where it begins here at all.
        let newline = newlines.next();
        let to = newline.map_or(bytes.len(), |position| position + 1);
        let cost = entries.len() * entry + next_line.map_or(0, |_| entry);
        if to + cost > room {
            let limit = room.saturating_sub(cost).min(bytes.len());
            let line_begin = next_line.unwrap_or(0);
            // A whole line that does not fit goes to the next segment, unless it is longer than is worth moving.
            if line_begin > 0 && to - line_begin <= LINE_LOOKBACK || limit <= line_begin {
                return (line_begin, entries);
            }
            entries.extend(next_line);
            return (limit, entries);
        }
        entries.extend(next_line);
        match newline {
            Some(_) if to < bytes.len() => next_line = Some(to),
            _ => return (bytes.len(), entries),
        }
    }
}

fn write_all_counted(file: &mut File, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write(&bytes[done..]) {
            Ok(0) => return Err((done, io::ErrorKind::WriteZero.into())),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((done, error)),
        }
    }
    Ok(())
}
