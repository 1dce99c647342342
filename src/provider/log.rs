//! The log of one attempt on disk: its head and its rolling tail, in files named by their offset.
//!
//! Every byte of the masked stream has an absolute offset, and keeps it when bytes before it are dropped, so that a reader can
//! always resume. Beside each segment `<offset>.log` lies `<offset>.idx`: 16 bytes for each line that begins in it, its
//! absolute offset and the unix milliseconds at which it began, both little-endian. `<offset>.first` holds the number of the first
//! line that begins in the segment, so that lines keep their numbers too. `end` holds the size of the stream once no more will come.

use std::io;
use std::path::{Path, PathBuf};

pub mod lines;
pub mod reader;
pub mod search;
pub mod writer;

/// Bytes of one index entry.
pub const INDEX_ENTRY: u64 = 16;

/// The folder of the log inside an attempt's folder.
#[must_use]
pub fn dir(attempt_dir: &Path) -> PathBuf {
    attempt_dir.join("log")
}

/// One file of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Segment {
    /// Position of its first byte in the stream.
    start: u64,
    /// Its bytes.
    len: u64,
}

impl Segment {
    fn end(self) -> u64 {
        self.start + self.len
    }
}

fn text_path(dir: &Path, start: u64) -> PathBuf {
    dir.join(format!("{start:020}.log"))
}

fn index_path(dir: &Path, start: u64) -> PathBuf {
    dir.join(format!("{start:020}.idx"))
}

fn number_path(dir: &Path, start: u64) -> PathBuf {
    dir.join(format!("{start:020}.first"))
}

fn end_path(dir: &Path) -> PathBuf {
    dir.join("end")
}

/// What is there, in order. A log that was never begun is empty.
fn segments(dir: &Path) -> io::Result<Vec<Segment>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut segments = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let start = name
            .to_str()
            .and_then(|name| name.strip_suffix(".log"))
            .and_then(|digits| digits.parse().ok());
        let Some(start) = start else { continue };
        // The writer may have dropped it since the folder was listed.
        match entry.metadata() {
            Ok(metadata) => segments.push(Segment {
                start,
                len: metadata.len(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

#[cfg(test)]
mod tests;
