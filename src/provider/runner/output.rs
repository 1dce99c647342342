//! From the command's pipe through the masker to the log.

use std::fs::File;
use std::io::{self, Read as _};

use crate::provider::log::writer::LogWriter;
use crate::provider::mask::{Masker, Patterns};
use crate::provider::runner::clock::unix_ms;
use crate::provider::spec::Secret;

const BUFFER: usize = 256 << 10;

/// At most this much is read before deadlines are looked at again. More than a pipe can hold, so that one turn after the
/// command's end takes everything it wrote.
const TURN: usize = 4 << 20;

/// The end of a command's output, in which the cause of a failure is looked for.
const TAIL: usize = 64 << 10;

/// The way of the output.
#[derive(Debug)]
pub(super) struct Output {
    writer: LogWriter,
    secrets: Vec<Secret>,
    masking: Masking,
    buffer: Vec<u8>,
    masked: Vec<u8>,
    tail: Vec<u8>,
}

#[derive(Debug)]
enum Masking {
    /// Patterns take milliseconds to build: that happens while the first command starts.
    Pending,
    Ready(Patterns, Masker),
    /// What cannot be masked is not written.
    Withheld,
}

/// What is left of the pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pumped {
    /// Whether anything came.
    pub(super) any: bool,
    /// Whether nothing can come any more.
    pub(super) ended: bool,
}

impl Output {
    pub(super) fn new(writer: LogWriter, secrets: Vec<Secret>) -> Self {
        Self {
            writer,
            secrets,
            masking: Masking::Pending,
            buffer: vec![0; BUFFER],
            masked: Vec::new(),
            tail: Vec::new(),
        }
    }

    /// Begins the output of another step.
    pub(super) fn begin(&mut self) {
        self.settle();
        self.tail.clear();
    }

    /// The end of what the present step wrote, masked.
    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Takes what is in the pipe.
    pub(super) fn pump(&mut self, pipe: &mut File) -> Pumped {
        let mut pumped = Pumped {
            any: false,
            ended: false,
        };
        let mut taken = 0;
        while taken < TURN {
            match pipe.read(&mut self.buffer) {
                Ok(0) => {
                    pumped.ended = true;
                    break;
                }
                Ok(count) => {
                    pumped.any = true;
                    taken += count;
                    let buffer = std::mem::take(&mut self.buffer);
                    self.write(&buffer[..count]);
                    self.buffer = buffer;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    pumped.ended = true;
                    break;
                }
            }
        }
        pumped
    }

    /// A line of our own, on a line of its own.
    pub(super) fn note(&mut self, line: &str) {
        self.settle();
        if !self.writer.at_line_start() {
            self.writer.append(b"\n", unix_ms());
        }
        self.write(line.as_bytes());
        self.write(b"\n");
        self.settle();
    }

    /// Writes what was held back: the stream of a command has ended.
    pub(super) fn settle(&mut self) {
        if let Masking::Ready(_, masker) = &mut self.masking {
            masker.finish(&mut self.masked);
            self.flush();
        }
    }

    /// Masks a text for `exit.json`.
    pub(super) fn mask_text(&mut self, text: &str) -> String {
        self.prepare();
        match &self.masking {
            Masking::Ready(patterns, _) => patterns.mask_text(text),
            Masking::Pending | Masking::Withheld => "withheld".to_owned(),
        }
    }

    /// Ends the log; what went wrong with it.
    pub(super) fn finish(mut self) -> Option<String> {
        self.settle();
        let withheld = matches!(self.masking, Masking::Withheld);
        let trouble = self.writer.finish();
        if withheld {
            Some("the output was withheld: its secrets cannot be masked".to_owned())
        } else {
            trouble
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.prepare();
        if let Masking::Ready(_, masker) = &mut self.masking {
            masker.push(bytes, &mut self.masked);
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.masked.is_empty() {
            self.writer.append(&self.masked, unix_ms());
            let last = self.masked.len().saturating_sub(TAIL);
            self.tail.extend_from_slice(&self.masked[last..]);
            // Trimmed now and then, not at every line.
            if self.tail.len() > 4 * TAIL {
                self.tail.drain(..self.tail.len() - TAIL);
            }
            self.masked.clear();
        }
    }

    fn prepare(&mut self) {
        if matches!(self.masking, Masking::Pending) {
            self.masking = match Patterns::new(&self.secrets) {
                Ok(patterns) => Masking::Ready(patterns.clone(), Masker::new(patterns)),
                Err(_) => Masking::Withheld,
            };
            self.secrets.clear();
        }
    }
}
