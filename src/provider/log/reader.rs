//! Reads a log while it is being written or long after, from any offset.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use chrono::{DateTime, SubsecRound, Utc};

use crate::provider::log::{INDEX_ENTRY, Segment, end_path, index_path, segments, text_path};

/// Reads the log of one attempt. Holds no file open between calls.
#[derive(Debug, Clone)]
pub struct LogReader {
    pub(super) dir: PathBuf,
}

/// A stretch of the log without a gap in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Position of its first byte in the stream.
    pub start: u64,
    /// The bytes; empty where there are none (yet).
    pub bytes: Vec<u8>,
    /// How many bytes between the asked position and `start` are not kept.
    pub skipped: Option<u64>,
    /// Whether the stream has ended and nothing follows this chunk.
    pub is_last: bool,
}

impl Chunk {
    /// Where to read on.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// Where and when a line began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineStart {
    /// Position of its first byte in the stream.
    pub offset: u64,
    /// Unix milliseconds.
    pub at_ms: u64,
}

impl LogReader {
    /// A reader of the log in this folder, which need not exist yet.
    #[must_use]
    pub fn open(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The size of the stream so far, with what is not kept.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn size(&self) -> io::Result<u64> {
        let kept = segments(&self.dir)?.last().map_or(0, |segment| segment.end());
        Ok(self.final_size()?.unwrap_or(0).max(kept))
    }

    /// When something was last written, to the millisecond, which is what the ledger remembers; none where nothing was, or that
    /// cannot be told.
    #[must_use]
    pub fn last_output(&self) -> Option<DateTime<Utc>> {
        let newest = segments(&self.dir).ok()?.pop().filter(|segment| segment.end() > 0)?;
        let written = std::fs::metadata(text_path(&self.dir, newest.start)).ok()?;
        let at = DateTime::<Utc>::from(written.modified().ok()?);
        Some(at.trunc_subsecs(3))
    }

    /// The size of the stream once it has ended.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn final_size(&self) -> io::Result<Option<u64>> {
        match std::fs::read_to_string(end_path(&self.dir)) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// At most `max` bytes from the position `from` on. Bytes that are not kept are skipped and counted.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn read(&self, from: u64, max: usize) -> io::Result<Chunk> {
        // In this order: what was written before the end is then seen for sure.
        let end = self.final_size()?;
        loop {
            let segments = segments(&self.dir)?;
            let segment = segments.iter().find(|segment| segment.end() > from);
            let Some(&Segment { start, len }) = segment else {
                return Ok(self.nothing(from, end));
            };
            let position = from.max(start);
            let wanted = usize::try_from(start + len - position).unwrap_or(usize::MAX).min(max);
            let mut bytes = vec![0; wanted];
            let file = match File::open(text_path(&self.dir, start)) {
                Ok(file) => file,
                // Dropped since the folder was listed: the next look finds a later one.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let read = read_some_at(&file, &mut bytes, position - start)?;
            bytes.truncate(read);
            let next = position + read as u64;
            return Ok(Chunk {
                start: position,
                bytes,
                skipped: Some(position - from).filter(|gap| *gap > 0),
                is_last: end.is_some_and(|end| next >= end),
            });
        }
    }

    /// All that is kept, with a line of its own wherever bytes were left out.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn whole(&self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut from = 0;
        loop {
            let chunk = self.read(from, 1 << 20)?;
            if let Some(gap) = chunk.skipped {
                push_marker(&mut out, gap);
            }
            if chunk.bytes.is_empty() {
                return Ok(out);
            }
            from = chunk.next();
            out.extend(chunk.bytes);
        }
    }

    /// The lines that begin at or after `from`, at most `max` of them.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn lines(&self, from: u64, max: usize) -> io::Result<Vec<LineStart>> {
        let mut lines = Vec::new();
        for segment in segments(&self.dir)?.into_iter().filter(|segment| segment.end() > from) {
            let mut bytes = Vec::new();
            match File::open(index_path(&self.dir, segment.start)) {
                Ok(mut file) => file.read_to_end(&mut bytes)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let (entries, _) = bytes.as_chunks::<{ INDEX_ENTRY as usize }>();
            let starts = entries.iter().map(line_start).filter(|line| line.offset >= from);
            lines.extend(starts.take(max - lines.len()));
            if lines.len() == max {
                break;
            }
        }
        Ok(lines)
    }

    fn nothing(&self, from: u64, end: Option<u64>) -> Chunk {
        // Bytes at the very end may be lost too (a full disk).
        let gap = end.map(|end| end.saturating_sub(from)).filter(|gap| *gap > 0);
        Chunk {
            start: from + gap.unwrap_or(0),
            bytes: Vec::new(),
            skipped: gap,
            is_last: end.is_some(),
        }
    }
}

/// The line that stands where `gap` bytes were left out.
#[must_use]
pub fn gap_marker(gap: u64) -> String {
    let digits = gap.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    format!("[chima: {} bytes left out here]", groups.join(" "))
}

fn push_marker(out: &mut Vec<u8>, gap: u64) {
    if out.last().is_some_and(|last| *last != b'\n') {
        out.push(b'\n');
    }
    out.extend(gap_marker(gap).bytes());
    out.push(b'\n');
}

pub(super) fn line_start(entry: &[u8; INDEX_ENTRY as usize]) -> LineStart {
    let number = |from: usize| u64::from_le_bytes(std::array::from_fn(|index| entry[from + index]));
    LineStart {
        offset: number(0),
        at_ms: number(8),
    }
}

pub(super) fn read_some_at(file: &File, bytes: &mut [u8], from: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], from + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
