//! The log: caps hold, offsets stay true, nothing is ever in the wrong place.

use std::path::Path;

use proptest::prelude::*;

use super::reader::{LogReader, gap_marker};
use super::writer::LogWriter;
use super::*;
use crate::provider::spec::LogCaps;

const SMALL: LogCaps = LogCaps {
    head: 1000,
    tail: 4000,
    segment: 1000,
};

fn write(dir: &Path, caps: LogCaps, pieces: &[&[u8]]) {
    let mut writer = LogWriter::create(dir.to_owned(), caps).unwrap();
    for (index, piece) in pieces.iter().enumerate() {
        writer.append(piece, 1000 + index as u64);
    }
    assert_eq!(writer.finish(), None);
}

fn disk_use(dir: &Path) -> u64 {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}

#[test]
fn a_small_log_is_kept_whole_with_the_time_of_every_line() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), LogCaps::default(), &[b"one\ntw", b"o\n\nthree"]);
    let reader = LogReader::open(dir.path().to_owned());
    assert_eq!(reader.whole().unwrap(), b"one\ntwo\n\nthree");
    assert_eq!(reader.size().unwrap(), 14);
    let lines: Vec<(u64, u64)> = reader
        .lines(0, 9)
        .unwrap()
        .iter()
        .map(|line| (line.offset, line.at_ms))
        .collect();
    assert_eq!(lines, [(0, 1000), (4, 1000), (8, 1001), (9, 1001)]);
    let chunk = reader.read(4, 3).unwrap();
    assert_eq!(
        (chunk.start, chunk.bytes.as_slice(), chunk.skipped, chunk.is_last),
        (4, &b"two"[..], None, false)
    );
    let chunk = reader.read(9, 100).unwrap();
    assert_eq!((chunk.bytes.as_slice(), chunk.is_last), (&b"three"[..], true));
}

#[test]
fn a_log_that_goes_on_is_not_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let reader = LogReader::open(dir.path().join("log"));
    assert_eq!(
        reader.read(0, 10).unwrap(),
        reader::Chunk {
            start: 0,
            bytes: vec![],
            skipped: None,
            is_last: false
        }
    );
    let mut writer = LogWriter::create(dir.path().join("log"), SMALL).unwrap();
    writer.append(b"abc", 1);
    assert_eq!(reader.read(1, 10).unwrap().bytes, b"bc");
    assert!(!reader.read(3, 10).unwrap().is_last);
    writer.finish();
    assert!(reader.read(3, 10).unwrap().is_last);
}

#[test]
fn the_middle_is_left_out_with_a_line_that_says_how_much() {
    let dir = tempfile::tempdir().unwrap();
    let text: String = (0..2000).map(|n| format!("line number {n}\n")).collect();
    write(dir.path(), SMALL, &[text.as_bytes()]);
    assert!(disk_use(dir.path()) <= 5000 + 20, "{}", disk_use(dir.path()));
    let reader = LogReader::open(dir.path().to_owned());
    assert_eq!(reader.size().unwrap(), text.len() as u64);
    let whole = String::from_utf8(reader.whole().unwrap()).unwrap();
    assert!(whole.starts_with("line number 0\n") && whole.ends_with("line number 1999\n"));
    let marker = whole.lines().find(|line| line.starts_with('[')).unwrap();
    let left_out: u64 = marker
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap();
    assert_eq!(
        whole.len() as u64 - marker.len() as u64 - 1 + left_out,
        text.len() as u64
    );
    // Cut where lines end, since they are short.
    assert!(
        whole
            .lines()
            .all(|line| line == marker || text.contains(&format!("{line}\n")))
    );
}

#[test]
fn one_endless_line_and_only_line_feeds_are_ordinary_input() {
    for piece in [vec![b'x'; 700], vec![b'\n'; 700], vec![0; 700], vec![0xff; 700]] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), SMALL, &vec![piece.as_slice(); 100]);
        assert!(
            disk_use(dir.path()) <= 5000 + 20,
            "{:?} {}",
            piece[0],
            disk_use(dir.path())
        );
        let reader = LogReader::open(dir.path().to_owned());
        assert_eq!(reader.size().unwrap(), 70_000);
        assert!(reader.read(69_999, 10).unwrap().bytes == piece[..1]);
    }
}

#[test]
fn a_gap_is_written_for_people() {
    assert_eq!(gap_marker(12_345_678), "[chima: 12 345 678 bytes left out here]");
    assert_eq!(gap_marker(7), "[chima: 7 bytes left out here]");
}

#[test]
fn a_disk_that_takes_nothing_costs_log_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create(dir.path().join("log"), SMALL).unwrap();
    std::fs::remove_dir(dir.path().join("log")).unwrap();
    writer.append(b"lost\n", 1);
    std::fs::create_dir(dir.path().join("log")).unwrap();
    writer.append(b"also lost\n", 500);
    writer.append(b"kept\n", 2000);
    let trouble = writer.finish().unwrap();
    assert!(
        trouble.starts_with("15 bytes of the log could not be written"),
        "{trouble}"
    );
    let reader = LogReader::open(dir.path().join("log"));
    assert_eq!(reader.whole().unwrap(), b"[chima: 15 bytes left out here]\nkept\n");
}

proptest! {
    #[test]
    fn what_is_kept_stands_at_its_offset(
        pieces in prop::collection::vec(prop::collection::vec(prop_oneof![5 => any::<u8>(), 1 => Just(b'\n')], 0..900), 1..25),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        write(dir.path(), SMALL, &slices);
        let stream = pieces.concat();
        let reader = LogReader::open(dir.path().to_owned());
        prop_assert_eq!(reader.size().unwrap(), stream.len() as u64);
        prop_assert!(disk_use(dir.path()) <= 5000 + 20);
        let mut from = 0;
        let mut kept = 0;
        loop {
            let chunk = reader.read(from, 333).unwrap();
            let start = usize::try_from(chunk.start).unwrap();
            prop_assert_eq!(&stream[start..start + chunk.bytes.len()], chunk.bytes.as_slice());
            kept += chunk.bytes.len();
            from = chunk.next();
            if chunk.bytes.is_empty() || chunk.is_last { break; }
        }
        prop_assert_eq!(from, stream.len() as u64);
        prop_assert!(kept >= stream.len().min(500));
        for line in reader.lines(0, usize::MAX).unwrap() {
            let at = usize::try_from(line.offset).unwrap();
            prop_assert!(at == 0 || stream[at - 1] == b'\n');
        }
    }
}
